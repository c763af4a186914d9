"""One chaos run: clients at work, one disturbance after the other, and at the end a judgement of everything seen."""

import asyncio
import random
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chain.block import decode_block
from chain.recorded_block import decode_recorded_block
from chain.transaction import transaction_id_of_raw
from chain.types import Digest
from cli import cluster_processes as processes
from cli.chaos.clients import Clients
from cli.chaos.faults import Fault, Ground, choose_victims, heal
from cli.chaos.linearizability import unlinearizable_keys
from cli.cluster_layout import ClusterLayout, NodePlace
from cli.cluster_status import fetch_reports
from cli.errors import CliError
from cli.node_source import NodeSource

RESUME_SECONDS_MAX: Final = 15.0
"""After everything was healed, an operation must be acknowledged within this time."""
EQUAL_SECONDS_MAX: Final = 120.0
HOLD_SECONDS: Final = (0.3, 4.0)
"""How long a disturbance lasts: between these."""
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
    operations: int = 0
    acknowledged: int = 0
    unknown: int = 0
    refused: int = 0
    blocks: int = 0
    memory_bytes_max: int = 0
    """Largest peak of resident memory of a node's own process."""
    violations: list[str] = field(default_factory=list)

    @property
    def resumed_median(self) -> float:
        """Median of `resumed`, 0 if there was no disturbance."""
        return statistics.median(self.resumed) if self.resumed else 0.0


async def run_chaos(ground: Ground, plan: Plan, say: Callable[[str], None]) -> Report:
    """Disturb a running cluster until the time is over, then judge; violations are in the report.

    Raises:
        CliError: when a node does not come back, so that nothing can be judged.
    """
    report = Report()
    chance = random.Random(plan.seed)
    clients = Clients(ground.layout, plan.seed, CLIENTS)
    clients.start()
    now = asyncio.get_running_loop().time
    end = now() + plan.seconds
    try:
        while now() < end and not report.violations:
            await _disturb(ground, plan, chance, clients, report, say)
    finally:
        await asyncio.to_thread(heal, ground)
    await clients.stop()
    await _judge(ground.layout, clients, report)
    return report


async def _disturb(
    ground: Ground, plan: Plan, chance: random.Random, clients: Clients, report: Report, say: Callable[[str], None]
) -> None:
    """One or two faults at once, for a while; then everything is healed and commits must resume."""
    told: list[str] = []
    for fault in chance.sample(plan.faults, min(len(plan.faults), chance.choice((1, 1, 2)))):
        victims = choose_victims(chance, ground.layout.nodes)
        for node in victims:
            if processes.running_pid(node) is not None:
                await asyncio.to_thread(fault.start, ground, node)
                report.faults[fault.name] += 1
        told.append(f"{fault.name} {' '.join(node.name for node in victims)}")
    await asyncio.sleep(chance.uniform(*HOLD_SECONDS))
    report.memory_bytes_max = max(report.memory_bytes_max, *map(_memory_peak, ground.layout.nodes))
    await asyncio.to_thread(heal, ground)
    seconds = await clients.progress(RESUME_SECONDS_MAX)
    if seconds is None:
        report.violations.append(f"no commit within {RESUME_SECONDS_MAX:.0f} s of healing {'; '.join(told)}")
        return
    report.resumed.append(seconds)
    say(f"{'; '.join(told)}: commits again {seconds:.2f} s after healing, {len(clients.acknowledged)} acknowledged")


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
    """Return the peak of a node's resident memory in bytes, 0 if it does not run."""
    pid = processes.running_pid(node)
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    lines = [line.split() for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0][1]) * 1024 if lines else 0
