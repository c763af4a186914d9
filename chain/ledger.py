"""A ledger: the head, its state database and the window, moved on by one executed block at a time.

The executor process of a node and the auditor both run this file. Executing a block does not touch the database: the
outcome is an Execution, which lives in memory until the block is decided and is then applied in one synced batch.
Invariant: head, window, frontier and database always belong to the same block.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from chain.batch import Batch
from chain.block import Block
from chain.encoding import DecodeError
from chain.execution import (
    Execution,
    Surroundings,
    execute_batch,
    genesis_result,
    genesis_update,
)
from chain.genesis import Genesis
from chain.identity import Member
from chain.ledger_rows import (
    HEAD_ROW,
    ORIGIN_ROW,
    WINDOW_ROW,
    decode_head_row,
    encode_head_row,
    height_of_window_row,
    window_row,
)
from chain.merkle import EMPTY_FRONTIER, Frontier
from chain.protocol import ProtocolUnknown, Schedule, first_schedule, read_schedule
from chain.rules import Rules
from chain.runtime import CallOutcome, ContractRuntime
from chain.state import ReadState
from chain.state_database import StateDatabase
from chain.storage import StoreDamaged, StoreForeign, Write
from chain.types import Digest, Height, Milliseconds
from chain.validity import Head, SignatureCheck, check_batch, check_block, check_header
from chain.views import Place, find_member, run_view
from chain.window import Window, decode_entries, encode_entries

WINDOW_ROWS_DROPPED_MAX: Final = 64
"""Expired window rows that one block's batch deletes, so that no block pays for a long pause at once."""


class Ledger:
    """Owns the head, the window and the frontier over one open state database."""

    def __init__(
        self, genesis: Genesis, database: StateDatabase, runtime: ContractRuntime, head: Head, frontier: Frontier
    ) -> None:
        self._genesis = genesis
        self._database = database
        self._runtime = runtime
        self._head = head
        self._frontier = frontier
        self._window = Window(genesis.parameters.validity_window_max)
        self._window_rows: list[tuple[Height, Milliseconds]] = []

    @property
    def head(self) -> Head:
        """The last applied block."""
        return self._head

    @property
    def genesis(self) -> Genesis:
        """The agreement that the ledger started from."""
        return self._genesis

    @property
    def database(self) -> StateDatabase:
        """The state at the head."""
        return self._database

    @property
    def place(self) -> Place:
        """What a reader of the state at the head has to know of it."""
        head = self._head
        version = head.schedule.at(head.height).version
        return Place(head.chain_id, head.height, head.block_hash, head.result.state_root, head.time, version)

    @property
    def origin(self) -> Height:
        """The height of the snapshot that this state was made from, 0 if it was executed from genesis on.

        Versions of keys that were replaced up to there are not held.
        """
        stored = self._database.extra(ORIGIN_ROW)
        return Height(0 if stored is None else int.from_bytes(stored, "big"))

    def execute(self, block: Block, signature_good: SignatureCheck) -> Execution:
        """Check and execute the next block on the state at the head, without changing anything.

        Raises:
            InvalidBlock: when the block breaks a rule of validity.
            ProtocolUnknown: when this program does not know the version of the next block.
            LocalFault: when this machine could not finish.
        """
        self._check_version()
        check_header(block.header, self._head)
        batch, members = check_block(block, self._rules(), self._window, self.find_member, signature_good)
        return execute_batch(batch, members, self._database, self._surroundings())

    def execute_batch(self, batch: Batch) -> Execution:
        """Do the same for transactions that were decoded; whoever did it has checked what needs no state, too.

        Raises:
            InvalidBlock: when the block breaks one of the other rules of validity.
            ProtocolUnknown: when this program does not know the version of the next block.
            LocalFault: when this machine could not finish.
        """
        self._check_version()
        check_header(batch.header, self._head)
        members = check_batch(batch, self._rules(), self._window, self.find_member)
        return execute_batch(batch, members, self._database, self._surroundings())

    def head_after(self, execution: Execution) -> Head | None:
        """Return the head that an executed block will be; None where only its state will tell."""
        return None if execution.writes_system else self._followed(execution)[0]

    def apply(self, execution: Execution) -> None:
        """Write the outcome of a decided block in one synced batch and make the block the head."""
        header, block_hash = execution.header, execution.block_hash
        assert header.parent_hash == self._head.block_hash, "an execution is applied on the head that it was made on"
        head, frontier = self._followed(execution)
        extra: list[Write] = [(HEAD_ROW, encode_head_row(head, frontier))]
        extra.append((window_row(header.height), encode_entries(header.time, execution.entries)))
        dropped = self._expired_rows(header.time)
        extra.extend((window_row(height), None) for height, _ in dropped)
        self._database.apply(execution.update, header.height, block_hash, extra)
        del self._window_rows[: len(dropped)]
        self._window_rows.append((header.height, header.time))
        self._window.add_block(header.time, execution.entries)
        if execution.writes_system:
            head = replace(head, schedule=_read_schedule(self._database, self._genesis))
        self._head = head
        self._frontier = frontier
        if execution.changes_contracts or self._head.next_version != header.version:
            self.prepare()

    def _followed(self, execution: Execution) -> tuple[Head, Frontier]:
        """Return the head that an executed block makes, and the history up to it; the schedule is the parent's."""
        parent, header = self._head, execution.header
        frontier = self._frontier.append(execution.block_hash)
        head = Head(
            parent.chain_id,
            header.height,
            execution.block_hash,
            execution.result,
            header.time,
            header.proposer,
            parent.validators,
            frontier.root(),
            parent.schedule,
        )
        return head, frontier

    def prepare(self) -> None:
        """Have the runtime ready for the next block.

        Raises:
            LocalFault: when this machine could not finish.
        """
        self._runtime.prepare(ReadState(self._database), self._head.next_version)

    def find_member(self, public_key: bytes) -> Member | None:
        """Return the member who owns a key, revoked ones too."""
        return find_member(ReadState(self._database), public_key)

    def view(
        self, contract: str, method: str, args: Sequence[Any], caller: Member | None, gas_limit: int
    ) -> CallOutcome:
        """Run a view on the state at the head, as a member or as nobody.

        Raises:
            LocalFault: when this machine could not finish.
        """
        return run_view(self._runtime, ReadState(self._database), self.place, contract, method, args, caller, gas_limit)

    def load_window(self) -> None:
        """Rebuild the window from the rows that its blocks left in the database."""
        for name, row in self._database.extras(WINDOW_ROW):
            time, entries = decode_entries(row)
            self._window_rows.append((height_of_window_row(name), time))
            self._window.add_block(time, entries)

    def _surroundings(self) -> Surroundings:
        return Surroundings(self._genesis, self._head, self._window, self._runtime)

    def _rules(self) -> Rules:
        return Rules(self._genesis.parameters, self._runtime.versions[self._head.next_version])

    def _check_version(self) -> None:
        """Refuse to execute the next block without its rules."""
        activation = self._head.schedule.at(Height(self._head.height + 1))
        if activation.version not in self._runtime.versions:
            raise ProtocolUnknown(activation.version, activation.height, self._runtime.versions)

    def _expired_rows(self, time: Milliseconds) -> list[tuple[Height, Milliseconds]]:
        """Return the oldest rows all of whose entries expired before `time`."""
        # Entries of a block last at most a window beyond its time.
        limit = time - self._genesis.parameters.validity_window_max
        return [row for row in self._window_rows[:WINDOW_ROWS_DROPPED_MAX] if row[1] < limit]


def open_ledger(genesis: Genesis, database: StateDatabase, runtime: ContractRuntime) -> Ledger:
    """Open the ledger in a state database, writing genesis into an empty one.

    Raises:
        StoreForeign: when the database belongs to another genesis.
        StoreDamaged: when its head cannot be read or contradicts its state.
        GenesisExecutionError: when genesis cannot be executed.
        LocalFault: when this machine could not finish.
    """
    if database.head is None:
        _write_genesis(genesis, database, runtime)
    stored = database.extra(HEAD_ROW)
    if stored is None:
        raise StoreDamaged("the state database has a head marker but no head row")
    try:
        head, frontier = decode_head_row(stored, _read_schedule(database, genesis))
    except DecodeError as error:
        raise StoreDamaged(f"the head row of the state database is damaged: {error}") from error
    if head.chain_id != genesis.genesis_hash:
        raise StoreForeign(f"the state database belongs to chain {head.chain_id.hex()}")
    marker = database.head
    if marker is None or marker.height != head.height or database.root != head.result.state_root:
        raise StoreDamaged(f"the state database's head {head.height} contradicts its marker or its state root")
    ledger = Ledger(genesis, database, runtime, head, frontier)
    ledger.load_window()
    ledger.prepare()
    return ledger


def genesis_head(genesis: Genesis, state_root: Digest) -> tuple[Head, Frontier]:
    """Return the head that block 1 refers to, and the history that begins with genesis."""
    genesis_hash = genesis.genesis_hash
    frontier = EMPTY_FRONTIER.append(genesis_hash)
    result = genesis_result(genesis, state_root)
    schedule = first_schedule(genesis.parameters.protocol_version)
    links = (result, genesis.time, None, genesis.validators, frontier.root(), schedule)
    head = Head(genesis_hash, Height(0), genesis_hash, *links)
    return head, frontier


def _write_genesis(genesis: Genesis, database: StateDatabase, runtime: ContractRuntime) -> None:
    update = genesis_update(genesis, database, runtime)
    head, frontier = genesis_head(genesis, update.root)
    database.apply(update, Height(0), genesis.genesis_hash, [(HEAD_ROW, encode_head_row(head, frontier))])


def _read_schedule(database: StateDatabase, genesis: Genesis) -> Schedule:
    return read_schedule(ReadState(database), genesis.parameters.protocol_version)
