"""Why the executor could not do what it was asked; none of these says anything about a block or a call.

A block that breaks a rule is chain.validity.InvalidBlock, a store that cannot be used one of chain.storage's errors;
both cross the pipe by name and are raised again on the node's side.
"""

from typing import Final

from chain.runtime import LocalFault
from chain.storage import (
    StoreDamaged,
    StoreError,
    StoreForeign,
    StoreFormatUnknown,
    StoreFull,
    StoreLocked,
    StoreMissing,
    StoreRolledBack,
    StoreUnusable,
)
from chain.types import Digest, Height

STORE_ERRORS: Final[dict[str, type[StoreError]]] = {
    error.__name__: error
    for error in (
        StoreMissing,
        StoreLocked,
        StoreFormatUnknown,
        StoreForeign,
        StoreDamaged,
        StoreRolledBack,
        StoreFull,
        StoreUnusable,
    )
}
"""The ways in which the state's store fails, by the name that crosses the pipe."""


class ExecutorFault(LocalFault):
    """A block or query that this machine's executor could not finish, even after a restart."""


class ExecutorDied(Exception):
    """The executor process ended, or could not be started, and is not coming back by itself."""


class ExecutorBusy(Exception):
    """More requests are waiting than the queue has room for, or this one has waited too long."""

    def __init__(self, waiting: int, seconds: float | None = None) -> None:
        late = "" if seconds is None else f", and this one has waited for {seconds} s"
        super().__init__(f"{waiting} requests are waiting{late}")
        self.waiting = waiting


class GenesisRefused(Exception):
    """Genesis cannot be executed; the message names the contract and the reason."""


class ExecutionUnknown(Exception):
    """A block was to be applied that was not executed on the present head."""

    def __init__(self, block_hash: bytes) -> None:
        super().__init__(f"block {block_hash.hex()} was not executed on the present head")
        self.block_hash = block_hash


class ResultDiffers(Exception):
    """This node's own result of a decided block is not the certified one; it must stop and never overwrite."""

    def __init__(self, height: Height, expected: Digest, found: Digest) -> None:
        super().__init__(f"result of block {height} is {found.hex()} here, but {expected.hex()} was certified")
        self.height = height
        self.expected = expected
        self.found = found
