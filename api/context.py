"""What all handlers of one server share: the node, the limits, the counters, and whether the server is stopping."""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

from aiohttp import web

from api.access import ApiAccess
from api.block_cache import BlockCache
from api.ports import LedgerNode
from api.request_metrics import RequestMetrics
from chain.values import dataclass

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ApiLimits:
    """Bounds of one node's API; local, because they cannot split the ledger."""

    body_bytes_max: int = 4 * 1024 * 1024
    transactions_max: int = 2_000
    """Transactions in one request."""
    wait_seconds_max: float = 60.0
    wait_seconds_default: float = 10.0
    view_gas_max: int = 5_000_000
    range_bytes_max: int = 2 * 1024 * 1024
    """Bytes of a range of raw blocks after which no further block is added."""
    scan_blocks_max: int = 500
    """Blocks that one page of a listing looks through."""
    streams_max: int = 200
    """Event streams open at once."""
    heartbeat_seconds: float = 15.0
    cached_blocks: int = 64


class ApiContext:
    """Owns what outlives a request."""

    def __init__(self, node: LedgerNode, limits: ApiLimits, access: ApiAccess) -> None:
        self.node: Final = node
        self.limits: Final = limits
        self.access: Final = access
        self.blocks: Final = BlockCache(node, limits.cached_blocks)
        self.metrics: Final = RequestMetrics()
        self.stopping: Final = asyncio.Event()
        self.streams_open = 0

    async def unless_stopping(self, awaitable: Awaitable[T], timeout_seconds: float) -> T | None:
        """Return what `awaitable` returns, or None when the time is over or the server stops first."""
        work = asyncio.ensure_future(awaitable)
        stop = asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait((work, stop), timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else None
        finally:
            for task in (work, stop):
                if not task.done():
                    task.cancel()
            await asyncio.gather(work, stop, return_exceptions=True)


CONTEXT: Final = web.AppKey("tallystick_context", ApiContext)


def context_of(request: web.Request) -> ApiContext:
    """Return the context of the server that a request came to."""
    return request.app[CONTEXT]
