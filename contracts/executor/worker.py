"""The executor process: opens the state, locks itself in, and answers the node until the pipe closes.

The order at the start matters: everything is imported first, because afterwards no file outside the state folder can
be read; the walls come before the database, whose thread would otherwise stand outside of Landlock; and the database,
with the last thread, comes before the first contract.
"""

import os
import select
import sys
import time
from collections.abc import Callable
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
from contracts.executor.memory import settle
from contracts.executor.protocol import Kind, OpenRequest, Outcome, head_as_value
from contracts.executor.service import Service
from contracts.executor.snapshots import SnapshotMaker
from contracts.executor.state_link import StateLink
from processes.channel import Channel, PipeClosed
from processes.link import Link, LinkLost
from processes.lockdown import Walls, forbid_threads, lock_down

STORE_KIND: Final = "state"
LOCK_RETRY_SECONDS: Final = 0.05
EXIT_FAULT: Final = 3
"""Exit status after a fault or an unusable store was reported; the report is what counts."""


def run(runtime: ContractRuntime) -> None:
    """Serve the node at the other end of the inherited pipe, then exit."""
    channel = Channel()
    try:
        ledger, snapshots, store, missing = _open(channel, runtime)
        versions = sorted(runtime.versions)
        channel.send([0, Outcome.DONE, head_as_value(ledger.head), versions, list(missing), ledger.origin])
        _serve(channel, ledger, snapshots, store)
    except PipeClosed:
        # Every write was synced when it was answered; there is nothing to save.
        pass
    sys.stderr.flush()
    os._exit(0)


def _serve(channel: Channel, ledger: Ledger, snapshots: SnapshotMaker, store: LevelStore) -> None:
    settle()
    state = StateLink(ledger, store.freeze)
    ports = Ports(channel, Link(), state.answer)
    service = Service(ledger, snapshots, state, ports.answer_reader)
    while True:
        number, kind, *arguments = ports.next_request()
        try:
            reply = service.answer(kind, arguments)
        except StoreError as error:
            _end(channel, number, [Outcome.STORE, type(error).__name__, str(error)])
        except (LocalFault, MemoryError, RecursionError) as error:
            _end(channel, number, [Outcome.FAULT, f"{type(error).__name__}: {error}"])
        channel.send([number, *reply])


class Ports:
    """Owns the two descriptors at which this process is asked: the node's requests come first, the reader's between."""

    def __init__(self, channel: Channel, link: Link, look: Callable[[bytes], bytes | None]) -> None:
        """`look` returns what to answer to a packet of the reader."""
        self._channel = channel
        self._link = link
        self._look = look
        self._poll = select.poll()
        self._poll.register(channel.fileno(), select.POLLIN)
        self._poll.register(link.fileno(), select.POLLIN)

    def next_request(self) -> list[Any]:
        """Return the node's next request; until there is one, answer the reader.

        Raises:
            PipeClosed: when there will be none.
        """
        while not self._channel.has_message:
            ready = {descriptor for descriptor, _ in self._poll.poll()}
            if self._channel.fileno() in ready:
                break
            self.answer_reader()
        return self._channel.receive()

    def answer_reader(self) -> None:
        """Answer the reader if it asks for something, once."""
        try:
            packet = self._link.receive()
            reply = None if packet is None else self._look(packet)
            if reply is not None:
                self._link.send(reply)
        except LinkLost:
            # The node holds that end as long as it lives.
            raise PipeClosed from None
        except StoreError as error:
            _end(self._channel, 0, [Outcome.STORE, type(error).__name__, str(error)])


def _open(channel: Channel, runtime: ContractRuntime) -> tuple[Ledger, SnapshotMaker, LevelStore, tuple[str, ...]]:
    number, kind, *arguments = channel.receive()
    assert kind == Kind.OPEN, "the first request opens the state"
    request = OpenRequest(*fields_of(arguments, "open request", str, bytes, int, int, int))
    genesis = decode_genesis(request.genesis)
    folder = Path(request.folder)
    try:
        _make_folder(folder)
        locked_in = lock_down(Walls(folder, request.memory_bytes_max))
        store = _open_store(folder, genesis, request)
        store.start_thread()
        forbid_threads(locked_in)
        ledger = open_ledger(genesis, StateDatabase(store, seeker=store), runtime)
        return ledger, SnapshotMaker(ledger, folder, store.freeze), store, locked_in.missing
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
