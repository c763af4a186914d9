"""Event streams (server-sent events): what a listing shows, as blocks bring it, resumable at any cursor.

A stream holds no queue: it remembers a position, waits until the ledger is beyond it and reads the next block. A slow
reader therefore costs no memory, and nothing is lost or repeated across reconnections with Last-Event-ID.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from aiohttp import web

from api.access import check_access, origin_headers
from api.context import ApiContext, context_of
from api.ports import NotReady, Pruned
from api.problems import Problem, not_ready
from api.requests import EVENT_STREAM_TYPE, Order
from api.responses import HEIGHT_HEADER, dump_json
from api.walk import START, Entry, Extract, Position, block_entries, end_of_block, read_cursor, write_cursor

T = TypeVar("T")

RECONNECT_MILLISECONDS: Final = 1000
STREAMS_RETRY_SECONDS: Final = 10
STREAMING: Final = web.RequestKey("tallystick_streaming", bool)
"""Set on a request once its stream has begun: from then on no other answer is possible."""


Keep = Callable[[Entry[T]], Awaitable[bool]]
"""Tells whether an entry is wanted, where that takes asking the node."""


async def serve_stream(
    request: web.Request,
    kind: str,
    name: str,
    extract: Extract[T],
    render: Callable[[Entry[T]], Any],
    keep: Keep[T] | None = None,
) -> web.StreamResponse:
    """Send the entries that are to be kept as events called `name` until the client leaves or the server stops.

    Raises:
        Problem: invalid_cursor or too_many_streams, before anything is sent.
    """
    context = context_of(request)
    position = _start(request, context, kind)
    if context.streams_open >= context.limits.streams_max:
        detail = f"{context.streams_open} streams are open"
        raise Problem("too_many_streams", detail, retry_after_seconds=STREAMS_RETRY_SECONDS)
    headers = {
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",
        "Content-Type": EVENT_STREAM_TYPE,
        HEIGHT_HEADER: str(context.node.head().height),
        **origin_headers(request, context.access),
    }
    response = web.StreamResponse(headers=headers)
    context.streams_open += 1
    try:
        request[STREAMING] = True
        await response.prepare(request)
        await response.write(f"retry: {RECONNECT_MILLISECONDS}\n\n".encode())
        await _send_all(request, response, context, position, kind, name, extract, render, keep)
        await response.write_eof()
    except ConnectionResetError:
        # The client left; there is nobody to tell.
        pass
    finally:
        context.streams_open -= 1
    return response


async def _send_all(
    request: web.Request,
    response: web.StreamResponse,
    context: ApiContext,
    position: Position,
    kind: str,
    name: str,
    extract: Extract[T],
    render: Callable[[Entry[T]], Any],
    keep: Keep[T] | None,
) -> None:
    try:
        while not context.stopping.is_set():
            # A certificate may be revoked while its stream is open.
            check_access(request, context.access)
            height = position.next_height
            if height > context.node.head().height:
                await context.unless_stopping(context.node.wait_height(height), context.limits.heartbeat_seconds)
            if height <= context.node.head().height:
                position = await _send_block(response, context, position, kind, name, extract, render, keep)
            elif not context.stopping.is_set():
                await response.write(_heartbeat(write_cursor(kind, Order.ASCENDING, position)))
    except (NotReady, Pruned, Problem) as error:
        problem = _as_problem(error)
        await response.write(b"event: error\ndata: " + dump_json(problem.as_json()) + b"\n\n")


async def _send_block(
    response: web.StreamResponse,
    context: ApiContext,
    position: Position,
    kind: str,
    name: str,
    extract: Extract[T],
    render: Callable[[Entry[T]], Any],
    keep: Keep[T] | None,
) -> Position:
    """Send what the next block holds after `position`; return the end of that block."""
    height = position.next_height
    parts: list[bytes] = []
    for entry in await block_entries(context.blocks, height, extract):
        if entry.position > position and (keep is None or await keep(entry)):
            cursor = write_cursor(kind, Order.ASCENDING, entry.position)
            parts.append(f"id: {cursor}\nevent: {name}\ndata: ".encode() + dump_json(render(entry)) + b"\n\n")
    if parts:
        await response.write(b"".join(parts))
    return end_of_block(height)


def _as_problem(error: NotReady | Pruned | Problem) -> Problem:
    """Return what the last event of a stream says."""
    if isinstance(error, Problem):
        return error
    return not_ready(error.reasons) if isinstance(error, NotReady) else Problem("pruned", error.detail)


def _heartbeat(cursor: str) -> bytes:
    """Return an event without data: browsers dispatch nothing, but resume from its id."""
    return f": heartbeat\nid: {cursor}\n\n".encode()


def _start(request: web.Request, context: ApiContext, kind: str) -> Position:
    """Return where a stream begins: after Last-Event-ID, after the cursor, or at the head."""
    text = request.headers.get("Last-Event-ID") or request.query.get("cursor")
    position = read_cursor(kind, Order.ASCENDING, text)
    if position is None:
        return end_of_block(context.node.head().height)
    return START if position.height == 0 else position
