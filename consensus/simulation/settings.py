"""What a run is a function of: seed, nodes, length, kinds of faults; and the constants of the simulated world.

Each seed leaves out some kinds of faults and picks how harsh the others are: runs in which everything goes wrong all
the time hide what goes wrong when little does.
"""

from enum import StrEnum
from typing import Final

from chain.types import Milliseconds
from chain.validators import VALIDATORS_LIMIT
from chain.values import dataclass
from consensus.simulation.chance import chance_of
from consensus.simulation.clock import MILLISECOND, SECOND


class Fault(StrEnum):
    """Kinds of faults."""

    LOSS = "loss"
    DELAY = "delay"
    DUPLICATE = "duplicate"
    PARTITION = "partition"
    PAUSE = "pause"
    CRASH = "crash"
    POWER = "power"
    DISK = "disk"
    SKEW = "skew"
    EXECUTOR = "executor"
    ROT = "rot"
    """Bytes of a file or a database change, or vanish; counts as one of the f faulty nodes."""
    BACKUP = "backup"
    """A machine is set back to an older copy of its disk; counts as one of the f faulty nodes."""
    WIPE = "wipe"
    """A machine loses its whole disk; counts as one of the f faulty nodes."""
    BYZANTINE = "byzantine"
    """Up to f nodes lie; which way is drawn from the seed."""


ALL_FAULTS: Final = frozenset(Fault)
NODES_MAX: Final = VALIDATORS_LIMIT
LENGTHS: Final = (60, 60, 120, 120, 240, 600)
"""Events of a run before its faults stop; most bugs show early, some need a long run."""
FAULT_EVERY_MS: Final = (10, 40, 150)
"""Mean time between two incidents, one of these for each seed; a block takes about ten milliseconds."""
SUBMIT_EVERY_MS: Final = (20, 50, 150)
"""Mean time between two transactions."""

GENESIS_TIME: Final = Milliseconds(1_750_000_000_000)
TICK_US: Final = 100 * MILLISECOND
RESEND_TICKS: Final = 5
VIEW_TIMEOUT_MS: Final = 500
VIEW_TIMEOUT_MAX_MS: Final = 2_000
DRIFT_MS_MAX: Final = 2_000
"""Small, so that a block proposed again in a later view is often older than a fresh one may be."""
PRIMARY_TERM_BLOCKS: Final = 3
LONG_TERM_BLOCKS: Final = 10_000
"""As on a real network: who proposes does so until the others are discontented. Half of the runs with a censor."""
SEGMENT_BYTES_MAX: Final = 24 * 1024
"""A small segment, so that the log begins new ones often."""
RECOVERY_US_MAX: Final = 30 * SECOND
"""Virtual time within which everything is committed everywhere once the faults have stopped: fifteen of the longest
timeouts."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One run."""

    seed: int
    nodes: int
    steps: int | None = None
    """Events before the faults stop; drawn from the seed if absent."""
    faults: frozenset[Fault] = ALL_FAULTS
    """Kinds that this seed may draw from."""

    @property
    def length(self) -> int:
        """Events before the faults stop."""
        return chance_of(self.seed, "length").choice(LENGTHS) if self.steps is None else self.steps

    @property
    def command(self) -> str:
        """The command that repeats the run."""
        words = f"tally simulate --seed {self.seed} --nodes {self.nodes}"
        if self.steps is not None:
            words += f" --steps {self.steps}"
        if self.faults != ALL_FAULTS:
            words += f" --faults {','.join(sorted(self.faults)) or 'none'}"
        return words


@dataclass(frozen=True, slots=True)
class Weather:
    """How harsh this seed is."""

    faults: tuple[Fault, ...]
    loss_per_mille: int
    duplicate_per_mille: int
    late_per_mille: int
    """Messages that take up to a hundred times as long, and so overtake nothing and are overtaken by all."""
    fault_every_us: int
    """Mean time between two incidents."""
    submit_every_us: int
    """Mean time between two transactions."""


def weather_of(settings: Settings) -> Weather:
    """Draw the weather of a seed."""
    chance = chance_of(settings.seed, "weather")
    drawn = [fault for fault in Fault if chance.randrange(2)]
    faults = tuple(fault for fault in drawn if fault in settings.faults)
    return Weather(
        faults,
        chance.choice((10, 50, 200)) if Fault.LOSS in faults else 0,
        chance.choice((10, 100)) if Fault.DUPLICATE in faults else 0,
        chance.choice((10, 100, 300)) if Fault.DELAY in faults else 0,
        chance.choice(FAULT_EVERY_MS) * MILLISECOND,
        chance.choice(SUBMIT_EVERY_MS) * MILLISECOND,
    )
