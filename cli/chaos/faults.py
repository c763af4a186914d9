"""What a chaos run does to nodes and links, and how each of it is undone."""

import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli import cluster_processes as processes
from cli.chaos.wires import Wires
from cli.cluster_layout import ClusterLayout, NodePlace
from cli.errors import CliError

DELAY_SECONDS_MAX: Final = 0.3
BYTES_PER_SECOND: Final = 200_000.0


@dataclass(frozen=True, slots=True)
class Ground:
    """What faults act on."""

    layout: ClusterLayout
    wires: Wires


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault, done to one node."""

    name: str
    does: str
    """For people: what happens to the node."""
    start: Callable[[Ground, NodePlace], None]


def heal(ground: Ground) -> None:
    """Undo everything: links flow, paused nodes go on, those that ended are started again."""
    ground.wires.heal()
    for node in ground.layout.nodes:
        if processes.running_pid(node) is None:
            processes.start(node)
        else:
            processes.send(node, signal.SIGCONT)


def _restart(_: Ground, node: NodePlace) -> None:
    processes.stop((node,), lambda late: None)
    processes.start(node)


def _kill_child(word: bytes) -> Callable[[Ground, NodePlace], None]:
    def start(_: Ground, node: NodePlace) -> None:
        pid = processes.running_pid(node)
        if pid is None:
            return
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            if word in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), signal.SIGKILL)
                return

    return start


FAULTS: Final = {
    fault.name: fault
    for fault in (
        Fault("kill", "its process is killed", lambda _, node: processes.kill(node)),
        Fault("pause", "its process stands still", lambda _, node: processes.send(node, signal.SIGSTOP)),
        Fault("restart", "it is stopped in order and started again", _restart),
        Fault("executor", "its executor is killed", _kill_child(b"executor")),
        Fault("verifier", "its signature verifier is killed", _kill_child(b"verifier")),
        Fault("cut", "its connections end and new ones are refused", lambda ground, node: ground.wires.cut(node.name)),
        Fault(
            "mute", "nothing reaches it or leaves it", lambda g, n: g.wires.block(n.name, incoming=True, outgoing=True)
        ),
        Fault("deaf", "nothing reaches it", lambda g, n: g.wires.block(n.name, incoming=True, outgoing=False)),
        Fault("dumb", "nothing leaves it", lambda g, n: g.wires.block(n.name, incoming=False, outgoing=True)),
        Fault(
            "slow",
            "its links are late and narrow",
            lambda g, n: g.wires.slow(n.name, DELAY_SECONDS_MAX, BYTES_PER_SECOND),
        ),
        Fault("tear", "its connections end in the midst of a frame", lambda ground, node: ground.wires.tear(node.name)),
    )
}


def faults_named(text: str | None) -> list[Fault]:
    """Return the faults of a comma-separated list, all if there is none.

    Raises:
        CliError: when it names another one.
    """
    names = list(FAULTS) if text is None else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in FAULTS:
            raise CliError(f"no fault {name!r}; there are {', '.join(FAULTS)}")
    return [FAULTS[name] for name in names]


def choose_victims(chance: random.Random, nodes: tuple[NodePlace, ...]) -> list[NodePlace]:
    """Return which nodes a fault hits: mostly one, sometimes several, sometimes all."""
    count = chance.choice((1, 1, 1, 1, 2, len(nodes)))
    return chance.sample(nodes, min(count, len(nodes)))
