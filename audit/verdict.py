"""The outcome of an audit, for programs and for people."""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, Final

from audit.consistency import Comparison
from audit.mismatch import HISTORY_LEVELS, Level, Mismatch
from chain.values import dataclass

FINDINGS_MAX: Final = 100
"""Mismatches after which an audit ends: what follows would say nothing new."""


class Outcome(StrEnum):
    """What an audit can end with."""

    OK = "ok"
    MISMATCH = "mismatch"


FRESHNESS: Final = "freshness: a longer history may exist than the one that was shown"
UNIQUENESS: Final = (
    "uniqueness: a third of the validators or more could have signed another history for others; compare the hash of"
    " the last block with what other nodes and members hold"
)
UNIQUENESS_COMPARED: Final = (
    "uniqueness: behind block {height} nothing was compared, and up to there only with those named above; a third of"
    " the validators or more together could have signed another history for somebody else"
)
CLOCKS: Final = "clocks: block times increase, but nobody proves that they are the time of day"
RESULTS: Final = "results: contracts were not run again, so what they did is what a quorum of the validators says"
UNANCHORED: Final = "origin: no genesis hash was given, so this may be the history of any network"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was checked and what came of it."""

    genesis_hash: str | None
    """None if the genesis cannot even be read."""
    anchored: bool
    """Whether the genesis was compared with a hash that the auditor brought along."""
    height: int
    """Height of the last block that the source showed."""
    blocks: int
    """Blocks that passed every level."""
    transactions: int
    head_hash: str | None
    """Hash of the last block that passed; the genesis hash before the first."""
    state_root: str | None
    """Root of the state after it."""
    first_mismatch: Mismatch | None
    seconds: float
    checked: tuple[Level, ...] = HISTORY_LEVELS
    """The levels that were asked for, in their order."""
    further_mismatches: tuple[Mismatch, ...] = ()
    """What was found behind the first one, as far as checking could go on; at most FINDINGS_MAX in all."""
    execution_ended: int | None = None
    """Height of the block behind which contracts were not run any more, None if they were to the end."""
    compared: tuple[str, ...] = ()
    """With what else the history was compared, and up to where they agree."""
    excluded: tuple[str, ...] = ()
    """What the comparisons exclude that the history alone does not."""
    agreed_height: int | None = None
    """The last block that another side is known to have, too; None if there was nothing to compare with."""

    @property
    def outcome(self) -> Outcome:
        """Whether the whole history passed."""
        return Outcome.OK if self.first_mismatch is None else Outcome.MISMATCH

    @property
    def levels_passed(self) -> tuple[Level, ...]:
        """The levels that were asked for and found nothing, up to the first that found something."""
        failed = {mismatch.level for mismatch in self.mismatches}
        order = list(Level)
        lowest = min((order.index(level) for level in failed), default=len(order))
        return tuple(level for level in self.checked if order.index(level) < lowest)

    @property
    def mismatches(self) -> tuple[Mismatch, ...]:
        """Everything that was found, the first mismatch first."""
        return () if self.first_mismatch is None else (self.first_mismatch, *self.further_mismatches)

    def joined(self, found: Sequence[Mismatch], level: Level, compared: Sequence[str]) -> "Verdict":
        """Return the verdict with what one more level, which looks at more than the history, has found."""
        joined = replace(self, checked=(*self.checked, level), compared=(*self.compared, *compared))
        if self.first_mismatch is None and found:
            return replace(joined, first_mismatch=found[0], further_mismatches=tuple(found[1:]))
        return replace(joined, further_mismatches=(*self.further_mismatches, *found))

    def with_comparisons(self, comparisons: Sequence[Comparison]) -> "Verdict":
        """Return the verdict with what comparing with other sources has found and excludes."""
        found = [each.mismatch for each in comparisons if each.mismatch is not None]
        joined = self.joined(found, Level.CONSISTENCY, [each.statement for each in comparisons if each.statement])
        return replace(
            joined,
            excluded=(*self.excluded, *(each.excluded for each in comparisons if each.excluded)),
            agreed_height=max((each.agreed for each in comparisons if each.agreed is not None), default=None),
        )

    def noted(self, compared: Sequence[str]) -> "Verdict":
        """Return the verdict with what else there is to say of comparisons."""
        return replace(self, compared=(*self.compared, *compared))

    @property
    def not_excluded(self) -> tuple[str, ...]:
        """What even a good verdict leaves open."""
        open_ends = () if self.anchored else (UNANCHORED,)
        if Level.EXECUTION not in self.checked:
            open_ends = (*open_ends, RESULTS)
        if self.agreed_height is None:
            return (*open_ends, FRESHNESS, UNIQUENESS, CLOCKS)
        return (*open_ends, FRESHNESS, UNIQUENESS_COMPARED.format(height=self.agreed_height), CLOCKS)

    def as_json(self) -> dict[str, Any]:
        """Return the verdict for programs; field names are stable."""
        return {
            "verdict": self.outcome.value,
            "anchored": self.anchored,
            "genesis_hash": self.genesis_hash,
            "height": self.height,
            "blocks": self.blocks,
            "transactions": self.transactions,
            "head_hash": self.head_hash,
            "state_root": self.state_root,
            "levels_passed": [level.value for level in self.levels_passed],
            "first_mismatch": None if self.first_mismatch is None else self.first_mismatch.as_json(),
            "levels_checked": [level.value for level in self.checked],
            "further_mismatches": [mismatch.as_json() for mismatch in self.further_mismatches],
            "execution_ended": self.execution_ended,
            "compared": list(self.compared),
            "excluded": list(self.excluded),
            "seconds": round(self.seconds, 3),
            "not_excluded": list(self.not_excluded),
        }
