"""The outcome of an audit, for programs and for people."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from audit.mismatch import Level, Mismatch


class Outcome(StrEnum):
    """What an audit can end with."""

    OK = "ok"
    MISMATCH = "mismatch"


FRESHNESS: Final = "freshness: a longer history may exist than the one that was shown"
UNIQUENESS: Final = (
    "uniqueness: more than a third of the validators could have signed another history for others; compare the hash of"
    " the last block with what other nodes and members hold"
)
CLOCKS: Final = "clocks: block times increase, but nobody proves that they are the time of day"
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

    @property
    def outcome(self) -> Outcome:
        """Whether the whole history passed."""
        return Outcome.OK if self.first_mismatch is None else Outcome.MISMATCH

    @property
    def levels_passed(self) -> tuple[Level, ...]:
        """The levels that everything passed, up to and with the block of the first mismatch."""
        if self.first_mismatch is None:
            return tuple(Level)
        levels = list(Level)
        return tuple(levels[: levels.index(self.first_mismatch.level)])

    @property
    def not_excluded(self) -> tuple[str, ...]:
        """What even a good verdict leaves open."""
        return (FRESHNESS, UNIQUENESS, CLOCKS) if self.anchored else (UNANCHORED, FRESHNESS, UNIQUENESS, CLOCKS)

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
            "seconds": round(self.seconds, 3),
            "not_excluded": list(self.not_excluded),
        }
