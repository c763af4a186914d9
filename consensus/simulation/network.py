"""The network between nodes: every packet is late by chance, and lost, doubled or cut off as the run demands.

It is harsher than the product's connections, which keep order and notice a loss: whatever consensus survives here it
survives there. Endpoints are machines, not validators, because a twin shares its validator's name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from consensus.simulation.chance import Chance, happens
from consensus.simulation.clock import MILLISECOND, Schedule
from consensus.simulation.settings import Weather

DELAY_US_MIN: Final = 100
DELAY_US_MAX: Final = 3 * MILLISECOND
LATE_FACTOR: Final = 100


class Channel(IntEnum):
    """What a packet is about."""

    CONSENSUS = 1
    TRANSACTIONS = 2
    BLOCK = 3
    """A certified block that was not asked for."""
    ASK_BODY = 4
    BODY = 5
    ASK_BLOCKS = 6
    BLOCKS = 7
    HEAD = 8
    """The sender's height, told at intervals."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One message under way."""

    channel: Channel
    payload: bytes
    number: int = 0
    """Joins an answer to its question."""


Receiver = Callable[[str, Packet], None]


class Network:
    """Owns what is under way and which links are cut."""

    def __init__(self, schedule: Schedule, chance: Chance, weather: Weather) -> None:
        self._schedule = schedule
        self._chance = chance
        self._weather = weather
        self._receivers: dict[str, Receiver] = {}
        self._cut: set[tuple[str, str]] = set()
        self._slow: dict[tuple[str, str], int] = {}
        self.is_calm = False
        """No loss, doubling or long delay any more."""
        self.sent = 0
        self.lost = 0

    def attach(self, name: str, receive: Receiver) -> None:
        """Make a machine reachable."""
        self._receivers[name] = receive

    @property
    def names(self) -> list[str]:
        """All machines."""
        return list(self._receivers)

    def is_open(self, sender: str, receiver: str) -> bool:
        """Tell whether packets get from one machine to another."""
        return (sender, receiver) not in self._cut

    def cut(self, links: set[tuple[str, str]]) -> None:
        """Cut links, each in one direction."""
        self._cut |= links

    def join(self, links: set[tuple[str, str]]) -> None:
        """Join cut links."""
        self._cut -= links

    def slow_down(self, link: tuple[str, str], extra_us: int) -> None:
        """Make a link slower; 0 ends that."""
        self._slow[link] = extra_us

    def calm(self) -> None:
        """End all faults."""
        self.is_calm = True
        self._cut.clear()
        self._slow.clear()

    def send(self, sender: str, receiver: str, packet: Packet) -> None:
        """Send a packet on its way."""
        self.sent += 1
        if not self.is_open(sender, receiver) or self._happens(self._weather.loss_per_mille):
            self.lost += 1
            return
        copies = 2 if self._happens(self._weather.duplicate_per_mille) else 1
        for _ in range(copies):
            self._schedule.after(self._delay(sender, receiver), lambda: self._deliver(sender, receiver, packet))

    def _delay(self, sender: str, receiver: str) -> int:
        delay = self._chance.randrange(DELAY_US_MIN, DELAY_US_MAX) + self._slow.get((sender, receiver), 0)
        return delay * LATE_FACTOR if self._happens(self._weather.late_per_mille) else delay

    def _deliver(self, sender: str, receiver: str, packet: Packet) -> None:
        if self.is_open(sender, receiver):
            self._receivers[receiver](sender, packet)
        else:
            self.lost += 1

    def _happens(self, per_mille: int) -> bool:
        return not self.is_calm and happens(self._chance, per_mille)
