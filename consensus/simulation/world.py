"""What everything in a run shares, in one object without behaviour of its own."""

from collections.abc import Callable
from dataclasses import dataclass, field

from chain.genesis import Genesis
from chain.types import Digest, Height, Milliseconds, ValidatorId
from consensus.simulation.chance import Chance
from consensus.simulation.checker import Checker
from consensus.simulation.clock import MILLISECOND, Schedule
from consensus.simulation.edge import Edge
from consensus.simulation.network import Network
from consensus.simulation.settings import GENESIS_TIME
from consensus.simulation.signatures import Signatures
from consensus.simulation.trace import Line, Trace


@dataclass(slots=True)
class World:
    """One run's surroundings."""

    genesis: Genesis
    chain_id: Digest
    schedule: Schedule
    trace: Trace
    network: Network
    edge: Edge
    signatures: Signatures
    checker: Checker
    chance: Chance
    """For how long work takes."""
    machines: dict[ValidatorId, list[str]] = field(default_factory=dict)
    """The machines that go by a validator's name: one, or twins."""
    validator_of: dict[str, ValidatorId] = field(default_factory=dict)
    on_applied: Callable[[str, Height, list[Digest]], None] = lambda name, height, ids: None
    """Told when a machine has stored a block and its state."""
    on_started: Callable[[str], None] = lambda name: None

    def note(self, node: str, line: Line) -> None:
        """Add a line to the trace."""
        self.trace.note(self.schedule.now, node, line)

    def clock(self, skew_ms: int = 0) -> Milliseconds:
        """Return what a wall clock shows that is wrong by `skew_ms`."""
        return Milliseconds(GENESIS_TIME + self.schedule.now // MILLISECOND + skew_ms)
