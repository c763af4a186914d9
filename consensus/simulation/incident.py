"""One thing that goes wrong in a run, as a value: what, where, when, and for how long."""

from enum import StrEnum

from chain.values import dataclass
from consensus.simulation.clock import SECOND
from consensus.simulation.settings import Fault


class What(StrEnum):
    """Kinds of incidents; those of one machine unless said otherwise."""

    SLOW_LINK = "slow link"
    """A link is `amount` microseconds slower."""
    CUT = "cut"
    """Links carry nothing, each in one direction."""
    DEAF = "loses messages of kind"
    """Links carry no message of consensus of the kind `amount`, so that few learn what many know."""
    DISCORD = "prepares one at a time"
    """In each view PREPAREs reach one machine alone, and what that one prepared is not shown in the next view.

    It lasts for `amount` microseconds."""
    PAUSE = "pause"
    KILL = "kill"
    KILL_AT_ACTION = "kill at action"
    """The process dies at the `amount`th thing that it does for its replica."""
    KILL_AT_DISK = "kill at disk operation"
    POWER = "power cut"
    POWER_OF_ALL = "power cut for all"
    POWER_AT_DISK = "power cut at disk operation"
    POWER_AT_BLOCKS = "power cut at write of blocks"
    POWER_AT_STATE = "power cut at write of state"
    SYNC_FAILS = "fsync fails"
    BLOCKS_FAIL = "write of blocks fails"
    STATE_FAILS = "write of state fails"
    DISK_FULL = "disk full"
    SKEW = "clock wrong"
    """By `amount` milliseconds."""
    EXECUTIONS_FAIL = "executions fail"
    """The next `amount` of them."""
    EXECUTOR_SLOW = "executor slow"
    ROT_LOG = "log rots"
    ROT_SYNCED = "a synced message rots"
    """Others hear nothing of a machine for `lasts_us`; then it is killed, a bit of something that it has said meanwhile
    and synced flips, and it starts again: its log alone can tell."""
    ROT_BLOCKS = "blocks rot"
    ROT_STATE = "state rots"
    BACKUP = "backup restored"
    """The machine is set back to what it held `lasts_us` before."""
    WIPE = "disk lost"


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident."""

    at_us: int
    fault: Fault
    what: What
    machine: str
    lasts_us: int
    amount: int = 0
    links: tuple[tuple[str, str], ...] = ()

    def words(self) -> str:
        """Return the incident as a line for people."""
        parts = [f"{self.at_us / SECOND:.3f} s", self.machine, self.what]
        if self.amount:
            parts.append(str(self.amount))
        if self.links:
            parts.append(" ".join(f"{sender}>{receiver}" for sender, receiver in self.links))
        return f"{' '.join(parts)}, for {self.lasts_us / SECOND:.3f} s"
