"""The executor process: opens the state, locks itself in, and answers the node until the pipe closes.

The order at the start matters: everything is imported first, because afterwards no file outside the state folder can
be read; the walls come before the database, whose thread would otherwise stand outside of Landlock; and the database
comes before the first contract.
"""

import gc
import os
import sys
import time
from pathlib import Path
from typing import Any, Final, NoReturn

from chain.encoding import fields_of
from chain.execution import GenesisExecutionError
from chain.genesis import Genesis, decode_genesis
from chain.ledger import Ledger, open_ledger
from chain.runtime import ContractRuntime, LocalFault
from chain.state_database import StateDatabase
from chain.storage import StoreError, StoreLocked, StoreUnusable
from chain.store import LevelStore, open_store
from contracts.executor.protocol import Kind, OpenRequest, Outcome, head_as_value
from contracts.executor.service import Service
from contracts.executor.snapshots import SnapshotMaker
from processes.channel import Channel, PipeClosed
from processes.lockdown import Walls, lock_down

STORE_KIND: Final = "state"
LOCK_RETRY_SECONDS: Final = 0.05
EXIT_FAULT: Final = 3
"""Exit status after a fault or an unusable store was reported; the report is what counts."""
GC_THRESHOLDS: Final = (20_000, 20, 50)
"""A block makes thousands of objects that live until it is decided; the default would look at them time and again."""


def run(runtime: ContractRuntime) -> None:
    """Serve the node at the other end of the inherited pipe, then exit."""
    channel = Channel()
    try:
        ledger, snapshots, missing = _open(channel, runtime)
        versions = sorted(runtime.versions)
        channel.send([0, Outcome.DONE, head_as_value(ledger.head), versions, list(missing), ledger.origin])
        _serve(channel, Service(ledger, snapshots))
    except PipeClosed:
        # Every write was synced when it was answered; there is nothing to save.
        pass
    sys.stderr.flush()
    os._exit(0)


def _serve(channel: Channel, service: Service) -> None:
    # What is loaded by now stays for good; the collector need not walk over it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    while True:
        number, kind, *arguments = channel.receive()
        try:
            reply = service.answer(kind, arguments)
        except StoreError as error:
            _end(channel, number, [Outcome.STORE, type(error).__name__, str(error)])
        except (LocalFault, MemoryError, RecursionError) as error:
            _end(channel, number, [Outcome.FAULT, f"{type(error).__name__}: {error}"])
        channel.send([number, *reply])


def _open(channel: Channel, runtime: ContractRuntime) -> tuple[Ledger, SnapshotMaker, tuple[str, ...]]:
    number, kind, *arguments = channel.receive()
    assert kind == Kind.OPEN, "the first request opens the state"
    request = OpenRequest(*fields_of(arguments, "open request", str, bytes, int, int, int))
    genesis = decode_genesis(request.genesis)
    folder = Path(request.folder)
    try:
        _make_folder(folder)
        missing = lock_down(Walls(folder, request.memory_bytes_max))
        store = _open_store(folder, genesis, request)
        ledger = open_ledger(genesis, StateDatabase(store), runtime)
        return ledger, SnapshotMaker(ledger, folder, store.freeze), missing
    except StoreError as error:
        _end(channel, number, [Outcome.STORE, type(error).__name__, str(error)])
    except GenesisExecutionError as error:
        _end(channel, number, [Outcome.GENESIS, str(error)])
    except (LocalFault, MemoryError, RecursionError) as error:
        _end(channel, number, [Outcome.FAULT, f"{type(error).__name__}: {error}"])


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnusable(f"{folder}: {error.strerror}") from error


def _open_store(folder: Path, genesis: Genesis, request: OpenRequest) -> LevelStore:
    """Open the store, giving a predecessor that was killed time to let go of it."""
    deadline = time.monotonic() + request.lock_wait_seconds
    while True:
        try:
            return open_store(folder, STORE_KIND, genesis.genesis_hash, request.cache_bytes, create=True)
        except StoreLocked:
            if time.monotonic() >= deadline:
                raise
            time.sleep(LOCK_RETRY_SECONDS)


def _end(channel: Channel, number: int, reply: list[Any]) -> NoReturn:
    """Report why this process cannot go on, and end it."""
    channel.send([number, *reply])
    os._exit(EXIT_FAULT)
