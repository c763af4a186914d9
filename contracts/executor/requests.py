"""Requests to a process on the node's side: what waits, what is under way, and what becomes of it when it dies.

Blocks stand before queries, each class in its own order. Little is under way at a time, so that a block that comes in
waits for one query at most. Invariant: replies come in the order in which requests were sent.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from contracts.executor.errors import ExecutorBusy
from contracts.executor.protocol import BLOCK_KINDS, Kind

BLOCKS_WAITING_MAX: Final = 64
QUERIES_WAITING_MAX: Final = 1024
QUERY_SECONDS_WAITING_MAX: Final = 5.0
"""A query whose turn has not come by then is refused: whoever asked has better not wait for all before it."""
BLOCKS_UNDER_WAY_MAX: Final = 4
ATTEMPTS_MAX: Final = 2
"""A block over which the executor died twice is given up; a query after the first time."""


@dataclass(slots=True)
class Request:
    """Something asked of the executor, and the future that will hold what came of it."""

    kind: Kind
    arguments: list[Any]
    future: "asyncio.Future[Any]"
    parse: Callable[[list[Any]], Any]
    """Turns the values of a reply that is done into the future's result."""
    since: float = 0.0
    """Seconds on the loop's clock when it was made."""
    number: int = 0
    attempts: int = 0
    """How often the executor has died while it was at this request."""

    @property
    def is_query(self) -> bool:
        """Whether this stands back for blocks."""
        return self.kind not in BLOCK_KINDS


@dataclass(slots=True)
class RequestQueue:
    """Owns all requests that have no outcome yet."""

    queries_under_way_max: int = 1
    blocks: deque[Request] = field(default_factory=deque)
    queries: deque[Request] = field(default_factory=deque)
    under_way: deque[Request] = field(default_factory=deque)
    _number: int = 0

    def add(self, request: Request) -> None:
        """Let a request wait for its turn.

        Raises:
            ExecutorBusy: when too many of its class are waiting.
        """
        waiting, waiting_max = (
            (self.queries, QUERIES_WAITING_MAX) if request.is_query else (self.blocks, BLOCKS_WAITING_MAX)
        )
        if len(waiting) >= waiting_max:
            raise ExecutorBusy(len(waiting))
        waiting.append(request)

    def next(self, now: float) -> Request | None:
        """Return the request to send now and take it for under way; None if nothing may be sent."""
        queries = sum(request.is_query for request in self.under_way)
        request = None
        if len(self.under_way) - queries < BLOCKS_UNDER_WAY_MAX:
            request = _pop(self.blocks)
        if request is None and queries < self.queries_under_way_max and not self.blocks:
            self._refuse_late(now)
            request = _pop(self.queries)
        if request is not None:
            self._number += 1
            request.number = self._number
            self.under_way.append(request)
        return request

    def died(self, *, blame: bool = True) -> list[Request]:
        """Put what was under way back to its place, as the process is dead; return what is given up instead.

        Without `blame` it did not die of what it was at.
        """
        if self.under_way and blame:
            self.under_way[0].attempts += 1
        given_up: list[Request] = []
        while self.under_way:
            request = self.under_way.pop()
            if request.attempts >= (1 if request.is_query else ATTEMPTS_MAX):
                given_up.append(request)
            else:
                (self.queries if request.is_query else self.blocks).appendleft(request)
        return given_up

    def drain(self) -> Iterable[Request]:
        """Yield every request, leaving none."""
        for requests in (self.under_way, self.blocks, self.queries):
            while requests:
                yield requests.popleft()

    def _refuse_late(self, now: float) -> None:
        """Give up queries that have waited too long."""
        while self.queries and now - self.queries[0].since > QUERY_SECONDS_WAITING_MAX:
            late = self.queries.popleft()
            if not late.future.done():
                late.future.set_exception(ExecutorBusy(len(self.queries), QUERY_SECONDS_WAITING_MAX))


def _pop(requests: deque[Request]) -> Request | None:
    """Return the first request whose caller still waits for it."""
    while requests:
        request = requests.popleft()
        if not request.future.done():
            return request
    return None
