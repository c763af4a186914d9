"""Versions of the protocol: which one holds at which height, as the electorate has decided on the ledger.

The version in a block's header selects the rules and the gas prices under which that block is executed, and must be
the one that the parent state names for its height. So a block says by itself how it has to be replayed, and no node's
software decides when a change begins: a node that does not know a version stops before the first block that needs it.
"""

from collections.abc import Collection
from typing import Any, Final

from chain.encoding import DecodeError, decode, encode, fields_of
from chain.runtime import SYSTEM, LocalFault, StateAccess
from chain.state_keys import encode_key
from chain.types import Height
from chain.values import dataclass

PROTOCOL_VERSION: Final = 1
"""The newest version that this program knows, and the one that a network which starts now begins with."""

PROTOCOL_KEY: Final = encode_key(("protocol",))
"""System key of the schedule; nothing is there until the electorate decides on a change."""


class ProtocolUnknown(LocalFault):
    """This program lacks the rules of the next block; a newer release goes on where this one stopped."""

    def __init__(self, version: int, height: Height, known: Collection[int]) -> None:
        knows = ", ".join(map(str, sorted(known)))
        super().__init__(
            f"protocol version {version} holds from height {height}, and this program knows {knows} only: "
            "install a release that knows it; what was stored stays good"
        )
        self.version = version
        self.height = height


@dataclass(frozen=True, slots=True)
class Activation:
    """From this height on, until the next activation, blocks are of this version."""

    height: Height
    version: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """All activations, ascending in height and version; the first is that of genesis at height 0."""

    activations: tuple[Activation, ...]

    def at(self, height: Height) -> Activation:
        """Return the activation whose version a block of this height has."""
        last = self.activations[-1]
        if last.height <= height:
            return last
        return next(entry for entry in reversed(self.activations) if entry.height <= height)

    def pending(self, height: Height) -> Activation | None:
        """Return the activation that is decided and lies above a height; there is at most one above the head."""
        last = self.activations[-1]
        return last if last.height > height else None

    def as_value(self) -> list[Any]:
        """Return the form that messages and the state hold."""
        return [[entry.height, entry.version] for entry in self.activations]

    def encoded(self) -> bytes:
        """Return the canonical state value."""
        return encode([1, self.as_value()])


def schedule_from_value(value: list[Any]) -> Schedule:
    """Return the schedule in a value.

    Raises:
        DecodeError: when it is none.
    """
    pairs = [fields_of(entry, "activation", int, int) for entry in value]
    heights, versions = [height for height, _ in pairs], [version for _, version in pairs]
    ascending = all(list(column) == sorted(set(column)) for column in (heights, versions))
    if not pairs or heights[0] != 0 or versions[0] < 1 or not ascending:
        raise DecodeError(f"not a schedule of protocol versions: {pairs!r}")
    return Schedule(tuple(Activation(Height(height), version) for height, version in pairs))


def first_schedule(version: int) -> Schedule:
    """Return the schedule of a network that has decided nothing since its genesis."""
    return Schedule((Activation(Height(0), version),))


def read_schedule(state: StateAccess, first_version: int) -> Schedule:
    """Return the schedule that a state records; `first_version` is that of genesis.

    Raises:
        DecodeError: when the state holds something else there.
    """
    stored = state.get(SYSTEM, PROTOCOL_KEY)
    if stored is None:
        return first_schedule(first_version)
    _, activations = fields_of(decode(stored), "protocol schedule", 1, list)
    return schedule_from_value(activations)
