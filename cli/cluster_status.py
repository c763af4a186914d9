"""What each node of a local cluster says of itself, and what is said of one that does not answer."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from chain.values import dataclass
from cli import cluster_processes as processes
from cli.cluster_layout import ClusterLayout, NodePlace
from cli.errors import CliError
from cli.node_tls import place_tls
from tallystick.access import AccessError

TIMEOUT_SECONDS: Final = 2.0
READY_SECONDS_MAX: Final = 60.0
POLL_SECONDS: Final = 0.1
UNAUTHORIZED: Final = 401
GUARDED: Final = "does not let everybody read, so that height and view are not shown"


@dataclass(frozen=True, slots=True)
class NodeReport:
    """One node's condition."""

    name: str
    api: str
    pid: int | None
    """None when its process does not run."""
    executor_pid: int | None
    height: int | None
    view: int | None
    primary: str | None
    ready: bool
    why_not: tuple[str, ...]
    notices: tuple[str, ...]
    """What its operator should know although it is well."""


def fetch_reports(layout: ClusterLayout) -> list[NodeReport]:
    """Ask all nodes at once; nodes that do not answer are reported as such."""
    with ThreadPoolExecutor(max_workers=len(layout.nodes)) as pool:
        return list(pool.map(_fetch_report, layout.nodes))


def wait_ready(layout: ClusterLayout, nodes: tuple[NodePlace, ...], say: Callable[[str], None]) -> list[NodeReport]:
    """Wait until nodes are ready, saying of each when it is; return what all nodes of the cluster report.

    Raises:
        CliError: when one ends or is not ready in time.
    """
    names = {node.name for node in nodes}
    deadline = time.monotonic() + READY_SECONDS_MAX
    announced: set[str] = set()
    while True:
        reports = fetch_reports(layout)
        for report in reports:
            if report.name in names and report.pid is None:
                raise CliError(f"{report.name} ended:\n{processes.last_output(layout.find(report.name), 20)}")
            if report.name in names and report.ready and report.name not in announced:
                announced.add(report.name)
                say(f"  {report.name} ready")
        waiting = [report for report in reports if report.name in names and not report.ready]
        if not waiting:
            return reports
        if time.monotonic() > deadline:
            reasons = "; ".join(f"{report.name}: {', '.join(report.why_not)}" for report in waiting)
            raise CliError(f"not ready after {READY_SECONDS_MAX:.0f} s: {reasons}")
        time.sleep(POLL_SECONDS)


def report_json(report: NodeReport) -> dict[str, Any]:
    """Return the report as scripts read it."""
    return {
        "name": report.name,
        "api": report.api,
        "height": report.height,
        "view": report.view,
        "primary": report.primary,
        "ready": report.ready,
        "why_not": list(report.why_not),
        "notices": list(report.notices),
        "pid": report.pid,
        "executor_pid": report.executor_pid,
    }


def _fetch_report(node: NodePlace) -> NodeReport:
    pid = processes.running_pid(node)
    if pid is None:
        return _silent(node, None, "not running")
    if is_stopped(pid):
        return _silent(node, pid, "paused")
    try:
        tls = place_tls(node)
        with urllib.request.urlopen(f"{node.api}/v1/network", timeout=TIMEOUT_SECONDS, context=tls) as response:  # noqa: S310
            status = json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return _guarded(node, pid, error.code)
    except AccessError as error:
        return _silent(node, pid, str(error))
    except (urllib.error.URLError, OSError, ValueError) as error:
        return _silent(node, pid, f"does not answer: {getattr(error, 'reason', error)}")
    own = status["node"]
    return NodeReport(
        node.name,
        node.api,
        pid,
        own["executor_pid"],
        own["height"],
        own["view"],
        own["primary"],
        own["ready"],
        tuple(own["not_ready_reasons"]),
        tuple(own["notices"]),
    )


def _guarded(node: NodePlace, pid: int, status: int) -> NodeReport:
    """Return what a node that does not let everybody read tells all the same."""
    if status != UNAUTHORIZED:
        return _silent(node, pid, f"answers with the status {status}")
    try:
        with urllib.request.urlopen(f"{node.api}/readyz", timeout=TIMEOUT_SECONDS, context=place_tls(node)):  # noqa: S310
            return NodeReport(node.name, node.api, pid, None, None, None, None, True, (), (GUARDED,))
    except (urllib.error.URLError, OSError, AccessError):
        return _silent(node, pid, f"is not ready; {GUARDED}")


def _silent(node: NodePlace, pid: int | None, reason: str) -> NodeReport:
    return NodeReport(node.name, node.api, pid, None, None, None, None, False, (reason,), ())


def is_stopped(pid: int) -> bool:
    """Tell whether a process is stopped by a signal."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in ("T", "t")
