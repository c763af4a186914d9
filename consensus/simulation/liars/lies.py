"""The ways in which a validator lies with its own, genuine key; the protocol has to bear up to f such validators."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from chain.block import Block
from chain.types import ValidatorId
from chain.values import dataclass
from consensus.pbft.messages import Message
from consensus.simulation.chance import Chance, between
from consensus.simulation.packet import Packet
from consensus.simulation.settings import Fault


class Lie(StrEnum):
    """One way."""

    SILENT = "silent"
    """Says nothing to some, or to all."""
    SELECTIVE = "selective"
    """Proposes to a few only."""
    SLOW = "slow"
    """Says everything late, up to the timeout of a view."""
    CENSOR = "censor"
    """Leaves one organisation's transactions out of its proposals."""
    COMPLAIN = "complain"
    """Complains at every height of primaries that leave nothing out."""
    EQUIVOCATE = "equivocate"
    """Proposes two blocks at once, votes for both, opens a view twice."""
    INVALID = "invalid"
    """Proposes blocks that break a rule of validity, each in turn."""
    CLOCK = "clock"
    """Proposes blocks of another time than the present, by more than is tolerated."""
    HIDE = "hide"
    """Leaves out of VIEW-CHANGE what it has prepared."""
    FABRICATE = "fabricate"
    """Shows forged, short, repeated and stale certificates in VIEW-CHANGE and NEW-VIEW."""
    FORGE = "forge"
    """Speaks in the names of others, and hands out blocks with forged certificates."""
    REPLAY = "replay"
    """Says again what others have said: in other views and heights, in another epoch, on another chain."""
    FAR = "far"
    """Speaks of views and heights far away, up to the greatest number there is."""
    SPAM = "spam"
    """Demands one view after the other, without end."""
    FLOOD = "flood"
    """Says a hundred dear messages at once, each of which has to be looked at."""
    MISLEAD = "mislead"
    """Answers questions falsely: bodies, ranges of blocks, its head, what it remembers of others."""
    TWINS = "twins"
    """Two honest machines under one name and key, which contradict each other whenever they see different things."""


Lies = dict[str, tuple[Lie, ...]]
"""The liars of a run, by validator."""

LIE_PER_MILLE: Final = 500
"""How often a liar lies when it could."""

LIES_MAX: Final = 6
"""Of one liar; twins have this one alone."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a liar sends: a message of consensus as its own replica would, or any packet."""

    to: tuple[ValidatorId, ...]
    content: Message | Packet
    block: Block | None = None
    delay_us: int = 0


def draw_lies(chance: Chance, faults: Sequence[Fault], names: list[str]) -> Lies:
    """Draw the liars of a run, at most f, and their lies."""
    faults_max = (len(names) - 1) // 3
    if Fault.BYZANTINE not in faults or faults_max == 0:
        return {}
    liars = chance.sample(names, between(chance, 1, faults_max + 1))
    if between(chance, 0, 2) and names[0] not in liars:
        # Who proposes first proposes on while it serves, and has most to lie about.
        liars[0] = names[0]
    return {name: _draw_lies_of_one(chance) for name in sorted(liars)}


def _draw_lies_of_one(chance: Chance) -> tuple[Lie, ...]:
    if between(chance, 0, 5) == 0:
        return (Lie.TWINS,)
    lies = [lie for lie in Lie if lie is not Lie.TWINS]
    return tuple(sorted(chance.sample(lies, between(chance, 1, LIES_MAX + 1))))
