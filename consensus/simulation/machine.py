"""One machine: what outlives its processes (disk, databases, clock), and what is about to go wrong with it."""

from chain.types import ValidatorId
from chain.values import dataclass
from consensus.simulation.chance import Chance
from consensus.simulation.disk import ProcessKilled, SimulatedDisk
from consensus.simulation.incident import What
from consensus.simulation.liars.liar import LyingValidator
from consensus.simulation.store import SimulatedStore


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of all that a machine held at one moment."""

    disk: SimulatedDisk
    blocks: SimulatedStore
    state: SimulatedStore


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
    """It lies, or its log has rotted and nobody has looked at it since. Its votes are not held against it."""
    has_rotten_log: bool = False
    """The log was damaged, and no process has opened it since."""
    has_rotten_stores: bool = False
    """Entries of a database were made to rot at some time."""
    may_have_lost_votes: bool = False
    """Its disk has lost something at some time, so that it may say so."""
    liar: LyingValidator | None = None
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

    def plan_failure(self, what: What, amount: int, chance: Chance) -> None:
        """Let something fail at the so manyth operation from now, or rot at once."""
        faults = self.disk.faults
        match what:
            case What.KILL_AT_ACTION:
                self.kill_in_actions = amount
            case What.KILL_AT_DISK | What.POWER_AT_DISK:
                faults.kill_in = amount
                faults.kill_cuts_power = what is What.POWER_AT_DISK
            case What.SYNC_FAILS:
                faults.fail_sync_in = amount
            case What.POWER_AT_BLOCKS:
                self.blocks.kill_in = amount
            case What.POWER_AT_STATE:
                self.state.kill_in = amount
            case What.BLOCKS_FAIL:
                self.blocks.fail_in = amount
            case What.STATE_FAILS:
                self.state.fail_in = amount
            case What.EXECUTIONS_FAIL:
                self.executor_faults = amount
            case What.ROT_LOG:
                self.is_faulty = self.has_rotten_log = True
                self.disk.rot(chance)
            case What.ROT_BLOCKS:
                self.has_rotten_stores = True
                self.blocks.rot(chance)
            case What.ROT_STATE:
                self.has_rotten_stores = True
                self.state.rot(chance)
            case _:
                raise AssertionError(f"{what} is no failure of a machine's own")

    def rot_log_at(self, message: bytes, chance: Chance) -> None:
        """Let a bit of a message in the log flip."""
        if self.disk.flip_in(message, chance):
            self.is_faulty = self.has_rotten_log = True

    def wipe(self) -> None:
        """Lose the disk."""
        self.disk.wipe()
        self.lose_blocks()

    def lose_blocks(self) -> None:
        """Begin with empty databases."""
        self.blocks = SimulatedStore(self.chance)
        self.blocks.is_full = self.disk.faults.full
        self.lose_state()

    def lose_state(self) -> None:
        """Begin with an empty state."""
        self.state = SimulatedStore(self.chance)
        self.state.is_full = self.disk.faults.full

    def backup(self) -> Backup:
        """Return a copy of all that is held."""
        return Backup(self.disk.copy(), self.blocks.copy(), self.state.copy())

    def restore(self, backup: Backup) -> None:
        """Go back to a copy."""
        self.disk, self.blocks, self.state = backup.disk, backup.blocks, backup.state

    def fill_disk(self) -> None:
        """Leave no room for anything, the log or a database: they share a file system."""
        self.disk.faults.full = self.blocks.is_full = self.state.is_full = True

    def free_disk(self) -> None:
        """Make room."""
        self.disk.faults.full = self.blocks.is_full = self.state.is_full = False

    def set_clock_right(self) -> None:
        """End a skew."""
        self.skew_ms = 0

    def speed_executor_up(self) -> None:
        """End a slowness."""
        self.executor_slow_us = 0

    def heal(self) -> None:
        """End all faults but lies and what was destroyed."""
        self.set_clock_right()
        self.speed_executor_up()
        self.free_disk()
        self.kill_in_actions = None
        self.executor_faults = 0
        self.disk.faults.kill_in = None
        self.disk.faults.fail_sync_in = None
        self.blocks.kill_in = self.blocks.fail_in = None
        self.state.kill_in = self.state.fail_in = None


def machine_of(name: str, validator_id: ValidatorId, chance: Chance) -> Machine:
    """Return a new machine with empty disks."""
    disk = SimulatedDisk(chance)
    return Machine(name, validator_id, chance, disk, SimulatedStore(chance), SimulatedStore(chance))
