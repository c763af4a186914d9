"""The network between nodes: every packet is late by chance, and lost, doubled or cut off as the plan says.

It is harsher than the product's connections, which keep order and notice a loss: whatever consensus survives here it
survives there. Endpoints are machines, not validators, because a twin shares its validator's name. The delay of a
packet depends on its link and its number on that link alone, so that what is left out of a plan does not change it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from consensus.simulation.chance import Chance, between, chance_of
from consensus.simulation.clock import MILLISECOND, Schedule
from consensus.simulation.packet import Packet
from consensus.simulation.plan import Fate, Plan

DELAY_US: Final = (100, 3 * MILLISECOND)
LATE_FACTOR: Final = 100


Receiver = Callable[[str, Packet], None]


@dataclass(slots=True)
class _Link:
    sender: str
    receiver: str
    chance: Chance
    sent: int = 0
    is_cut: int = 0
    """How many cuts there are of it at the moment."""
    extra_us: int = 0
    lost_kinds: tuple[int, ...] = ()
    """Kinds of messages that it does not carry."""


class Network:
    """Owns what is under way and which links are cut."""

    def __init__(self, schedule: Schedule, seed: int, plan: Plan) -> None:
        self._schedule = schedule
        self._seed = seed
        self._plan = plan
        self._receivers: dict[str, Receiver] = {}
        self._links: dict[tuple[str, str], _Link] = {}
        self._is_calm = False
        """No loss, doubling or long delay any more."""
        self.drops: list[Callable[[str, str, Packet], bool]] = []
        """Each tells of a packet from a sender to a receiver whether it is lost."""
        self.sent = 0
        self.counts: dict[str, int] = {}
        """How many packets were lost, doubled, late or cut off."""

    def attach(self, name: str, receive: Receiver) -> None:
        """Make a machine reachable."""
        self._receivers[name] = receive

    @property
    def names(self) -> list[str]:
        """All machines."""
        return list(self._receivers)

    def is_open(self, sender: str, receiver: str) -> bool:
        """Tell whether packets get from one machine to another."""
        return not self._link(sender, receiver).is_cut

    def cut(self, links: tuple[tuple[str, str], ...]) -> None:
        """Cut links, each in one direction."""
        for link in links:
            self._link(*link).is_cut += 1

    def join(self, links: tuple[tuple[str, str], ...]) -> None:
        """Undo a cut."""
        for link in links:
            self._link(*link).is_cut -= 1

    def lose(self, links: tuple[tuple[str, str], ...], kind: int) -> None:
        """Let links carry no messages of a kind."""
        for link in links:
            self._link(*link).lost_kinds += (kind,)

    def lose_no_more(self, links: tuple[tuple[str, str], ...], kind: int) -> None:
        """Undo `lose`."""
        for link in links:
            kinds = list(self._link(*link).lost_kinds)
            kinds.remove(kind)
            self._link(*link).lost_kinds = tuple(kinds)

    def slow_down(self, link: tuple[str, str], extra_us: int) -> None:
        """Make a link slower; 0 ends that."""
        self._link(*link).extra_us = extra_us

    def calm(self) -> None:
        """End all faults."""
        self._is_calm = True
        self.drops.clear()
        for link in self._links.values():
            link.is_cut = link.extra_us = 0
            link.lost_kinds = ()

    def send(self, sender: str, receiver: str, packet: Packet) -> None:
        """Send a packet on its way."""
        link = self._links.get((sender, receiver)) or self._link(sender, receiver)
        self.sent += 1
        link.sent += 1
        delay = between(link.chance, *DELAY_US) + link.extra_us
        fate = None if self._is_calm else self._plan.fate((sender, receiver), link.sent)
        is_dropped = bool(self.drops) and any(drops(sender, receiver, packet) for drops in self.drops)
        if is_dropped or link.is_cut or (link.lost_kinds and packet.kind in link.lost_kinds):
            self._count("cut off")
            return
        if fate is not None:
            self._count(fate)
        if fate is Fate.LOST:
            return
        if fate is Fate.LATE:
            delay *= LATE_FACTOR
        self._schedule.after(delay, lambda: self._deliver(link, packet))
        if fate is Fate.TWICE:
            self._schedule.after(2 * delay, lambda: self._deliver(link, packet))

    def _deliver(self, link: _Link, packet: Packet) -> None:
        if link.is_cut:
            self._count("cut off")
        else:
            self._receivers[link.receiver](link.sender, packet)

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def _link(self, sender: str, receiver: str) -> _Link:
        link = self._links.get((sender, receiver))
        if link is None:
            chance = chance_of(self._seed, f"link/{sender}>{receiver}")
            link = self._links[(sender, receiver)] = _Link(sender, receiver, chance)
        return link
