"""Transactions on their way to all validators: what a client gave to this node goes to every peer in batches.

Every node is connected with every other, so a transaction travels one hop: what came from a peer is never passed on.
A batch leaves at once when the node was idle; after each batch there is a short pause in which the next one gathers.
Nothing here is promised: a peer that was away or too slow meets the transaction in a proposal and fetches it.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from chain.block import TRANSACTION_BYTES_MIN
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.types import ValidatorId
from chain.values import dataclass
from network.errors import PeerFaultError
from network.framing import PAYLOAD_BYTES_MAX, Channel
from network.limits import KIB

SMALL_VALUES: Final = 4096
"""Values of a batch that are not looked at with suspicion, however small they are."""

TRANSACTION_BYTES_MAX: Final = PAYLOAD_BYTES_MAX[Channel.TRANSACTIONS] - 1 * KIB
"""Bound on any transaction before genesis' own, tighter limit is applied."""


@dataclass(frozen=True, slots=True)
class GossipLimits:
    """Local bounds of batching."""

    batch_bytes: int = 256 * KIB
    """A batch that reaches this leaves without waiting for the pause to end."""
    pause_seconds: float = 0.004


class TransactionGossip:
    """Owns the batch that is being gathered."""

    def __init__(
        self,
        broadcast: Callable[[bytes], object],
        deliver: Callable[[ValidatorId, list[bytes]], None],
        is_known: Callable[[bytes], bool],
        limits: GossipLimits,
    ) -> None:
        """Take the three seams: send a payload to all, hand over what peers sent, tell whether raw bytes are known."""
        self._broadcast = broadcast
        self._deliver = deliver
        self._is_known = is_known
        self._limits = limits
        self._batch: list[bytes] = []
        self._batch_bytes = 0
        self._gathered = asyncio.Event()
        self.sent_transactions = 0
        self.received_transactions = 0
        self.repeated_transactions = 0
        """Received ones that this node knew already."""

    async def run(self) -> None:
        """Send batches until cancelled."""
        while True:
            await self._gathered.wait()
            self._send_batch()
            await asyncio.sleep(self._limits.pause_seconds)

    def offer(self, raw: bytes) -> None:
        """Pass on a transaction that a client submitted to this node and that was admitted."""
        assert len(raw) <= TRANSACTION_BYTES_MAX, "admission bounds transactions"
        if self._batch and self._batch_bytes + len(raw) > self._limits.batch_bytes:
            self._send_batch()
        self._batch.append(raw)
        self._batch_bytes += len(raw)
        self._gathered.set()

    def receive(self, peer: ValidatorId, payload: bytes) -> None:
        """Hand over the unknown transactions of a peer's batch.

        Raises:
            PeerFaultError: when the payload is no batch.
        """
        try:
            raws = decode_batch(payload)
        except DecodeError as error:
            raise PeerFaultError(f"transactions: {error}") from error
        self.received_transactions += len(raws)
        fresh = [raw for raw in raws if not self._is_known(raw)]
        self.repeated_transactions += len(raws) - len(fresh)
        if fresh:
            self._deliver(peer, fresh)

    def _send_batch(self) -> None:
        self._gathered.clear()
        if self._batch:
            self.sent_transactions += len(self._batch)
            self._broadcast(encode_batch(self._batch))
            self._batch = []
            self._batch_bytes = 0


def encode_batch(raws: list[bytes]) -> bytes:
    """Return the payload of a batch of raw transactions."""
    return encode([1, raws])


def decode_batch(payload: bytes) -> list[bytes]:
    """Return the raw transactions of a batch, not decoded.

    Raises:
        DecodeError: when the payload is no batch.
    """
    # A validator that lies may send millions of empty arrays; transactions have a hundred bytes and more.
    values_max = SMALL_VALUES + len(payload) // TRANSACTION_BYTES_MIN
    _, raws = fields_of(decode(payload, depth_max=2, values_max=values_max), "batch", 1, list)
    if not raws or any(type(raw) is not bytes for raw in raws):
        raise DecodeError("a batch is one or more byte strings")
    return list(raws)
