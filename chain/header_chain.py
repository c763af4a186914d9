"""Checks certified headers one after the other from a block that is trusted, as far back as genesis.

Who joins by a snapshot trusts nobody but genesis: each header continues the one before, and the validators that the one
before announced have certified it. In version 1 these are always those of genesis.
"""

from dataclasses import dataclass
from typing import Protocol

from chain.block import Header, block_hash_of, decode_block, decode_header
from chain.block_store import BlockRecord, BlockStore, HeaderRecord
from chain.certificate import CertificateError, Phase, check_certificate, decode_certificate
from chain.encoding import DecodeError
from chain.genesis import Genesis
from chain.merkle import Frontier, merkle_root
from chain.protocol import first_schedule
from chain.receipt import BlockResult, decode_result
from chain.storage import StoreDamaged
from chain.transaction import transaction_id_of_raw, transactions_root_of
from chain.types import Digest, Height, Milliseconds
from chain.validity import Head, InvalidBlock, check_header_of


class HeaderRefusedError(ValueError):
    """Bytes that are not the next certified header, or not the body of one: whoever sent them lies."""


class CertifiedConflictError(Exception):
    """A quorum has certified what does not continue the blocks that are held here: nothing may be built on either."""


class HeaderReader(Protocol):
    """Whoever holds decided blocks; chain.block_store does."""

    def header(self, height: int) -> bytes | None:
        """Return the header of a block; None where it is lacking, and at height 0."""
        ...

    def block(self, height: int) -> bytes | None:
        """Return a block's bytes; None where they are lacking."""
        ...


@dataclass(slots=True)
class HeaderChain:
    """Owns the head while headers are appended to it."""

    head: Head
    """Its schedule says no more than which version of the protocol it has itself."""
    frontier: Frontier
    """The tree over all blocks up to the head."""

    def append(self, header: bytes, result: bytes, certificate: bytes) -> HeaderRecord:
        """Check the next certified header and make it the head.

        Raises:
            HeaderRefusedError: when it is not the next one, or not certified.
            CertifiedConflictError: when it is certified and yet does not continue the head.
        """
        head = self.head
        try:
            decoded, outcome = decode_header(header), decode_result(result)
            proof = decode_certificate(certificate)
            block_hash = block_hash_of(header)
            subject = proof.subject
            if decoded.height != head.height + 1:
                raise HeaderRefusedError(f"header {decoded.height} where {head.height + 1} is next")
            certified = (subject.chain_id, subject.height, subject.block_hash, subject.result_hash)
            if proof.phase is not Phase.COMMIT or certified != (
                head.chain_id,
                decoded.height,
                block_hash,
                outcome.result_hash,
            ):
                raise HeaderRefusedError(f"the certificate beside header {decoded.height} is of something else")
            check_certificate(proof, head.validators)
        except (DecodeError, CertificateError) as error:
            raise HeaderRefusedError(str(error)) from error
        self._take(decoded, block_hash, outcome)
        return HeaderRecord(decoded.height, block_hash, header, certificate, result)

    def _take(self, header: Header, block_hash: Digest, result: BlockResult) -> None:
        head = self.head
        try:
            check_header_of(header, head)
            # Which version holds is decided in the state, which is not at hand; but versions never go back.
            if header.version < head.next_version:
                detail = f"{header.version} after {head.next_version}"
                expected = f"at least {head.next_version}"
                raise InvalidBlock("wrong_version", detail, found=header.version, expected=expected)
        except InvalidBlock as error:
            raise CertifiedConflictError(
                f"block {header.height} {block_hash.hex()} is certified and does not continue "
                f"block {head.height} {head.block_hash.hex()}: {error}"
            ) from error
        if result.next_validators_hash != head.validators.validators_hash:
            raise CertifiedConflictError(
                f"block {header.height} names the validator set {result.next_validators_hash.hex()}, which is not here"
            )
        frontier = self.frontier.append(block_hash)
        self.head = Head(
            head.chain_id,
            header.height,
            block_hash,
            result,
            header.time,
            header.proposer,
            head.validators,
            frontier.root(),
            first_schedule(header.version),
        )
        self.frontier = frontier


def chain_at(blocks: BlockStore, genesis: Genesis, height: Height) -> HeaderChain:
    """Return the chain that ends with a block which is held, as header at least.

    Raises:
        StoreDamaged: when what the store must hold of it is missing or unreadable.
    """
    result, frontier = blocks.result(height), blocks.history_at(height)
    block_hash = blocks.block_hash(height)
    if result is None or block_hash is None:
        raise StoreDamaged(f"hash or result of block {height} is missing")
    try:
        outcome = decode_result(result)
        header = None if height == 0 else header_at(blocks, height)
    except DecodeError as error:
        raise StoreDamaged(f"block {height} cannot be read: {error}") from error
    head = Head(
        genesis.genesis_hash,
        height,
        block_hash,
        outcome,
        Milliseconds(genesis.time) if header is None else header.time,
        None if header is None else header.proposer,
        genesis.validators,
        frontier.root(),
        first_schedule(genesis.parameters.protocol_version if header is None else header.version),
    )
    return HeaderChain(head, frontier)


def header_at(blocks: HeaderReader, height: int) -> Header:
    """Return the header of a decided block, whether its body is held or not.

    Raises:
        StoreDamaged: when it is missing or unreadable.
    """
    stored = blocks.header(height)
    if stored is None:
        raise StoreDamaged(f"the header of block {height} is missing")
    try:
        return decode_header(stored)
    except DecodeError as error:
        raise StoreDamaged(f"the header of block {height} cannot be read: {error}") from error


def check_body(blocks: BlockStore, height: Height, raw: bytes, receipts: list[bytes]) -> BlockRecord:
    """Return the record of a block whose header is held, made of a body and receipts that came from anywhere.

    Raises:
        HeaderRefusedError: when they are not those of the certified header and result.
        StoreDamaged: when header or result are missing.
    """
    block_hash, result, certificate = blocks.block_hash(height), blocks.result(height), blocks.certificate(height)
    if block_hash is None or result is None or certificate is None:
        raise StoreDamaged(f"hash, result or certificate of block {height} is missing")
    try:
        block = decode_block(raw)
        if block.block_hash != block_hash or block_hash_of(block.header.encoded()) != block_hash:
            raise HeaderRefusedError(f"block {block.block_hash.hex()} where {block_hash.hex()} is certified")
        if transactions_root_of(block.transactions) != block.header.transactions_root:
            raise HeaderRefusedError(f"the transactions of block {height} are others than its header says")
        if len(receipts) != len(block.transactions) or merkle_root(receipts) != decode_result(result).receipts_root:
            raise HeaderRefusedError(f"the receipts of block {height} are others than its result says")
        ids = [transaction_id_of_raw(item) for item in block.transactions]
    except DecodeError as error:
        raise HeaderRefusedError(f"the body of block {height}: {error}") from error
    return BlockRecord(height, block_hash, raw, certificate, result, receipts, ids, block.header.encoded())
