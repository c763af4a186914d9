"""What the electorate can decide: one table of actions, each with its threshold, its check and its effect.

A new kind of decision is a new entry of ACTIONS and nothing else: opening, voting, expiry and listing are the same for
all (chain.decisions). `check` is asked when a proposal is made, so that nobody votes on what cannot be carried out as
things stand; `carry_out` is asked in the transaction that reaches the threshold, when things may stand otherwise.
Either answers with a CallOutcome whose gas covers its own work alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from chain.code_room import has_room, take_room
from chain.codes import (
    ALREADY_FROZEN,
    HEIGHT_PASSED,
    NO_ROOM_FOR_CODE,
    NOT_FROZEN,
    NOT_SCHEDULED,
    NOT_THE_NEXT_VERSION,
    PROTOCOL_CHANGE_PENDING,
    UNKNOWN_CONTRACT,
)
from chain.genesis import Genesis, Governance
from chain.identity import ContractRecord, decode_contract, is_name
from chain.prices import LedgerPrices
from chain.protocol import PROTOCOL_KEY, Activation, Schedule, read_schedule
from chain.runtime import SYSTEM, CallContext, CallOutcome, ContractRuntime, Event, StateAccess
from chain.state_keys import contract_key
from chain.types import Height
from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class SystemAccess:
    """What a call to the system namespace works on."""

    state: StateAccess
    context: CallContext
    """Of the sender; for `carry_out` that of the proposer, at the present height and time."""
    genesis: Genesis
    runtime: ContractRuntime

    @property
    def prices(self) -> LedgerPrices:
        """What calls to the system namespace cost in this block."""
        return self.runtime.versions[self.context.protocol_version]


@dataclass(frozen=True, slots=True)
class Action:
    """One kind of decision."""

    approvals_required: Callable[[Governance], int]
    subject: Callable[[Sequence[Any]], str | None]
    """From the arguments to what the decision is about, in short; None if the arguments have another form."""
    check: Callable[[SystemAccess, Sequence[Any], int], CallOutcome]
    """Tell with at most this much gas whether the action is possible now; writes nothing."""
    carry_out: Callable[[SystemAccess, Sequence[Any], int], CallOutcome]
    """Do it with at most this much gas."""


def _deploy_subject(args: Sequence[Any]) -> str | None:
    match list(args):
        case [str(name), str(), list()] if is_name(name):
            return name
    return None


def _check_deploy(access: SystemAccess, args: Sequence[Any], gas_limit: int) -> CallOutcome:
    name, source, init_args = args
    return access.runtime.check(access.state, access.context, name, 1, source, init_args, gas_limit)


def deploy(access: SystemAccess, args: Sequence[Any], gas_limit: int) -> CallOutcome:
    """Deploy a contract under a new name; `args` are name, source and the arguments of @init."""
    name, source, init_args = args
    outcome = access.runtime.deploy(access.state, access.context, name, source, init_args, gas_limit)
    fields = {"contract": name, "version": 1, "deployer": access.context.sender}
    return _announced(outcome, Event(SYSTEM, "ContractDeployed", fields))


def _upgrade_subject(args: Sequence[Any]) -> str | None:
    match list(args):
        case [str(name), int(version), str(), list()] if is_name(name) and type(version) is int and version > 1:
            return name
    return None


def _check_upgrade(access: SystemAccess, args: Sequence[Any], gas_limit: int) -> CallOutcome:
    name, version, source, migrate_args = args
    return access.runtime.check(access.state, access.context, name, version, source, migrate_args, gas_limit)


def _upgrade(access: SystemAccess, args: Sequence[Any], gas_limit: int) -> CallOutcome:
    """Replace a contract's source; `args` are name, the number of the new version, source, arguments of @migrate."""
    name, version, source, migrate_args = args
    outcome = access.runtime.upgrade(access.state, access.context, name, version, source, migrate_args, gas_limit)
    fields = {"contract": name, "version": version, "deployer": access.context.sender}
    return _announced(outcome, Event(SYSTEM, "ContractUpgraded", fields))


def _announced(outcome: CallOutcome, event: Event) -> CallOutcome:
    """Put an event before those of an outcome that succeeded."""
    return outcome if outcome.code is not None else outcome._replace(events=(event, *outcome.events))


def _name_subject(args: Sequence[Any]) -> str | None:
    match list(args):
        case [str(name)] if is_name(name):
            return name
    return None


def _freezing(frozen: bool) -> Action:
    """Return the action that suspends the calls of a contract, or resumes them."""

    def record_of(access: SystemAccess, name: str) -> ContractRecord | str:
        stored = access.state.get(SYSTEM, contract_key(name))
        if stored is None:
            return UNKNOWN_CONTRACT
        record = decode_contract(stored)
        if record.frozen == frozen:
            return ALREADY_FROZEN if frozen else NOT_FROZEN
        # A frozen contract takes no room, so that there may be none for it any more.
        return record if has_room(access.state, record, replace(record, frozen=frozen)) else NO_ROOM_FOR_CODE

    def check(access: SystemAccess, args: Sequence[Any], gas_limit: int) -> CallOutcome:
        found = record_of(access, args[0])
        return CallOutcome(found if isinstance(found, str) else None, None, (), 0)

    def carry_out(access: SystemAccess, args: Sequence[Any], gas_limit: int) -> CallOutcome:
        found = record_of(access, args[0])
        if isinstance(found, str):
            return CallOutcome(found, None, (), 0)
        changed = replace(found, frozen=frozen)
        take_room(access.state, found, changed)
        access.state.put(SYSTEM, contract_key(args[0]), changed.encoded())
        event = Event(SYSTEM, "ContractFrozen" if frozen else "ContractUnfrozen", {"contract": args[0]})
        return CallOutcome(None, None, (event,), 0)

    def approvals_required(governance: Governance) -> int:
        # Stopping what may do harm is quicker than letting it go on.
        return governance.suspension_approvals_required if frozen else governance.approvals_required

    return Action(approvals_required, _name_subject, check, carry_out)


def _protocol_subject(args: Sequence[Any]) -> str | None:
    match list(args):
        case [int(version), int(height)] if type(version) is int and type(height) is int:
            return f"protocol version {version}"
    return None


def _schedule_protocol() -> Action:
    """Return the action that lets the next version of the protocol hold from a height on."""

    def refusal(access: SystemAccess, args: Sequence[Any]) -> str | None:
        version, height = args
        schedule, now = _schedule(access), access.context.height
        if schedule.pending(now) is not None:
            return PROTOCOL_CHANGE_PENDING
        # One step at a time: a number that was mistyped would stop every node.
        if version != schedule.at(now).version + 1:
            return NOT_THE_NEXT_VERSION
        return HEIGHT_PASSED if height <= now else None

    def check(access: SystemAccess, args: Sequence[Any], gas_limit: int) -> CallOutcome:
        return CallOutcome(refusal(access, args), None, (), 0)

    def carry_out(access: SystemAccess, args: Sequence[Any], gas_limit: int) -> CallOutcome:
        code = refusal(access, args)
        if code is not None:
            return CallOutcome(code, None, (), 0)
        version, height = args
        changed = Schedule((*_schedule(access).activations, Activation(Height(height), version)))
        access.state.put(SYSTEM, PROTOCOL_KEY, changed.encoded())
        event = Event(SYSTEM, "ProtocolScheduled", {"version": version, "height": height})
        return CallOutcome(None, None, (event,), 0)

    return Action(lambda governance: governance.approvals_required, _protocol_subject, check, carry_out)


def _cancel_protocol() -> Action:
    """Return the action that takes back a change of the protocol whose height has not come."""

    def pending(access: SystemAccess, args: Sequence[Any]) -> Activation | None:
        found = _schedule(access).pending(access.context.height)
        return found if found is not None and [found.version, found.height] == list(args) else None

    def check(access: SystemAccess, args: Sequence[Any], gas_limit: int) -> CallOutcome:
        return CallOutcome(NOT_SCHEDULED if pending(access, args) is None else None, None, (), 0)

    def carry_out(access: SystemAccess, args: Sequence[Any], gas_limit: int) -> CallOutcome:
        found = pending(access, args)
        if found is None:
            return CallOutcome(NOT_SCHEDULED, None, (), 0)
        changed = Schedule(_schedule(access).activations[:-1])
        access.state.put(SYSTEM, PROTOCOL_KEY, changed.encoded())
        event = Event(SYSTEM, "ProtocolCancelled", {"version": found.version, "height": found.height})
        return CallOutcome(None, None, (event,), 0)

    # Stopping what may do harm is quicker than letting it go on.
    return Action(lambda governance: governance.suspension_approvals_required, _protocol_subject, check, carry_out)


def _schedule(access: SystemAccess) -> Schedule:
    return read_schedule(access.state, access.genesis.parameters.protocol_version)


ACTIONS: Final[Mapping[str, Action]] = {
    "deploy": Action(
        lambda governance: governance.deployment_approvals_required, _deploy_subject, _check_deploy, deploy
    ),
    "upgrade": Action(lambda governance: governance.approvals_required, _upgrade_subject, _check_upgrade, _upgrade),
    "freeze": _freezing(True),
    "unfreeze": _freezing(False),
    "schedule_protocol": _schedule_protocol(),
    "cancel_protocol": _cancel_protocol(),
}
"""Every kind of decision by its name."""
