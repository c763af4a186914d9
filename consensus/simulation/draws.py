"""Draws incidents from a seed: which kind, which machine, how bad, how long. Nothing here looks at the run."""

from collections.abc import Callable, Iterator
from typing import Final

from consensus.pbft.messages import Kind
from consensus.simulation.chance import Chance, between
from consensus.simulation.clock import MILLISECOND, SECOND
from consensus.simulation.incident import Incident, What
from consensus.simulation.settings import DRIFT_MS_MAX, Fault, Weather

LASTS_US: Final = (10 * MILLISECOND, 600 * MILLISECOND)
ACTIONS_MAX: Final = 60
"""A planned kill falls on one of so many next things that a process does."""
DISK_OPERATIONS_MAX: Final = 30
STORE_WRITES_MAX: Final = 4
"""A database is written to once a block."""
DISCORD_IN: Final = 8
"""Of so many losses of one kind of message, one is a discord."""
DISCORD_US: Final = (2 * SECOND, 6 * SECOND)
"""Some two to five views, each as long as its timeout."""
DAMAGES_MAX: Final = 1_000_000
"""Numbers from which the place and kind of a damage is derived."""

KINDS: Final = (Kind.NEW_VIEW, Kind.PRE_PREPARE, Kind.PREPARE, Kind.PREPARE, Kind.COMMIT, Kind.COMMIT)
"""Kinds of messages that get lost on their own."""

Links = tuple[tuple[str, str], ...]
Drawn = tuple[What, int, Links]


def draw_incidents(
    chance: Chance, weather: Weather, machines: list[str], twins: list[tuple[str, str]]
) -> Iterator[Incident]:
    """Yield incidents in order of time, without end; none if the weather has no kind that comes as incidents."""
    draws: dict[Fault, Callable[[str], Drawn]] = {
        Fault.DELAY: lambda own: (What.SLOW_LINK, between(chance, 1, SECOND), ((own, chance.choice(machines)),)),
        Fault.LOSS: lambda own: _loss(chance, machines),
        Fault.PARTITION: lambda own: (What.CUT, 0, _links_to_cut(chance, own, machines)),
        Fault.PAUSE: lambda own: (What.PAUSE, 0, ()),
        Fault.CRASH: lambda own: _crash(chance),
        Fault.POWER: lambda own: _power(chance),
        Fault.DISK: lambda own: _disk(chance),
        Fault.SKEW: lambda own: (What.SKEW, _skew_ms(chance), ()),
        Fault.EXECUTOR: lambda own: _executor(chance),
        Fault.ROT: lambda own: _rot(chance, own, machines),
        Fault.BACKUP: lambda own: (What.BACKUP, 0, ()),
        Fault.WIPE: lambda own: (What.WIPE, 0, ()),
        Fault.BYZANTINE: lambda own: (What.CUT, 0, _links_between_twins(chance, machines, twins)),
    }
    kinds = [fault for fault in weather.faults if fault in draws and (fault is not Fault.BYZANTINE or twins)]
    at_us = 0
    while kinds:
        at_us += between(chance, 1, 2 * weather.fault_every_us)
        fault = chance.choice(kinds)
        machine = chance.choice(machines)
        what, amount, links = draws[fault](machine)
        yield Incident(at_us, fault, what, machine, between(chance, *LASTS_US), amount, links)


def _loss(chance: Chance, machines: list[str]) -> Drawn:
    if between(chance, 0, DISCORD_IN) == 0:
        return What.DISCORD, between(chance, *DISCORD_US), ()
    return What.DEAF, chance.choice(KINDS), _links_to_most(chance, machines)


def _crash(chance: Chance) -> Drawn:
    match between(chance, 0, 4):
        case 0:
            return What.KILL_AT_ACTION, between(chance, 1, ACTIONS_MAX), ()
        case 1:
            return What.KILL_AT_DISK, between(chance, 1, DISK_OPERATIONS_MAX), ()
    return What.KILL, 0, ()


def _power(chance: Chance) -> Drawn:
    match between(chance, 0, 6):
        case 0:
            return What.POWER_OF_ALL, 0, ()
        case 1:
            return What.POWER_AT_DISK, between(chance, 1, DISK_OPERATIONS_MAX), ()
        case 2:
            what = chance.choice((What.POWER_AT_BLOCKS, What.POWER_AT_STATE))
            return what, between(chance, 1, STORE_WRITES_MAX), ()
    return What.POWER, 0, ()


def _disk(chance: Chance) -> Drawn:
    match between(chance, 0, 3):
        case 0:
            return What.SYNC_FAILS, between(chance, 1, DISK_OPERATIONS_MAX), ()
        case 1:
            what = chance.choice((What.BLOCKS_FAIL, What.STATE_FAILS))
            return what, between(chance, 1, STORE_WRITES_MAX), ()
    return What.DISK_FULL, 0, ()


def _rot(chance: Chance, own: str, names: list[str]) -> Drawn:
    what = chance.choice((What.ROT_LOG, What.ROT_SYNCED, What.ROT_BLOCKS, What.ROT_STATE))
    links = tuple((own, name) for name in names if name != own) if what is What.ROT_SYNCED else ()
    return what, between(chance, 0, DAMAGES_MAX), links


def _skew_ms(chance: Chance) -> int:
    reach = chance.choice((100, DRIFT_MS_MAX // 2, 3 * DRIFT_MS_MAX))
    return between(chance, -reach, reach)


def _executor(chance: Chance) -> Drawn:
    if between(chance, 0, 2):
        return What.EXECUTIONS_FAIL, between(chance, 1, 4), ()
    return What.EXECUTOR_SLOW, between(chance, 1, 2 * SECOND), ()


def _links_to_cut(chance: Chance, own: str, names: list[str]) -> Links:
    """Draw a cut: one node away, one way only, two halves, or a ring in which each hears its neighbours."""
    others = [name for name in names if name != own]
    match between(chance, 0, 4):
        case 0:
            return tuple((own, name) for name in others) + tuple((name, own) for name in others)
        case 1:
            return tuple((own, name) for name in others if between(chance, 0, 2))
        case 2:
            return _between({name for name in names if between(chance, 0, 2)}, names)
    count = len(names)
    places = {name: place for place, name in enumerate(names)}
    return tuple((a, b) for a in names for b in names if (places[a] - places[b]) % count not in (0, 1, count - 1))


def _links_to_most(chance: Chance, names: list[str]) -> Links:
    """Draw the links to most machines: all but one or two, who alone hear everything."""
    hearing = set(chance.sample(names, between(chance, 0, min(3, len(names)))))
    return tuple((a, b) for a in names for b in names if a != b and b not in hearing)


def _links_between_twins(chance: Chance, names: list[str], twins: list[tuple[str, str]]) -> Links:
    """Part the network so that each of two twins sees another half of it: then they contradict each other most."""
    first = {chance.choice(pair) for pair in twins}
    doubled = {name for pair in twins for name in pair}
    return _between(first | {name for name in names if name not in doubled and between(chance, 0, 2)}, names)


def _between(half: set[str], names: list[str]) -> Links:
    return tuple((a, b) for a in names for b in names if (a in half) != (b in half))
