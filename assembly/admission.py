"""Admission: transactions from clients and peers are checked, put into the mempool and passed on.

The cheap checks come first and the signature last; nothing of a refused transaction stays. A transaction that is
already waiting or committed is not an error: clients are told to send the same bytes again whenever they are in doubt.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import Final

from api.ports import Submission, SubmissionState
from assembly.members import MemberDirectory
from assembly.pace import WAIT_SECONDS_MAX
from assembly.signatures import SignatureVerifier, signatures_good
from chain.block_store import BlockStore
from chain.columns import decode_transactions
from chain.encoding import DecodeError
from chain.genesis import Genesis
from chain.identity import Member
from chain.mempool import AdmissionError, Mempool, check_admissible
from chain.rules import Rules
from chain.storage import Head
from chain.transaction import Transaction, decode_transaction
from chain.types import Digest, Milliseconds
from chain.values import dataclass
from consensus.verifier_queue import VerifierBusy

CHECKING_MAX: Final = 20_000
"""Transactions whose signatures are being checked at one time; beyond that clients are asked to wait."""


@dataclass(frozen=True, slots=True)
class AdmissionPorts:
    """What admission works with."""

    genesis: Genesis
    rules: Callable[[], Rules]
    """Those of the block after the head."""
    chain_id: Digest
    blocks: BlockStore
    mempool: Mempool
    members: MemberDirectory
    verifier: SignatureVerifier
    on_admitted: Callable[[], None]
    """Called whenever transactions were added."""
    gossip: Callable[[list[bytes]], None]
    """Passes raw transactions on to all peers."""
    wait_seconds: Callable[[int], float]
    """Tells how long the last of so many waiting transactions would wait (assembly.pace)."""


class Admission:
    """Owns what is being checked right now."""

    def __init__(self, ports: AdmissionPorts) -> None:
        self._ports = ports
        self._checking: dict[Digest, asyncio.Future[None]] = {}

    async def submit(self, raws: Sequence[bytes]) -> list[Submission]:
        """Take transactions of clients in, and pass admitted ones on; answer for each in order.

        Under overload they are refused before any work is put into them, so that the work goes into those that wait.
        """
        waiting = len(self._ports.mempool) + len(self._checking)
        wait_seconds = self._ports.wait_seconds(waiting)
        if wait_seconds > WAIT_SECONDS_MAX:
            detail = f"{waiting} transactions wait, which takes this network about {wait_seconds:.0f} s"
            retry_after = math.ceil(wait_seconds - WAIT_SECONDS_MAX)
            return [Submission(SubmissionState.REFUSED, None, "overloaded", detail, retry_after)] * len(raws)
        answers, admitted = await self._take_in(raws)
        if admitted:
            self._ports.gossip([transaction.raw for transaction in admitted])
        return answers

    async def gossiped(self, raws: Sequence[bytes]) -> None:
        """Take in transactions that a peer passed on; what cannot be admitted is dropped."""
        await self._take_in(raws)

    async def _take_in(self, raws: Sequence[bytes]) -> tuple[list[Submission], list[Transaction]]:
        now, head, rules = clock(), self._ports.blocks.head, self._ports.rules()
        outcomes: list[Submission | tuple[Transaction, Member]] = []
        for decoded in _decoded(raws, rules.parameters.transaction_bytes_max):
            screened = self._screen(decoded, now, rules) if isinstance(decoded, Transaction) else decoded
            outcomes.append(screened if isinstance(screened, Submission) else await self._with_member(screened))
        answers: list[Submission | None] = [None] * len(raws)
        candidates: list[tuple[int, Transaction, Member]] = []
        waited: list[tuple[int, Digest]] = []
        checked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Nothing may fail between here and the check itself: what is noted as being checked is waited for.
        for position, outcome in enumerate(outcomes):
            if isinstance(outcome, Submission):
                answers[position] = outcome
            elif outcome[0].transaction_id in self._checking:
                waited.append((position, outcome[0].transaction_id))
            else:
                transaction, member = outcome
                self._checking[transaction.transaction_id] = checked
                candidates.append((position, transaction, member))
        admitted = await self._check_and_add(candidates, answers, head, checked)
        for position, transaction_id in waited:
            answers[position] = await self._after_check(transaction_id)
        assert all(answer is not None for answer in answers), "each transaction has an answer"
        return [answer for answer in answers if answer is not None], admitted

    def _screen(self, transaction: Transaction, now: Milliseconds, rules: Rules) -> Submission | Transaction:
        """Check everything but the sender and the signature; return the answer where that settles it."""
        ports = self._ports
        transaction_id = transaction.transaction_id
        if transaction_id in ports.mempool:
            return Submission(SubmissionState.PENDING, transaction_id)
        if ports.blocks.find_transaction(transaction_id) is not None:
            return Submission(SubmissionState.COMMITTED, transaction_id)
        try:
            check_admissible(transaction, ports.chain_id, rules, now)
        except AdmissionError as error:
            return _refused(transaction_id, error)
        if len(self._checking) >= CHECKING_MAX:
            overload = AdmissionError("overloaded", f"{CHECKING_MAX} signatures wait", retry_after_seconds=1)
            return _refused(transaction_id, overload)
        return transaction

    async def _with_member(self, transaction: Transaction) -> Submission | tuple[Transaction, Member]:
        """Return the transaction with its sender, or the answer if that is nobody."""
        key = transaction.body.sender_key
        # To await what is remembered would cost more than to look it up.
        member = self._ports.members.remembered(key) or await self._ports.members.find(key)
        if member is None:
            detail = f"key {key.hex()} belongs to no active member"
            return Submission(SubmissionState.REFUSED, transaction.transaction_id, "unknown_sender", detail)
        return transaction, member

    async def _check_and_add(
        self,
        candidates: list[tuple[int, Transaction, Member]],
        answers: list[Submission | None],
        head: Head | None,
        checked: "asyncio.Future[None]",
    ) -> list[Transaction]:
        """Add what is signed well; `head` was the last block when the candidates were screened.

        `checked` is what others wait for who came with one of the candidates meanwhile.
        """
        admitted: list[Transaction] = []
        try:
            good = await signatures_good(self._ports.verifier, [transaction for _, transaction, _ in candidates])
        except VerifierBusy as busy:
            error = AdmissionError("overloaded", str(busy), retry_after_seconds=1)
            for position, transaction, _ in candidates:
                answers[position] = _refused(transaction.transaction_id, error)
        else:
            # A block may have been decided since.
            is_stale = self._ports.blocks.head is not head
            for (position, transaction, member), signature_good in zip(candidates, good, strict=True):
                answer = answers[position] = self._add(transaction, member, signature_good, is_stale)
                if answer.state is SubmissionState.RECEIVED:
                    admitted.append(transaction)
        finally:
            for _, transaction, _ in candidates:
                del self._checking[transaction.transaction_id]
            checked.set_result(None)
        if admitted:
            self._ports.on_admitted()
        return admitted

    def _add(self, transaction: Transaction, member: Member, signature_good: bool, is_stale: bool) -> Submission:
        transaction_id = transaction.transaction_id
        if not signature_good:
            detail = "the signature is not the sender key's over this body"
            return Submission(SubmissionState.REFUSED, transaction_id, "bad_signature", detail)
        if is_stale and self._ports.blocks.find_transaction(transaction_id) is not None:
            return Submission(SubmissionState.COMMITTED, transaction_id)
        try:
            self._ports.mempool.add(transaction, member, time.monotonic())
        except AdmissionError as error:
            return _refused(transaction_id, error)
        return Submission(SubmissionState.RECEIVED, transaction_id)

    async def _after_check(self, transaction_id: Digest) -> Submission:
        """Answer for a transaction that was being checked for somebody else, with another signature perhaps."""
        checking = self._checking.get(transaction_id)
        if checking is not None:
            await asyncio.shield(checking)
        if transaction_id in self._ports.mempool:
            return Submission(SubmissionState.PENDING, transaction_id)
        if self._ports.blocks.find_transaction(transaction_id) is not None:
            return Submission(SubmissionState.COMMITTED, transaction_id)
        detail = "the same transaction was just refused; send it again to learn why"
        return Submission(SubmissionState.REFUSED, transaction_id, "refused_meanwhile", detail, 1)


def _decoded(raws: Sequence[bytes], size_max: int) -> Sequence[Transaction | Submission]:
    """Return each transaction, or the refusal of what is none."""
    # Nearly always all are good, and decoding them together takes a sixth less.
    return decode_transactions(raws, size_max=size_max) or [_decoded_alone(raw, size_max) for raw in raws]


def _decoded_alone(raw: bytes, size_max: int) -> Transaction | Submission:
    try:
        return decode_transaction(raw, size_max=size_max)
    except DecodeError as error:
        return Submission(SubmissionState.REFUSED, None, "malformed_transaction", str(error))


def _refused(transaction_id: Digest, error: AdmissionError) -> Submission:
    return Submission(SubmissionState.REFUSED, transaction_id, error.code, error.detail, error.retry_after_seconds)


def clock() -> Milliseconds:
    """Return the local wall clock."""
    return Milliseconds(time.time_ns() // 1_000_000)
