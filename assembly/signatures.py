"""Signature checks of a node: each transaction once, in batches, outside the node process."""

from collections.abc import Sequence
from typing import Final, Protocol

from chain.transaction import SIGNATURE_TAG, Transaction, verify_transaction

INLINE_MAX: Final = 2
"""So few signatures are checked at once and here: waking another process and back takes longer than a check."""


class SignatureVerifier(Protocol):
    """Checks batches of signatures somewhere else."""

    async def verify(self, checks: Sequence[tuple[bytes, str, bytes, bytes]]) -> list[bool]:
        """Tell for each (key, tag, payload, signature) whether it is good."""
        ...


async def signatures_good(verifier: SignatureVerifier, transactions: Sequence[Transaction]) -> list[bool]:
    """Tell for each transaction whether its signature is its sender's."""
    if len(transactions) <= INLINE_MAX:
        return [verify_transaction(transaction) for transaction in transactions]
    return await verifier.verify(
        [(item.body.sender_key, SIGNATURE_TAG, item.transaction_id, item.signature) for item in transactions]
    )
