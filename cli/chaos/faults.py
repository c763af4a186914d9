"""What a chaos run does to nodes and links, and how each of it is undone."""

import os
import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

from chain.values import dataclass
from cli import cluster_processes as processes
from cli.chaos.wires import Wires
from cli.cluster_layout import ClusterLayout, NodePlace
from cli.errors import CliError

DELAY_SECONDS_MAX: Final = 0.3
BYTES_PER_SECOND: Final = 200_000.0
DATABASES: Final = ("blocks", "state")
FLIPS_PER_FILE: Final = 4


@dataclass(frozen=True, slots=True)
class Ground:
    """What faults act on."""

    layout: ClusterLayout
    wires: Wires
    chance: random.Random


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault, done to one node."""

    name: str
    does: str
    """For people: what happens to the node."""
    start: Callable[[Ground, NodePlace], None]
    spoils_data: bool = False
    """Whether the others must give back what the node loses: done to one node at a time, while all are whole."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """A fault and those that it hits."""

    fault: Fault
    victims: list[NodePlace]


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


def _wipe(_: Ground, node: NodePlace) -> None:
    processes.kill(node)
    for name in DATABASES:
        shutil.rmtree(node.folder / name, ignore_errors=True)


def _flip(ground: Ground, node: NodePlace) -> None:
    """Flip bits all over one database, so that hardly a read finds it whole."""
    processes.kill(node)
    name = ground.chance.choice(DATABASES)
    for path in sorted((node.folder / name).rglob("*")):
        if not path.is_file() or not (size := path.stat().st_size):
            continue
        with path.open("r+b") as file:
            for _ in range(FLIPS_PER_FILE):
                place = ground.chance.randrange(size)
                file.seek(place)
                byte = file.read(1)[0]
                file.seek(place)
                file.write(bytes([byte ^ 1 << ground.chance.randrange(8)]))


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
        Fault(
            "swap",
            "pieces of what it says and hears change places",
            lambda ground, node: ground.wires.swap(node.name),
        ),
        Fault("wipe", "it is killed, and its databases are gone", _wipe, spoils_data=True),
        Fault("flip", "it is killed, and bits of a database are flipped", _flip, spoils_data=True),
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


def draw(chance: random.Random, faults: list[Fault], nodes: tuple[NodePlace, ...], *, whole: bool) -> list[Stroke]:
    """Return what happens next: one to three kinds of faults, each to one node, several or all; maybe nothing yet.

    Data is spoilt at one node at most, and only while all nodes are whole: it is theirs to give back.
    """
    kinds = [fault for fault in faults if whole or not fault.spoils_data]
    strokes: list[Stroke] = []
    for fault in chance.sample(kinds, min(len(kinds), chance.choice((1, 1, 2, 3)))):
        if not fault.spoils_data:
            strokes.append(Stroke(fault, choose_victims(chance, nodes)))
        elif not any(stroke.fault.spoils_data for stroke in strokes):
            strokes.append(Stroke(fault, [chance.choice(nodes)]))
    return strokes


def choose_victims(chance: random.Random, nodes: tuple[NodePlace, ...]) -> list[NodePlace]:
    """Return which nodes a fault hits: mostly one, sometimes several, sometimes all."""
    count = chance.choice((1, 1, 1, 1, 2, len(nodes)))
    return chance.sample(nodes, min(count, len(nodes)))
