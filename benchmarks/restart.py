"""Measures how one node of four comes back: after a stop, without its state, without anything, and by a snapshot.

    python -m benchmarks.restart [--transactions 100000] [--block 500] [--base-port 29300] [--json FILE]

The ledger of transfers, each to an account of its own, is made offline first, by the product's own execution and
databases (cli/bench/offline.py), and copied to four nodes. Then one of them is stopped and started

- as it is, with its databases in memory, and with nothing of them in memory;
- without its state: it executes all blocks again (replay);
- without blocks and state: it fetches and executes all blocks (catch-up);
- without blocks and state, and may take a snapshot.

Seconds are wall-clock time from the start of the process until the node is ready to take part; on a machine that does
other work the processor time of its processes tells more, and is printed beside. Speeds are those of what takes longer
than a restart with nothing to do. The limit of each figure is measured in the same run. 100,000 transactions take about
three minutes, a million about half an hour and 5 GB of disk.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.long_ledger import make_long_ledger
from cli import cluster_processes as processes
from cli.bench.figures import signature_checks_per_second
from cli.bench.offline import drop_cached, read_cached
from cli.bench.report import machine
from cli.bench.usage import disk_bytes, times_by_kind
from cli.cluster_layout import ClusterLayout, NodePlace
from cli.errors import CliError

NODES: Final = 4
POLL_SECONDS: Final = 0.02
READY_SECONDS_MAX: Final = 3_600.0
TELLING_SHARE: Final = 0.1
"""Of a restart's seconds: less than that more is the noise of starting."""
SNAPSHOT_AFTER_BLOCKS: Final = 5
SNAPSHOT_ATTEMPTS_MAX: Final = 3
UNLIMITED_BYTES: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Start:
    """What was seen of a start until the node was ready."""

    seconds: float
    cpu_seconds: dict[str, float]
    """Of its processes, by kind."""
    phases: dict[str, float]
    """Seconds of each phase of fetching, as the node told them itself."""
    took_snapshot: bool


@dataclass(frozen=True, slots=True)
class Comeback:
    """A start, what it was for, and how fast that went."""

    what: str
    start: Start
    per_second: float | None
    """Transactions, or bytes of state, in a second of what this took longer than a restart with nothing to do."""
    unit: str
    limit: float
    """What the machine would have allowed: seconds for a restart, otherwise a speed."""
    limit_of: str


def speed_beyond(amount: float, seconds: float, restart_seconds: float) -> float | None:
    """Return the speed of what was done beyond a restart; None where that is too little to tell."""
    spent = seconds - restart_seconds
    return amount / spent if spent > TELLING_SHARE * restart_seconds else None


def come_back(node: NodePlace) -> Start:
    """Start a node and wait until it is ready.

    Raises:
        CliError: when it ends.
        TimeoutError: when it does not get ready.
    """
    began = time.monotonic()
    processes.start(node)
    phases: dict[str, float] = {}
    last = began
    while True:
        found = _look(node)
        now = time.monotonic()
        if phase := (found.get("catch_up") or {}).get("phase"):
            phases[phase] = phases.get(phase, 0.0) + now - last
        last = now
        if found.get("ready"):
            times = times_by_kind([node])
            took_snapshot = found["lacking"]["versions_until"] is not None
            cpu = {kind: spent.running / 1e9 for kind, spent in times.items()}
            return Start(now - began, cpu, phases, took_snapshot)
        _check_runs(node)
        if now - began > READY_SECONDS_MAX:
            raise TimeoutError(f"{node.name} was not ready within {READY_SECONDS_MAX:.0f} s")
        time.sleep(POLL_SECONDS)


def wait_all_ready(nodes: Sequence[NodePlace]) -> None:
    """Wait until nodes that were started are ready, which takes its time while all read a long ledger at once.

    Raises:
        CliError: when one has ended.
        TimeoutError: when one does not get ready.
    """
    deadline = time.monotonic() + READY_SECONDS_MAX
    for node in nodes:
        while not _look(node).get("ready"):
            _check_runs(node)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{node.name} was not ready within {READY_SECONDS_MAX:.0f} s")
            time.sleep(POLL_SECONDS)


def _check_runs(node: NodePlace) -> None:
    if processes.running_pid(node) is None:
        raise CliError(f"{node.name} ended:\n{processes.last_output(node, 20)}")


def _look(node: NodePlace) -> dict[str, Any]:
    """Return what a node says of itself, ready or not; nothing while it cannot be reached."""
    try:
        with urllib.request.urlopen(f"{node.api}/readyz?verbose=true", timeout=5) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        return dict(json.load(error))
    except OSError:
        return {}


def stop(node: NodePlace, *lost: str) -> None:
    """Stop a node, and remove some of its folders."""
    processes.stop((node,), lambda late: None)
    for name in lost:
        shutil.rmtree(node.folder / name, ignore_errors=True)


def allow_snapshots(nodes: Sequence[NodePlace], after_blocks: int) -> None:
    """Configure how far behind nodes want a snapshot, and that giving one out is not slowed down."""
    for node in nodes:
        text = node.config.read_text(encoding="utf-8").partition("\n[catch_up]")[0].rstrip("\n")
        section = f"snapshot_after_blocks = {after_blocks}\nsnapshot_bytes_per_second = {UNLIMITED_BYTES}\n"
        node.config.write_text(f"{text}\n\n[catch_up]\n{section}", encoding="utf-8")


def import_seconds() -> float:
    """Return how long an interpreter takes to import what a node is made of, the least of three times."""
    found = []
    for _ in range(3):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", "import node"], check=True)
        found.append(time.monotonic() - began)
    return min(found)


def reading_speed(folder: Path) -> float:
    """Return bytes a second at which a folder that is not in memory is read."""
    drop_cached(folder)
    began = time.monotonic()
    return read_cached(folder) / (time.monotonic() - began)


def measure(layout: ClusterLayout, count: int, made_per_second: float) -> list[Comeback]:
    """Return how the last node comes back in each way; all run before and afterwards."""
    node = layout.nodes[-1]
    data = [node.folder / name for name in ("blocks", "state")]
    floor = import_seconds()
    found: list[Comeback] = []

    def note(what: str, amount: float, unit: str, limit: float, limit_of: str) -> None:
        start = come_back(node)
        speed = speed_beyond(amount, start.seconds, found[0].start.seconds) if amount else None
        found.append(Comeback(what, start, speed, unit, limit, limit_of))
        print(row(found[-1]), flush=True)

    stop(node)
    note("restart", 0, "", floor, "s to import a node's modules")
    stop(node)
    disk = min(reading_speed(folder) for folder in data)
    for folder in data:
        drop_cached(folder)
    note("restart, cold", 0, "", floor, "s to import a node's modules")
    stop(node, "state")
    note("replay", count, "tx/s", made_per_second, "tx/s executed and stored in one process")
    stop(node, "blocks", "state", "index")
    checks = signature_checks_per_second(0.5)
    note("catch-up", count, "tx/s", checks, "signature checks/s of a core")
    stop(node)
    size = disk_bytes(node.folder / "state")
    allow_snapshots([node], SNAPSHOT_AFTER_BLOCKS)
    for _ in range(SNAPSHOT_ATTEMPTS_MAX):
        # The others make a snapshot when they are asked for one; whoever executes faster than that needs none.
        stop(node, "blocks", "state", "index")
        note("snapshot", size / 1e6, "MB/s", disk / 1e6, "MB/s read from disk")
        if found[-1].start.took_snapshot:
            break
        found.pop()
        print("   (that was no snapshot yet: the blocks were executed before the others had made one)", flush=True)
    return found


def row(one: Comeback) -> str:
    """Return a line of the table."""
    cpu = " + ".join(f"{kind} {spent:.1f}" for kind, spent in one.start.cpu_seconds.items() if spent >= 0.05)
    phases = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in one.start.phases.items())
    speed = f"{_plain(one.per_second):>8} {one.unit:<5}" if one.per_second is not None else " " * 14
    line = f"{one.what:<14}{one.start.seconds:>7.1f} s{speed}   limit {_plain(one.limit)} {one.limit_of}   CPU s: {cpu}"
    return line + (f"   ({phases})" if phases else "")


def _plain(figure: float) -> str:
    return f"{figure:,.1f}" if figure < 100 else f"{figure:,.0f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transactions", type=int, default=100_000)
    parser.add_argument("--block", type=int, default=500, help="transactions of each block")
    parser.add_argument("--base-port", type=int, default=29_300)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    count, size = options.transactions, options.block
    on = machine()
    with tempfile.TemporaryDirectory(prefix="tally-restart-") as folder:
        made = make_long_ledger(Path(folder) / "cluster", NODES, options.base_port, count, size, accounts=count)
        layout, height = made.layout, made.height
        allow_snapshots(layout.nodes, 0)
        held = disk_bytes(layout.nodes[0].folder)
        speed = made.made_per_second
        print(f"{count:,} transactions in {height:,} blocks, {held / 1e6:,.0f} MB a node; made at {speed:,.0f} tx/s")
        try:
            for node in layout.nodes:
                processes.start(node)
            wait_all_ready(layout.nodes)
            found = measure(layout, count, speed)
        finally:
            processes.stop(layout.nodes, lambda late: None)
    if options.json is not None:
        entries = [asdict(one) for one in found]
        result = {"machine": on, "transactions": count, "blocks": height, "bytes": held, "comebacks": entries}
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
