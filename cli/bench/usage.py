"""What the processes of a local cluster have used: processor time by kind of process, memory, disk and wire.

Read from /proc, so that nothing in the nodes has to measure itself.
"""

import os
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from chain.values import dataclass
from cli import cluster_processes as processes
from cli.cluster_layout import NodePlace

KINDS: Final = ("node", "executor", "reader", "verifier")
"""What a node's processes are; the first is its own, the others are its children."""

_SENT: Final = "tallystick_peer_sent_bytes_total{"
_HEIGHT: Final = "tallystick_block_height "


@dataclass(frozen=True, slots=True)
class ProcessTime:
    """Processor time of one or more processes since they began, in nanoseconds."""

    running: int = 0
    waiting: int = 0
    """Ready to run while all cores were taken."""

    def __add__(self, other: "ProcessTime") -> "ProcessTime":
        """Return the times of both."""
        return ProcessTime(self.running + other.running, self.waiting + other.waiting)

    def __sub__(self, earlier: "ProcessTime") -> "ProcessTime":
        """Return what was added since an earlier reading."""
        return ProcessTime(self.running - earlier.running, self.waiting - earlier.waiting)


def process_ids(nodes: Sequence[NodePlace]) -> dict[str, dict[str, list[int]]]:
    """Return the ids of each running node's processes, by node and kind."""
    found: dict[str, dict[str, list[int]]] = {}
    for node in nodes:
        pid = processes.running_pid(node)
        if pid is None:
            continue
        kinds: dict[str, list[int]] = {kind: [] for kind in KINDS}
        kinds["node"].append(pid)
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            kinds[_kind_of(int(child))].append(int(child))
        found[node.name] = kinds
    return found


def _kind_of(child: int) -> str:
    arguments = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
    module = next((argument for argument in arguments if b"executor" in argument or b"verifier" in argument), b"")
    if b"reader" in module:
        return "reader"
    return "executor" if b"executor" in module else "verifier"


def process_time(pid: int) -> ProcessTime:
    """Return a process's time over all threads that live."""
    total = ProcessTime()
    for thread in Path(f"/proc/{pid}/task").iterdir():
        running, waiting, _ = (thread / "schedstat").read_text(encoding="ascii").split()
        total += ProcessTime(int(running), int(waiting))
    return total


def times_by_kind(nodes: Sequence[NodePlace]) -> dict[str, ProcessTime]:
    """Return the time of each kind of process, summed over nodes."""
    sums = dict.fromkeys(KINDS, ProcessTime())
    for kinds in process_ids(nodes).values():
        for kind, ids in kinds.items():
            for pid in ids:
                sums[kind] += process_time(pid)
    return sums


def memory_mib(nodes: Sequence[NodePlace]) -> dict[str, float]:
    """Return the largest proportional set size of each kind of process."""
    largest = dict.fromkeys(KINDS, 0.0)
    for kinds in process_ids(nodes).values():
        for kind, ids in kinds.items():
            for pid in ids:
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
                size = next(line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:"))
                largest[kind] = max(largest[kind], int(size) / 1024)
    return largest


def disk_bytes(folder: Path) -> int:
    """Return the bytes that the files below a folder take on disk."""
    return sum(
        os.stat(Path(parent) / name, follow_symlinks=False).st_blocks * 512
        for parent, _, names in os.walk(folder)
        for name in names
    )


@dataclass(frozen=True, slots=True)
class NodeCounters:
    """What a node counts itself."""

    height: int
    sent_bytes: int
    """To all peers, since they were connected."""


def node_counters(api: str) -> NodeCounters:
    """Read a node's own metrics.

    Raises:
        OSError: when it does not answer.
    """
    with urllib.request.urlopen(f"{api}/metrics", timeout=10) as answer:  # noqa: S310 - a node of our own
        lines = answer.read().decode().splitlines()
    sent = sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(_SENT))
    height = next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(_HEIGHT))
    return NodeCounters(int(height), int(sent))
