"""What applications import: `from tallystick import Client, Wallet, call`.

Names are loaded at their first use, so that a program which needs a wallet alone does not load an HTTP client.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chain.receipt import Receipt
    from chain.transaction import Call, Transaction
    from tallystick.access import AccessError, ReaderAccess
    from tallystick.blocking import Client
    from tallystick.building import call
    from tallystick.client import AsyncClient, StateValue, TransactionStatus
    from tallystick.contract import Contract, SubmitOptions
    from tallystick.errors import (
        ApiError,
        CommitTimeout,
        EvaluateError,
        NodeUnavailable,
        ProofUnavailable,
        SubmitError,
        TallystickError,
        TransactionFailed,
        VerificationError,
        WrongLedger,
    )
    from tallystick.following import Checkpoint, CheckpointFile, LedgerEvent
    from tallystick.interface import Interface, InvalidCall
    from tallystick.wallet import Signer, Wallet, WalletError

_PLACES = {
    "AccessError": "tallystick.access",
    "ApiError": "tallystick.errors",
    "AsyncClient": "tallystick.client",
    "Call": "chain.transaction",
    "Checkpoint": "tallystick.following",
    "CheckpointFile": "tallystick.following",
    "Client": "tallystick.blocking",
    "CommitTimeout": "tallystick.errors",
    "Contract": "tallystick.contract",
    "EvaluateError": "tallystick.errors",
    "Interface": "tallystick.interface",
    "InvalidCall": "tallystick.interface",
    "LedgerEvent": "tallystick.following",
    "NodeUnavailable": "tallystick.errors",
    "ProofUnavailable": "tallystick.errors",
    "ReaderAccess": "tallystick.access",
    "Receipt": "chain.receipt",
    "Signer": "tallystick.wallet",
    "StateValue": "tallystick.client",
    "SubmitError": "tallystick.errors",
    "SubmitOptions": "tallystick.contract",
    "TallystickError": "tallystick.errors",
    "Transaction": "chain.transaction",
    "TransactionFailed": "tallystick.errors",
    "TransactionStatus": "tallystick.client",
    "VerificationError": "tallystick.errors",
    "Wallet": "tallystick.wallet",
    "WalletError": "tallystick.wallet",
    "WrongLedger": "tallystick.errors",
    "call": "tallystick.building",
}

__all__ = [
    "AccessError",
    "ApiError",
    "AsyncClient",
    "Call",
    "Checkpoint",
    "CheckpointFile",
    "Client",
    "CommitTimeout",
    "Contract",
    "EvaluateError",
    "Interface",
    "InvalidCall",
    "LedgerEvent",
    "NodeUnavailable",
    "ProofUnavailable",
    "ReaderAccess",
    "Receipt",
    "Signer",
    "StateValue",
    "SubmitError",
    "SubmitOptions",
    "TallystickError",
    "Transaction",
    "TransactionFailed",
    "TransactionStatus",
    "VerificationError",
    "Wallet",
    "WalletError",
    "WrongLedger",
    "call",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'tallystick' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
