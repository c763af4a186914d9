"""What travels between machines."""

from enum import IntEnum

from chain.values import dataclass


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
    kind: int = 0
    """The kind of a message of consensus, by which, with its view, a fault of the network may pick it."""
    view: int = 0
