"""Publishes verified blocks and their events to NATS JetStream, each at least once; needs the extra `nats`.

How far it is stands in the follower's database and is moved only after the server has acknowledged all of a block. A
process or a server that ends in between makes some messages come twice, under the same ids. A block comes after all of
its events, so whoever has the block has them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from gateway.follower.database import IndexDatabase, Place
from gateway.follower.errors import FollowerError
from gateway.follower.following import DatabaseThread, Progress, blocks_after
from gateway.follower.messages import Message, block_messages, event_messages
from tallystick.client import AsyncClient

try:
    import nats
    from nats.errors import Error as NatsError
    from nats.errors import NoServersError
    from nats.js import JetStreamContext
    from nats.js.api import StreamConfig
    from nats.js.errors import APIError, NotFoundError
except ImportError as error:
    raise FollowerError("NATS takes a library that is not installed: pip install 'tallystick[nats]'") from error

CONNECT_SECONDS: Final = 5
ACKNOWLEDGE_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 1.0
UNACKNOWLEDGED_MAX: Final = 256
DUPLICATE_WINDOW_SECONDS: Final = 600.0
"""For how long a stream that is made here drops repeats by itself."""
PAYLOAD_BYTES_MIN: Final = 16 * 1024

Notice = Callable[[str], None]
"""Is told why nothing is published at the moment."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where to publish."""

    url: str
    stream: str
    """Its name, and the first part of all subjects."""
    credentials: Path | None = None


async def keep_published(
    client: AsyncClient,
    database: IndexDatabase,
    thread: DatabaseThread,
    broker: Broker,
    until: int | None,
    progress: Progress,
    notice: Notice,
) -> None:
    """Publish what the ledger brings, up to a height or for ever; wait while the server is away.

    Raises:
        FollowerError: when the server refuses for good, or the database fails.
        TallystickError: when no node can be believed.
    """
    while True:
        try:
            async with _connected(broker, notice) as (stream, message_bytes_max):
                place = await thread.run(database.published)
                async with aclosing(blocks_after(client, place, until)) as blocks:
                    async for block in blocks:
                        await _publish(stream, event_messages(block, broker.stream, message_bytes_max))
                        await _publish(stream, block_messages(block, broker.stream, message_bytes_max))
                        place = Place(block.certified.header.height, block.certified.block_hash.hex())
                        await thread.run(database.set_published, place)
                        progress(place.height)
                return
        except APIError as error:
            if error.code == HTTPStatus.BAD_REQUEST:
                raise FollowerError(f"NATS refuses: {error.description}") from error
            notice(f"NATS takes nothing at the moment: {error.description}; trying again")
        except NoServersError:
            # Of each attempt there was a notice.
            pass
        except (NatsError, OSError) as error:
            notice(_absent(error))
        await asyncio.sleep(RETRY_SECONDS)


@asynccontextmanager
async def _connected(broker: Broker, notice: Notice) -> AsyncIterator[tuple["_Stream", int]]:
    """Connect, and make the stream where there is none; yield it and how large a message may be."""

    async def told(error: Exception) -> None:
        notice(_absent(error))

    credentials = {} if broker.credentials is None else {"user_credentials": str(broker.credentials)}
    # A connection that breaks ends the work on a block, which is then begun anew on another one.
    connection = await nats.connect(
        broker.url,
        allow_reconnect=False,
        max_reconnect_attempts=1,
        reconnect_time_wait=RETRY_SECONDS,
        connect_timeout=CONNECT_SECONDS,
        error_cb=told,
        **credentials,
    )
    try:
        if connection.max_payload < PAYLOAD_BYTES_MIN:
            raise FollowerError(f"NATS takes messages of {connection.max_payload} bytes; allow {PAYLOAD_BYTES_MIN}")
        context = connection.jetstream(timeout=ACKNOWLEDGE_SECONDS)
        try:
            await context.stream_info(broker.stream)
        except NotFoundError:
            config = StreamConfig(
                name=broker.stream, subjects=[f"{broker.stream}.>"], duplicate_window=DUPLICATE_WINDOW_SECONDS
            )
            await context.add_stream(config)
        yield _Stream(context, broker.stream), connection.max_payload
    finally:
        await connection.close()


def _absent(error: Exception) -> str:
    return f"NATS does not answer: {str(error) or type(error).__name__}; trying again"


@dataclass(frozen=True, slots=True)
class _Stream:
    context: JetStreamContext
    name: str


async def _publish(stream: _Stream, messages: Sequence[Message]) -> None:
    """Return once the server holds all messages."""
    for start in range(0, len(messages), UNACKNOWLEDGED_MAX):
        sending = [
            stream.context.publish(
                message.subject,
                message.body,
                stream=stream.name,
                headers={"Nats-Msg-Id": message.id, **message.headers},
            )
            for message in messages[start : start + UNACKNOWLEDGED_MAX]
        ]
        # All have ended before anything is tried again.
        for outcome in await asyncio.gather(*sending, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
