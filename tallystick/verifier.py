"""Turns what a node presents into what is proven, remembering which certificates it has checked already."""

from collections import OrderedDict
from typing import Final

from chain.encoding import DecodeError
from chain.proofs import CertifiedHeader, decode_state_proof, decode_transaction_proof
from chain.receipt import Receipt, decode_receipt
from chain.recorded_block import decode_recorded_block
from chain.state_leaf import Leaf
from chain.types import Digest
from tallystick.errors import VerificationError
from tallystick.proof import (
    ProofError,
    Trust,
    VerifiedBlock,
    VerifiedHeader,
    VerifiedTransaction,
    verify_block,
    verify_header,
    verify_places,
    verify_state_proof,
)

HEADERS_KEPT: Final = 256


class Verifier:
    """Owns the trust in one ledger and the headers that were verified lately."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._headers: OrderedDict[CertifiedHeader, VerifiedHeader] = OrderedDict()

    def transaction(self, url: str, transaction_id: Digest, proof: bytes) -> VerifiedTransaction:
        """Return the transaction with this id as a proof from a node shows it.

        Raises:
            VerificationError: when the proof does not show it.
        """
        try:
            decoded = decode_transaction_proof(proof)
            certified = self._header(decoded.certified)
            transaction, receipt = verify_places(self._trust, decoded, certified)
        except (DecodeError, ProofError) as error:
            raise VerificationError(url, str(error)) from error
        if transaction.transaction_id != transaction_id:
            raise VerificationError(url, f"proves {transaction.transaction_id.hex()}, not {transaction_id.hex()}")
        return VerifiedTransaction(transaction, receipt, certified)

    def state(self, url: str, contract: str, key: bytes, proof: bytes) -> tuple[VerifiedHeader, Leaf | None]:
        """Return what a proof from a node shows under a key.

        Raises:
            VerificationError: when it shows nothing, or another key.
        """
        try:
            decoded = decode_state_proof(proof)
            if (decoded.contract, decoded.key) != (contract, key):
                raise ProofError(f"proves {decoded.contract}/{decoded.key.hex()}, not {contract}/{key.hex()}")
            return verify_state_proof(self._trust, decoded)
        except (DecodeError, ProofError) as error:
            raise VerificationError(url, str(error)) from error

    def block(self, url: str, record: bytes, expected: int | Digest | None = None) -> VerifiedBlock:
        """Return a recorded block from a node, which has to be at the expected height or have the expected hash.

        Raises:
            VerificationError: when something in it does not hold.
        """
        try:
            block = verify_block(self._trust, decode_recorded_block(record))
        except (DecodeError, ProofError) as error:
            raise VerificationError(url, str(error)) from error
        found = block.certified.header.height if isinstance(expected, int) else block.certified.block_hash
        if expected is not None and found != expected:
            raise VerificationError(url, f"sent block {block.certified.header.height} instead of the one asked for")
        return block

    def _header(self, certified: CertifiedHeader) -> VerifiedHeader:
        known = self._headers.get(certified)
        if known is None:
            known = self._headers[certified] = verify_header(self._trust, certified)
            if len(self._headers) > HEADERS_KEPT:
                self._headers.popitem(last=False)
        return known


def unverified_receipt(url: str, transaction_id: Digest, encoded: bytes) -> Receipt:
    """Return a receipt that a node showed without proof.

    Raises:
        VerificationError: when it is none, or another transaction's.
    """
    try:
        receipt = decode_receipt(encoded)
    except DecodeError as error:
        raise VerificationError(url, str(error)) from error
    if receipt.transaction_id != transaction_id:
        raise VerificationError(url, f"showed the receipt of {receipt.transaction_id.hex()}")
    return receipt
