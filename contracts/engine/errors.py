"""What can go wrong with a contract: a source that is refused, and a run that stops with a stable code.

Everything here is a fact about the contract, equal on every node. A fault of this machine is
chain.runtime.LocalFault and never one of these.
"""

from typing import Final

from chain import codes
from chain.codes import LEDGER_CODES

OUT_OF_GAS: Final = codes.OUT_OF_GAS
CONTRACT_ERROR: Final = "contract_error"
UNKNOWN_CONTRACT: Final = codes.UNKNOWN_CONTRACT
UNKNOWN_METHOD: Final = codes.UNKNOWN_METHOD
INVALID_ARGUMENTS: Final = codes.INVALID_ARGUMENTS
CONTRACT_FROZEN: Final = "contract_frozen"
REENTRANT_CALL: Final = "reentrant_call"
CALL_DEPTH: Final = "call_depth"
WRITE_IN_VIEW: Final = "write_in_view"
CONTRACT_REJECTED: Final = "contract_rejected"
CONTRACT_EXISTS: Final = "contract_exists"
VERSION_CONFLICT: Final = "version_conflict"
INCOMPATIBLE_VERSION: Final = "incompatible_version"
NO_ROOM_FOR_CODE: Final = codes.NO_ROOM_FOR_CODE

ENGINE_CODES: Final = frozenset(
    {
        OUT_OF_GAS,
        CONTRACT_ERROR,
        UNKNOWN_CONTRACT,
        UNKNOWN_METHOD,
        INVALID_ARGUMENTS,
        CONTRACT_FROZEN,
        REENTRANT_CALL,
        CALL_DEPTH,
        WRITE_IN_VIEW,
        CONTRACT_REJECTED,
        CONTRACT_EXISTS,
        VERSION_CONFLICT,
        INCOMPATIBLE_VERSION,
        NO_ROOM_FOR_CODE,
    }
)
"""Codes that the engine itself gives."""

RESERVED_CODES: Final = ENGINE_CODES | LEDGER_CODES
"""Codes that a contract may not use in `require`: they would tell a client something that is not so."""


class Rejected(Exception):
    """A source that is not a contract in this language; says where, by which rule, and what to write instead."""

    def __init__(self, line: int, column: int, rule: str, hint: str) -> None:
        super().__init__(f"line {line}, column {column}: {rule}: {hint}")
        self.line = line
        self.column = column
        self.rule = rule
        self.hint = hint


class Stop(Exception):
    """The run of a contract ends here with a code; contract code cannot catch it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class OutOfGas(Stop):
    """The gas is used up. The outcome reports the whole limit as used."""

    def __init__(self) -> None:
        super().__init__(OUT_OF_GAS)


class Failed(Stop):
    """A mistake in the contract: wrong type, index, key, overflow, division by zero, or a limit.

    `reason` is for authors and tests; it never reaches a receipt.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(CONTRACT_ERROR)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"
