"""The system namespace's own calls: members join and leave, and the electorate decides.

They are part of the protocol and therefore native code, priced like everything else. An organisation's administrators
decide on its members; what concerns all is for the organisations of genesis' electorate (chain.decisions).
"""

from collections.abc import Sequence
from typing import Any, Final

from chain.actions import ACTIONS, SystemAccess, deploy
from chain.codes import (
    ALREADY_REVOKED,
    INVALID_ARGUMENTS,
    KEY_ALREADY_REGISTERED,
    NOT_AUTHORISED,
    OUT_OF_GAS,
    PROPOSAL_REQUIRED,
    UNKNOWN_MEMBER,
    UNKNOWN_METHOD,
    UNUSABLE_KEY,
)
from chain.crypto import InvalidKeyError, check_public_key
from chain.decisions import approve, is_elector, propose, reject, withdraw
from chain.identity import ADMINISTRATOR, Member, decode_member, is_name, member_key
from chain.runtime import SYSTEM, CallContext, CallOutcome, Event, StateAccess

METHODS: Final = frozenset({"register_member", "revoke_member", "deploy", "propose", "approve", "reject", "withdraw"})
ROLES_MAX: Final = 16


def run_system_call(access: SystemAccess, method: str, args: Sequence[Any], gas_limit: int) -> CallOutcome:
    """Run one call to the system namespace; refusals are outcomes with a code, never exceptions."""
    price = access.prices.system_call
    if gas_limit < price:
        return CallOutcome(OUT_OF_GAS, None, (), gas_limit)
    outcome = _dispatch(access, method, list(args), gas_limit - price)
    return outcome._replace(gas_used=outcome.gas_used + price)


def _dispatch(access: SystemAccess, method: str, args: list[Any], gas_limit: int) -> CallOutcome:
    """Run one call with what is left behind the price that all calls have."""
    match method, args:
        case "register_member", [str(name), bytes(key), list(roles)]:
            return _register_member(access.state, access.context, name, key, roles)
        case "revoke_member", [bytes(key)]:
            return _revoke_member(access.state, access.context, key)
        case "deploy", [str(), str(), list()]:
            return _deploy(access, args, gas_limit)
        case "propose", [str(action), list(action_args), str(reason)]:
            return propose(access, action, action_args, reason, gas_limit)
        case "approve", [int(number)] if type(number) is int:
            return approve(access, number, gas_limit)
        case "reject", [int(number)] if type(number) is int:
            return reject(access, number, gas_limit)
        case "withdraw", [int(number)] if type(number) is int:
            return withdraw(access, number)
    return _failed(INVALID_ARGUMENTS if method in METHODS else UNKNOWN_METHOD)


def _deploy(access: SystemAccess, args: list[Any], gas_limit: int) -> CallOutcome:
    """Deploy without a proposal, where genesis lets an organisation do so alone."""
    if not is_elector(access):
        return _failed(NOT_AUTHORISED)
    if ACTIONS["deploy"].approvals_required(access.genesis.governance) > 1:
        return _failed(PROPOSAL_REQUIRED)
    return deploy(access, args, gas_limit)


def _register_member(state: StateAccess, context: CallContext, name: str, key: bytes, roles: list[Any]) -> CallOutcome:
    if ADMINISTRATOR not in context.roles:
        return _failed(NOT_AUTHORISED)
    try:
        check_public_key(key)
    except InvalidKeyError:
        return _failed(UNUSABLE_KEY)
    if not is_name(name) or not all(map(is_name, roles)) or len(roles) > ROLES_MAX:
        return _failed(INVALID_ARGUMENTS)
    if state.get(SYSTEM, member_key(key)) is not None:
        return _failed(KEY_ALREADY_REGISTERED)
    member = Member(f"{context.organisation}.{name}", context.organisation, tuple(sorted(set(roles))), True)
    state.put(SYSTEM, member_key(key), member.encoded())
    fields = {"member": member.member_id, "key": key, "roles": list(member.roles)}
    return CallOutcome(None, member.member_id, (Event(SYSTEM, "MemberRegistered", fields),), 0)


def _revoke_member(state: StateAccess, context: CallContext, key: bytes) -> CallOutcome:
    stored = state.get(SYSTEM, member_key(key))
    if stored is None:
        return _failed(UNKNOWN_MEMBER)
    member = decode_member(stored)
    if ADMINISTRATOR not in context.roles or member.organisation != context.organisation:
        return _failed(NOT_AUTHORISED)
    if not member.active:
        return _failed(ALREADY_REVOKED)
    state.put(SYSTEM, member_key(key), Member(member.member_id, member.organisation, member.roles, False).encoded())
    fields = {"member": member.member_id, "key": key}
    return CallOutcome(None, None, (Event(SYSTEM, "MemberRevoked", fields),), 0)


def _failed(code: str) -> CallOutcome:
    return CallOutcome(code, None, (), 0)
