"""What goes wrong in a run, as values: drawn from the seed as the run goes on, or read from a script.

A script lists every fault that happens, one by one; everything else of the run still follows from the seed, by streams
that no fault disturbs. So a part of the faults can be left out and the rest stays what it was, which is how a failing
run is made smaller (shrink.py), and the smallest that still fails is kept in a file (replay.py).
"""

from collections.abc import Iterator
from dataclasses import field
from enum import StrEnum
from typing import Final, Protocol

from chain.values import dataclass
from consensus.simulation.chance import Chance, between, chance_of, happens
from consensus.simulation.draws import draw_incidents
from consensus.simulation.incident import Incident
from consensus.simulation.liars.lies import LIE_PER_MILLE, Lies, draw_lies
from consensus.simulation.settings import Settings, Weather, weather_of

TRANSACTIONS_MAX: Final = 1_000_000


class Fate(StrEnum):
    """What happens to a packet other than to arrive after its usual delay."""

    LOST = "lost"
    TWICE = "twice"
    LATE = "late"


Link = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PacketFault:
    """The fate of one packet: the so manyth from a sender to a receiver."""

    sender: str
    receiver: str
    number: int
    fate: Fate


@dataclass(frozen=True, slots=True)
class Script:
    """Every fault of a run, and how long it lasts."""

    calm_at_us: int
    """When the faults stop."""
    submit_every_us: int
    transactions_max: int
    """So many transactions are submitted before the faults stop."""
    lies: Lies
    incidents: tuple[Incident, ...]
    packets: tuple[PacketFault, ...]
    told: tuple[tuple[str, int], ...]
    """Machine and number of each occasion on which a liar lied."""


@dataclass(slots=True)
class Happened:
    """What has gone wrong in a run so far, beside the rest that a script of it needs."""

    incidents: list[Incident] = field(default_factory=list)
    packets: list[PacketFault] = field(default_factory=list)
    told: list[tuple[str, int]] = field(default_factory=list)
    transactions: int = 0
    calm_at_us: int = 0


class Plan(Protocol):
    """Decides what goes wrong, and keeps a record of it."""

    happened: Happened
    lies: Lies
    submit_every_us: int
    transactions_max: int

    def incidents(self, machines: list[str], pairs: list[Link]) -> Iterator[Incident]:
        """Yield incidents in order of time; `pairs` are the machines of twins."""
        ...

    def fate(self, link: Link, number: int) -> Fate | None:
        """Return what happens to a packet."""
        ...

    def tells(self, machine: str, number: int) -> bool:
        """Tell whether a liar lies on an occasion."""
        ...

    def is_over(self, done: int, now_us: int) -> bool:
        """Tell whether the faults stop."""
        ...


class DrawnPlan:
    """Draws from the seed; implements Plan."""

    def __init__(self, settings: Settings, names: list[str]) -> None:
        self._seed = settings.seed
        self._length = settings.length
        self._weather = weather_of(settings)
        weather = self._weather
        self._has_fates = weather.loss_per_mille + weather.duplicate_per_mille + weather.late_per_mille > 0
        self._fates = chance_of(settings.seed, "fates")
        self._occasions = chance_of(settings.seed, "occasions")
        self.happened = Happened()
        self.lies = draw_lies(chance_of(settings.seed, "liars"), self._weather.faults, names)
        self.submit_every_us = self._weather.submit_every_us
        self.transactions_max = TRANSACTIONS_MAX

    def incidents(self, machines: list[str], pairs: list[Link]) -> Iterator[Incident]:
        """Yield incidents without end."""
        yield from draw_incidents(chance_of(self._seed, "incidents"), self._weather, machines, pairs)

    def fate(self, link: Link, number: int) -> Fate | None:
        """Draw the fate of a packet."""
        fate = _draw_fate(self._fates, self._weather) if self._has_fates else None
        if fate is not None:
            self.happened.packets.append(PacketFault(*link, number, fate))
        return fate

    def tells(self, machine: str, number: int) -> bool:
        """Draw whether a liar lies."""
        is_told = happens(self._occasions, LIE_PER_MILLE)
        if is_told:
            self.happened.told.append((machine, number))
        return is_told

    def is_over(self, done: int, now_us: int) -> bool:
        """Tell whether enough has happened."""
        return done >= self._length


class ScriptedPlan:
    """Follows a script; implements Plan."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._fates = {(fault.sender, fault.receiver, fault.number): fault.fate for fault in script.packets}
        self._told = frozenset(script.told)
        self.happened = Happened()
        self.lies = script.lies
        self.submit_every_us = script.submit_every_us
        self.transactions_max = script.transactions_max

    def incidents(self, machines: list[str], pairs: list[Link]) -> Iterator[Incident]:
        """Yield the incidents of the script whose machines are there."""
        there = set(machines)
        for incident in self._script.incidents:
            if incident.machine in there and all(there.issuperset(link) for link in incident.links):
                yield incident

    def fate(self, link: Link, number: int) -> Fate | None:
        """Look the fate of a packet up."""
        return self._fates.get((*link, number))

    def tells(self, machine: str, number: int) -> bool:
        """Look up whether a liar lies."""
        return (machine, number) in self._told

    def is_over(self, done: int, now_us: int) -> bool:
        """Tell whether the script's time has come."""
        return now_us >= self._script.calm_at_us


def script_of(plan: Plan) -> Script:
    """Return what has happened under a plan as a script that makes it happen again."""
    happened = plan.happened
    return Script(
        happened.calm_at_us,
        plan.submit_every_us,
        happened.transactions,
        plan.lies,
        tuple(happened.incidents),
        tuple(happened.packets),
        tuple(happened.told),
    )


def _draw_fate(chance: Chance, weather: Weather) -> Fate | None:
    draw = between(chance, 0, 1_000_000)
    if draw < weather.loss_per_mille * 1_000:
        return Fate.LOST
    if draw % 1_000 < weather.duplicate_per_mille:
        return Fate.TWICE
    if draw // 7 % 1_000 < weather.late_per_mille:
        return Fate.LATE
    return None
