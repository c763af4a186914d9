"""A contract runtime whose methods fail in every way in which a machine can; runs as an executor process too."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from chain.encoding import decode, encode
from chain.prices import LedgerPrices
from chain.runtime import CallContext, CallOutcome, LocalFault, StateAccess
from contracts.executor.worker import run
from processes.frames import encode_frame

COUNTER = b"counter"
MARK = "crashed-once"
"""A file in the state folder by which a successor knows that its predecessor crashed."""


class FakeRuntime:
    """Implements chain.runtime.ContractRuntime with one contract, whose methods are named after what they do."""

    versions: Final = MappingProxyType({1: LedgerPrices(0, 0, 2_000, 4)})

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def prepare(self, state: StateAccess, version: int) -> None:
        pass

    def call(
        self, state: StateAccess, context: CallContext, contract: str, method: str, args: Sequence[Any], gas_limit: int
    ) -> CallOutcome:
        if method == "increment":
            value = decode(state.get(contract, COUNTER) or encode(0)) + 1
            state.put(contract, COUNTER, encode(value))
            return CallOutcome(None, value, (), 10)
        if method == "increment_both":
            value = decode(state.get(contract, b"left") or encode(0)) + 1
            state.put(contract, b"left", encode(value))
            state.put(contract, b"right", encode(value))
            return CallOutcome(None, value, (), 10)
        if method.endswith("_once"):
            return self._once(method.removesuffix("_once"))
        if method == "process_id":
            return CallOutcome(None, os.getpid(), (), 1)
        misbehave(method)
        return CallOutcome("unknown_method", None, (), 1)

    def view(
        self, state: StateAccess, context: CallContext, contract: str, method: str, args: Sequence[Any], gas_limit: int
    ) -> CallOutcome:
        if method == "counter":
            return CallOutcome(None, decode(state.get(contract, COUNTER) or encode(0)), (), 5)
        if method == "both_slowly":
            left = state.get(contract, b"left")
            for number in range(args[0]):
                assert state.get(contract, b"absent%d" % number) is None
            values = [decode(stored or encode(0)) for stored in (left, state.get(contract, b"right"))]
            return CallOutcome(None, values, (), 5)
        if method == "sender":
            return CallOutcome(None, context.sender, (), 5)
        misbehave(method)
        return CallOutcome("unknown_method", None, (), 1)

    def upgrade(
        self,
        state: StateAccess,
        context: CallContext,
        contract: str,
        version: int,
        source: str,
        args: Sequence[Any],
        gas_limit: int,
    ) -> CallOutcome:
        return CallOutcome("rejected" if source == "bad" else None, None, (), 1)

    def check(
        self,
        state: StateAccess,
        context: CallContext,
        contract: str,
        version: int,
        source: str,
        args: Sequence[Any],
        gas_limit: int,
    ) -> CallOutcome:
        return CallOutcome("rejected" if source == "bad" else None, None, (), 1)

    def deploy(
        self, state: StateAccess, context: CallContext, contract: str, source: str, args: Sequence[Any], gas_limit: int
    ) -> CallOutcome:
        return CallOutcome("rejected" if source == "bad" else None, None, (), 1)

    def _once(self, method: str) -> CallOutcome:
        """Misbehave the first time, succeed the second."""
        mark = (self._folder or Path()) / MARK
        if self._folder is not None and not mark.exists():
            mark.touch()
            misbehave(method)
        return CallOutcome(None, method, (), 3)


def misbehave(method: str) -> None:
    """Do to this process what the method says."""
    if method == "crash":
        os._exit(9)
    if method == "kill":
        signal.raise_signal(signal.SIGKILL)
    if method == "hang":
        while True:
            pass
    if method == "fault":
        raise LocalFault("the machine is tired")
    if method == "memory":
        raise MemoryError
    if method == "bug":
        raise TypeError("a bug of ours")
    if method == "rubbish":
        os.write(0, b"\xff" * 100)
    if method == "lie":
        os.write(0, encode_frame([1, "store", "StoreDamaged", "a reader says so"]))
    if method == "nonsense":
        os.write(0, b"\x00\x00\x00\x03\x92\x07\x01")


def main() -> None:
    """Serve as an executor; the state folder is the last argument of all."""
    import sys

    run(FakeRuntime(Path(sys.argv[-1])))
