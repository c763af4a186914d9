"""What can go wrong for an application, one class for each stage, each with the values to act on.

SubmitError and EvaluateError mean that nothing was changed. TransactionFailed means that the transaction is committed,
certified and without effect. CommitTimeout means that nobody knows yet: send the same transaction again, not a new one.
Each has a stable `code`, with which its text begins: that of the stage, or the one that the contract or the node gave.
"""

from collections.abc import Mapping

from chain.receipt import Receipt
from chain.transaction import Transaction


class TallystickError(Exception):
    """Anything that this package raises on its own account."""

    code: str = "failed"
    """Stable: programs may act on it."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{self.code}: {text}")


def told_of(attempts: Mapping[str, str]) -> str:
    """Return what each of the nodes did instead of answering."""
    return "; ".join(f"{url}: {reason}" for url, reason in attempts.items())


class NodeUnavailable(TallystickError):
    """None of the nodes answered in time; says what each of them did instead."""

    code = "node_unavailable"

    def __init__(self, attempts: dict[str, str]) -> None:
        super().__init__(told_of(attempts) or "no node was asked")
        self.attempts = attempts


class WrongLedger(TallystickError):
    """A node serves another ledger than the one that was asked for."""

    code = "wrong_ledger"

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(f"{url}: {detail}")
        self.url = url


class VerificationError(TallystickError):
    """A node's answer is not proven by what it presents. The node is faulty or lies; ask another one."""

    code = "not_proven"

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(f"{url}: {detail}")
        self.url = url


class ProofUnavailable(TallystickError):
    """The node cannot show what a proof would take; another one may, or a smaller question."""

    code = "proof_unavailable"


class ApiError(TallystickError):
    """A node refused a request; `code` is stable (docs/api.md lists all)."""

    def __init__(self, url: str, status: int, code: str, detail: str) -> None:
        self.code = code
        super().__init__(detail)
        self.url = url
        self.status = status
        self.detail = detail


class EvaluateError(TallystickError):
    """A contract refused a view, or there is no such view."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(detail)
        self.detail = detail


class SubmitError(TallystickError):
    """A transaction was refused before it came near a block; nothing was changed."""

    def __init__(self, code: str, detail: str, transaction: Transaction) -> None:
        self.code = code
        super().__init__(detail)
        self.detail = detail
        self.transaction = transaction


class CommitTimeout(TallystickError):
    """No certified receipt came in time. The transaction may be committed or may still be: send it again as it is."""

    code = "commit_timeout"

    def __init__(self, detail: str, transaction: Transaction) -> None:
        super().__init__(f"transaction {transaction.transaction_id.hex()}: {detail}")
        self.detail = detail
        self.transaction = transaction


class TransactionFailed(TallystickError):
    """A transaction was committed and failed; its certified receipt has the code, and nothing else was changed."""

    def __init__(self, receipt: Receipt) -> None:
        assert receipt.code is not None
        self.code = receipt.code
        super().__init__(f"transaction {receipt.transaction_id.hex()} was committed and failed")
        self.receipt = receipt
