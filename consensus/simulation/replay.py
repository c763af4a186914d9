"""Replay files: a run's seed, nodes and script as JSON, small enough to be read and kept as a regression.

What may change in the simulator without making such a file worthless are the draws of faults; it names each fault.
"""

import json
from pathlib import Path
from typing import Any, Final

from chain.values import dataclass
from consensus.simulation.incident import Incident, What
from consensus.simulation.liars.lies import Lie
from consensus.simulation.plan import Fate, PacketFault, Script
from consensus.simulation.settings import NODES_MAX, Fault, Settings

FORMAT: Final = "tallystick-simulation/1"


class ReplayError(ValueError):
    """A file that is no replay file; the message says why."""


@dataclass(frozen=True, slots=True)
class Replay:
    """One run that once broke a promise."""

    seed: int
    nodes: int
    rule: str
    """The promise that it broke."""
    note: str
    """Why it is kept, for people."""
    script: Script

    @property
    def settings(self) -> Settings:
        """The settings of the run; its script says the rest."""
        return Settings(self.seed, self.nodes)


def replay_text(replay: Replay) -> str:
    """Return the file's content, one fault a line."""
    script = replay.script
    head = {
        "format": FORMAT,
        "seed": replay.seed,
        "nodes": replay.nodes,
        "rule": replay.rule,
        "note": replay.note,
        "calm_at_us": script.calm_at_us,
        "submit_every_us": script.submit_every_us,
        "transactions_max": script.transactions_max,
        "lies": {name: list(lies) for name, lies in script.lies.items()},
    }
    rows = {
        "incidents": [_incident_row(incident) for incident in script.incidents],
        "packets": [[fault.sender, fault.receiver, fault.number, fault.fate] for fault in script.packets],
        "told": [list(occasion) for occasion in script.told],
    }
    lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    for name, items in rows.items():
        inner = ",\n".join(f"  {json.dumps(item)}" for item in items)
        lines.append(f" {json.dumps(name)}: [\n{inner}\n ]" if items else f" {json.dumps(name)}: []")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read_replay(path: Path) -> Replay:
    """Return what a replay file says.

    Raises:
        ReplayError: when it is none.
        OSError: when it cannot be read.
    """
    try:
        return _replay_of(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise ReplayError(f"{path} is no replay file: {type(error).__name__} {error}") from error


def _replay_of(value: dict[str, Any]) -> Replay:
    if value["format"] != FORMAT:
        raise ReplayError(f"format {value['format']!r} where {FORMAT!r} is expected")
    nodes = int(value["nodes"])
    if not 1 <= nodes <= NODES_MAX:
        raise ReplayError(f"{nodes} nodes")
    script = Script(
        int(value["calm_at_us"]),
        int(value["submit_every_us"]),
        int(value["transactions_max"]),
        {str(name): tuple(map(Lie, lies)) for name, lies in value["lies"].items()},
        tuple(_incident_of(row) for row in value["incidents"]),
        tuple(PacketFault(str(a), str(b), int(number), Fate(fate)) for a, b, number, fate in value["packets"]),
        tuple((str(name), int(number)) for name, number in value["told"]),
    )
    return Replay(int(value["seed"]), nodes, str(value["rule"]), str(value["note"]), script)


def _incident_row(incident: Incident) -> list[Any]:
    links = [list(link) for link in incident.links]
    what = [incident.at_us, incident.fault, incident.what, incident.machine, incident.lasts_us]
    return [*what, incident.amount, links]


def _incident_of(row: list[Any]) -> Incident:
    at_us, fault, what, machine, lasts_us, amount, links = row
    pairs = tuple((str(sender), str(receiver)) for sender, receiver in links)
    return Incident(int(at_us), Fault(fault), What(what), str(machine), int(lasts_us), int(amount), pairs)
