"""Measures a local four-node cluster: throughput against the limit of signature checking, latency, memory.

    python -m benchmarks.cluster [--seconds 20] [--rates 500,1000,1500] [--json FILE]

Real node processes, real TLS, synced disks, all on this machine together with the load. Each rate runs on a fresh
cluster as an open loop: transactions are signed one by one beforehand and sent in small groups at their intended times;
latency counts from the intended time to the certified receipt. A transaction counts when its receipt says that it
succeeded. A rate is sustained when at least 99% of what was sent in time was committed and answered without errors by
two seconds after the end. The limit is what checking signatures alone would allow in the same run: cores times
verifications a second, divided by the nodes, since each node checks every signature.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp

from chain.crypto import public_key_of, sign, verify
from chain.encoding import encode
from chain.genesis import GenesisContract
from chain.transaction import Call, Transaction, TransactionBody
from chain.types import Digest, Milliseconds
from cli import cluster_processes as processes
from cli.cluster_files import create_cluster
from cli.cluster_layout import ClusterLayout, NodePlace
from cli.cluster_status import fetch_reports
from tallystick.wallet import Wallet

NODES = 4
BATCH_SECONDS = 0.05
GRACE_SECONDS = 2.0
GAS_LIMIT = 20_000
SENDERS = ("brightvax", "cityclinic", "clearbank", "fxhouse", "hkwallet", "medidist", "northwind", "phwallet")


@dataclass(frozen=True, slots=True)
class RateResult:
    """One open-loop run at one rate."""

    rate_intended: int
    sent: int
    committed: int
    committed_per_second: float
    latency_ms_median: float
    latency_ms_p95: float
    latency_ms_p99: float
    latency_ms_max: float
    sustained: bool
    cpu_us_per_transaction: dict[str, float]


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each run")
    parser.add_argument("--rates", default="800,1000,1200,1400,1600", help="transactions a second, ascending")
    parser.add_argument("--lone", type=int, default=300, help="lone transactions for the latency figure")
    parser.add_argument("--idle-seconds", type=float, default=60.0, help="rest before memory is read")
    parser.add_argument("--base-port", type=int, default=27700)
    parser.add_argument("--json", type=Path, default=None, help="also write the figures here")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    verifications = verifications_per_second()
    limit = cores * verifications / NODES
    print(
        f"{cores} cores, {verifications:,.0f} signature checks a second each; limit {limit:,.0f} tx/s on {NODES} nodes"
    )
    figures: dict[str, Any] = {"cores": cores, "verifications_per_second": verifications, "limit": limit}
    figures["lone"], figures["idle_memory_mib"] = measure_lone(options.lone, options.idle_seconds, options.base_port)
    figures["rates"] = measure_rates([int(rate) for rate in options.rates.split(",")], options, limit)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def verifications_per_second() -> float:
    """Return how many Ed25519 signatures one core checks in a second, here and now."""
    seed = bytes(range(32))
    key, payload = public_key_of(seed), b"x" * 32
    signature = sign(seed, "benchmark", payload)
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < 1.0:
        for _ in range(100):
            verify(key, "benchmark", payload, signature)
        count += 100
    return count / (time.perf_counter() - started)


def measure_lone(count: int, idle_seconds: float, base_port: int) -> tuple[dict[str, float], dict[str, float]]:
    """Measure lone transactions one after the other, and memory after a rest."""
    with tempfile.TemporaryDirectory() as folder:
        layout = start_cluster(Path(folder) / "cluster", base_port)
        try:
            latencies = asyncio.run(send_lone(layout, count))
            print(f"lone transaction: {describe(latencies)}")
            time.sleep(idle_seconds)
            memory = idle_memory_mib(layout)
            for name, mib in memory.items():
                print(f"idle memory, {name}: {mib:.1f} MiB proportional set size")
            return {"median_ms": statistics.median(latencies), "p99_ms": quantile(latencies, 0.99)}, memory
        finally:
            processes.stop(layout.nodes, lambda node: None)


def measure_rates(rates: Sequence[int], options: argparse.Namespace, limit: float) -> list[dict[str, Any]]:
    """Run one rate after the other, each on a fresh cluster, until one is not sustained."""
    print("intended  committed/s   of limit   median ms      p95      p99      max   CPU us/tx node+executor+verifier")
    results: list[dict[str, Any]] = []
    for rate in rates:
        with tempfile.TemporaryDirectory() as folder:
            layout = start_cluster(Path(folder) / "cluster", options.base_port)
            try:
                result = asyncio.run(send_at_rate(layout, rate, options.seconds))
            finally:
                processes.stop(layout.nodes, lambda node: None)
        results.append(asdict(result))
        cpu = "+".join(f"{microseconds:.0f}" for microseconds in result.cpu_us_per_transaction.values())
        print(
            f"{rate:8d} {result.committed_per_second:12,.0f} {result.committed_per_second / limit:10.0%}"
            f" {result.latency_ms_median:11.0f} {result.latency_ms_p95:8.0f} {result.latency_ms_p99:8.0f}"
            f" {result.latency_ms_max:8.0f}   {cpu}" + ("" if result.sustained else "   not sustained")
        )
        if not result.sustained:
            break
    return results


def start_cluster(folder: Path, base_port: int) -> ClusterLayout:
    """Create and start a fresh cluster with the transfer contract; return it once it is ready."""
    source = Path(__file__).with_name("transfer.py").read_text(encoding="utf-8")
    layout = create_cluster(folder, NODES, base_port, (GenesisContract("transfer", source, ()),))
    for node in layout.nodes:
        processes.start(node)
    deadline = time.monotonic() + 60
    while not all(report.ready for report in fetch_reports(layout)):
        assert time.monotonic() < deadline, "the cluster did not get ready"
        time.sleep(0.1)
    return layout


def signed(layout: ClusterLayout, count: int) -> list[Transaction]:
    """Return transfers by several organisations to many accounts, signed one by one."""
    wallets = [Wallet.load(layout.party_key(f"{name}.ops")) for name in SENDERS]
    chain_id = Digest(bytes.fromhex(layout.chain_id))
    valid_until = Milliseconds(time.time_ns() // 1_000_000 + 500_000)
    transactions = []
    for number in range(count):
        wallet = wallets[number % len(wallets)]
        call = Call("transfer", "transfer", (f"account-{number % 10_000}", 1))
        body = TransactionBody(chain_id, wallet.public_key, os.urandom(16), valid_until, (call,), GAS_LIMIT)
        transactions.append(wallet.sign_transaction(body))
    return transactions


async def send_lone(layout: ClusterLayout, count: int) -> list[float]:
    """Send transactions one at a time with pauses; return milliseconds to each certified receipt."""
    transactions = signed(layout, count + 20)
    latencies: list[float] = []
    async with aiohttp.ClientSession() as session:
        for number, transaction in enumerate(transactions):
            started = time.perf_counter()
            await post(session, layout.nodes[number % NODES], [transaction])
            if number >= 20:
                latencies.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(0.03)
    return latencies


async def send_at_rate(layout: ClusterLayout, rate: int, seconds: float) -> RateResult:
    """Send at a constant rate to all nodes in turn, in small batches; wait for every answer."""
    transactions = signed(layout, int(rate * seconds))
    size = max(1, round(rate * BATCH_SECONDS))
    latencies: list[float] = []
    in_time = 0
    cpu_before = cpu_seconds(layout)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        started = time.perf_counter()

        async def send(batch: list[Transaction], intended: float, node: NodePlace) -> None:
            nonlocal in_time
            succeeded = await post(session, node, batch)
            now = time.perf_counter()
            latencies.extend([(now - intended) * 1000] * succeeded)
            if now <= started + seconds + GRACE_SECONDS:
                in_time += succeeded

        async with asyncio.TaskGroup() as tasks:
            for number, first in enumerate(range(0, len(transactions), size)):
                intended = started + first / rate
                await asyncio.sleep(max(0.0, intended - time.perf_counter()))
                node = layout.nodes[number % NODES]
                tasks.create_task(send(transactions[first : first + size], intended, node))
        elapsed = time.perf_counter() - started
    cpu = {name: cpu_seconds(layout)[name] - before for name, before in cpu_before.items()}
    committed = len(latencies)
    values = latencies or [float("nan")]
    return RateResult(
        rate,
        len(transactions),
        committed,
        committed / max(elapsed, seconds),
        statistics.median(values),
        quantile(values, 0.95),
        quantile(values, 0.99),
        max(values),
        in_time >= 0.99 * len(transactions),
        {name: spent * 1e6 / max(1, committed) / NODES for name, spent in cpu.items()},
    )


async def post(session: aiohttp.ClientSession, node: NodePlace, batch: list[Transaction]) -> int:
    """Submit a batch, wait for its commitment, and return how many succeeded."""
    body = encode([transaction.raw for transaction in batch])
    headers = {"Content-Type": "application/msgpack", "Accept": "application/json"}
    url = f"{node.api}/v1/transactions?wait=committed&timeout=30"
    async with session.post(url, data=body, headers=headers) as response:
        answer = await response.json()
    entries = answer.get("transactions", [answer])
    return sum(entry.get("status") == "committed" and entry["receipt"]["code"] is None for entry in entries)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of all lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def describe(latencies: Sequence[float]) -> str:
    """Return a line of quantiles."""
    return (
        f"median {statistics.median(latencies):.1f} ms, p95 {quantile(latencies, 0.95):.1f} ms, "
        f"p99 {quantile(latencies, 0.99):.1f} ms, max {max(latencies):.1f} ms ({len(latencies)} transactions)"
    )


def process_ids(layout: ClusterLayout) -> dict[str, list[int]]:
    """Return the processes of all nodes by what they do."""
    ids: dict[str, list[int]] = {"node": [], "executor": [], "verifier": []}
    for node in layout.nodes:
        pid = processes.running_pid(node)
        assert pid is not None, f"{node.name} ended"
        ids["node"].append(pid)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        for child in map(int, children):
            command = Path(f"/proc/{child}/cmdline").read_bytes()
            ids["executor" if b"executor" in command else "verifier"].append(child)
    return ids


def cpu_seconds(layout: ClusterLayout) -> dict[str, float]:
    """Return the processor time that each kind of process has used."""
    hertz = os.sysconf("SC_CLK_TCK")
    spent: dict[str, float] = {}
    for name, ids in process_ids(layout).items():
        stats = [Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split() for pid in ids]
        spent[name] = sum(int(stat[11]) + int(stat[12]) for stat in stats) / hertz
    return spent


def idle_memory_mib(layout: ClusterLayout) -> dict[str, float]:
    """Return the largest proportional set size of each kind of process."""
    memory: dict[str, float] = {}
    for name, ids in process_ids(layout).items():
        sizes = []
        for pid in ids:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            sizes.append(int(next(line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:"))) / 1024)
        memory[name] = max(sizes)
    return memory


if __name__ == "__main__":
    main()
