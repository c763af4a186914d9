"""Submitting transactions until a certified receipt of each is there, in batches, without ever paying twice.

The same bytes go out again and again, to any node, until the receipt comes or the time is over. A refusal counts only
if no earlier attempt can have been accepted; otherwise the outcome is unknown, and CommitTimeout says so.
"""

import asyncio
import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from chain.encoding import encode
from chain.receipt import Receipt
from chain.transaction import Transaction
from chain.types import Digest
from tallystick.errors import ApiError, CommitTimeout, NodeUnavailable, SubmitError, VerificationError
from tallystick.transport import MSGPACK, RETRY_STATUSES, Answer, Request, Transport
from tallystick.verifier import Verifier, unverified_receipt

BATCH_TRANSACTIONS_MAX: Final = 500
BATCH_BYTES_MAX: Final = 2 * 1024 * 1024
WAIT_SECONDS: Final = 2.0
"""How long one request waits; a longer wait is made of several."""

GRACE_SECONDS: Final = 3.0
"""What a node may take beyond that before another one is asked."""

PAUSE_SECONDS: Final = 0.25

BY_THE_CLOCK: Final = ("expired", "valid_until_too_far")
"""Refusals that rest on one node's clock: they count once every node has said so."""

Outcome = Receipt | SubmitError | CommitTimeout


@dataclass(slots=True)
class _Progress:
    """What is known of the transactions that are on their way."""

    waiting: dict[Digest, Transaction]
    done: dict[Digest, Outcome] = field(default_factory=dict)
    sent: set[Digest] = field(default_factory=set)
    """Those that some node may have accepted in an earlier attempt."""
    refused: dict[Digest, tuple[str, str]] = field(default_factory=dict)
    """Code and detail of refusals that may pass: full mempools, nodes that are not ready, clocks that may be wrong."""
    by_the_clock: dict[Digest, set[str]] = field(default_factory=dict)
    """Nodes by whose clock it is too late, or too early."""

    def finish(self, transaction_id: Digest, outcome: Outcome) -> None:
        if self.waiting.pop(transaction_id, None) is not None:
            self.done[transaction_id] = outcome

    def give_up(self, reason: str) -> None:
        for transaction_id, transaction in list(self.waiting.items()):
            refusal = self.refused.get(transaction_id)
            if refusal is not None and transaction_id not in self.sent:
                self.finish(transaction_id, SubmitError(*refusal, transaction))
            else:
                self.finish(transaction_id, CommitTimeout(reason, transaction))


async def commit_all(
    transport: Transport, verifier: Verifier | None, transactions: Sequence[Transaction], timeout_seconds: float
) -> list[Outcome]:
    """Submit transactions and return the outcome of each, in order.

    Raises:
        VerificationError: when a node presents a receipt that is not proven.
        ApiError: when nodes refuse the requests themselves.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_seconds
    progress = _Progress({transaction.transaction_id: transaction for transaction in transactions})
    reason = "no node was asked in time"
    while progress.waiting and (remaining := deadline - loop.time()) > 0:
        started = loop.time()
        for batch in _batches(list(progress.waiting.values())):
            try:
                request = _request(batch, min(WAIT_SECONDS, remaining), verifier)
                answer = await transport.ask(request, remaining + GRACE_SECONDS)
            except NodeUnavailable as error:
                # A request that got no answer may have arrived all the same.
                progress.sent.update(transaction.transaction_id for transaction in batch)
                reason = f"no node answered: {error}"
                continue
            if answer.repeated:
                progress.sent.update(transaction.transaction_id for transaction in batch)
            reason = _take_answer(answer, batch, progress, verifier, transport) or reason
        if progress.waiting and loop.time() - started < PAUSE_SECONDS:
            await asyncio.sleep(min(PAUSE_SECONDS, max(0.0, deadline - loop.time())))
    progress.give_up(f"no receipt within {timeout_seconds:g} s: {reason}")
    return [progress.done[transaction.transaction_id] for transaction in transactions]


async def send_once(transport: Transport, transaction: Transaction, timeout_seconds: float) -> None:
    """Hand a transaction to a node without waiting for its commitment.

    Raises:
        SubmitError: when it was refused.
        NodeUnavailable: when no node answered; one may have taken it all the same.
    """
    body = encode([transaction.raw])
    answer = await transport.ask(
        Request("POST", "/v1/transactions", body=body, headers={"Content-Type": MSGPACK}), timeout_seconds
    )
    for entry in _entries(answer, 1):
        if entry["status"] == "refused":
            raise SubmitError(str(entry.get("code")), str(entry.get("detail")), transaction)


def _batches(transactions: Sequence[Transaction]) -> list[list[Transaction]]:
    batches: list[list[Transaction]] = []
    size = 0
    for transaction in transactions:
        size += len(transaction.raw) + 5
        if not batches or len(batches[-1]) == BATCH_TRANSACTIONS_MAX or size > BATCH_BYTES_MAX:
            batches.append([])
            size = len(transaction.raw) + 5
        batches[-1].append(transaction)
    return batches


def _request(batch: Sequence[Transaction], wait_seconds: float, verifier: Verifier | None) -> Request:
    query = {"wait": "committed", "timeout": f"{wait_seconds:.3f}"}
    if verifier is not None:
        query["proof"] = "true"
    body = encode([transaction.raw for transaction in batch])
    attempt_seconds = wait_seconds + GRACE_SECONDS
    return Request("POST", "/v1/transactions", query, body, {"Content-Type": MSGPACK}, attempt_seconds)


def _take_answer(
    answer: Answer,
    batch: Sequence[Transaction],
    progress: _Progress,
    verifier: Verifier | None,
    transport: Transport,
) -> str | None:
    """Take in what a node says of each transaction; return why some are not committed, in its words."""
    if answer.status in RETRY_STATUSES and "transactions" not in _document(answer):
        problem = answer.problem()
        progress.refused.update((transaction.transaction_id, (problem.code, problem.detail)) for transaction in batch)
        return problem.detail
    reason: str | None = None
    for transaction, entry in zip(batch, _entries(answer, len(batch)), strict=True):
        transaction_id = transaction.transaction_id
        status = entry["status"]
        if status == "committed":
            progress.finish(transaction_id, _receipt(answer.url, transaction_id, entry, verifier))
        elif status == "refused":
            if entry.get("code") in BY_THE_CLOCK:
                refusing = progress.by_the_clock.setdefault(transaction_id, set())
                refusing.add(answer.url)
                if len(refusing) < transport.nodes:
                    progress.refused[transaction_id] = str(entry["code"]), str(entry.get("detail"))
                    transport.give_way()
                    continue
            _take_refusal(transaction, entry, progress)
        else:
            progress.sent.add(transaction_id)
            reason = str(entry.get("detail"))
    return reason


def _take_refusal(transaction: Transaction, entry: dict[str, Any], progress: _Progress) -> None:
    code, detail = str(entry.get("code")), str(entry.get("detail"))
    if "retry_after" in entry:
        progress.refused[transaction.transaction_id] = (code, detail)
        return
    outcome: Outcome = SubmitError(code, detail, transaction)
    if transaction.transaction_id in progress.sent:
        outcome = CommitTimeout(
            f"an earlier attempt may have been accepted; now a node says {code}: {detail}", transaction
        )
    progress.finish(transaction.transaction_id, outcome)


def _receipt(url: str, transaction_id: Digest, entry: dict[str, Any], verifier: Verifier | None) -> Receipt:
    try:
        if verifier is not None:
            proof = base64.b64decode(entry["proof"], validate=True)
            return verifier.transaction(url, transaction_id, proof).receipt
        return unverified_receipt(url, transaction_id, base64.b64decode(entry["receipt"]["raw"], validate=True))
    except (KeyError, TypeError, binascii.Error) as error:
        raise VerificationError(url, f"answered without a receipt: {error!r}") from error


def _entries(answer: Answer, count: int) -> list[dict[str, Any]]:
    """Return the answer to each transaction of a batch, whether the whole of it was refused or not."""
    entries = _document(answer).get("transactions")
    if entries is None and answer.status >= 400:
        raise answer.problem()
    if not isinstance(entries, list) or len(entries) != count or not all(map(_is_entry, entries)):
        raise ApiError(answer.url, answer.status, "malformed_answer", "the node did not answer for each transaction")
    return entries


def _document(answer: Answer) -> dict[str, Any]:
    document = answer.json()
    return document if isinstance(document, dict) else {}


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("status"), str)
