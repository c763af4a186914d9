"""Measures what faults cost a four-node cluster: throughput with a node away and with lost packets, and time to resume.

    python -m benchmarks.faults [--seconds 20] [--kills 10] [--json FILE]

Each node runs in a network namespace of its own (root, iproute2; lost packets need nftables as well). Throughput is
that of a closed loop of clients, each with a batch under way all the time; it is given as a ratio to the same run
without a fault, measured before and after. The time to resume is from the kill of the primary to the first operation
that was begun after it and acknowledged; it is compared with the timeout of the first view.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chain.genesis import Parameters
from chain.transaction import Call
from cli import cluster_processes as processes
from cli.chaos.namespaces import Namespaces
from cli.chaos.register import NAME, register_contract
from cli.cluster_files import create_cluster
from cli.cluster_layout import ClusterLayout
from cli.cluster_status import wait_ready
from tallystick import AsyncClient, Receipt, Wallet

NODES = 4
CLIENTS = 8
BATCH = 25
LOSS_PERCENT = 5
AWAY = "node4"


@dataclass(slots=True)
class Counter:
    """How many transactions were acknowledged so far."""

    acknowledged: int = 0


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each phase")
    parser.add_argument("--kills", type=int, default=10, help="primaries that are killed")
    parser.add_argument("--base-port", type=int, default=28_700)
    parser.add_argument("--json", type=Path, default=None, help="also write the figures here")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tally-faults-"))
    layout = create_cluster(folder / "cluster", NODES, options.base_port, (register_contract(),))
    wires = Namespaces()
    try:
        layout = wires.insert(layout)
        for node in layout.nodes:
            processes.start(node)
        wait_ready(layout, layout.nodes, say)
        figures = asyncio.run(measure(layout, wires, options.seconds, options.kills))
    finally:
        processes.stop(layout.nodes, lambda late: None)
        wires.close()
        shutil.rmtree(folder)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


async def measure(layout: ClusterLayout, wires: Namespaces, seconds: float, kills: int) -> dict[str, Any]:
    """Return all figures."""
    rates = await throughputs(layout, wires, seconds)
    plain = (rates["none"] + rates["none, again"]) / 2
    for name, rate in rates.items():
        print(f"{name:28} {rate:8.0f} tx/s  {rate / plain:6.2f}")
    resumed = await resume_times(layout, kills)
    timeout = Parameters().view_timeout_base / 1000
    median, worst = statistics.median(resumed), max(resumed)
    print(
        f"primary killed {len(resumed)} times: commits again after {median:.2f} s at the median, {worst:.2f} s at "
        f"worst ({median / timeout:.2f} and {worst / timeout:.2f} of the first view's timeout)"
    )
    return {"transactions_per_second": rates, "resumed_seconds": resumed, "view_timeout_seconds": timeout}


async def throughputs(layout: ClusterLayout, wires: Namespaces, seconds: float) -> dict[str, float]:
    """Return committed transactions a second by fault."""
    counter, stopping = Counter(), asyncio.Event()
    tasks = [asyncio.create_task(load(layout, number, counter, stopping)) for number in range(CLIENTS)]

    async def phase(start: Callable[[], None], end: Callable[[], None]) -> float:
        start()
        # The first seconds belong to the change itself: view changes, timers of TCP.
        await asyncio.sleep(5)
        before, begun = counter.acknowledged, time.monotonic()
        await asyncio.sleep(seconds)
        rate = (counter.acknowledged - before) / (time.monotonic() - begun)
        end()
        return rate

    def nothing() -> None:
        return

    rates = {"none": await phase(nothing, nothing)}
    rates["one of four unplugged"] = await phase(lambda: wires.cut(AWAY), wires.heal)
    if shutil.which("nft") is None:
        say("packets are not lost: nft is missing (on Debian and Ubuntu: apt-get install nftables)")
    else:
        rates[f"{LOSS_PERCENT}% of packets lost"] = await phase(lambda: lose(layout), lambda: find(layout))
    rates["none, again"] = await phase(nothing, nothing)
    stopping.set()
    await asyncio.gather(*tasks)
    return rates


async def load(layout: ClusterLayout, number: int, counter: Counter, stopping: asyncio.Event) -> None:
    """Keep one batch under way at a node that stays."""
    party = layout.parties()[number % len(layout.parties())]
    wallet = Wallet.load(layout.party_key(party))
    nodes = [node.api for node in layout.nodes if node.name != AWAY]
    turned = nodes[number % len(nodes) :] + nodes[: number % len(nodes)]
    async with AsyncClient(turned, genesis_hash=layout.chain_id, verify=False) as client:
        count = 0
        while not stopping.is_set():
            calls = [Call(NAME, "write", (f"{number}-{count + place}", place)) for place in range(BATCH)]
            count += BATCH
            batch = [await client.prepare(wallet, call, gas_limit=20_000) for call in calls]
            for outcome in await client.submit_many(batch, timeout_seconds=30):
                counter.acknowledged += isinstance(outcome, Receipt) and outcome.succeeded


async def resume_times(layout: ClusterLayout, kills: int) -> list[float]:
    """Return the seconds from each kill of a primary to the next commit."""
    wallet = Wallet.load(layout.party_key(layout.parties()[0]))
    times: list[float] = []
    for _ in range(kills):
        reports = await asyncio.to_thread(wait_ready, layout, layout.nodes, lambda text: None)
        primary = layout.find(next(report.primary for report in reports if report.primary is not None))
        others = [node.api for node in layout.nodes if node.name != primary.name]
        async with AsyncClient(others, genesis_hash=layout.chain_id) as client:
            begun = time.monotonic()
            processes.kill(primary)
            await client.submit(wallet, Call(NAME, "write", ("resumed", len(times))), timeout_seconds=60)
            times.append(time.monotonic() - begun)
        processes.start(primary)
    return times


def lose(layout: ClusterLayout) -> None:
    """Let every node lose some of the packets that come to it."""
    rules = (
        "add table inet loss; add chain inet loss input { type filter hook input priority 0; };"
        f"add rule inet loss input iifname wire numgen random mod 100 < {LOSS_PERCENT} drop"
    )
    for node in layout.nodes:
        subprocess.run([*node.launcher, "nft", rules], check=True)


def find(layout: ClusterLayout) -> None:
    """Let all packets through again."""
    for node in layout.nodes:
        subprocess.run([*node.launcher, "nft", "delete table inet loss"], check=True)


def say(text: str) -> None:
    """Tell what is going on, beside the figures."""
    print(text, file=sys.stderr)


if __name__ == "__main__":
    main()
