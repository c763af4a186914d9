"""One machine: what outlives its processes (disk, databases, clock), and what is about to go wrong with it."""

from dataclasses import dataclass
from typing import Protocol

from chain.types import ValidatorId
from consensus.pbft.events import Send
from consensus.simulation.chance import Chance
from consensus.simulation.disk import ProcessKilled, SimulatedDisk
from consensus.simulation.store import SimulatedStore


class Liar(Protocol):
    """Decides what a lying machine sends in place of what its replica wanted to send."""

    def told_instead(self, outgoing: Send) -> list[Send]:
        """Return what is sent instead."""
        ...


@dataclass(slots=True)
class Machine:
    """A machine's durable parts and its condition."""

    name: str
    validator_id: ValidatorId
    chance: Chance
    disk: SimulatedDisk
    blocks: SimulatedStore
    state: SimulatedStore
    starts: int = 0
    skew_ms: int = 0
    is_faulty: bool = False
    """Counts as one of the f: it lies or has lost its disk; its votes are not held against it."""
    liar: Liar | None = None
    kill_in_actions: int | None = None
    """The process dies before the so manyth thing that it does for its replica."""
    executor_faults: int = 0
    """So many executions fail here for reasons of the machine's own."""
    executor_failed: bool = False
    executor_slow_us: int = 0

    def count_action(self) -> None:
        """Let the planned kill happen if it falls on this action."""
        if self.kill_in_actions is not None:
            self.kill_in_actions -= 1
            if self.kill_in_actions <= 0:
                self.kill_in_actions = None
                raise ProcessKilled(power_cut=False)

    def wipe(self) -> None:
        """Lose the disk."""
        self.disk.wipe()
        self.blocks = SimulatedStore(self.chance)
        self.state = SimulatedStore(self.chance)
        self.is_faulty = True

    def heal(self) -> None:
        """End all faults but lies."""
        self.skew_ms = 0
        self.kill_in_actions = None
        self.executor_faults = 0
        self.executor_slow_us = 0
        self.disk.faults.full = False
        self.disk.faults.kill_in = None
        self.disk.faults.fail_sync_in = None
        self.blocks.kill_in = self.blocks.fail_in = None
        self.state.kill_in = self.state.fail_in = None


def machine_of(name: str, validator_id: ValidatorId, chance: Chance) -> Machine:
    """Return a new machine with empty disks."""
    disk = SimulatedDisk(chance)
    return Machine(name, validator_id, chance, disk, SimulatedStore(chance), SimulatedStore(chance))
