"""TCP proxies between the nodes of a cluster: links cut, slowed, blocked one way, torn in a frame, mixed up.

Each node dials every other one through a proxy of its own, so that each direction between two nodes can be disturbed
apart. The proxies run on an event loop in a thread of their own. What a blocked direction holds back is delivered when
it heals, as TCP does with packets that were dropped.
"""

import asyncio
import random
import re
import threading
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from cli.cluster_layout import ClusterLayout

T = TypeVar("T")

CHUNK_BYTES: Final = 64 * 1024
CALL_SECONDS_MAX: Final = 30.0


@dataclass(slots=True)
class Way:
    """What happens to bytes on their way from one node to another."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    delay_seconds: float = 0.0
    bytes_per_second: float = 0.0
    """0 for as fast as it goes."""
    break_next: bool = False
    """End the connection within the next piece."""
    swap_next: bool = False
    """Let two pieces change places."""


@dataclass(slots=True)
class Link:
    """One node's dialling of another."""

    source: str
    target: str
    target_port: int
    writers: set[asyncio.StreamWriter] = field(default_factory=set)


class Links:
    """Owns the proxies of a cluster; implements cli.chaos.wires.Wires."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="links", daemon=True)
        self._thread.start()
        self._servers: list[asyncio.Server] = []
        self._links: list[Link] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._cut: set[str] = set()
        self._ways: dict[tuple[str, str], Way] = {}

    def insert(self, layout: ClusterLayout) -> ClusterLayout:
        """Rewrite the peers' addresses in all configurations so that they lead through proxies."""
        for source in layout.nodes:
            text = source.config.read_text(encoding="utf-8")
            for target in layout.nodes:
                if target != source:
                    port = self._run(self._listen(Link(source.name, target.name, target.peer_port)))
                    pattern = rf'^{target.name} = "127\.0\.0\.1:{target.peer_port}"$'
                    text, count = re.subn(pattern, f'{target.name} = "127.0.0.1:{port}"', text, flags=re.MULTILINE)
                    assert count == 1, f"{source.config} names {target.name} once"
            source.config.write_text(text, encoding="utf-8")
        return layout

    def cut(self, name: str) -> None:
        """Drop all connections with a node and refuse new ones."""
        self._run(self._set_cut(name))

    def block(self, name: str, *, incoming: bool, outgoing: bool) -> None:
        """Let nothing through to a node, from it, or both, without ending its connections."""
        for way in [*(self._towards(name) if incoming else ()), *(self._from(name) if outgoing else ())]:
            self._loop.call_soon_threadsafe(way.open.clear)

    def slow(self, name: str, delay_seconds: float, bytes_per_second: float) -> None:
        """Delay everything to and from a node, differently on each way up to the given time, and limit its rate."""
        for way in (*self._towards(name), *self._from(name)):
            way.delay_seconds = self._chance.uniform(0, delay_seconds)
            way.bytes_per_second = bytes_per_second

    def tear(self, name: str) -> None:
        """End each connection with a node in the midst of the next piece that goes over it."""
        for way in (*self._towards(name), *self._from(name)):
            way.break_next = True

    def swap(self, name: str) -> None:
        """Deliver the second half of the next piece of each connection with a node before its first half.

        TLS notices and ends the connection: nodes never see messages of one peer in another order than they were sent.
        """
        for way in (*self._towards(name), *self._from(name)):
            way.swap_next = True

    def heal(self) -> None:
        """Let everything through again."""
        self._run(self._heal())

    def close(self) -> None:
        """End all proxies."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _towards(self, name: str) -> Iterable[Way]:
        return [way for (_, target), way in self._ways.items() if target == name]

    def _from(self, name: str) -> Iterable[Way]:
        return [way for (source, _), way in self._ways.items() if source == name]

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=CALL_SECONDS_MAX)

    async def _listen(self, link: Link) -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await self._serve(link, reader, writer)
            finally:
                self._tasks.discard(task)

        for ends in ((link.source, link.target), (link.target, link.source)):
            if ends not in self._ways:
                self._ways[ends] = Way()
                self._ways[ends].open.set()
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self._servers.append(server)
        self._links.append(link)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if {link.source, link.target} & self._cut:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", link.target_port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        link.writers |= ends
        there, back = self._ways[link.source, link.target], self._ways[link.target, link.source]
        try:
            pumps = [self._pump(there, reader, far_writer), self._pump(back, far_reader, writer)]
            tasks = [asyncio.ensure_future(pump) for pump in pumps]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            link.writers -= ends
            for end in ends:
                end.transport.abort()

    async def _pump(self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                if way.break_next:
                    way.break_next = False
                    writer.write(data[: self._chance.randrange(len(data))])
                    await writer.drain()
                    return
                if way.swap_next and len(data) > 1:
                    way.swap_next = False
                    middle = self._chance.randrange(1, len(data))
                    data = data[middle:] + data[:middle]
                seconds = way.delay_seconds
                if way.bytes_per_second:
                    seconds += len(data) / way.bytes_per_second
                if seconds:
                    await asyncio.sleep(seconds)
                await way.open.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            # Either side hung up; the other one is told by the end of its connection.
            return

    async def _set_cut(self, name: str) -> None:
        self._cut.add(name)
        for link in self._links:
            if name in (link.source, link.target):
                for writer in link.writers:
                    writer.transport.abort()

    async def _heal(self) -> None:
        self._cut.clear()
        for way in self._ways.values():
            way.open.set()
            way.delay_seconds = way.bytes_per_second = 0.0
            way.break_next = way.swap_next = False

    async def _close(self) -> None:
        await self._heal()
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
