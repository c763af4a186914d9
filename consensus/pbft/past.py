"""What validators said in views and heights that are over, for a while: saying something else there is evidence still.

A slot holds its validator's highest view alone, and ends with its height. A liar whose second vote comes when the first
has been replaced, or when the height is decided, would leave no proof. So votes and proposals that were checked stay
for a few views and heights. Nothing is checked in order to be kept: of two votes that both come too late to matter
neither was read. VIEW-CHANGEs and NEW-VIEWs, which may be a hundred times as large, are not kept.
"""

from dataclasses import dataclass, field
from typing import Final

from chain.types import Height, ValidatorId, View
from consensus.pbft.messages import Kind, PrePrepare, Ranked, Vote

VIEWS_MAX: Final = 4
"""So many lower views of each validator and kind are remembered in a height."""
HEIGHTS_MAX: Final = 8
"""So many heights below the present one are remembered."""
KINDS: Final = frozenset((Kind.PRE_PREPARE, Kind.PREPARE, Kind.COMMIT))

Said = dict[tuple[ValidatorId, Kind], dict[View, Ranked]]


@dataclass(slots=True)
class Past:
    """Owns what is remembered, and whom it has told of."""

    _said: dict[Height, Said] = field(default_factory=dict)
    _accused: set[tuple[Height, ValidatorId, Kind]] = field(default_factory=set)

    def __len__(self) -> int:
        return sum(len(views) for said in self._said.values() for views in said.values())

    def keep(self, message: Ranked) -> None:
        """Remember a vote or a proposal that gives up its slot, in place of the oldest view if there are too many."""
        if message.kind not in KINDS:
            return
        views = self._said.setdefault(message.height, {}).setdefault((message.signer, message.kind), {})
        views.setdefault(message.view, message)
        if len(views) > VIEWS_MAX:
            del views[min(views)]

    def forget_below(self, height: Height) -> None:
        """Keep the last few heights below this one alone."""
        first = height - HEIGHTS_MAX
        self._said = {known: said for known, said in self._said.items() if known >= first}
        self._accused = {entry for entry in self._accused if entry[0] >= first}

    def other(self, message: Ranked, held: Ranked | None) -> Ranked | None:
        """Return what a message contradicts: the signer's of the same slot with other contents.

        `held` is what the slot of the height holds now. None once the signer was accused of such a thing there.
        """
        if message.kind not in KINDS or (message.height, message.signer, message.kind) in self._accused:
            return None
        known = self._said.get(message.height, {}).get((message.signer, message.kind), {}).get(message.view)
        if known is None and held is not None and (held.height, held.view) == (message.height, message.view):
            known = held
        return None if known is None or _content_of(known) == _content_of(message) else known

    def accuse(self, message: Ranked) -> None:
        """Take note that a contradiction was told of: once a height, signer and kind is enough."""
        self._accused.add((message.height, message.signer, message.kind))


def limit_of(nodes: int) -> int:
    """Return how many messages may be remembered."""
    return nodes * len(KINDS) * VIEWS_MAX * (HEIGHTS_MAX + 1)


def _content_of(message: Ranked) -> object:
    """Return what is signed, without the signature: one payload may have many."""
    match message:
        case Vote(subject=subject):
            return subject
        case PrePrepare(header=header):
            return header
    raise AssertionError("nothing else is remembered")
