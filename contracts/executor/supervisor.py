"""Passes requests to the executor process and its replies back, across the deaths of the process.

Owns every request that has no outcome. What the process holds in memory alone can be made again: its successor opens
the state, is given what `resume` asks for, and is sent everything that had no reply. A block over which it dies twice
is a local fault; a query is not tried again. Gives up when the state cannot be used, or when the process keeps dying.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from chain.encoding import DecodeError, fields_of
from chain.storage import StoreUnusable
from chain.types import Digest, Height
from chain.validity import InvalidBlock
from contracts.executor.errors import (
    STORE_ERRORS,
    ExecutionUnknown,
    ExecutorDied,
    ExecutorFault,
    GenesisRefused,
    ResultDiffers,
)
from contracts.executor.protocol import Kind, OpenRequest, Outcome, Ready, ready_from
from contracts.executor.requests import Request, RequestQueue
from processes.child import Child, Ending
from processes.frames import FrameError
from processes.keeper import Keeper

LOG: Final = logging.getLogger("tallystick.executor")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ExecutorSettings:
    """What one executor needs to know, and how patient its node is."""

    folder: Path
    """The state's folder; the executor can reach no other."""
    genesis: bytes
    cache_bytes: int = 32 * 1024 * 1024
    memory_bytes_max: int = 4 * 1024**3
    lock_wait_seconds: int = 10
    """Time that a predecessor has to let go of the state."""
    start_seconds_max: float = 60.0
    block_seconds_max: float = 30.0
    replay_seconds_max: float = 300.0
    query_seconds_max: float = 10.0
    module: str = "contracts.executor.main"
    """Whose `main` the process runs."""
    module_folders: tuple[str, ...] = ()
    """Where that module is, when it is not part of this program."""


class Supervisor:
    """Owns the executor process and the requests to it; implements processes.keeper.Owner."""

    def __init__(self, settings: ExecutorSettings, resume: Callable[[Ready], Iterable[Request]]) -> None:
        """`resume` is called with each process that has opened the state, for what to send it before all else."""
        self._settings = settings
        self._resume = resume
        self._queue = RequestQueue()
        self._keeper = Keeper(self, "executor", settings.module, settings.module_folders)
        self._ready: Ready | None = None
        """None while no process is ready for requests."""
        self._fault: str | None = None
        """What the process said of itself before it ended."""
        self._failure: Exception | None = None
        self._started = asyncio.Event()
        """Set when the first process is ready, or the supervisor has given up."""

    @property
    def pid(self) -> int | None:
        """The process id, None while there is no process."""
        child = self._keeper.child
        return None if child is None else child.pid

    @property
    def restarts(self) -> int:
        """How often the process was started again."""
        return self._keeper.restarts

    async def start(self) -> None:
        """Return once the process has opened the state.

        Raises:
            StoreError, GenesisRefused, ExecutorDied: when it could not.
        """
        self._keeper.start()
        try:
            await self._started.wait()
            if self._failure is not None:
                raise self._failure
        except BaseException:
            await self.close()
            raise

    async def watch(self) -> None:
        """Return when this was closed.

        Raises:
            StoreError, ResultDiffers, ExecutorDied: when it had to give up.
        """
        await self._keeper.wait()
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """End the process; what still waits raises ExecutorDied."""
        await self._keeper.close()

    async def ask(self, kind: Kind, arguments: list[Any], parse: Callable[[list[Any]], T]) -> T:
        """Send a request when its turn comes and return what `parse` makes of the reply's values.

        Raises:
            ExecutorBusy: when too many requests are waiting.
            Exception: what the reply stands for, or why there will be none.
        """
        if self._failure is not None:
            raise self._failure
        if self._keeper.closing:
            raise ExecutorDied("the executor was closed")
        request = Request(kind, arguments, asyncio.get_running_loop().create_future(), parse)
        self._queue.add(request)
        self._pump()
        return cast(T, await request.future)

    def on_start(self, child: Child) -> None:
        """Have a new process open the state."""
        settings = self._settings
        self._fault = None
        self._keeper.expect_answer(settings.start_seconds_max + settings.lock_wait_seconds, "opening the state")
        child.send([0, Kind.OPEN, *_open_request(settings).as_value()])

    def on_end(self, ending: Ending) -> Exception | None:
        """Settle what becomes of the requests that were under way."""
        self._ready = None
        if self._failure is not None or self._keeper.closing:
            return self._failure
        text = f"the executor {ending}" if self._fault is None else f"the executor reported {self._fault}"
        LOG.warning("%s; it is started again", text)
        for request in self._queue.died():
            given_up = ExecutorDied if request.is_query else ExecutorFault
            _fail(request, given_up(f"{request.kind} could not be finished: {text}"))
        return None

    def on_stop(self, failure: Exception | None) -> None:
        """Tell all who wait that there will be no answer."""
        if failure is not None and self._failure is None:
            self._failure = ExecutorDied(f"the executor is lost: {failure}")
        if self._failure is not None:
            LOG.error("%s", self._failure)
        self._started.set()
        for request in self._queue.drain():
            _fail(request, self._failure or ExecutorDied("the executor was closed"))

    def on_message(self, message: list[Any]) -> None:
        """Act on a reply; a process that sends anything else is ended."""
        child = self._keeper.child
        assert child is not None, "only a living process sends"
        try:
            self._take(child, message)
        except DecodeError as error:
            child.kill(f"its reply was malformed: {error}")

    def _take(self, child: Child, message: list[Any]) -> None:
        """Act on a reply.

        Raises:
            DecodeError: when it is none, or not the one that is due.
        """
        if len(message) < 2:
            raise DecodeError("a reply has a number and an outcome")
        number, outcome, *values = message
        if outcome == Outcome.STORE:
            name, text = fields_of(values, "store error", str, str)
            self._give_up(child, STORE_ERRORS.get(name, StoreUnusable)(text))
        elif outcome == Outcome.GENESIS:
            self._give_up(child, GenesisRefused(*fields_of(values, "genesis error", str)))
        elif outcome == Outcome.FAULT:
            # The process ends itself now; the request stays first in line, and so is taken for the cause.
            self._fault = fields_of(values, "fault", str)[0]
        elif self._ready is None:
            self._take_ready(child, number, outcome, values)
        else:
            self._take_reply(child, number, outcome, values)

    def _take_ready(self, child: Child, number: Any, outcome: Any, values: list[Any]) -> None:
        if number != 0 or outcome != Outcome.DONE:
            raise DecodeError("the first reply is to the request to open the state")
        ready = ready_from(values, child.pid)
        self._queue.blocks.extendleft(reversed(list(self._resume(ready))))
        self._ready = ready
        self._started.set()
        self._expect_first()
        self._pump()

    def _take_reply(self, child: Child, number: Any, outcome: Any, values: list[Any]) -> None:
        if not self._queue.under_way or self._queue.under_way[0].number != number:
            raise DecodeError(f"reply {number!r} is not the one that is due")
        request = self._queue.under_way[0]
        if outcome == Outcome.DONE:
            try:
                value = request.parse(values)
            except ResultDiffers as error:
                self._give_up(child, error)
                return
            if not request.future.done():
                request.future.set_result(value)
        else:
            _fail(request, _refusal(outcome, values, request))
        self._queue.under_way.popleft()
        self._keeper.answered()
        self._expect_first()
        self._pump()

    def _give_up(self, child: Child, error: Exception) -> None:
        self._failure = error
        child.kill(str(error))

    def _pump(self) -> None:
        """Send what may be sent now."""
        child = self._keeper.child
        while child is not None and self._ready is not None:
            request = self._queue.next()
            if request is None:
                return
            try:
                child.send([request.number, request.kind, *request.arguments])
            except FrameError as error:
                self._queue.under_way.pop()
                _fail(request, error)
                continue
            if len(self._queue.under_way) == 1:
                self._expect_first()

    def _expect_first(self) -> None:
        """Give the request that the process is at its time."""
        if not self._queue.under_way:
            self._keeper.expect_nothing()
            return
        request = self._queue.under_way[0]
        seconds = self._settings.query_seconds_max if request.is_query else self._settings.block_seconds_max
        if request.kind == Kind.REPLAY:
            seconds = self._settings.replay_seconds_max
        self._keeper.expect_answer(seconds, request.kind)


def _open_request(settings: ExecutorSettings) -> OpenRequest:
    memory = settings.memory_bytes_max
    return OpenRequest(
        str(settings.folder.resolve()), settings.genesis, settings.cache_bytes, memory, settings.lock_wait_seconds
    )


def _refusal(outcome: Any, values: list[Any], request: Request) -> Exception:
    """Return the error that a reply stands for.

    Raises:
        DecodeError: when it stands for none.
    """
    if outcome == Outcome.INVALID:
        return InvalidBlock(*fields_of(values, "invalid block", str, str))
    if outcome == Outcome.DIFFERS:
        height, expected, found = fields_of(values, "differing result", int, bytes, bytes)
        return ResultDiffers(Height(height), Digest(expected), Digest(found))
    if outcome == Outcome.UNKNOWN and request.kind == Kind.APPLY:
        return ExecutionUnknown(request.arguments[0])
    raise DecodeError(f"unknown outcome {outcome!r}")


def _fail(request: Request, error: Exception) -> None:
    if not request.future.done():
        request.future.set_exception(error)
