"""How much of this node's time one peer may take with consensus messages: what is beyond is dropped before it is read.

Signature checks run on the event loop, where everything else of agreement runs too, and a genuine message can be sent
any number of times. So each peer has a budget of its own, counted in signature checks, and nobody can use another's.
What a message costs is known only afterwards; a peer whose budget is overdrawn is not read until it has recovered,
and its connection is read no faster than that. Honest peers lose nothing for good: what matters is sent again at
intervals (rule 7).

The sizes follow from the protocol. In each height an honest validator signs at most one PRE-PREPARE, PREPARE and COMMIT
a view, so that even hundreds of blocks a second need fewer than a thousand checks. Its dearest message is a NEW-VIEW: a
quorum of VIEW-CHANGEs with two certificates each; the budget always holds two of these. It never sends the same bytes
twice within half of the interval of resending, except on a new connection, and it speaks for nobody else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from chain.crypto import Verify, tagged_hash
from chain.types import Digest, ValidatorId
from chain.validators import ValidatorSet

CHECKS_PER_SECOND: Final = 6_000
"""Signature checks a second for all peers together, in equal shares: about half of a core."""
UNREAD_CHECKS: Final = 0.05
"""What a message costs that is dropped as a repetition, in checks."""
DECODED_CHECKS: Final = 0.25
"""What decoding a message costs."""
BYTES_PER_CHECK: Final = 8 * 1024
"""Decoding so many bytes, and finding the transactions that they name, takes about as long as a check."""
REPEAT_SECONDS: Final = 0.25
"""The same bytes of one peer within this time are a repetition; honest peers send again after twice as long."""
REPEATS_KEPT: Final = 64
"""Payloads of a peer that are remembered for that time; the oldest are forgotten first."""
PEERS_MAX: Final = 256
"""Peers of which accounts are kept; beyond, those that owe nothing are forgotten."""
VERIFIED_MAX: Final = 4_096
"""Good signatures that are remembered: certificates repeat those of votes, NEW-VIEWs those of VIEW-CHANGEs."""
FLOOD_MESSAGES: Final = 100
"""A peer that had so many messages dropped over its budget within the time below floods this node."""
FLOOD_SECONDS: Final = 30.0


@dataclass(slots=True)
class _Account:
    """What one peer has left."""

    checks: float
    updated: float
    recent: dict[Digest, float] = field(default_factory=dict)
    """When each of the last payloads came in, by its hash, in order of arrival."""
    excess: int = 0
    """Messages dropped because the budget was overdrawn, since the start."""
    window_began: float = 0.0
    window_excess: int = 0


class Gate:
    """Owns the accounts of all peers, and the signatures that were found good a moment ago."""

    def __init__(self, verify: Verify, checks_per_second: int = CHECKS_PER_SECOND) -> None:
        self._verify = verify
        self._checks_per_second = checks_per_second
        self._accounts: dict[ValidatorId, _Account] = {}
        self._verified: dict[Digest, None] = {}
        self.checks = 0
        """Signatures that were really checked."""

    def admits(self, peer: ValidatorId, payload: bytes, validators: ValidatorSet, now: float) -> bool:
        """Tell whether a payload is to be decoded; one that is not has been counted."""
        account = self._account(peer, validators, now)
        if account.checks < 0.0:
            account.excess += 1
            if now - account.window_began > FLOOD_SECONDS:
                account.window_began, account.window_excess = now, 0
            account.window_excess += 1
            return False
        name = tagged_hash("payload", payload)
        came = account.recent.get(name)
        if came is not None and now - came < REPEAT_SECONDS:
            account.checks -= UNREAD_CHECKS + len(payload) / BYTES_PER_CHECK
            return False
        account.recent.pop(name, None)
        account.recent[name] = now
        if len(account.recent) > REPEATS_KEPT:
            del account.recent[next(iter(account.recent))]
        return True

    def charge(self, peer: ValidatorId, size: int, checks: int) -> None:
        """Take what a message of `size` bytes cost from the account of who sent it."""
        self._accounts[peer].checks -= DECODED_CHECKS + size / BYTES_PER_CHECK + checks

    def wait_seconds(self, peer: ValidatorId, validators: ValidatorSet) -> float:
        """Return for how long nothing more of a peer should be read: until it owes nothing."""
        account = self._accounts.get(peer)
        return 0.0 if account is None else max(0.0, -account.checks / share_of(validators, self._checks_per_second))

    def verify(self, key: bytes, tag: str, payload: bytes, signature: bytes) -> bool:
        """Tell whether a signature is good; the same good one is checked once as long as it is remembered."""
        what = tagged_hash("verified", key, tag.encode() + b"\x00", payload, signature)
        if what in self._verified:
            return True
        self.checks += 1
        if not self._verify(key, tag, payload, signature):
            return False
        self._verified[what] = None
        if len(self._verified) > VERIFIED_MAX:
            del self._verified[next(iter(self._verified))]
        return True

    @property
    def excess(self) -> Mapping[ValidatorId, int]:
        """By peer: messages dropped because its budget was overdrawn."""
        return {peer: account.excess for peer, account in self._accounts.items() if account.excess}

    def floods(self, now: float) -> Mapping[ValidatorId, int]:
        """By peer that floods this node: messages dropped over its budget in the time that is looked at."""
        return {
            peer: account.window_excess
            for peer, account in self._accounts.items()
            if account.window_excess >= FLOOD_MESSAGES and now - account.window_began <= FLOOD_SECONDS
        }

    def _account(self, peer: ValidatorId, validators: ValidatorSet, now: float) -> _Account:
        account, burst = self._accounts.get(peer), burst_of(validators, self._checks_per_second)
        if account is None:
            if len(self._accounts) >= PEERS_MAX:
                self._accounts = {name: kept for name, kept in self._accounts.items() if kept.checks < 0.0}
            account = self._accounts[peer] = _Account(burst, now)
        share = share_of(validators, self._checks_per_second)
        account.checks = min(burst, account.checks + (now - account.updated) * share)
        account.updated = now
        return account


def share_of(validators: ValidatorSet, checks_per_second: int = CHECKS_PER_SECOND) -> float:
    """Return a peer's checks a second: an equal part of what all may use together."""
    return checks_per_second / max(1, validators.size - 1)


def burst_of(validators: ValidatorSet, checks_per_second: int = CHECKS_PER_SECOND) -> float:
    """Return how many checks a peer may use at once: a second's, and never less than two of the dearest messages."""
    dearest = 1 + validators.quorum * (1 + 2 * validators.quorum)
    return max(share_of(validators, checks_per_second), 2.0 * dearest)
