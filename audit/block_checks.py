"""Checks of one recorded block that need nothing but its bytes and the validator set, for any number of processes.

Each function checks one level and raises AuditMismatch at the first difference. Whether the block continues the one
before it, and what its transactions do, is checked in order by audit.auditor.
"""

from collections.abc import Sequence
from typing import Final

from audit.mismatch import LOST, AuditMismatch, Level, Mismatch, levels_up_to
from audit.source import unreadable_in
from chain.block import BLOCK_BYTES_MAX, Block, decode_block
from chain.certificate import Certificate, CertificateError, Phase, check_certificate, decode_certificate
from chain.encoding import DecodeError
from chain.merkle import merkle_root
from chain.receipt import BlockResult, Receipt, decode_receipt, decode_result
from chain.recorded_block import RecordedBlock, decode_recorded_block
from chain.transaction import Transaction, decode_transaction, verify_transaction
from chain.types import Digest
from chain.validators import ValidatorSet
from chain.values import dataclass

CANONICAL: Final = "canonical form"


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the checks take from the genesis and, later, from membership changes."""

    chain_id: Digest
    validators: ValidatorSet
    level: Level = Level.EXECUTION
    """The last level to check."""
    is_running: bool = False
    """Whether contracts are run, too."""
    transaction_bytes_max: int = BLOCK_BYTES_MAX
    """Longest transaction that may be run."""


@dataclass(frozen=True, slots=True)
class DecodedRecord:
    """A recorded block taken apart."""

    height: int
    record: RecordedBlock
    block: Block
    result: BlockResult
    certificate: Certificate
    transactions: tuple[Transaction, ...]
    receipts: tuple[Receipt, ...]


def check_block(height: int, data: bytes, agreement: Agreement) -> None:
    """Check the levels FORM, CERTIFICATES, TRANSACTIONS and RECEIPTS of the recorded block that should have a height.

    Levels beyond the one that was agreed on are left out.

    Raises:
        AuditMismatch: at the first difference.
    """
    decoded = decode_record(height, data)
    levels = levels_up_to(agreement.level)
    if Level.CERTIFICATES in levels:
        check_certified(decoded, agreement)
    if Level.TRANSACTIONS in levels:
        check_signatures(decoded)
    if Level.RECEIPTS in levels:
        check_receipts(decoded)


def decode_record(height: int, data: bytes) -> DecodedRecord:
    """Take a recorded block apart.

    Raises:
        AuditMismatch: when a part is not in canonical form.
    """
    lost = unreadable_in(data)
    if lost is not None:
        raise AuditMismatch(Mismatch(Level.FORM, height, lost.field, lost.expected, lost.found, detail=LOST))
    part = "block record"
    try:
        record = decode_recorded_block(data)
        part = "block"
        block = decode_block(record.block)
        part = "result"
        result = decode_result(record.result)
        part = "certificate"
        certificate = decode_certificate(record.certificate)
    except DecodeError as error:
        raise AuditMismatch(Mismatch(Level.FORM, height, part, CANONICAL, str(error))) from error
    transactions = _decode_transactions(height, block.transactions)
    receipts = _decode_receipts(height, record.receipts, transactions)
    return DecodedRecord(height, record, block, result, certificate, transactions, receipts)


def _decode_transactions(height: int, raws: Sequence[bytes]) -> tuple[Transaction, ...]:
    transactions: list[Transaction] = []
    for raw in raws:
        try:
            transactions.append(decode_transaction(raw, size_max=len(raw)))
        except DecodeError as error:
            index = len(transactions)
            raise AuditMismatch(Mismatch(Level.FORM, height, "transaction", CANONICAL, str(error), index)) from error
    return tuple(transactions)


def _decode_receipts(height: int, raws: Sequence[bytes], transactions: Sequence[Transaction]) -> tuple[Receipt, ...]:
    receipts: list[Receipt] = []
    for raw in raws:
        try:
            receipts.append(decode_receipt(raw))
        except DecodeError as error:
            index = len(receipts)
            id_ = transactions[index].transaction_id.hex() if index < len(transactions) else None
            raise AuditMismatch(Mismatch(Level.FORM, height, "receipt", CANONICAL, str(error), index, id_)) from error
    return tuple(receipts)


def check_certified(decoded: DecodedRecord, agreement: Agreement) -> None:
    """Check that a quorum decided this block with this result.

    Raises:
        AuditMismatch: when the certificate is about something else, or proves nothing.
    """
    certificate = decoded.certificate
    subject = certificate.subject
    expectations = (
        ("phase", Phase.COMMIT.name, certificate.phase.name),
        ("chain_id", agreement.chain_id.hex(), subject.chain_id.hex()),
        ("epoch", str(agreement.validators.epoch), str(subject.epoch)),
        ("height", str(decoded.height), str(subject.height)),
        ("block_hash", decoded.block.block_hash.hex(), subject.block_hash.hex()),
        ("result_hash", decoded.result.result_hash.hex(), subject.result_hash.hex()),
    )
    for field, expected, found in expectations:
        _expect(Level.CERTIFICATES, decoded, f"certificate.{field}", expected, found)
    try:
        check_certificate(certificate, agreement.validators)
    except CertificateError as error:
        expected = f"{agreement.validators.quorum} good signatures of distinct validators in ascending order"
        mismatch = Mismatch(Level.CERTIFICATES, decoded.height, "certificate.signatures", expected, str(error))
        raise AuditMismatch(mismatch) from error


def check_signatures(decoded: DecodedRecord) -> None:
    """Check every sender's signature, and that the header names exactly these transactions.

    Raises:
        AuditMismatch: naming the first transaction with a bad signature, or the root.
    """
    for index, transaction in enumerate(decoded.transactions):
        if not verify_transaction(transaction):
            expected = f"a signature of {transaction.body.sender_key.hex()} over the id"
            found = transaction.signature.hex()
            raise AuditMismatch(_of_transaction(Level.TRANSACTIONS, decoded, index, "signature", expected, found))
    root = merkle_root(transaction.merkle_leaf for transaction in decoded.transactions)
    stated = decoded.block.header.transactions_root
    _expect(Level.TRANSACTIONS, decoded, "header.transactions_root", root.hex(), stated.hex())


def check_receipts(decoded: DecodedRecord) -> None:
    """Check that the result names exactly these receipts, and that each belongs to its transaction.

    Raises:
        AuditMismatch: naming the first receipt that does not belong, or the root.
    """
    _expect(Level.RECEIPTS, decoded, "receipts", str(len(decoded.transactions)), str(len(decoded.receipts)))
    for index, (transaction, receipt) in enumerate(zip(decoded.transactions, decoded.receipts, strict=True)):
        expectations = (
            ("transaction_id", transaction.transaction_id.hex(), receipt.transaction_id.hex()),
            ("height", str(decoded.height), str(receipt.height)),
            ("index", str(index), str(receipt.index)),
        )
        for field, expected, found in expectations:
            if expected != found:
                name = f"receipt.{field}"
                raise AuditMismatch(_of_transaction(Level.RECEIPTS, decoded, index, name, expected, found))
    root = merkle_root(decoded.record.receipts)
    _expect(Level.RECEIPTS, decoded, "result.receipts_root", root.hex(), decoded.result.receipts_root.hex())


def _expect(level: Level, decoded: DecodedRecord, field: str, expected: str, found: str) -> None:
    if expected != found:
        raise AuditMismatch(Mismatch(level, decoded.height, field, expected, found))


def _of_transaction(
    level: Level, decoded: DecodedRecord, index: int, field: str, expected: str, found: str
) -> Mismatch:
    transaction = decoded.transactions[index]
    contract = transaction.body.calls[0].contract
    return Mismatch(level, decoded.height, field, expected, found, index, transaction.transaction_id.hex(), contract)
