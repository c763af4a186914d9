"""Checking what a node says against the genesis: proofs of transactions and of state, blocks, and chains of headers.

Nothing here trusts a node. Whoever holds the genesis hash knows the validators, and believes exactly what a quorum of
them signed. The validator set is that of genesis; a block certified by another set is refused, not believed.
"""

from collections.abc import Iterable, Sequence

from chain.block import Block, Header, block_hash_of, decode_header
from chain.certificate import CertificateError, Phase, check_certificate, decode_certificate
from chain.encoding import DecodeError
from chain.genesis import Genesis
from chain.merkle import MerkleProofError, merkle_root, verify_inclusion
from chain.proofs import CertifiedHeader, StateProof, TransactionProof, certified_header_of
from chain.receipt import BlockResult, Receipt, decode_receipt, decode_result
from chain.recorded_block import RecordedBlock
from chain.state_leaf import Leaf
from chain.state_proof import StateProofError, verify_proof
from chain.transaction import Transaction, decode_transaction, verify_transaction
from chain.types import Digest
from chain.validators import ValidatorSet
from chain.values import dataclass


class ProofError(ValueError):
    """What a node presented is not proven; it is wrong, or the node lies."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What a verifier starts from."""

    chain_id: Digest
    """The genesis hash."""
    validators: ValidatorSet
    transaction_bytes_max: int


@dataclass(frozen=True, slots=True)
class VerifiedHeader:
    """A header and a result that a quorum of the validators certified."""

    header: Header
    block_hash: Digest
    result: BlockResult


@dataclass(frozen=True, slots=True)
class VerifiedTransaction:
    """A transaction in a certified block, and its certified receipt."""

    transaction: Transaction
    receipt: Receipt
    certified: VerifiedHeader


@dataclass(frozen=True, slots=True)
class VerifiedBlock:
    """A certified block with all its receipts."""

    certified: VerifiedHeader
    block: Block
    transactions: tuple[Transaction, ...]
    receipts: tuple[Receipt, ...]
    record: RecordedBlock
    """The bytes that all of it was read from, for whoever verifies it next."""


def trust_in(genesis: Genesis) -> Trust:
    """Return what follows from a genesis whose hash the verifier knows."""
    return Trust(genesis.genesis_hash, genesis.validators, genesis.parameters.transaction_bytes_max)


def verify_header(trust: Trust, certified: CertifiedHeader) -> VerifiedHeader:
    """Return what a certified header proves.

    Raises:
        ProofError: when it belongs to another chain or is not certified by a quorum of the validators.
    """
    try:
        header = decode_header(certified.header)
        result = decode_result(certified.result)
        certificate = decode_certificate(certified.certificate)
    except DecodeError as error:
        raise ProofError(f"malformed header, result or certificate: {error}") from error
    block_hash = block_hash_of(certified.header)
    if header.chain_id != trust.chain_id:
        raise ProofError(f"the block belongs to chain {header.chain_id.hex()}, not to {trust.chain_id.hex()}")
    if header.validators_hash != trust.validators.validators_hash:
        raise ProofError(f"block {header.height} was certified by a validator set that is not the trusted one")
    subject = certificate.subject
    expected = (Phase.COMMIT, trust.chain_id, header.epoch, header.height, block_hash, result.result_hash)
    found = (
        certificate.phase,
        subject.chain_id,
        subject.epoch,
        subject.height,
        subject.block_hash,
        subject.result_hash,
    )
    if found != expected:
        raise ProofError(f"the certificate is not about block {header.height} and its result")
    try:
        check_certificate(certificate, trust.validators)
    except CertificateError as error:
        raise ProofError(f"the certificate of block {header.height} proves nothing: {error}") from error
    return VerifiedHeader(header, block_hash, result)


def verify_transaction_proof(trust: Trust, proof: TransactionProof) -> VerifiedTransaction:
    """Return the transaction and the receipt that a proof shows.

    Raises:
        ProofError: when it shows neither.
    """
    certified = verify_header(trust, proof.certified)
    transaction, receipt = verify_places(trust, proof, certified)
    return VerifiedTransaction(transaction, receipt, certified)


def verify_places(trust: Trust, proof: TransactionProof, certified: VerifiedHeader) -> tuple[Transaction, Receipt]:
    """Check the Merkle paths of a proof against a header that was verified before.

    Raises:
        ProofError: when transaction or receipt do not stand where the proof says.
    """
    try:
        transaction = decode_transaction(proof.transaction, size_max=trust.transaction_bytes_max)
        root, leaf = certified.header.transactions_root, transaction.merkle_leaf
        verify_inclusion(root, proof.count, proof.index, leaf, proof.transactions_path)
        root = certified.result.receipts_root
        verify_inclusion(root, proof.count, proof.index, proof.receipt, proof.receipts_path)
        # Only now: the transaction's size is bounded by the genesis, the receipt's by nothing but its hash.
        receipt = decode_receipt(proof.receipt)
    except DecodeError as error:
        raise ProofError(f"malformed transaction or receipt: {error}") from error
    except MerkleProofError as error:
        raise ProofError(f"transaction or receipt is not in block {certified.header.height}: {error}") from error
    place = (receipt.transaction_id, receipt.height, receipt.index)
    if place != (transaction.transaction_id, certified.header.height, proof.index):
        raise ProofError("the receipt belongs to another transaction")
    return transaction, receipt


def verify_state_proof(trust: Trust, proof: StateProof) -> tuple[VerifiedHeader, Leaf | None]:
    """Return the header after whose block the state holds a leaf, and the leaf; None if the key never existed.

    Raises:
        ProofError: when the proof shows neither.
    """
    certified = verify_header(trust, proof.certified)
    try:
        leaf = verify_proof(certified.result.state_root, proof.contract, proof.key, proof.proof)
    except StateProofError as error:
        raise ProofError(f"the state after block {certified.header.height} is not shown: {error}") from error
    return certified, leaf


def verify_block(trust: Trust, record: RecordedBlock) -> VerifiedBlock:
    """Return a recorded block after checking its certificate, its roots, and every signature and receipt in it.

    Contracts are not run again: that the certified result is right is for the auditor to check.

    Raises:
        ProofError: naming what does not hold.
    """
    try:
        block = record.decoded_block()
        receipts = record.decoded_receipts()
        transactions = tuple(
            decode_transaction(raw, size_max=trust.transaction_bytes_max) for raw in block.transactions
        )
    except DecodeError as error:
        raise ProofError(f"malformed block, transaction or receipt: {error}") from error
    certified = verify_header(trust, certified_header_of(record))
    height = certified.header.height
    if merkle_root(transaction.merkle_leaf for transaction in transactions) != certified.header.transactions_root:
        raise ProofError(f"the transactions are not those of block {height}")
    if merkle_root(record.receipts) != certified.result.receipts_root or len(receipts) != len(transactions):
        raise ProofError(f"the receipts are not those of block {height}")
    for index, (transaction, receipt) in enumerate(zip(transactions, receipts, strict=True)):
        if (receipt.transaction_id, receipt.height, receipt.index) != (transaction.transaction_id, height, index):
            raise ProofError(f"receipt {index} of block {height} belongs to another transaction")
        if not verify_transaction(transaction):
            raise ProofError(f"transaction {index} of block {height} has a bad signature")
    return VerifiedBlock(certified, block, transactions, receipts, record)


def verify_chain(
    trust: Trust, headers: Iterable[CertifiedHeader], parent: VerifiedHeader | None = None
) -> list[VerifiedHeader]:
    """Return consecutive headers, each certified and naming the one before; the first follows `parent` or genesis.

    Raises:
        ProofError: naming the first height at which the chain breaks.
    """
    verified: list[VerifiedHeader] = []
    for certified in headers:
        current = verify_header(trust, certified)
        expected_height = 1 if parent is None else parent.header.height + 1
        expected_parent = trust.chain_id if parent is None else parent.block_hash
        if current.header.height != expected_height or current.header.parent_hash != expected_parent:
            raise ProofError(
                f"the header at height {current.header.height} does not follow block {expected_height - 1}"
            )
        if parent is not None and current.header.parent_result_hash != parent.result.result_hash:
            raise ProofError(f"block {current.header.height} names another result of block {parent.header.height}")
        verified.append(current)
        parent = current
    return verified


def verify_block_in_history(anchor: VerifiedHeader, height: int, block_hash: bytes, path: Sequence[bytes]) -> None:
    """Check that a verified header commits to a block at a lower height.

    Raises:
        ProofError: when the path does not prove it.
    """
    try:
        # The header at height h holds the root over genesis and the blocks 1 to h - 1, that is, of h leaves.
        verify_inclusion(anchor.header.history_root, anchor.header.height, height, block_hash, path)
    except MerkleProofError as error:
        raise ProofError(f"block {height} is not in the history of block {anchor.header.height}: {error}") from error
