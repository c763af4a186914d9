"""A cluster of real node processes for tests: started on free ports, disturbed, asked, and stopped whatever happens."""

import asyncio
import json
import random
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from cluster_contract import NAME, notebook, write

from chain.genesis import Parameters
from chain.recorded_block import RecordedBlock, decode_range, decode_recorded_block
from chain.types import Digest
from cli import cluster_processes as processes
from cli.chaos.links import Links
from cli.cluster_files import create_cluster
from cli.cluster_layout import PEER_PORT_OFFSET, ClusterLayout, NodePlace
from cli.cluster_status import NodeReport, fetch_reports
from tallystick import AsyncClient, Wallet

PATIENCE_SECONDS: Final = 90.0
"""Other programs may use the same processors; nothing here measures time."""
POLL_SECONDS: Final = 0.1
NODES: Final = 4
WRITER: Final = "acme.ops"


def free_base_port(count: int = NODES) -> int:
    """Return a base port of which all ports of a cluster are free, below the range that the system hands out."""
    for _ in range(200):
        base = random.randrange(18_000, 31_000)
        ports = [base + offset + number for offset in (0, PEER_PORT_OFFSET) for number in range(count)]
        if all(map(processes.port_free, ports)):
            return base
    raise AssertionError("no free ports were found")


async def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """Poll until a condition, which may block on the network, yields something other than None or False; return it."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        found = await asyncio.to_thread(condition)
        if found is not None and found is not False:
            return found
        assert asyncio.get_running_loop().time() < deadline, f"after {seconds} s still not: {what}"
        await asyncio.sleep(POLL_SECONDS)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a node answered over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


def http(
    node: NodePlace,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    seconds: float = 30.0,
) -> HttpAnswer:
    """Send a request to a node and return the answer, whatever its status.

    Raises:
        OSError: when the node does not answer.
    """
    request = urllib.request.Request(node.api + path, data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=seconds) as response:
            return HttpAnswer(response.status, dict(response.headers), response.read())
    except urllib.error.HTTPError as error:
        with error:
            return HttpAnswer(error.code, dict(error.headers), error.read())


def tally(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the `tally` command as a user does; unless `check` is false it has to succeed."""
    command = [sys.executable, "-c", "from cli.main import main; main()", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert not check or done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done


class Cluster:
    """Owns the processes of a cluster that a test started."""

    def __init__(self, folder: Path, nodes: int = NODES, parameters: Parameters | None = None) -> None:
        # One port more than there are nodes: an observer may be added.
        base_port = free_base_port(nodes + 1)
        self.layout: ClusterLayout = create_cluster(folder, nodes, base_port, (notebook(),), parameters)
        self.links: Links | None = None
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._log_places: dict[Path, int] = {}
        self._expected: list[re.Pattern[str]] = []

    # Nodes

    @property
    def nodes(self) -> tuple[NodePlace, ...]:
        """Where the nodes live."""
        return self.layout.nodes

    def node(self, name: str) -> NodePlace:
        """Return the place of a node."""
        return self.layout.find(name)

    def insert_links(self) -> Links:
        """Lead all connections between nodes through proxies; before the start."""
        self.links = Links()
        self.links.insert(self.layout)
        return self.links

    def lies(self, name: str, *words: str) -> None:
        """Let a liar tell these lies from now on, or none; the words are those that lying_node.py reads."""
        (self.node(name).folder / "lies").write_text(" ".join(words), encoding="ascii")

    def make_liar(self, name: str) -> None:
        """Let a node's process be one that can lie; before its start."""
        launcher = (sys.executable, str(Path(__file__).with_name("lying_node.py")))
        nodes = (replace(node, launcher=launcher) if node.name == name else node for node in self.nodes)
        self.layout = replace(self.layout, nodes=tuple(nodes))

    def start(self, *names: str) -> None:
        """Start nodes, all that do not run if none is named."""
        for node in self._chosen(names):
            if processes.running_pid(node) is None:
                self._forget(node.name)
                self._children[node.name] = processes.start(node)

    def signal(self, number: signal.Signals, *names: str) -> None:
        """Send a signal to nodes, all if none is named."""
        for node in self._chosen(names):
            processes.send(node, number)

    def kill(self, *names: str) -> None:
        """End nodes as a crash would, all if none is named."""
        for node in self._chosen(names):
            if processes.running_pid(node) is not None:
                processes.send(node, signal.SIGKILL)
        for node in self._chosen(names):
            self.exit_code(node.name)

    def exit_code(self, name: str, seconds: float = PATIENCE_SECONDS) -> int:
        """Wait for a node's process to end and return how it ended."""
        return self._children[name].wait(timeout=seconds)

    def pid(self, name: str) -> int:
        """Return the id of a node's process."""
        pid = processes.running_pid(self.node(name))
        assert pid is not None, f"{name} does not run: {processes.last_output(self.node(name), 20)}"
        return pid

    def children(self, name: str) -> dict[str, list[int]]:
        """Return a node's executor, reader and verifier processes."""
        pid = self.pid(name)
        modules = {
            "executor": b"contracts.executor.main",
            "reader": b"contracts.executor.reader_main",
            "verifier": b"consensus.verifier_worker",
        }
        found: dict[str, list[int]] = {kind: [] for kind in modules}
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()):
            command = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            for kind, module in modules.items():
                # A child that has just been started still has its node's command line.
                if module in command:
                    found[kind].append(child)
        return found

    def refusal(self, name: str) -> tuple[int, str]:
        """Run a node that is expected to end by itself; return its exit code and what it wrote on standard error."""
        command = [sys.executable, "-m", "node", "--config", str(self.node(name).config)]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=self.node(name).folder, timeout=PATIENCE_SECONDS, check=False
        )
        return done.returncode, done.stderr

    def stop(self) -> int:
        """Stop all nodes; return how many had to be killed because they did not stop by themselves."""
        killed: list[NodePlace] = []
        processes.stop(self.nodes, killed.append)
        for name in list(self._children):
            self._forget(name)
        return len(killed)

    def close(self) -> None:
        """Stop everything."""
        try:
            self.stop()
        finally:
            if self.links is not None:
                self.links.close()

    async def begin(self) -> None:
        """Start all nodes and have a first block decided, which certifies the state of genesis."""
        self.start()
        await self.ready()
        async with self.client() as client:
            await client.submit(self.wallet(), write("first"), timeout_seconds=PATIENCE_SECONDS)

    # What nodes say

    def reports(self) -> dict[str, NodeReport]:
        """Return what each node says of itself, by name."""
        return {report.name: report for report in fetch_reports(self.layout)}

    async def ready(self, *names: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Return once nodes are ready, all if none is named."""
        chosen = [node.name for node in self._chosen(names)]

        def all_ready() -> bool:
            reports = self.reports()
            ended = [name for name in chosen if reports[name].pid is None]
            assert not ended, f"{ended} ended: {processes.last_output(self.node(ended[0]), 20)}"
            return all(reports[name].ready for name in chosen)

        await until(all_ready, f"{chosen} ready", seconds)

    async def primary(self) -> str:
        """Return the primary that all ready nodes agree on."""

        def agreed() -> str | None:
            names = {report.primary for report in self.reports().values() if report.ready}
            return names.pop() if len(names) == 1 else None

        found = await until(agreed, "the nodes agree on a primary")
        assert isinstance(found, str)
        return found

    async def height_at_least(self, height: int, *names: str) -> None:
        """Return once nodes have applied a block."""
        chosen = [node.name for node in self._chosen(names)]

        def reached() -> bool:
            reports = self.reports()
            return all((reports[name].height or 0) >= height for name in chosen)

        await until(reached, f"{chosen} at height {height}")

    async def settled(self, *names: str) -> int:
        """Return the height once nodes, all if none is named, stand at the same one with nothing left to decide."""
        chosen = self._chosen(names)

        def same() -> int | None:
            states = [http(node, "/v1/network").json()["node"] for node in chosen]
            heights = {state["height"] for state in states}
            waiting = sum(state["mempool"]["transactions"] for state in states)
            return heights.pop() if len(heights) == 1 and not waiting else None

        found = await until(same, "all nodes at the same height with nothing waiting")
        assert isinstance(found, int)
        return found

    def chain(self, node: NodePlace, first: int = 1) -> list[RecordedBlock]:
        """Return all blocks that a node serves from a height on."""
        blocks: list[RecordedBlock] = []
        while True:
            answer = http(node, f"/v1/blocks/raw?from={first + len(blocks)}&limit=100")
            assert answer.status == 200, answer
            _, records = decode_range(answer.body)
            if not records:
                return blocks
            blocks.extend(decode_recorded_block(record) for record in records)

    async def same_everywhere(self, first: int = 1) -> list[RecordedBlock]:
        """Check that all nodes hold the same blocks, results and state; return the blocks from a height on.

        A node that took a snapshot is given the time to fetch what it left out.
        """
        height = await self.settled()
        await until(lambda: not any(self.lacking(node, first) for node in self.nodes), "no node lacks blocks")
        chains = [await asyncio.to_thread(self.chain, node, first) for node in self.nodes]
        assert {len(chain) for chain in chains} == {height - first + 1}
        for blocks in zip(*chains, strict=True):
            kept = {(block.block, block.result, block.receipts) for block in blocks}
            assert len(kept) == 1, f"height {blocks[0].decoded_block().header.height} differs between nodes"
        totals = [await self.total(node) for node in self.nodes]
        assert len(set(totals)) == 1, totals
        return chains[0]

    def lacking(self, node: NodePlace, first: int = 1) -> list[dict[str, int]]:
        """Return the ranges of blocks, from a height on, that a node says it lacks."""
        gaps = http(node, "/readyz?verbose=true").json()["lacking"]["blocks"]
        return [gap for gap in gaps if gap["last"] >= first]

    async def total(self, node: NodePlace) -> int:
        """Return the number of writes in a node's state, as proven by a certificate."""
        async with self.client(node.name) as client:
            value = await client.state(NAME, "total")
            return int(value.value or 0)

    def client(self, *names: str) -> AsyncClient:
        """Return a client of nodes, all if none is named, that believes nothing but proofs from this genesis."""
        return AsyncClient([node.api for node in self._chosen(names)], genesis_hash=self.layout.chain_id)

    def wallet(self, member: str = "brightvax.ops") -> Wallet:
        """Return the wallet of a demo party."""
        return Wallet.load(self.layout.party_key(member))

    @property
    def chain_id(self) -> Digest:
        """The genesis hash."""
        return Digest(bytes.fromhex(self.layout.chain_id))

    # Logs

    def expect_errors(self, *patterns: str) -> None:
        """Allow errors in the logs that match one of the patterns, until the next check."""
        self._expected.extend(map(re.compile, patterns))

    def unexpected_errors(self) -> list[str]:
        """Return errors and tracebacks that nodes logged since the last time, save those that were expected."""
        found: list[str] = []
        for node in self.nodes:
            for path in (node.log_file, node.folder / "node.out"):
                text = self._new_text(path)
                for line in text.splitlines():
                    bad = " ERROR " in line or " CRITICAL " in line or line.startswith("Traceback")
                    if bad and not any(pattern.search(line) for pattern in self._expected):
                        found.append(f"{node.name}: {line}")
        self._expected.clear()
        return found

    def _new_text(self, path: Path) -> str:
        """Return what a file grew by; a shorter one was begun anew."""
        if not path.exists():
            return ""
        data = path.read_bytes()
        start = self._log_places.get(path, 0)
        self._log_places[path] = len(data)
        return data[start if start <= len(data) else 0 :].decode(errors="replace")

    def _chosen(self, names: Iterable[str]) -> tuple[NodePlace, ...]:
        return tuple(map(self.node, names)) or self.nodes

    def _forget(self, name: str) -> None:
        """Collect the status of a process that has ended."""
        child = self._children.pop(name, None)
        if child is not None:
            child.wait(timeout=PATIENCE_SECONDS)
