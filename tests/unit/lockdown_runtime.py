"""A contract runtime whose methods are attempts to break out; it runs in the real executor and reader processes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from lockdown_attempts import tried

from chain.prices import LedgerPrices
from chain.runtime import CallContext, CallOutcome, StateAccess
from contracts.executor.worker import run


class AttemptRuntime:
    """Implements chain.runtime.ContractRuntime; what comes of an attempt is the value of its call."""

    versions: Final[Mapping[int, LedgerPrices]] = {1: LedgerPrices(0, 0, 0, 0)}

    def prepare(self, state: StateAccess, version: int) -> None:
        pass

    def call(
        self, state: StateAccess, context: CallContext, contract: str, method: str, args: Sequence[Any], gas_limit: int
    ) -> CallOutcome:
        return CallOutcome(None, tried(method, *args), (), 1)

    view = call

    def deploy(
        self, state: StateAccess, context: CallContext, contract: str, source: str, args: Sequence[Any], gas_limit: int
    ) -> CallOutcome:
        return CallOutcome(None, None, (), 1)

    def upgrade(self, *arguments: Any) -> CallOutcome:
        return CallOutcome(None, None, (), 1)

    check = upgrade


def main() -> None:
    """Serve as an executor."""
    run(AttemptRuntime())
