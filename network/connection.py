"""One authenticated connection: reads, writes, keepalive, and requests in both directions.

It owns its stream, its outbox and its open requests, and lives inside `run`. Whatever goes wrong becomes one
DisconnectError that `run` returns; it must not touch other connections. Handlers are called in the order of arrival.
"""

import asyncio
import struct
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, Protocol

from chain.encoding import DecodeError, decode, encode, fields_of
from chain.types import Height, ValidatorId
from network.errors import (
    DisconnectError,
    PeerFaultError,
    PeerUnavailableError,
    Reason,
    RefusalError,
    RequestRefusedError,
    RequestTimeoutError,
)
from network.framing import PAYLOAD_BYTES_MAX, Channel, Frame, FrameStream, encode_frame
from network.limits import NetworkLimits, TokenBucket
from network.outbox import LANES, Offer, Outbox

_PING: Final = 4
_PONG: Final = 5

_REQUEST: Final = struct.Struct(">QB")
"""Request id and kind, before the payload."""
_RESPONSE: Final = struct.Struct(">QB")
"""Request id and outcome, before the payload."""
_SERVED: Final = 0
_REFUSED: Final = 1

REQUEST_PAYLOAD_BYTES_MAX: Final = PAYLOAD_BYTES_MAX[Channel.REQUEST] - _REQUEST.size
RESPONSE_PAYLOAD_BYTES_MAX: Final = PAYLOAD_BYTES_MAX[Channel.RESPONSE] - _RESPONSE.size

_MESSAGES: Final = (Channel.CONSENSUS, Channel.TRANSACTIONS, Channel.BLOCKS)

Work = Callable[[], Coroutine[Any, Any, None]]


class PeerHandler(Protocol):
    """What the node does with its peers. The first three run on the event loop and must only take note and return.

    `on_message` and `on_request` may raise PeerFaultError or DecodeError, which closes the connection; `on_request` may
    raise RefusalError. Any other exception of theirs is a bug of ours: it is logged, and that one connection is closed.
    An error that must stop the node belongs into a task of the node. `on_connected` and `on_disconnected` do not raise.
    """

    def on_message(self, peer: ValidatorId, channel: Channel, payload: bytes) -> float:
        """Take a message that a connected peer sent on CONSENSUS, TRANSACTIONS or BLOCKS.

        Returns the seconds for which nothing more should be read from this peer, 0.0 unless it sends too much.
        """
        ...

    def on_connected(self, peer: ValidatorId, head_height: Height) -> None:
        """Take note that a peer can be sent to; it announced this head."""

    def on_disconnected(self, peer: ValidatorId, reason: DisconnectError) -> None:
        """Take note that a connection ended; called exactly once for each `on_connected`."""

    async def on_request(self, peer: ValidatorId, kind: int, payload: bytes) -> bytes:
        """Return the answer to a peer's request."""
        ...


class Connection:
    """A connection to one peer after the greeting."""

    def __init__(
        self,
        peer: ValidatorId,
        stream: FrameStream,
        handler: PeerHandler,
        limits: NetworkLimits,
        own_head: Callable[[], Height],
        head_height: Height,
    ) -> None:
        self.peer = peer
        self.head_height = head_height
        """The highest head that the peer announced on this connection."""
        self._stream = stream
        self._handler = handler
        self._limits = limits
        self._own_head = own_head
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self.outbox = Outbox(limits)
        self.sent_bytes = 0
        self.received_bytes = 0
        self.throttled = 0
        """How often reading paused because the peer exceeded its quota."""
        self.round_trip_seconds: float | None = None
        self.clock_offset_seconds: float | None = None
        """How far the peer's clock is ahead of this node's, by the last ping; wrong by half a round trip at most."""
        self._received_at = now
        self._throttling = False
        self._bytes_quota = TokenBucket(limits.inbound_bytes_per_second, now)
        self._frames_quota = TokenBucket(limits.inbound_frames_per_second, now)
        self._to_send = asyncio.Event()
        self._is_idle = False
        """Whether the writer waits for something to write."""
        self._end: DisconnectError | None = None
        self._ended = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: dict[int, asyncio.Future[bytes]] = {}
        self._next_request = 0
        self._answering = 0
        self._pings: dict[int, float] = {}
        self._next_ping = 0

    @property
    def silent_seconds(self) -> float:
        """For how long nothing at all has arrived."""
        return self._loop.time() - self._received_at

    async def run(self) -> DisconnectError:
        """Serve the connection until it ends; return why it did."""
        try:
            async with asyncio.TaskGroup() as group:
                for work in (partial(self._read, group), self._write, self._keep_alive):
                    self._start(group, work)
                await self._ended.wait()
                for task in self._tasks:
                    task.cancel()
        finally:
            # Without a reason so far, the node is shutting down.
            ended = self.close(DisconnectError(Reason.SHUTDOWN))
            for future in self._open.values():
                if not future.done():
                    future.set_exception(PeerUnavailableError(self.peer, str(ended)))
        return ended

    def close(self, reason: DisconnectError) -> DisconnectError:
        """End the connection soon; the first reason counts and is returned."""
        self._end = self._end or reason
        self._ended.set()
        return self._end

    def send(self, channel: Channel, frame: bytes) -> bool:
        """Send an encoded frame, or queue it; tell whether that was done."""
        if self._end:
            return False
        if self._is_idle and self._stream.is_flushed:
            # Nothing waits and nothing is on its way: to wake the writer would only delay it.
            self._put(frame)
            return True
        offer = self.outbox.offer(LANES[channel], frame)
        if offer is Offer.OVERFLOW:
            depth = self.outbox.depths().urgent_bytes
            self.close(DisconnectError(Reason.URGENT_OVERFLOW, f"{depth} bytes wait for the peer"))
        if offer is not Offer.QUEUED:
            return False
        self._is_idle = False
        self._to_send.set()
        return True

    async def request(self, kind: int, payload: bytes, timeout_seconds: float) -> bytes:
        """Send a request and return its answer.

        Raises:
            RequestError: see the three classes derived from it.
        """
        if self._end or len(self._open) >= self._limits.requests_open_max:
            raise PeerUnavailableError(self.peer, "disconnected, or too many open requests")
        number = self._next_request
        self._next_request += 1
        frame = encode_frame(Channel.REQUEST, _REQUEST.pack(number, kind) + payload)
        if not self.send(Channel.REQUEST, frame):
            raise PeerUnavailableError(self.peer, "the queue of requests is full")
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._open[number] = answer
        try:
            async with asyncio.timeout(timeout_seconds):
                return await answer
        except TimeoutError as error:
            raise RequestTimeoutError(self.peer, f"kind {kind} not answered in {timeout_seconds} s") from error
        finally:
            del self._open[number]

    def _start(self, group: asyncio.TaskGroup, work: Work) -> None:
        task = group.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Work) -> None:
        """Turn failures into the end of this connection; a task group that saw them could lose a cancellation."""
        try:
            await work()
        except DisconnectError as reason:
            self.close(reason)
        except PeerFaultError as fault:
            self.close(DisconnectError(Reason.FAULT, str(fault)))
        except (DecodeError, struct.error) as malformed:
            self.close(DisconnectError(Reason.MALFORMED, str(malformed)))
        except Exception as failure:  # noqa: BLE001 - a peer task: a bug costs one connection
            # The boundary of a peer's tasks: a bug that one peer's message reaches must not take the node down.
            bug = DisconnectError(Reason.INTERNAL_ERROR, repr(failure))
            bug.__cause__ = failure
            self.close(bug)

    async def _read(self, group: asyncio.TaskGroup) -> None:
        self._stream.decoder.payload_bytes_max = PAYLOAD_BYTES_MAX
        size = 0
        while True:
            frames, asked = self._dispatch_all(group)
            now = self._loop.time()
            delay = max(asked, self._bytes_quota.take(size, now), self._frames_quota.take(frames, now))
            if delay > 0.0:
                self.throttled += 1
                self._throttling = True
                await asyncio.sleep(delay)
                self._throttling = False
            size = await self._stream.fill()
            self._received_at = self._loop.time()
            self.received_bytes += size

    def _dispatch_all(self, group: asyncio.TaskGroup) -> tuple[int, float]:
        """Dispatch the frames that are complete; return their number, and the pause that the last messages call for."""
        frames, delay = 0, 0.0
        while self._end is None and (frame := self._stream.decoder.next_frame()) is not None:
            frames += 1
            if frame.channel in _MESSAGES:
                delay = max(delay, self._handler.on_message(self.peer, frame.channel, frame.payload))
            else:
                self._dispatch(frame, group)
        return frames, delay

    def _dispatch(self, frame: Frame, group: asyncio.TaskGroup) -> None:
        if frame.channel is Channel.CONTROL:
            self._take_control(frame.payload)
        elif frame.channel is Channel.RESPONSE:
            self._take_response(frame.payload)
        elif frame.channel is Channel.REQUEST:
            number, kind = _REQUEST.unpack_from(frame.payload)
            if self._answering >= self._limits.answers_open_max:
                self._respond(number, _REFUSED, b"busy: too many requests at once")
                return
            self._answering += 1
            self._start(group, partial(self._answer, number, kind, frame.payload[_REQUEST.size :]))

    async def _answer(self, number: int, kind: int, payload: bytes) -> None:
        try:
            async with asyncio.timeout(self._limits.answer_seconds_max):
                answer = await self._handler.on_request(self.peer, kind, payload)
        except RefusalError as refusal:
            self._respond(number, _REFUSED, str(refusal).encode())
        except TimeoutError:
            self._respond(number, _REFUSED, b"this node took too long")
        else:
            if len(answer) > RESPONSE_PAYLOAD_BYTES_MAX:
                self._respond(number, _REFUSED, b"the answer is too large")
            else:
                self._respond(number, _SERVED, answer)
        finally:
            self._answering -= 1

    def _respond(self, number: int, outcome: int, payload: bytes) -> None:
        head = _RESPONSE.pack(number, outcome)
        if not self.send(Channel.RESPONSE, encode_frame(Channel.RESPONSE, head + payload)):
            # The peer asks faster than it reads. Should even this not fit, its own timeout tells it.
            busy = _RESPONSE.pack(number, _REFUSED) + b"busy: answers wait to be read"
            self.send(Channel.RESPONSE, encode_frame(Channel.RESPONSE, busy))

    def _take_response(self, payload: bytes) -> None:
        number, outcome = _RESPONSE.unpack_from(payload)
        if number >= self._next_request or outcome not in (_SERVED, _REFUSED):
            raise PeerFaultError(f"response {number} to no request, or outcome {outcome}")
        answer = self._open.get(number)
        if answer is None or answer.done():
            return  # it came after the timeout
        body = payload[_RESPONSE.size :]
        if outcome == _SERVED:
            answer.set_result(body)
        else:
            answer.set_exception(RequestRefusedError(self.peer, body[:1024].decode("utf-8", "replace")))

    def _take_control(self, payload: bytes) -> None:
        kind, number, head, clock = fields_of(decode(payload, depth_max=2), "ping", int, int, int, int)
        if kind not in (_PING, _PONG) or head < 0 or clock < 0:
            raise DecodeError(f"control message {kind} with head {head}")
        self.head_height = max(self.head_height, Height(head))
        if kind == _PING:
            self._send_control(_PONG, number)
        elif (sent_at := self._pings.pop(number, None)) is not None:
            self.round_trip_seconds = self._loop.time() - sent_at
            self._compare_clocks(clock, self.round_trip_seconds)

    def _compare_clocks(self, clock: int, round_trip_seconds: float) -> None:
        """Estimate how far the peer's clock is ahead: it was read half a round trip ago, give or take as much."""
        self.clock_offset_seconds = (clock - time.time_ns() // 1_000_000) / 1000 + round_trip_seconds / 2

    def _send_control(self, kind: int, number: int) -> None:
        self.send(
            Channel.CONTROL,
            encode_frame(Channel.CONTROL, encode([kind, number, self._own_head(), time.time_ns() // 1_000_000])),
        )

    async def _write(self) -> None:
        while True:
            frames = self.outbox.take(self._limits.write_batch_bytes)
            if frames:
                self._put(b"".join(frames))
                await self._stream.drain()
                continue
            self._to_send.clear()
            self._is_idle = True
            await self._to_send.wait()
            self._is_idle = False

    def _put(self, data: bytes) -> None:
        self._stream.put(data)
        self.sent_bytes += len(data)

    async def _keep_alive(self) -> None:
        interval, silence_max = self._limits.ping_interval_seconds, self._limits.silence_seconds_max
        checked_at = self._received_at
        while True:
            now = self._loop.time()
            if self._throttling or now - checked_at > 2 * interval:
                # This node does not read for its own reasons, or itself stood still (paused, starved of CPU): the
                # silence is ours, not the peer's.
                self._received_at = now
            checked_at = now
            if now - self._received_at > silence_max:
                raise DisconnectError(Reason.SILENT, f"nothing for {now - self._received_at:.1f} s")
            # Pongs still owed from longer ago would say nothing about the link as it is.
            self._pings = {number: sent for number, sent in self._pings.items() if now - sent <= silence_max}
            self._pings[self._next_ping] = now
            self._send_control(_PING, self._next_ping)
            self._next_ping += 1
            await asyncio.sleep(interval)
