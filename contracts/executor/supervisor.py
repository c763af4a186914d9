"""Passes requests to the executor or reader process and its replies back, across the deaths of the process.

Owns every request that has no outcome. What the process holds in memory alone can be made again: its successor is
opened, is given what `opened` asks for, and is sent everything that had no reply. A block over which it dies twice is
a local fault; a query is not tried again. Gives up when the state cannot be used, or when a vital process keeps dying.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeVar, cast

from chain.encoding import DecodeError, fields_of
from chain.storage import StoreUnusable
from chain.types import Digest, Height
from chain.validity import InvalidBlock
from chain.values import dataclass
from contracts.executor.errors import (
    STORE_ERRORS,
    ExecutionUnknown,
    ExecutorDied,
    ExecutorFault,
    GenesisRefused,
    ResultDiffers,
)
from contracts.executor.protocol import Kind, Outcome
from contracts.executor.requests import Request, RequestQueue
from processes.child import Child, Ending
from processes.frames import FrameError
from processes.keeper import DEATHS_MAX, Keeper, Program

LOG: Final = logging.getLogger("tallystick.executor")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a supervisor has to know of the process that it keeps."""

    name: str
    """In logs and errors."""
    program: Program
    opening: Callable[[], list[Any]]
    """Returns the arguments of the first request to each process."""
    opened: Callable[[list[Any]], Iterable[Request]]
    """Takes the values of the reply to it; returns what to send to this process before all else."""
    start_seconds_max: float
    seconds_max: Callable[[Kind], float]
    """Returns the time that a request may take."""
    queries_under_way_max: int
    is_vital: bool
    """Whether the node cannot go on without it: it may report what makes it useless for good, and is given up when it
    dies again and again. Others are started again however often they die, and nothing that they say ends anything."""
    blameless_statuses: frozenset[int] = frozenset()
    """Exit statuses for which no request is to blame."""
    before_start: Callable[[], Awaitable[object]] | None = None


class Supervisor:
    """Owns a process and the requests to it; implements processes.keeper.Owner."""

    def __init__(self, plan: Plan, on_end: Callable[[], None] | None = None) -> None:
        """`on_end` is called after each death of the process."""
        self._plan = plan
        self._on_end = on_end
        self._queue = RequestQueue(plan.queries_under_way_max)
        deaths_max = DEATHS_MAX if plan.is_vital else None
        self._keeper = Keeper(self, plan.name, plan.program, deaths_max=deaths_max, before_start=plan.before_start)
        self.ready: Final = asyncio.Event()
        """Set while there is a process that is ready for requests."""
        self._is_blameless = False
        """Whether the process was ended for what no request has done."""
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
    def failure(self) -> Exception | None:
        """Why this has given up, if it has."""
        return self._failure

    @property
    def restarts(self) -> int:
        """How often the process was started again."""
        return self._keeper.restarts

    def begin(self) -> None:
        """Have the process started; requests wait until it is ready."""
        self._keeper.start()

    def restart(self, cause: str) -> None:
        """End the present process, for no fault of any request; its successor takes its place."""
        if self._keeper.child is not None:
            self._is_blameless = True
            self._keeper.child.kill(cause)

    def probe(self) -> None:
        """Have an idle process show that it still works; one that hangs is ended when its time for that is over."""
        if self.ready.is_set() and not self._queue.under_way:
            loop = asyncio.get_running_loop()
            future: asyncio.Future[Any] = loop.create_future()
            future.add_done_callback(ignore)
            self._queue.add(Request(Kind.STATISTICS, [], future, lambda values: None, loop.time()))
            self._pump()

    async def start(self) -> None:
        """Have the process started, and return once it is ready.

        Raises:
            StoreError, GenesisRefused, ExecutorDied: when it could not.
        """
        self.begin()
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
        return await self.post(kind, arguments, parse)

    def post(self, kind: Kind, arguments: list[Any], parse: Callable[[list[Any]], T]) -> "asyncio.Future[T]":
        """Send a request, now if it is its turn, and return the future of what `parse` makes of the reply's values.

        Raises:
            ExecutorBusy: when too many requests are waiting.
            Exception: why there will be no reply.
        """
        if self._failure is not None:
            raise self._failure
        if self._keeper.closing:
            raise ExecutorDied(f"the {self._plan.name} was closed")
        loop = asyncio.get_running_loop()
        request = Request(kind, arguments, loop.create_future(), parse, loop.time())
        self._queue.add(request)
        self._pump()
        return cast("asyncio.Future[T]", request.future)

    def on_start(self, child: Child) -> None:
        """Tell a new process what it needs to know."""
        self._fault = None
        self._is_blameless = False
        self._keeper.expect_answer(self._plan.start_seconds_max, "starting")
        child.send([0, Kind.OPEN, *self._plan.opening()])

    def on_end(self, ending: Ending) -> Exception | None:
        """Settle what becomes of the requests that were under way."""
        self.ready.clear()
        if self._on_end is not None:
            self._on_end()
        if self._failure is not None or self._keeper.closing:
            return self._failure
        name = self._plan.name
        text = f"the {name} {ending}" if self._fault is None else f"the {name} reported {self._fault}"
        LOG.warning("%s; it is started again", text)
        is_blameless = self._is_blameless or ending.status in self._plan.blameless_statuses
        for request in self._queue.died(blame=not is_blameless):
            given_up = ExecutorDied if request.is_query else ExecutorFault
            _fail(request, given_up(f"{request.kind} could not be finished: {text}"))
        return None

    def on_stop(self, failure: Exception | None) -> None:
        """Tell all who wait that there will be no answer."""
        if failure is not None and self._failure is None:
            self._failure = ExecutorDied(f"the {self._plan.name} is lost: {failure}")
        if self._failure is not None:
            LOG.error("%s", self._failure)
        self._started.set()
        for request in self._queue.drain():
            _fail(request, self._failure or ExecutorDied(f"the {self._plan.name} was closed"))

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
        if outcome == Outcome.STORE and self._plan.is_vital:
            name, text = fields_of(values, "store error", str, str)
            self._give_up(child, STORE_ERRORS.get(name, StoreUnusable)(text))
        elif outcome == Outcome.GENESIS and self._plan.is_vital:
            self._give_up(child, GenesisRefused(*fields_of(values, "genesis error", str)))
        elif outcome == Outcome.FAULT:
            # The process ends itself now; the request stays first in line, and so is taken for the cause.
            self._fault = fields_of(values, "fault", str)[0]
        elif not self.ready.is_set():
            self._take_ready(number, outcome, values)
        else:
            self._take_reply(child, number, outcome, values)

    def _take_ready(self, number: Any, outcome: Any, values: list[Any]) -> None:
        if number != 0 or outcome != Outcome.DONE:
            raise DecodeError("the first reply is to the request to open")
        self._queue.blocks.extendleft(reversed(list(self._plan.opened(values))))
        self.ready.set()
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
        while child is not None and self.ready.is_set():
            request = self._queue.next(asyncio.get_running_loop().time())
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
        self._keeper.expect_answer(self._plan.seconds_max(request.kind), request.kind)


def _refusal(outcome: Any, values: list[Any], request: Request) -> Exception:
    """Return the error that a reply stands for.

    Raises:
        DecodeError: when it stands for none.
    """
    if outcome == Outcome.INVALID:
        code, detail, index = fields_of(values, "invalid block", str, str, None)
        return InvalidBlock(code, detail, index=index if isinstance(index, int) else None)
    if outcome == Outcome.DIFFERS:
        height, expected, found = fields_of(values, "differing result", int, bytes, bytes)
        return ResultDiffers(Height(height), Digest(expected), Digest(found))
    if outcome == Outcome.UNKNOWN and request.kind == Kind.APPLY:
        return ExecutionUnknown(request.arguments[0])
    raise DecodeError(f"unknown outcome {outcome!r}")


def ignore(future: "asyncio.Future[Any]") -> None:
    """Note the outcome of a request that nobody waits for."""
    if not future.cancelled():
        future.exception()


def _fail(request: Request, error: Exception) -> None:
    if not request.future.done():
        request.future.set_exception(error)
