"""Starts, signals and stops the node processes of a local cluster, each in its own session, by recorded identity.

A process is known by its id and its start time, so that an id which the system has given to somebody else is never
signalled. Everything here acts on nodes that this cluster's folder recorded and on nothing else.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cli.cluster_layout import ClusterLayout, NodePlace
from cli.errors import CliError

STOP_SECONDS_MAX: Final = 20.0
"""How long a node may take to stop before it is killed."""
POLL_SECONDS: Final = 0.05


def start(node: NodePlace) -> "subprocess.Popen[bytes]":
    """Start a node in the background and record it; whoever only launches it need not keep what is returned.

    Raises:
        CliError: when one of its ports is taken.
    """
    for port in (node.api_port, node.peer_port):
        if not port_free(port):
            raise CliError(
                f"port {port} for {node.name} is taken by another program; stop that one, "
                f"or start a new cluster with other ports: tally cluster up --dir OTHER --base-port PORT"
            )
    output = node.folder / "node.out"
    with output.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [*node.launcher, sys.executable, "-m", "node", "--config", str(node.config)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=node.folder,
        )
    node.pid_file.write_text(f"{process.pid} {_start_time(process.pid)}\n", encoding="ascii")
    return process


def running_pid(node: NodePlace) -> int | None:
    """Return the id of the node's process if it is the recorded one and alive."""
    try:
        pid_text, started = node.pid_file.read_text(encoding="ascii").split()
        pid = int(pid_text)
    except (FileNotFoundError, ValueError):
        return None
    found = _start_time(pid)
    return pid if found is not None and found == started else None


def stop(nodes: tuple[NodePlace, ...], on_killed: Callable[[NodePlace], None]) -> int:
    """Ask nodes to stop, wait for them, and kill those that take too long; return how many were running."""
    running = [(node, pid) for node in nodes if (pid := running_pid(node)) is not None]
    for _, pid in running:
        # A paused process would never see the request.
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGCONT)
    deadline = time.monotonic() + STOP_SECONDS_MAX
    for node, _ in running:
        if not _wait_gone(node, deadline):
            on_killed(node)
            kill(node)
    return len(running)


def kill(node: NodePlace) -> None:
    """End a node at once, as a crash would.

    Raises:
        CliError: when it does not run.
    """
    send(node, signal.SIGKILL)
    _wait_gone(node, time.monotonic() + STOP_SECONDS_MAX)


def send(node: NodePlace, number: signal.Signals) -> None:
    """Send a signal to a running node.

    Raises:
        CliError: when it does not run.
    """
    pid = running_pid(node)
    if pid is None:
        raise CliError(f"{node.name} is not running")
    os.kill(pid, number)


def port_free(port: int) -> bool:
    """Tell whether a port on loopback can be bound."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def check_ports(layout: ClusterLayout) -> None:
    """Check, before anything is created or started, that all ports are free.

    Raises:
        CliError: naming the first that is taken and the way out.
    """
    for node in layout.nodes:
        for port in (node.api_port, node.peer_port):
            if running_pid(node) is None and not port_free(port):
                raise CliError(
                    f"port {port}, which {node.name} needs, is taken by another program; "
                    "choose others with --base-port PORT (or: make up BASE_PORT=PORT)"
                )


def last_output(node: NodePlace, lines: int) -> str:
    """Return the last lines that a node wrote before its log was open, or of its log."""
    for path in (node.folder / "node.out", node.log_file):
        if path.exists() and path.stat().st_size:
            return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    return "(no output)"


def _wait_gone(node: NodePlace, deadline: float) -> bool:
    while running_pid(node) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _start_time(pid: int) -> str | None:
    """Return the kernel's start time of a process, None if it does not live (a zombie does not)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    # Fields after the command: state is the first, start time the twentieth (proc(5), fields 3 and 22).
    return None if fields[0] == "Z" else fields[19]
