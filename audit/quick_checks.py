"""Checks good blocks quickly: all of a block at once, every byte and every signature, but without saying what is wrong.

Nearly all blocks of nearly all histories are good. Those are vouched for here, and only those; a block for which this
file does not vouch is checked again step by step (audit.block_checks), which names the first thing that is wrong.
Where contracts run, receipts are left to be compared with those that running gives: equal bytes need no other check.
"""

from collections.abc import Sequence

from audit.block_checks import Agreement, check_receipts, decode_record
from audit.mismatch import AuditMismatch, Level, Mismatch, levels_up_to
from chain.batch import Batch
from chain.block import Block, decode_block
from chain.certificate import Certificate, CertificateError, Phase, check_certificate, decode_certificate
from chain.columns import TransactionColumns, read_receipts, read_transactions
from chain.crypto import verify
from chain.encoding import DecodeError
from chain.merkle import merkle_root
from chain.receipt import BlockResult, decode_result
from chain.recorded_block import RecordedBlock, decode_recorded_block
from chain.transaction import SIGNATURE_TAG
from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class Opened:
    """A recorded block and those of its parts that every audit needs, decoded."""

    record: RecordedBlock
    block: Block
    result: BlockResult


@dataclass(frozen=True, slots=True)
class Vouched:
    """A block of which everything that needs no other block is good."""

    batch: Batch | None
    """Its transactions for the ledger, None where contracts are not run; then its receipts were checked, too."""
    kept: Opened | None = None
    """What was decoded, None if that came from another process, to which it would cost more to hand it over."""


def opened(data: bytes, vouched: Vouched | None = None) -> Opened:
    """Return the decoded parts of a block whose form is known to be good."""
    if vouched is not None and vouched.kept is not None:
        return vouched.kept
    record = decode_recorded_block(data)
    return Opened(record, record.decoded_block(), record.decoded_result())


def vouch(height: int, data: bytes, agreement: Agreement) -> Vouched | None:
    """Return the recorded block in `data` if it passes all that `audit.block_checks.check_block` checks."""
    try:
        record = decode_recorded_block(data)
        block = decode_block(record.block)
        result = decode_result(record.result)
        certificate = decode_certificate(record.certificate)
    except DecodeError:
        return None
    levels = levels_up_to(agreement.level)
    if Level.CERTIFICATES in levels and not _is_certified(height, block, result, certificate, agreement):
        return None
    columns = read_transactions(block, size_max=agreement.transaction_bytes_max)
    if columns is None or (Level.TRANSACTIONS in levels and not _are_signed(columns)):
        return None
    # The ledger takes a batch only if the block names exactly its transactions.
    is_root_needed = Level.TRANSACTIONS in levels or agreement.is_running
    if is_root_needed and merkle_root(columns.merkle_leaves) != block.header.transactions_root:
        return None
    if agreement.is_running:
        return Vouched(columns.batch, Opened(record, block, result))
    if not _are_receipts_of(height, record, result, columns.batch, agreement):
        return None
    return Vouched(None, Opened(record, block, result))


def left_mismatch(height: int, data: bytes, vouched: Vouched, agreement: Agreement) -> Mismatch | None:
    """Return the first mismatch in the receipts of a block that was vouched for, where they were left."""
    if vouched.batch is None:
        return None
    parts = opened(data, vouched)
    if _are_receipts_of(height, parts.record, parts.result, vouched.batch, agreement):
        return None
    try:
        decoded = decode_record(height, data)
        if Level.RECEIPTS in levels_up_to(agreement.level):
            check_receipts(decoded)
    except AuditMismatch as error:
        return error.mismatch
    return None


def _is_certified(
    height: int, block: Block, result: BlockResult, certificate: Certificate, agreement: Agreement
) -> bool:
    subject = certificate.subject
    found = (certificate.phase, subject.chain_id, subject.height, subject.block_hash, subject.result_hash)
    if found != (Phase.COMMIT, agreement.chain_id, height, block.block_hash, result.result_hash):
        return False
    try:
        check_certificate(certificate, agreement.validators)
    except CertificateError:
        return False
    return True


def _are_signed(columns: TransactionColumns) -> bool:
    batch = columns.batch
    signed = zip(batch.sender_of, batch.ids, columns.signatures, strict=True)
    return all(verify(batch.senders[sender], SIGNATURE_TAG, id_, signature) for sender, id_, signature in signed)


def _are_receipts_of(
    height: int, record: RecordedBlock, result: BlockResult, batch: Batch, agreement: Agreement
) -> bool:
    """Tell whether the receipts are in canonical form and, if that is asked for, those of the transactions."""
    columns = read_receipts(record.receipts)
    if columns is None:
        return False
    if Level.RECEIPTS not in levels_up_to(agreement.level):
        return True
    return (
        _equal(columns.ids, batch.ids)
        and {*columns.heights} == {height}
        and _equal(columns.indices, range(len(batch)))
        and merkle_root(record.receipts) == result.receipts_root
    )


def _equal(found: Sequence[object], expected: Sequence[object]) -> bool:
    return [*found] == [*expected]
