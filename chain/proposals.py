"""Proposals as the ledger records them: what is to be done, who said what to it, and what became of it.

Each proposal has two records in the system namespace. The proposal itself is small and changes with every vote; its
motion holds what may be large (the source of a contract) and never changes. Neither is ever deleted. A proposal whose
time has passed keeps the status `open`: nothing runs by itself on a ledger, so readers compare its expiry with the
block time that they know.
"""

from typing import Any, Final

from chain.encoding import DecodeError, decode, encode, fields_of
from chain.state_keys import encode_key
from chain.types import Height, Milliseconds
from chain.values import dataclass

OPEN: Final = "open"
CARRIED_OUT: Final = "carried_out"
REJECTED: Final = "rejected"
WITHDRAWN: Final = "withdrawn"
EXPIRED: Final = "expired"
"""Never recorded: what readers call an open proposal whose time has passed."""

STATUSES: Final = (OPEN, CARRIED_OUT, REJECTED, WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Vote:
    """What an organisation says to a proposal."""

    organisation: str
    member_id: str
    """The administrator who said it."""
    approves: bool
    height: Height


@dataclass(frozen=True, slots=True)
class Proposal:
    """A decision that the electorate is asked for."""

    number: int
    """From 1, in the order of the ledger."""
    action: str
    subject: str
    """What the action is about, in short: for contracts the name."""
    organisation: str
    """The one that proposed."""
    proposer: str
    """Member id of the administrator who proposed."""
    height: Height
    expires: Milliseconds
    """Last block time, inclusive, at which a vote counts."""
    status: str
    votes: tuple[Vote, ...]
    """Sorted by organisation, at most one each."""
    decided_height: Height | None
    """Height at which it stopped being open."""

    def encoded(self) -> bytes:
        """Return the canonical state value."""
        votes = [[vote.organisation, vote.member_id, vote.approves, vote.height] for vote in self.votes]
        fields: list[Any] = [self.number, self.action, self.subject, self.organisation, self.proposer, self.height]
        return encode([1, *fields, self.expires, self.status, votes, self.decided_height])

    def vote_of(self, organisation: str) -> Vote | None:
        """Return what an organisation says, if it says anything."""
        return next((vote for vote in self.votes if vote.organisation == organisation), None)

    def status_at(self, time: Milliseconds) -> str:
        """Return the status as readers see it at a block time."""
        return EXPIRED if self.status == OPEN and time > self.expires else self.status


@dataclass(frozen=True, slots=True)
class Motion:
    """What exactly a proposal asks for."""

    args: tuple[Any, ...]
    reason: str
    """For people; may be empty."""
    roles: tuple[str, ...]
    """The proposer's at that time, sorted: contract code that the decision runs sees them."""

    def encoded(self) -> bytes:
        """Return the canonical state value."""
        return encode([1, list(self.args), self.reason, list(self.roles)])


def decode_proposal(data: bytes) -> Proposal:
    """Return the proposal that a state value records.

    Raises:
        DecodeError: when the bytes record none.
    """
    kinds = (1, int, str, str, str, str, int, int, str, list, None)
    _, number, action, subject, organisation, proposer, height, expires, status, votes, decided = fields_of(
        decode(data), "proposal", *kinds
    )
    if status not in STATUSES or not (decided is None or type(decided) is int):
        raise DecodeError(f"not a proposal: status {status[:64]!r}, decided at {decided!r}")
    return Proposal(
        number,
        action,
        subject,
        organisation,
        proposer,
        Height(height),
        Milliseconds(expires),
        status,
        tuple(Vote(*fields_of(vote, "vote on a proposal", str, str, bool, int)) for vote in votes),
        None if decided is None else Height(decided),
    )


def decode_motion(data: bytes) -> Motion:
    """Return the motion that a state value records.

    Raises:
        DecodeError: when the bytes record none.
    """
    _, args, reason, roles = fields_of(decode(data), "motion", 1, list, str, list)
    fields_of(roles, "list of roles", *([str] * len(roles)))
    return Motion(tuple(args), reason, tuple(roles))


def proposal_key(number: int) -> bytes:
    """Return the system key of a proposal."""
    return encode_key(("proposal", number))


def motion_key(number: int) -> bytes:
    """Return the system key of a proposal's motion."""
    return encode_key(("motion", number))


def open_proposals_key(organisation: str) -> bytes:
    """Return the system key under which the numbers and expiries of an organisation's open proposals stand."""
    return encode_key(("open-proposals", organisation))


PROPOSAL_COUNT_KEY: Final = encode_key(("proposal-count",))
"""The number of the proposal that was made last."""


def encode_open(entries: list[tuple[int, int]]) -> bytes:
    """Return the state value of an organisation's open proposals: number and expiry of each, in ascending order."""
    return encode([1, [list(entry) for entry in entries]])


def decode_open(data: bytes) -> list[tuple[int, int]]:
    """Return number and expiry of an organisation's open proposals.

    Raises:
        DecodeError: when the bytes record none.
    """
    _, entries = fields_of(decode(data), "list of open proposals", 1, list)
    pairs = [fields_of(entry, "open proposal", int, int) for entry in entries]
    return [(number, expires) for number, expires in pairs]
