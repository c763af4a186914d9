"""Signature checks of a node: each transaction once, in batches, outside the node process."""

from collections.abc import Sequence
from typing import Protocol

from chain.transaction import SIGNATURE_TAG, Transaction


class SignatureVerifier(Protocol):
    """Checks batches of signatures somewhere else."""

    async def verify(self, checks: Sequence[tuple[bytes, str, bytes, bytes]]) -> list[bool]:
        """Tell for each (key, tag, payload, signature) whether it is good."""
        ...


async def signatures_good(verifier: SignatureVerifier, transactions: Sequence[Transaction]) -> list[bool]:
    """Tell for each transaction whether its signature is its sender's."""
    if not transactions:
        return []
    return await verifier.verify(
        [(item.body.sender_key, SIGNATURE_TAG, item.transaction_id, item.signature) for item in transactions]
    )
