"""The messages of one height: of each validator and kind the one with the highest view (rule 6)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from chain.types import ValidatorId
from consensus.pbft.messages import Kind, NewView, PrePrepare, Ranked, ViewChange, Vote


@dataclass(slots=True)
class Slots:
    """One table a kind, by signer."""

    view_changes: dict[ValidatorId, ViewChange] = field(default_factory=dict)
    new_views: dict[ValidatorId, NewView] = field(default_factory=dict)
    pre_prepares: dict[ValidatorId, PrePrepare] = field(default_factory=dict)
    prepares: dict[ValidatorId, Vote] = field(default_factory=dict)
    commits: dict[ValidatorId, Vote] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self._tables()))

    def __iter__(self) -> Iterator[Ranked]:
        return chain.from_iterable(table.values() for table in self._tables())

    def get(self, signer: ValidatorId, kind: Kind) -> Ranked | None:
        """Return a validator's message of a kind."""
        match kind:
            case Kind.PREPARE:
                return self.prepares.get(signer)
            case Kind.COMMIT:
                return self.commits.get(signer)
            case Kind.PRE_PREPARE:
                return self.pre_prepares.get(signer)
            case Kind.VIEW_CHANGE:
                return self.view_changes.get(signer)
            case Kind.NEW_VIEW:
                return self.new_views.get(signer)
        raise AssertionError(f"messages of kind {kind} belong to no height")

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

    def _tables(self) -> tuple[Mapping[ValidatorId, Ranked], ...]:
        return self.view_changes, self.new_views, self.pre_prepares, self.prepares, self.commits
