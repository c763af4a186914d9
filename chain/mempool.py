"""The mempool: valid transactions that wait for a block, within bounds and fair to each organisation.

It owns admission by what the node process knows (form, chain, time, size, sender, duplicates); signatures are checked
before `add`. Order is arrival order. It must not decide validity of blocks: that is chain.validity, from state alone.
"""

from collections.abc import Iterable
from typing import Final

from chain.genesis import Parameters
from chain.identity import Member
from chain.rules import Rules
from chain.transaction import Transaction
from chain.types import Digest, Milliseconds
from chain.values import dataclass

RETRY_AFTER_SECONDS: Final = 1


class AdmissionError(ValueError):
    """A transaction that is not admitted; `code` is stable, and nothing was changed."""

    def __init__(self, code: str, detail: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class MempoolLimits:
    """Bounds of one node's mempool; local, because they cannot split the ledger."""

    transactions_max: int = 50_000
    bytes_max: int = 64 * 1024 * 1024
    organisation_share_percent: int = 50
    """Part of either bound that one organisation may fill."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A waiting transaction."""

    transaction: Transaction
    organisation: str
    arrived: float
    """Seconds on the node's monotonic clock."""


def check_admissible(transaction: Transaction, chain_id: Digest, rules: Rules, now: Milliseconds) -> None:
    """Check what can be known of a transaction without state.

    Raises:
        AdmissionError: with code foreign_chain, expired, valid_until_too_far, gas_limit_too_high or gas_limit_too_low.
    """
    body, parameters = transaction.body, rules.parameters
    if body.chain_id != chain_id:
        raise AdmissionError("foreign_chain", f"made for chain {body.chain_id.hex()}, this is {chain_id.hex()}")
    if body.valid_until < now:
        raise AdmissionError("expired", f"valid until {body.valid_until}, by this node's clock it is {now}")
    if body.valid_until > now + parameters.validity_window_max:
        limit = now + parameters.validity_window_max
        raise AdmissionError(
            "valid_until_too_far", f"valid until {body.valid_until}, by this node's clock at most {limit}"
        )
    if body.gas_limit > parameters.transaction_gas_max:
        raise AdmissionError("gas_limit_too_high", f"{body.gas_limit}, at most {parameters.transaction_gas_max}")
    gas_min = rules.gas_min(len(transaction.raw))
    if body.gas_limit < gas_min:
        detail = (
            f"{body.gas_limit}; a transaction of {len(transaction.raw)} bytes needs {gas_min} and what its calls use"
        )
        raise AdmissionError("gas_limit_too_low", detail)


class Mempool:
    """Owns the waiting transactions of one node."""

    def __init__(self, limits: MempoolLimits) -> None:
        self._limits = limits
        self._pending: dict[Digest, Pending] = {}
        self._bytes = 0
        self._gas = 0
        self._shares: dict[str, tuple[int, int]] = {}
        self._quarantined: set[Digest] = set()
        self._raws: dict[bytes, Transaction] = {}
        self._expires_first: Milliseconds | None = None
        """Nothing that waits expires earlier; None when nothing waits that this knows of."""

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, transaction_id: Digest) -> bool:
        return transaction_id in self._pending

    def holds(self, raw: bytes) -> bool:
        """Tell whether exactly these bytes wait, without decoding them."""
        return raw in self._raws

    def decoded(self, raw: bytes) -> Transaction | None:
        """Return the waiting transaction with exactly these bytes, which need not be decoded again."""
        return self._raws.get(raw)

    @property
    def bytes_used(self) -> int:
        """Bytes of raw transactions that wait."""
        return self._bytes

    @property
    def has_candidates(self) -> bool:
        """Whether something waits that this node would propose."""
        return len(self._pending) > len(self._quarantined)

    def fills_block(self, parameters: Parameters) -> bool:
        """Tell whether what waits is as much as a block may hold, or more."""
        is_many = len(self._pending) >= parameters.block_transactions_max
        return is_many or self._gas >= parameters.block_gas_max or self._bytes >= parameters.block_bytes_max

    def get(self, transaction_id: Digest) -> Pending | None:
        """Return a waiting transaction."""
        return self._pending.get(transaction_id)

    def oldest(self) -> Pending | None:
        """Return the transaction that has waited longest."""
        return next(iter(self._pending.values()), None)

    def values(self) -> Iterable[Pending]:
        """Return the waiting transactions in order of arrival."""
        return self._pending.values()

    def add(self, transaction: Transaction, member: Member, arrived: float) -> bool:
        """Take a transaction in; return False if it already waits.

        Raises:
            AdmissionError: with code mempool_full or organisation_share_exceeded; a later retry may succeed.
        """
        if transaction.transaction_id in self._pending:
            return False
        size = len(transaction.raw)
        count, used = self._shares.get(member.organisation, (0, 0))
        limits = self._limits
        if len(self._pending) >= limits.transactions_max or self._bytes + size > limits.bytes_max:
            raise AdmissionError(
                "mempool_full", f"{len(self._pending)} transactions wait", retry_after_seconds=RETRY_AFTER_SECONDS
            )
        percent = limits.organisation_share_percent
        if (count + 1) * 100 > limits.transactions_max * percent or (used + size) * 100 > limits.bytes_max * percent:
            raise AdmissionError(
                "organisation_share_exceeded",
                f"{count} transactions of {member.organisation} wait",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            )
        self._pending[transaction.transaction_id] = Pending(transaction, member.organisation, arrived)
        self._raws[transaction.raw] = transaction
        valid_until = transaction.body.valid_until
        if self._expires_first is None or valid_until < self._expires_first:
            self._expires_first = valid_until
        self._bytes += size
        self._gas += transaction.body.gas_limit
        self._shares[member.organisation] = (count + 1, used + size)
        return True

    def remove(self, transaction_ids: Iterable[Digest]) -> None:
        """Forget transactions that were committed or can no longer be."""
        for transaction_id in transaction_ids:
            pending = self._pending.pop(transaction_id, None)
            self._quarantined.discard(transaction_id)
            if pending is None:
                continue
            size = len(pending.transaction.raw)
            self._raws.pop(pending.transaction.raw, None)
            self._bytes -= size
            self._gas -= pending.transaction.body.gas_limit
            count, used = self._shares[pending.organisation]
            if count == 1:
                del self._shares[pending.organisation]
            else:
                self._shares[pending.organisation] = (count - 1, used - size)

    def expire(self, time: Milliseconds) -> list[Digest]:
        """Forget transactions that no block at or after `time` may hold; return their ids."""
        if self._expires_first is None or time <= self._expires_first:
            return []
        expired = [
            transaction_id
            for transaction_id, pending in self._pending.items()
            if pending.transaction.body.valid_until < time
        ]
        self.remove(expired)
        self._expires_first = min(
            (pending.transaction.body.valid_until for pending in self._pending.values()), default=None
        )
        return expired

    def quarantine(self, transaction_ids: Iterable[Digest]) -> None:
        """Keep transactions on which this machine failed out of its own proposals."""
        self._quarantined.update(transaction_id for transaction_id in transaction_ids if transaction_id in self)

    def oldest_valid(self, rules: Rules, time: Milliseconds) -> Pending | None:
        """Return the transaction that has waited longest of those that `select` would take into an empty block."""
        return next(
            (pending for name, pending in self._pending.items() if self._is_valid(name, pending, rules, time)), None
        )

    def _is_valid(self, transaction_id: Digest, pending: Pending, rules: Rules, time: Milliseconds) -> bool:
        body = pending.transaction.body
        in_time = time <= body.valid_until <= time + rules.parameters.validity_window_max
        # Prices may have risen since it was admitted; what declares too little now will never be valid.
        has_gas = body.gas_limit >= rules.gas_min(len(pending.transaction.raw))
        return in_time and has_gas and transaction_id not in self._quarantined

    def select(self, rules: Rules, time: Milliseconds) -> list[Transaction]:
        """Return, in order of arrival, what fits into one block at `time`."""
        chosen: list[Transaction] = []
        parameters = rules.parameters
        # Header, array prefixes and length bytes of each transaction are accounted for generously.
        bytes_left = parameters.block_bytes_max - 1024
        gas_left = parameters.block_gas_max
        for transaction_id, pending in self._pending.items():
            transaction = pending.transaction
            body = transaction.body
            size = len(transaction.raw)
            in_time = time <= body.valid_until <= time + parameters.validity_window_max
            # Prices may have risen since it was admitted; what declares too little now will never be valid.
            if transaction_id in self._quarantined or not in_time or body.gas_limit < rules.gas_min(size):
                continue
            if len(chosen) == parameters.block_transactions_max or size + 5 > bytes_left or body.gas_limit > gas_left:
                break
            bytes_left -= size + 5
            gas_left -= body.gas_limit
            chosen.append(transaction)
        return chosen
