"""Which exit code a failure ends the node with."""

import errno
from typing import Final

from assembly.exit_codes import ExitCode
from assembly.walls import WallsMissing
from chain.block_store import BlockConflictError, BlockGapError
from chain.header_chain import CertifiedConflictError
from chain.protocol import ProtocolUnknown
from chain.storage import (
    StoreDamaged,
    StoreForeign,
    StoreFormatUnknown,
    StoreFull,
    StoreLocked,
    StoreMissing,
    StoreUnusable,
)
from configs.node_config import ConfigError
from consensus.log import LogWriteError
from consensus.verifier_queue import VerifierFault
from contracts.executor.errors import ExecutorDied, ExecutorFault, GenesisRefused, ResultDiffers
from network.tls import TlsMaterialError


class PortTaken(Exception):
    """A port that the configuration names cannot be bound."""


class Diverged(Exception):
    """This node's own result of a block differs from the certified one."""


class Damaged(Exception):
    """One of the node's databases does not read as it was written."""

    def __init__(self, database: str, detail: str) -> None:
        super().__init__(f"{database}: {detail}")
        self.database = database
        """blocks or state, as the folder is called."""


CODES: Final[tuple[tuple[type[BaseException], ExitCode], ...]] = (
    (ConfigError, ExitCode.CONFIGURATION),
    (TlsMaterialError, ExitCode.CONFIGURATION),
    (GenesisRefused, ExitCode.CONFIGURATION),
    (PortTaken, ExitCode.PORT_TAKEN),
    (StoreForeign, ExitCode.FOREIGN_DATA),
    (BlockConflictError, ExitCode.FOREIGN_DATA),
    (StoreFormatUnknown, ExitCode.FORMAT_UNKNOWN),
    (StoreLocked, ExitCode.DATA_LOCKED),
    (StoreFull, ExitCode.DISK_FULL),
    (StoreDamaged, ExitCode.DATA_DAMAGED),
    (Damaged, ExitCode.DATA_DAMAGED),
    (StoreMissing, ExitCode.DATA_DAMAGED),
    (BlockGapError, ExitCode.DATA_DAMAGED),
    (StoreUnusable, ExitCode.DISK_FAILED),
    (LogWriteError, ExitCode.DISK_FAILED),
    (ResultDiffers, ExitCode.DIVERGED),
    (Diverged, ExitCode.DIVERGED),
    (CertifiedConflictError, ExitCode.DIVERGED),
    (ExecutorDied, ExitCode.EXECUTOR_FAILED),
    (ExecutorFault, ExitCode.EXECUTOR_FAILED),
    (VerifierFault, ExitCode.VERIFIER_FAILED),
    (ProtocolUnknown, ExitCode.PROTOCOL_UNKNOWN),
    (WallsMissing, ExitCode.WALLS_MISSING),
)
"""More specific classes stand before their bases."""

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says when a disk, a quota, or what one file may hold is used up."""


def leaves_of(error: BaseException) -> list[BaseException]:
    """Return the errors inside nested groups."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves_of(inner)]
    return [error]


def exit_code_of(error: BaseException) -> ExitCode:
    """Return the exit code of the first failure that has one of its own."""
    for leaf in leaves_of(error):
        cause = leaf.__cause__ if isinstance(leaf, LogWriteError) else leaf
        if isinstance(cause, OSError) and cause.errno in FULL:
            return ExitCode.DISK_FULL
        for kind, code in CODES:
            if isinstance(leaf, kind):
                return code
        if isinstance(leaf, OSError) and leaf.filename is not None:
            return ExitCode.DISK_FAILED
    return ExitCode.FAILED
