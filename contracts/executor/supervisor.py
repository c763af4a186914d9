"""Keeps one executor process alive: starts it, passes requests and replies, watches its time, and starts it again.

Owns the process and every request that has no outcome. What the process holds in memory alone can be made again: its
successor opens the state, is given what `resume` asks for, and is sent everything that had no reply. A block over
which it dies twice is a local fault; a query is not tried again. Gives up when the state cannot be used, or when the
process keeps dying.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from chain.encoding import DecodeError, fields_of
from chain.storage import StoreError, StoreUnusable
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
from processes.child import Child, Ending, start_child
from processes.frames import FrameError
from processes.watchdog import Watchdog

DEATHS_MAX: Final = 5
"""Deaths in a row, without a single reply in between, after which the executor is not started again."""

RESTART_SECONDS: Final = (0.0, 0.1, 0.5, 1.0, 2.0)
"""Pause before a restart, by the number of deaths in a row."""

CLOSE_SECONDS_MAX: Final = 5.0
"""Time that the process has to notice the end of its pipe; killing it then loses nothing either."""

T = TypeVar("T")

LOG: Final = logging.getLogger("tallystick.executor")


@dataclass(frozen=True, slots=True)
class ExecutorSettings:
    """What one executor needs to know, and how patient its node is."""

    folder: Path
    """The state's folder; the executor can reach no other."""
    genesis: bytes
    cache_bytes: int = 32 * 1024 * 1024
    memory_bytes_max: int = 4 * 1024**3
    lock_wait_seconds: int = 10
    start_seconds_max: float = 60.0
    block_seconds_max: float = 30.0
    replay_seconds_max: float = 300.0
    query_seconds_max: float = 10.0
    module: str = "contracts.executor.main"
    """Whose `main` the process runs."""
    module_folders: tuple[str, ...] = ()
    """Where that module is, when it is not part of this program."""


class Supervisor:
    """Owns the executor process and the requests to it."""

    def __init__(self, settings: ExecutorSettings, resume: Callable[[Ready], Iterable[Request]]) -> None:
        """`resume` is called with each process that has opened the state, for what to send it before all else."""
        self._settings = settings
        self._resume = resume
        self._queue = RequestQueue()
        self._watchdog = Watchdog(self._on_deadline)
        self._child: Child | None = None
        self._ready: Ready | None = None
        """None while no process is ready for requests."""
        self._fault = ""
        """What the process said of itself before it ended."""
        self._failure: Exception | None = None
        self._closing = False
        self._deaths_in_a_row = 0
        self._starts = 0
        self._started = asyncio.Event()
        """Set when the first process is ready, or the supervisor has given up."""
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None while there is no process."""
        return None if self._child is None else self._child.pid

    @property
    def ready(self) -> Ready | None:
        """What the present process reported at its start, None while there is none that is ready."""
        return self._ready

    @property
    def restarts(self) -> int:
        """How often the process was started again."""
        return max(0, self._starts - 1)

    async def start(self) -> None:
        """Return once the process has opened the state.

        Raises:
            StoreError, GenesisRefused, ExecutorDied: when it could not.
        """
        assert self._task is None, "a supervisor starts once"
        self._task = asyncio.create_task(self._supervise(), name="executor")
        try:
            await self._started.wait()
        except asyncio.CancelledError:
            await self.close()
            raise
        if self._failure is not None:
            await self.close()
            raise self._failure

    async def watch(self) -> None:
        """Return when this was closed.

        Raises:
            StoreError, GenesisRefused, ExecutorDied: when it had to give up.
        """
        assert self._task is not None, "start comes first"
        await asyncio.wait({self._task})
        if self._failure is not None and not self._closing:
            raise self._failure

    async def close(self) -> None:
        """End the process; what still waits raises ExecutorDied."""
        self._closing = True
        if self._task is None:
            return
        if self._child is not None:
            self._child.close_pipe()
        done, _ = await asyncio.wait({self._task}, timeout=CLOSE_SECONDS_MAX)
        if not done:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def ask(self, kind: Kind, arguments: list[Any], parse: Callable[[list[Any]], T]) -> T:
        """Send a request when its turn comes and return what `parse` makes of the reply's values.

        Raises:
            ExecutorBusy: when too many requests are waiting.
            Exception: what the reply stands for, or why there will be none.
        """
        if self._failure is not None:
            raise self._failure
        if self._closing:
            raise ExecutorDied("the executor was closed")
        request = Request(kind, arguments, asyncio.get_running_loop().create_future(), parse)
        self._queue.add(request)
        self._pump()
        return cast(T, await request.future)

    async def _supervise(self) -> None:
        try:
            while not self._closing:
                await asyncio.sleep(RESTART_SECONDS[min(self._deaths_in_a_row, len(RESTART_SECONDS) - 1)])
                ending = await self._live()
                if not self._closing:
                    self._after_death(ending)
        except (StoreError, GenesisRefused, ResultDiffers, ExecutorDied) as error:
            LOG.error("the executor is given up: %s", error)
            self._failure = error
        finally:
            self._started.set()
            for request in self._queue.drain():
                _fail(request, self._failure or ExecutorDied("the executor was closed"))

    async def _live(self) -> Ending:
        """Start a process and return how it ended."""
        settings = self._settings
        try:
            child = await start_child(settings.module, self._on_message, settings.module_folders)
        except OSError as error:
            raise ExecutorDied(f"no process could be started: {error}") from error
        self._child = child
        self._starts += 1
        self._fault = ""
        try:
            self._watchdog.arm(settings.start_seconds_max + settings.lock_wait_seconds, "opening the state")
            child.send([0, Kind.OPEN, *_open_request(settings).as_value()])
            return await child.wait()
        finally:
            self._watchdog.disarm()
            self._child = None
            self._ready = None
            child.collect()

    def _after_death(self, ending: Ending) -> None:
        """Settle what becomes of the requests; raise if there will be no successor."""
        if self._failure is not None:
            raise self._failure
        text = f"{self._fault}; {ending}" if self._fault else str(ending)
        self._deaths_in_a_row += 1
        if self._deaths_in_a_row > DEATHS_MAX:
            raise ExecutorDied(f"the executor died {self._deaths_in_a_row} times in a row; at last it {text}")
        LOG.warning("the executor %s; it is started again", text)
        for request in self._queue.died():
            given_up = ExecutorDied if request.is_query else ExecutorFault
            _fail(request, given_up(f"the executor could not finish {request.kind}: it {text}"))

    def _pump(self) -> None:
        """Send what may be sent now."""
        while self._child is not None and self._ready is not None:
            request = self._queue.next()
            if request is None:
                return
            if len(self._queue.under_way) == 1:
                self._watch_first()
            try:
                self._child.send([request.number, request.kind, *request.arguments])
            except FrameError as error:
                self._queue.under_way.pop()
                _fail(request, error)

    def _watch_first(self) -> None:
        if not self._queue.under_way:
            self._watchdog.disarm()
            return
        request = self._queue.under_way[0]
        seconds = self._settings.query_seconds_max if request.is_query else self._settings.block_seconds_max
        if request.kind == Kind.REPLAY:
            seconds = self._settings.replay_seconds_max
        self._watchdog.arm(seconds, request.kind)

    def _give_up(self, error: Exception) -> None:
        """End for good."""
        assert self._child is not None
        self._failure = error
        self._child.kill(str(error))

    def _on_deadline(self, text: str) -> None:
        if self._child is not None:
            self._child.kill(text)

    def _on_message(self, message: list[Any]) -> None:
        try:
            self._take(message)
        except DecodeError as error:
            assert self._child is not None
            self._child.kill(f"its reply was malformed: {error}")

    def _take(self, message: list[Any]) -> None:
        """Act on a reply.

        Raises:
            DecodeError: when it is none, or not the one that is due.
        """
        if len(message) < 2:
            raise DecodeError("a reply has a number and an outcome")
        number, outcome, *values = message
        if outcome == Outcome.STORE:
            name, text = fields_of(values, "store error", str, str)
            self._give_up(STORE_ERRORS.get(name, StoreUnusable)(text))
        elif outcome == Outcome.GENESIS:
            self._give_up(GenesisRefused(*fields_of(values, "genesis error", str)))
        elif outcome == Outcome.FAULT:
            # The process ends itself now; the request stays first in line, and so is taken for the cause.
            self._fault = fields_of(values, "fault", str)[0]
        elif self._ready is None:
            self._take_ready(number, outcome, values)
        else:
            self._take_reply(number, outcome, values)

    def _take_ready(self, number: Any, outcome: Any, values: list[Any]) -> None:
        if number != 0 or outcome != Outcome.DONE or self._child is None:
            raise DecodeError("the first reply is to the request to open the state")
        ready = ready_from(values, self._child.pid)
        self._watchdog.disarm()
        self._queue.blocks.extendleft(reversed(list(self._resume(ready))))
        self._ready = ready
        self._started.set()
        self._pump()

    def _take_reply(self, number: Any, outcome: Any, values: list[Any]) -> None:
        if not self._queue.under_way or self._queue.under_way[0].number != number:
            raise DecodeError(f"reply {number!r} is not the one that is due")
        request = self._queue.under_way[0]
        if outcome == Outcome.DONE:
            try:
                value = request.parse(values)
            except ResultDiffers as error:
                self._give_up(error)
                return
            if not request.future.done():
                request.future.set_result(value)
        else:
            _fail(request, _refusal(outcome, values, request))
        self._queue.under_way.popleft()
        self._deaths_in_a_row = 0
        self._watch_first()
        self._pump()


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
