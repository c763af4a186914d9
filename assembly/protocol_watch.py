"""What a node has to say of versions of the protocol: those to come, and the one that it lacks."""

from collections.abc import Collection

from chain.protocol import ProtocolUnknown
from chain.types import Height
from chain.validity import Head


def check_known(head: Head, known: Collection[int]) -> None:
    """Check that this program has the rules of the block after `head`.

    Raises:
        ProtocolUnknown: when it has not.
    """
    activation = head.schedule.at(Height(head.height + 1))
    if activation.version not in known:
        raise ProtocolUnknown(activation.version, activation.height, known)


def lacks_rules(head: Head, known: Collection[int]) -> bool:
    """Tell whether a change is decided whose rules this program has not."""
    pending = head.schedule.pending(head.height)
    return pending is not None and pending.version not in known


def notices(head: Head, known: Collection[int]) -> tuple[str, ...]:
    """Return what an operator should know of a change that is decided and has not begun."""
    pending = head.schedule.pending(head.height)
    if pending is None:
        return ()
    blocks = pending.height - head.height
    change = f"protocol version {pending.version} holds from height {pending.height}, in {blocks} blocks"
    if not lacks_rules(head, known):
        return (f"{change}; this program knows it",)
    return (f"{change}; this program does not know it and will stop before: install a newer release",)
