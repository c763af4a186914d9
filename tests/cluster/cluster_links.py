"""TCP proxies between the nodes of a cluster, by which a test cuts a node off or lets its packets vanish.

Each node dials every other one through a proxy of its own, so that both directions of a node can be disturbed. The
proxies run on an event loop in a thread of their own: a cluster outlives the loop of a single test.
"""

import asyncio
import re
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cli.cluster_layout import ClusterLayout

T = TypeVar("T")

CHUNK_BYTES = 64 * 1024


@dataclass(slots=True)
class Link:
    """One direction of dialling between two nodes."""

    source: str
    target: str
    target_port: int
    writers: set[asyncio.StreamWriter] = field(default_factory=set)


class Links:
    """Owns the proxies of a cluster."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="links", daemon=True)
        self._thread.start()
        self._servers: list[asyncio.Server] = []
        self._links: list[Link] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._cut: set[str] = set()
        self._flowing: dict[str, asyncio.Event] = {}

    def insert(self, layout: ClusterLayout) -> None:
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

    def cut(self, name: str) -> None:
        """Drop all connections with a node and refuse new ones."""
        self._run(self._set_cut(name))

    def mute(self, name: str) -> None:
        """Let nothing through to or from a node, without ending its connections."""
        self._run(self._set_flow(name, False))

    def heal(self) -> None:
        """Let everything through again."""
        self._run(self._heal())

    def close(self) -> None:
        """End all proxies."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _listen(self, link: Link) -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await self._serve(link, reader, writer)
            finally:
                self._tasks.discard(task)

        for name in (link.source, link.target):
            if name not in self._flowing:
                self._flowing[name] = asyncio.Event()
                self._flowing[name].set()
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
        try:
            pumps = [self._pump(link, reader, far_writer), self._pump(link, far_reader, writer)]
            tasks = [asyncio.ensure_future(pump) for pump in pumps]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            link.writers -= ends
            for end in ends:
                end.transport.abort()

    async def _pump(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                await self._flowing[link.source].wait()
                await self._flowing[link.target].wait()
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

    async def _set_flow(self, name: str, flows: bool) -> None:
        event = self._flowing[name]
        event.set() if flows else event.clear()

    async def _heal(self) -> None:
        self._cut.clear()
        for event in self._flowing.values():
            event.set()

    async def _close(self) -> None:
        await self._heal()
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
