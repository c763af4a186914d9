"""Keeps one child process alive: starts it, starts it again when it dies, and gives up when that is of no use.

Owns the child from its start to its collected exit status, and the task that does this. What is said to the child and
what is lost with it is its owner's business.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from processes.child import Child, Ending, start_child
from processes.watchdog import Watchdog

DEATHS_MAX: Final = 5
"""Deaths in a row, without a single answer in between, after which the child is not started again."""

RESTART_SECONDS: Final = (0.0, 0.1, 0.2, 0.5, 1.0)
"""Pause before a start, by the number of deaths in a row."""

CLOSE_SECONDS_MAX: Final = 5.0
"""Time that a child has to notice the end of its pipe before it is killed."""


@dataclass(frozen=True, slots=True)
class Program:
    """What a child runs."""

    module: str
    """Its `main` is called."""
    folders: tuple[str, ...] = ()
    """Searched for modules after our own."""
    link: Callable[[], int] | None = None
    """Returns the descriptor of its end of a link, asked before each start."""


class ChildLost(Exception):
    """A child process cannot be started, or dies again and again."""


class Owner(Protocol):
    """Whom a keeper tells what becomes of the child; every call comes from the event loop."""

    def on_start(self, child: Child) -> None:
        """Take a child that has just been started."""
        ...

    def on_message(self, message: list[Any]) -> None:
        """Take a message of the child."""
        ...

    def on_end(self, ending: Ending) -> Exception | None:
        """Settle what was lost with the child; return a reason if it shall not be started again."""
        ...

    def on_stop(self, failure: Exception | None) -> None:
        """Learn that no child will be started any more: why, or None because the keeper was closed."""
        ...


class Keeper:
    """Owns a child process and its successors."""

    def __init__(
        self,
        owner: Owner,
        name: str,
        program: Program,
        *,
        deaths_max: int | None = DEATHS_MAX,
        before_start: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Without `deaths_max` it is started again however often it dies; `before_start` is awaited each time."""
        self._owner = owner
        self._name = name
        self._program = program
        self._deaths_max = deaths_max
        self._before_start = before_start
        self._watchdog = Watchdog(self._on_deadline)
        self._child: Child | None = None
        self._starts = 0
        self._deaths_in_a_row = 0
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def child(self) -> Child | None:
        """The present child, None between two."""
        return self._child

    @property
    def restarts(self) -> int:
        """How often the child was started again."""
        return max(0, self._starts - 1)

    @property
    def closing(self) -> bool:
        """Whether `close` was called."""
        return self._closing

    def start(self) -> None:
        """Begin; the owner hears of the rest."""
        assert self._task is None, "a keeper starts once"
        self._task = asyncio.create_task(self._keep(), name=self._name)

    def expect_answer(self, seconds: float, what: str) -> None:
        """Kill the child unless this is called again, or `expect_nothing`, within the time."""
        self._watchdog.arm(seconds, what)

    def expect_nothing(self) -> None:
        """Note that the child owes no answer."""
        self._watchdog.disarm()

    def answered(self) -> None:
        """Note that the child did something useful."""
        self._deaths_in_a_row = 0

    async def wait(self) -> None:
        """Return when no child will be started any more."""
        assert self._task is not None, "start comes first"
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.result()

    async def close(self) -> None:
        """End the child: by the end of its pipe, and if it does not notice that, by force."""
        self._closing = True
        if self._task is None:
            return
        if self._child is None:
            # Between two children, or while one is being made: there is nothing to wait for.
            self._task.cancel()
        else:
            self._child.close_pipe()
        done, _ = await asyncio.wait({self._task}, timeout=CLOSE_SECONDS_MAX)
        if not done:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _keep(self) -> None:
        failure: Exception | None = None
        try:
            while failure is None and not self._closing:
                await asyncio.sleep(RESTART_SECONDS[min(self._deaths_in_a_row, len(RESTART_SECONDS) - 1)])
                if self._before_start is not None:
                    await self._before_start()
                failure = await self._live()
        finally:
            self._owner.on_stop(None if self._closing else failure)

    async def _live(self) -> Exception | None:
        """Start a child and see it through to its end; return a reason not to start another."""
        program = self._program
        try:
            link = None if program.link is None else program.link()
            child = await start_child(program.module, self._owner.on_message, program.folders, link)
        except OSError as error:
            return ChildLost(f"no process could be started: {error}")
        self._child = child
        self._starts += 1
        try:
            self._owner.on_start(child)
            ending = await child.wait()
        finally:
            self._watchdog.disarm()
            self._child = None
            child.collect()
        reason = self._owner.on_end(ending)
        self._deaths_in_a_row += 1
        if reason is None and self._deaths_max is not None and self._deaths_in_a_row > self._deaths_max:
            return ChildLost(f"it died {self._deaths_in_a_row} times in a row; at last it {ending}")
        return reason

    def _on_deadline(self, text: str) -> None:
        if self._child is not None:
            self._child.kill(text)
