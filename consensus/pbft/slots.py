"""The messages of one height: of each validator and kind the one with the highest view (rule 6)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from chain.types import ValidatorId
from consensus.pbft.messages import Kind, NewView, PrePrepare, Ranked, ViewChange, Vote

_KINDS: Final = (Kind.VIEW_CHANGE, Kind.NEW_VIEW, Kind.PRE_PREPARE, Kind.PREPARE, Kind.COMMIT)


@dataclass(slots=True)
class Slots:
    """One table a kind, by signer."""

    view_changes: dict[ValidatorId, ViewChange] = field(default_factory=dict)
    new_views: dict[ValidatorId, NewView] = field(default_factory=dict)
    pre_prepares: dict[ValidatorId, PrePrepare] = field(default_factory=dict)
    prepares: dict[ValidatorId, Vote] = field(default_factory=dict)
    commits: dict[ValidatorId, Vote] = field(default_factory=dict)
    _by_kind: dict[Kind, Mapping[ValidatorId, Ranked]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        tables = (self.view_changes, self.new_views, self.pre_prepares, self.prepares, self.commits)
        self._by_kind = dict(zip(_KINDS, tables, strict=True))

    def __len__(self) -> int:
        return sum(map(len, self._by_kind.values()))

    def __iter__(self) -> Iterator[Ranked]:
        return chain.from_iterable(table.values() for table in self._by_kind.values())

    def get(self, signer: ValidatorId, kind: Kind) -> Ranked | None:
        """Return a validator's message of a kind."""
        # Asked several times a message: comparing with one kind after the other takes twice as long.
        return self._by_kind[kind].get(signer)

    def put(self, message: Ranked) -> None:
        """Keep a message in place of its signer's earlier one of that kind."""
        match message:
            case Vote():
                votes = self.prepares if message.kind is Kind.PREPARE else self.commits
                votes[message.signer] = message
            case PrePrepare():
                self.pre_prepares[message.signer] = message
            case ViewChange():
                self.view_changes[message.signer] = message
            case NewView():
                self.new_views[message.signer] = message
