"""Signature checks of a node: each transaction once, in batches, outside the node process."""

from collections.abc import Sequence
from typing import Protocol

from chain.crypto import domain
from chain.transaction import SIGNATURE_TAG, Transaction


class SignatureVerifier(Protocol):
    """Checks batches of signatures somewhere else."""

    async def verify(self, items: Sequence[tuple[bytes, bytes, bytes]]) -> list[bool]:
        """Tell for each (key, message, signature) whether it is good."""
        ...


async def signatures_good(verifier: SignatureVerifier, transactions: Sequence[Transaction]) -> list[bool]:
    """Tell for each transaction whether its signature is its sender's."""
    if not transactions:
        return []
    prefix = domain(SIGNATURE_TAG)
    return await verifier.verify(
        [(tx.body.sender_key, prefix + tx.transaction_id, tx.signature) for tx in transactions]
    )
