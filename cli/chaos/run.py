"""One chaos run: clients at work, one disturbance after the other, and at the end a judgement of everything seen."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Final

from chain.block import decode_block
from chain.recorded_block import decode_recorded_block
from chain.transaction import transaction_id_of_raw
from chain.types import Digest
from chain.values import dataclass
from cli import cluster_processes as processes
from cli.chaos.clients import Clients
from cli.chaos.faults import Fault, Ground, draw, heal
from cli.chaos.linearizability import unlinearizable_keys
from cli.cluster_layout import ClusterLayout, NodePlace
from cli.cluster_status import fetch_reports
from cli.errors import CliError
from cli.node_source import NodeSource

RESUME_SECONDS_MAX: Final = 15.0
"""After everything was healed, an operation must be acknowledged within this time."""
EQUAL_SECONDS_MAX: Final = 120.0
HOLD_SECONDS: Final = (0.3, 4.0)
"""How long a disturbance lasts after its last fault began: between these."""
STAGGER_SECONDS_MAX: Final = 1.5
"""Faults of one disturbance begin at most so long after one another."""
MEMORY_BYTES_MAX: Final = 512 * 2**20
"""What a node and its helpers may hold, each, at its peak."""
CLIENTS: Final = 6
POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done."""

    seed: int
    seconds: float
    faults: list[Fault]


@dataclass(slots=True)
class Report:
    """What was seen."""

    faults: Counter[str] = field(default_factory=Counter)
    """Nodes hit, by kind of fault."""
    resumed: list[float] = field(default_factory=list)
    """Seconds from each healing to the first operation that was begun and acknowledged after it."""
    went_on: list[float] = field(default_factory=list)
    """The same from the beginning of disturbances that hit no more nodes than may be faulty, unhealed."""
    operations: int = 0
    acknowledged: int = 0
    unknown: int = 0
    refused: int = 0
    blocks: int = 0
    memory_bytes_max: int = 0
    """Largest peak of resident memory of a node's process or of one of its helpers."""
    violations: list[str] = field(default_factory=list)


async def run_chaos(ground: Ground, plan: Plan, say: Callable[[str], None]) -> Report:
    """Disturb a running cluster until the time is over, then judge; violations are in the report.

    Raises:
        CliError: when a node does not come back, so that nothing can be judged.
    """
    report = Report()
    clients = Clients(ground.layout, plan.seed, CLIENTS)
    clients.start()
    now = asyncio.get_running_loop().time
    end = now() + plan.seconds
    try:
        while now() < end and not report.violations:
            await _disturb(ground, plan, clients, report, say)
    finally:
        await asyncio.to_thread(heal, ground)
    await clients.stop()
    await _judge(ground.layout, clients, report)
    return report


async def _disturb(ground: Ground, plan: Plan, clients: Clients, report: Report, say: Callable[[str], None]) -> None:
    """One to three kinds of faults on top of each other, for a while; then all is healed and commits must resume.

    While no more nodes are hit than may be faulty, the others must go on without waiting for the healing.
    """
    nodes = ground.layout.nodes
    faulty_max = (len(nodes) - 1) // 3
    whole = all(found.ready for found in await asyncio.to_thread(fetch_reports, ground.layout))
    strokes = draw(ground.chance, plan.faults, nodes, whole=whole)
    for stroke in strokes:
        for node in stroke.victims:
            if processes.running_pid(node) is not None:
                await asyncio.to_thread(stroke.fault.start, ground, node)
                report.faults[stroke.fault.name] += 1
        await asyncio.sleep(ground.chance.uniform(0, STAGGER_SECONDS_MAX))
    told = "; ".join(f"{stroke.fault.name} {' '.join(node.name for node in stroke.victims)}" for stroke in strokes)
    if whole and len({node.name for stroke in strokes for node in stroke.victims}) <= faulty_max:
        seconds = await clients.progress(RESUME_SECONDS_MAX)
        if seconds is None:
            report.violations.append(
                f"no commit within {RESUME_SECONDS_MAX:.0f} s while enough nodes were well: {told}"
            )
            return
        report.went_on.append(seconds)
    await asyncio.sleep(ground.chance.uniform(*HOLD_SECONDS))
    report.memory_bytes_max = max(report.memory_bytes_max, *map(_memory_peak, nodes))
    if report.memory_bytes_max > MEMORY_BYTES_MAX:
        report.violations.append(f"a process held {report.memory_bytes_max >> 20} MiB: {told}")
    await asyncio.to_thread(heal, ground)
    seconds = await clients.progress(RESUME_SECONDS_MAX)
    if seconds is None:
        report.violations.append(f"no commit within {RESUME_SECONDS_MAX:.0f} s of healing {told}")
        return
    report.resumed.append(seconds)
    say(f"{told}: commits again {seconds:.2f} s after healing, {len(clients.acknowledged)} acknowledged")


async def _judge(layout: ClusterLayout, clients: Clients, report: Report) -> None:
    """Compare the nodes' chains, look for every acknowledged transaction, and check every register's history."""
    report.operations = len(clients.history)
    report.acknowledged = len(clients.acknowledged)
    report.unknown = sum(operation.returned is None for operation in clients.history)
    report.refused = clients.refused
    height = await _equal_height(layout)
    chains = [await asyncio.to_thread(_chain, node.api, height) for node in layout.nodes]
    report.blocks = height
    for node, chain in zip(layout.nodes[1:], chains[1:], strict=True):
        for number, (own, first) in enumerate(zip(chain, chains[0], strict=True)):
            if own != first:
                report.violations.append(f"block {number + 1} of {node.name} is not that of {layout.nodes[0].name}")
                break
    places = _places(chains[0])
    for transaction_id, receipt in clients.acknowledged.items():
        found = places.get(transaction_id, [])
        if found != [(receipt.height, receipt.index)]:
            where = f"acknowledged at {receipt.height}/{receipt.index}, found at {found or 'no place'}"
            report.violations.append(f"transaction {transaction_id.hex()}: {where}")
    for key in await asyncio.to_thread(unlinearizable_keys, clients.history):
        report.violations.append(f"register {key}: its operations cannot have happened one at a time")


async def _equal_height(layout: ClusterLayout) -> int:
    """Return the height at which all nodes stand with nothing left to decide."""
    deadline = asyncio.get_running_loop().time() + EQUAL_SECONDS_MAX
    seen: set[int | None] = set()
    while asyncio.get_running_loop().time() < deadline:
        reports = await asyncio.to_thread(fetch_reports, layout)
        heights = {report.height for report in reports}
        if len(heights) == 1 and heights == seen and all(report.ready for report in reports):
            (height,) = heights
            assert height is not None, "a node that is ready tells its height"
            return height
        seen = heights
        await asyncio.sleep(POLL_SECONDS)
    states = "; ".join(f"{report.name} {report.height} {' '.join(report.why_not)}" for report in reports)
    raise CliError(f"the nodes do not come together within {EQUAL_SECONDS_MAX:.0f} s: {states}")


def _chain(url: str, height: int) -> list[tuple[bytes, bytes, tuple[bytes, ...]]]:
    """Return block, result and receipts of every height; certificates differ between nodes."""
    source = NodeSource(url)
    try:
        records = map(decode_recorded_block, source.blocks(1, height))
        return [(record.block, record.result, tuple(record.receipts)) for record in records]
    finally:
        source.close()


def _places(chain: list[tuple[bytes, bytes, tuple[bytes, ...]]]) -> dict[Digest, list[tuple[int, int]]]:
    places: dict[Digest, list[tuple[int, int]]] = {}
    for raw_block, _, _ in chain:
        block = decode_block(raw_block)
        for index, raw in enumerate(block.transactions):
            places.setdefault(transaction_id_of_raw(raw), []).append((block.header.height, index))
    return places


def _memory_peak(node: NodePlace) -> int:
    """Return the largest peak of resident memory among a node's process and its helpers in bytes, 0 if none runs."""
    pid = processes.running_pid(node)
    if pid is None:
        return 0
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return max(map(_memory_peak_of, (str(pid), *children)))


def _memory_peak_of(pid: str) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    lines = [line.split() for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0][1]) * 1024 if lines else 0
