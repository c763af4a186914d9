"""How a node ends: each cause that an operator must act on has an exit code (docs/operations.md lists them)."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the node process."""

    OK = 0
    FAILED = 1
    """A bug or an unforeseen condition; the log has the traceback."""
    USAGE = 2
    CONFIGURATION = 10
    """Configuration, genesis or keys cannot be used."""
    PORT_TAKEN = 11
    FOREIGN_DATA = 12
    """The data folder belongs to another chain."""
    FORMAT_UNKNOWN = 13
    """The data folder was written by a version with another format."""
    DATA_LOCKED = 14
    """Another process uses the data folder."""
    DATA_DAMAGED = 15
    """A database or the log is damaged; remove it and let the node fetch the ledger from its peers."""
    DISK_FULL = 16
    DISK_FAILED = 17
    """The system refused to read or write."""
    DIVERGED = 18
    """This node's own result differs from the certified one; it stopped and overwrote nothing."""
    EXECUTOR_FAILED = 19
    """The executor process cannot be kept alive."""
    VERIFIER_FAILED = 20
    """The processes that check signatures cannot be kept alive."""
    PROTOCOL_UNKNOWN = 21
    """The next block needs a version of the protocol that this program does not know."""
    WALLS_MISSING = 22
    """The configuration requires walls around the helper processes that this machine lacks."""
