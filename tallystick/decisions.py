"""Contracts in force and decisions on them: calls that propose and vote, and what the certified state says of both."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from chain.encoding import encode
from chain.identity import ContractVersion, decode_contract, decode_contract_version, source_hash
from chain.proposals import Motion, Proposal, decode_motion, decode_proposal
from chain.runtime import SYSTEM
from chain.state_keys import KeyPart
from chain.transaction import Call
from chain.values import dataclass
from tallystick.errors import VerificationError


@dataclass(frozen=True, slots=True)
class ContractSource:
    """One version of a contract with its source, as the certified state has it."""

    version: ContractVersion
    source: str
    frozen: bool | None
    """Whether calls of the contract are suspended; None for a version that was asked for by its number."""


@dataclass(frozen=True, slots=True)
class ProposalState:
    """A proposal as the certified state has it."""

    proposal: Proposal
    motion: Motion


class StateValueLike(Protocol):
    """What reading the state gives."""

    @property
    def value(self) -> Any:
        """The decoded value, None if there is none."""
        ...

    @property
    def found(self) -> bool:
        """Whether there is a value."""
        ...


ReadState = Callable[..., Awaitable[StateValueLike]]
"""AsyncClient.state: from a contract and the parts of a key to the certified value."""


def deploy(name: str, source: str, *args: Any) -> Call:
    """Return the call that deploys a contract at once, where genesis lets an organisation do so alone."""
    return Call(SYSTEM, "deploy", (name, source, list(args)))


def propose(action: str, *args: Any, reason: str = "") -> Call:
    """Return the call that opens a proposal and approves it; its result is the proposal's number."""
    return Call(SYSTEM, "propose", (action, list(args), reason))


def propose_deployment(name: str, source: str, args: Sequence[Any] = (), *, reason: str = "") -> Call:
    """Return the call that proposes a contract under a new name, with the arguments of its @init."""
    return propose("deploy", name, source, list(args), reason=reason)


def propose_upgrade(name: str, version: int, source: str, args: Sequence[Any] = (), *, reason: str = "") -> Call:
    """Return the call that proposes a contract's next version, with its number and the arguments of its @migrate."""
    return propose("upgrade", name, version, source, list(args), reason=reason)


def propose_freeze(name: str, *, reason: str = "") -> Call:
    """Return the call that proposes to suspend the calls of a contract."""
    return propose("freeze", name, reason=reason)


def propose_unfreeze(name: str, *, reason: str = "") -> Call:
    """Return the call that proposes to resume the calls of a contract."""
    return propose("unfreeze", name, reason=reason)


def approve(number: int) -> Call:
    """Return the call that casts the organisation's vote for a proposal; its result is the proposal's status."""
    return Call(SYSTEM, "approve", (number,))


def reject(number: int) -> Call:
    """Return the call that casts the organisation's vote against a proposal; its result is the proposal's status."""
    return Call(SYSTEM, "reject", (number,))


def withdraw(number: int) -> Call:
    """Return the call that takes the organisation's vote back, and a proposal of its own altogether."""
    return Call(SYSTEM, "withdraw", (number,))


async def read_contract(state: ReadState, name: str, number: int | None) -> ContractSource | None:
    """Return the contract as it is now, or one of its versions; None if there is none.

    Raises:
        VerificationError: when a node that is not verified presents another source.
    """
    key: tuple[KeyPart, ...] = ("contract", name) if number is None else ("contract-version", name, number)
    found = await state(SYSTEM, *key)
    if not found.found:
        return None
    frozen = None
    if number is None:
        record = decode_contract(encode(found.value))
        version, frozen = record.current, record.frozen
    else:
        version = decode_contract_version(encode(found.value))
    source = (await state(SYSTEM, "source", version.source_hash)).value
    if not isinstance(source, str) or source_hash(source) != version.source_hash:
        raise VerificationError(f"version {version.version} of {name}", "its source is not the one that its hash names")
    return ContractSource(version, source, frozen)


async def read_proposal(state: ReadState, number: int) -> ProposalState | None:
    """Return a proposal, None if there is none with this number."""
    found = await state(SYSTEM, "proposal", number)
    if not found.found:
        return None
    motion = (await state(SYSTEM, "motion", number)).value
    return ProposalState(decode_proposal(encode(found.value)), decode_motion(encode(motion)))


async def read_proposals(state: ReadState, count: int) -> list[Proposal]:
    """Return the proposals that were made last, the newest first."""
    last = (await state(SYSTEM, "proposal-count")).value or 0
    numbers = range(last, max(last - count, 0), -1)
    return [decode_proposal(encode((await state(SYSTEM, "proposal", number)).value)) for number in numbers]
