"""The node's side of its executor and reader: one method for each thing that a node asks of them.

Owns what an executor's successor must be told when the process dies: the blocks that were executed and are undecided.
They are executed again before anything else, and must come out the same. Questions about the state go to the reader,
which looks into the executor's database over a link; so no block waits for a question.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from chain.batch import Batch
from chain.types import Digest, Height
from chain.validity import Head
from chain.values import dataclass
from contracts.executor import protocol
from contracts.executor.errors import ResultDiffers
from contracts.executor.protocol import EXIT_LINK_LOST, Kind
from contracts.executor.requests import Request
from contracts.executor.settings import ExecutorSettings
from contracts.executor.supervisor import Plan, Supervisor, ignore
from processes.keeper import Program
from processes.link import LinkEnds

QUERIES_UNDER_WAY_MAX: Final = 2
"""Questions that the reader has: one that it works on and one that it finds when it is done."""

NUMBERS_OF_A_READER: Final = 2**32
"""Requests over the link are numbered on from reader to reader, so that no answer is taken for another's."""

UNDECIDED_MAX: Final = 4
"""Executed blocks that a successor executes again; as many as the executor itself keeps."""


@dataclass(frozen=True, slots=True)
class _Undecided:
    """A block that was executed and waits for its decision."""

    height: Height
    kind: Kind
    arguments: list[Any]
    """Of the request, to make it again."""
    result_hash: Digest
    head: Head | None
    """What the head will be if it is decided, where the executor could tell."""


class ExecutorClient:
    """Owns one executor process and its reader; every method raises once the process it needs is not coming back.

    Besides what each method names, all raise ExecutorDied, ExecutorBusy, or the StoreError for which the state cannot
    be used any more.
    """

    def __init__(self, settings: ExecutorSettings) -> None:
        self._settings = settings
        self._link = LinkEnds()
        self._supervisor = Supervisor(self._executor_plan(), lambda: self._reader.restart("its executor ended"))
        # A reader that waited for its executor in vain is the only one to notice that an idle executor hangs.
        self._reader = Supervisor(self._reader_plan(), self._supervisor.probe)
        self._readers = 0
        self._reader_walls_missing: tuple[str, ...] = ()
        self._undecided: dict[Digest, _Undecided] = {}
        self._head: Head | None = None
        self._versions: frozenset[int] = frozenset()
        self._walls_missing: tuple[str, ...] = ()
        self._origin = Height(0)

    @property
    def head(self) -> Head:
        """The last block whose state the executor holds, as far as replies have told."""
        assert self._head is not None, "start comes first"
        return self._head

    @property
    def pid(self) -> int | None:
        """The executor's process id, None while there is no process."""
        return self._supervisor.pid

    @property
    def reader_pid(self) -> int | None:
        """The reader's process id, None while there is no process."""
        return self._reader.pid

    @property
    def failure(self) -> Exception | None:
        """Why there will be no process any more, None while there is no reason."""
        return self._supervisor.failure

    @property
    def restarts(self) -> int:
        """How often the executor was started again."""
        return self._supervisor.restarts

    @property
    def reader_restarts(self) -> int:
        """How often the reader was started again, with its executor or without."""
        return self._reader.restarts

    @property
    def versions(self) -> frozenset[int]:
        """Versions of the protocol that it can execute."""
        return self._versions

    @property
    def walls_missing(self) -> tuple[str, ...]:
        """Sentences that name the walls which the executor lacks, as it has reported them."""
        return self._walls_missing

    @property
    def reader_walls_missing(self) -> tuple[str, ...]:
        """The same of the reader; empty before its first process is ready."""
        return self._reader_walls_missing

    @property
    def origin(self) -> Height:
        """The height of the snapshot that the state was made from, 0 if it was executed from genesis on."""
        return self._origin

    async def start(self) -> Head:
        """Start the executor and return its head once its state is open.

        Raises:
            StoreError: when the state cannot be opened.
            GenesisRefused: when genesis cannot be executed.
            ExecutorDied: when the process cannot be started.
        """
        try:
            await self._supervisor.start()
        except BaseException:
            self._link.close()
            raise
        self._reader.begin()
        return self.head

    async def reader_opened(self) -> None:
        """Return once there is a reader that has locked itself in."""
        await self._reader.ready.wait()

    async def watch(self) -> None:
        """Return when the client was closed.

        Raises:
            StoreError, ExecutorDied: when the client had to give up.
        """
        watches = [asyncio.create_task(each.watch()) for each in (self._supervisor, self._reader)]
        try:
            done, _ = await asyncio.wait(watches, return_when=asyncio.FIRST_EXCEPTION)
            for watch in done:
                watch.result()
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)

    async def close(self) -> None:
        """End the processes, which have nothing to save; what still waits raises ExecutorDied."""
        closing = asyncio.gather(self._supervisor.close(), self._reader.close())
        # Neither is started again from here on; a reader that waits for its executor learns from the link's end.
        await asyncio.sleep(0)
        self._link.close()
        await closing

    async def execute(self, block: bytes) -> protocol.Executed:
        """Check and execute a block on the head; the outcome waits in the executor for `apply` or `discard`.

        The caller has checked the signatures of the block's transactions.

        Raises:
            InvalidBlock: when the block breaks a rule.
            ExecutorFault: when this machine could not finish it, twice.
        """
        return await self._execute(Kind.EXECUTE, [block])

    async def execute_batch(self, batch: Batch) -> protocol.Executed:
        """Do the same for a block whose transactions the caller has decoded, which saves the executor half its work.

        The caller has checked what chain.validity.check_batch leaves to it.

        Raises:
            InvalidBlock, ExecutorFault: as `execute`.
        """
        return await self._execute(Kind.EXECUTE_BATCH, batch.as_value())

    async def apply(self, block_hash: bytes) -> Head:
        """Make an executed block the head; durable when this returns. Harmless if it is the head already.

        Raises:
            ExecutionUnknown: when the block was not executed on the present head.
        """
        return await self.begin_apply(block_hash).written

    def begin_apply(self, block_hash: bytes) -> protocol.Applying:
        """Have an executed block made the head, as `apply`, and return before it is.

        Whatever is asked from now on is answered on the new head: requests are answered in order, a question's state is
        asked for behind them, and should the executor die, its successor executes and applies the block first.
        """
        known = self._undecided.get(Digest(block_hash))
        written = self._supervisor.post(Kind.APPLY, [block_hash], partial(self._take_applied, Digest(block_hash)))
        return protocol.Applying(None if known is None else known.head, written)

    async def discard(self, block_hash: bytes) -> None:
        """Forget an executed block."""
        self._undecided.pop(Digest(block_hash), None)
        await self._supervisor.ask(Kind.DISCARD, [block_hash], lambda values: None)

    async def replay(self, certified: Sequence[tuple[bytes, bytes]]) -> Head:
        """Execute decided blocks in ascending order, compare each with its certified result, and apply it.

        Blocks at or below the head are passed over; it ends before one whose version of the protocol the executor does
        not know. All of them together must fit into a frame.

        Raises:
            InvalidBlock: when a block breaks a rule.
            ResultDiffers: when the own result is another; the blocks before it are applied.
            ExecutorFault: when this machine could not finish, twice.
        """
        pairs = [[block, result] for block, result in certified]
        return await self._supervisor.ask(Kind.REPLAY, [pairs], self._take_head)

    async def view(
        self, contract: str, method: str, args: Sequence[Any], caller: bytes | None, gas_limit: int
    ) -> protocol.Viewed:
        """Run a view on the state at the head as the member with the key `caller`, or as nobody.

        It gets VIEW_GAS_MAX of contracts.executor.reader_service at most.

        Raises:
            ExecutorDied: when the executor died over it.
        """
        arguments: list[Any] = [contract, method, list(args), caller, gas_limit]
        return await self._reader.ask(Kind.VIEW, arguments, protocol.viewed_from)

    async def read(self, contract: str, keys: Sequence[bytes]) -> protocol.Values:
        """Return the values under several keys of a contract, at most ENTRIES_MAX of reader_service."""
        return await self._reader.ask(Kind.READ, [contract, list(keys)], protocol.values_from)

    async def scan(
        self, contract: str, start: bytes, end: bytes, limit: int, reverse: bool = False
    ) -> protocol.Entries:
        """Return at most `limit` keys and values of a contract with start <= key < end, in key order or reversed."""
        arguments: list[Any] = [contract, start, end, limit, reverse]
        return await self._reader.ask(Kind.SCAN, arguments, protocol.entries_from)

    async def prove(self, contract: str, key: bytes) -> protocol.Proven:
        """Return what the state holds under a key, with its proof."""
        return await self._reader.ask(Kind.PROOF, [contract, key], protocol.proven_from)

    async def history(self, contract: str, key: bytes, limit: int, version: bytes | None = None) -> protocol.Versions:
        """Return at most `limit` versions of a key, the newest first, or from the one with a hash on."""
        return await self._reader.ask(Kind.HISTORY, [contract, key, limit, version], protocol.versions_from)

    async def snapshot_begin(self, align: int) -> protocol.SnapshotMaking:
        """Have a snapshot of the state made at the next height that `align` divides, the head's included.

        It is made step by step, by `snapshot_step`, and lost if the process dies meanwhile.
        """
        return await self._supervisor.ask(Kind.SNAPSHOT_BEGIN, [align], protocol.making_from)

    async def snapshot_step(self, microseconds: int) -> protocol.SnapshotMaking:
        """Let the executor work on the snapshot for about this long; blocks go first."""
        return await self._supervisor.ask(Kind.SNAPSHOT_STEP, [microseconds], protocol.making_from)

    async def statistics(self) -> Mapping[str, int]:
        """Return what the present executor has counted since its start."""
        return await self._supervisor.ask(Kind.STATISTICS, [], protocol.statistics_from)

    async def _execute(self, kind: Kind, arguments: list[Any]) -> protocol.Executed:
        return await self._supervisor.ask(kind, arguments, partial(self._keep, kind, arguments))

    def _keep(self, kind: Kind, arguments: list[Any], values: list[Any]) -> protocol.Executed:
        executed = protocol.executed_from(values, self._head)
        known = self._undecided.get(executed.block_hash)
        result_hash = executed.result.result_hash
        if known is not None and known.result_hash != result_hash:
            # A vote may have been signed on the first result; this machine cannot be relied on.
            raise ResultDiffers(known.height, known.result_hash, result_hash)
        undecided = _Undecided(Height(self.head.height + 1), kind, arguments, result_hash, executed.head)
        self._undecided[executed.block_hash] = undecided
        if len(self._undecided) > UNDECIDED_MAX:
            del self._undecided[next(iter(self._undecided))]
        return executed

    def _take_applied(self, block_hash: Digest, values: list[Any]) -> Head:
        """Take the reply to APPLY, which holds no head where that to the block's execution did."""
        known = self._undecided.get(block_hash)
        if values == [None] and known is not None and known.head is not None:
            self._head = known.head
            self._undecided.clear()
            return known.head
        return self._take_head(values)

    def _take_head(self, values: list[Any]) -> Head:
        self._head = protocol.head_from_value(values[0] if values else None, self._head)
        # What was executed on an earlier head cannot follow this one.
        self._undecided.clear()
        return self._head

    def _executor_plan(self) -> Plan:
        settings = self._settings
        program = Program(settings.module, settings.module_folders, self._link.renew)
        start_seconds = settings.start_seconds_max + settings.lock_wait_seconds
        opening = settings.open_request().as_value
        return Plan("executor", program, opening, self._resume, start_seconds, settings.seconds_max, 1, is_vital=True)

    def _reader_plan(self) -> Plan:
        settings = self._settings
        return Plan(
            "reader",
            Program(settings.reader_module, settings.module_folders, self._link.asking),
            self._reader_opening,
            self._reader_opened,
            settings.start_seconds_max,
            settings.seconds_max,
            QUERIES_UNDER_WAY_MAX,
            is_vital=False,
            blameless_statuses=frozenset({EXIT_LINK_LOST}),
            before_start=self._supervisor.ready.wait,
        )

    def _reader_opening(self) -> list[Any]:
        self._readers += 1
        return [self._settings.reader_memory_bytes_max, self._readers * NUMBERS_OF_A_READER]

    def _reader_opened(self, values: list[Any]) -> Iterable[Request]:
        self._reader_walls_missing = protocol.reader_walls_from(values)
        return ()

    def _resume(self, values: list[Any]) -> Iterable[Request]:
        """Take a new process's head, and have it execute what its predecessor held."""
        ready = protocol.ready_from(values)
        if self._head is None or self._head.block_hash != ready.head.block_hash:
            self._undecided.clear()
        self._head = ready.head
        self._versions = ready.versions
        self._walls_missing = ready.walls_missing
        self._origin = ready.origin
        for undecided in self._undecided.values():
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            # Whoever applies the block later learns that it is not held.
            future.add_done_callback(ignore)
            keep = partial(self._keep, undecided.kind, undecided.arguments)
            yield Request(undecided.kind, undecided.arguments, future, keep)
