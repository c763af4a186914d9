"""The system namespace's own calls: members join and leave, contracts are deployed.

They are part of the protocol and therefore native code, priced like everything else. An organisation's administrators
decide on its members; deploying code for all is for administrators of organisations in genesis' electorate.
"""

from collections.abc import Sequence
from typing import Any, Final

from chain.crypto import InvalidKeyError, check_public_key
from chain.genesis import Governance
from chain.identity import Member, decode_member, is_name, member_key
from chain.runtime import SYSTEM, CallContext, CallOutcome, ContractRuntime, Event, StateAccess

ADMINISTRATOR: Final = "administrator"
SYSTEM_CALL_GAS: Final = 2_000
ROLES_MAX: Final = 16


def run_system_call(
    state: StateAccess,
    context: CallContext,
    governance: Governance,
    runtime: ContractRuntime,
    method: str,
    args: Sequence[Any],
    gas_limit: int,
) -> CallOutcome:
    """Run one call to the system namespace; refusals are outcomes with a code, never exceptions."""
    if gas_limit < SYSTEM_CALL_GAS:
        return _failed("out_of_gas", gas_limit)
    match method, list(args):
        case "register_member", [str(name), bytes(key), list(roles)]:
            return _register_member(state, context, name, key, roles)
        case "revoke_member", [bytes(key)]:
            return _revoke_member(state, context, key)
        case "deploy", [str(name), str(source), list(init_args)]:
            if ADMINISTRATOR not in context.roles or context.organisation not in governance.electorate:
                return _failed("not_authorised")
            outcome = runtime.deploy(state, context, name, source, init_args, gas_limit - SYSTEM_CALL_GAS)
            return CallOutcome(outcome.code, outcome.value, outcome.events, outcome.gas_used + SYSTEM_CALL_GAS)
        case (("register_member" | "revoke_member" | "deploy"), _):
            return _failed("invalid_arguments")
    return _failed("unknown_method")


def _register_member(state: StateAccess, context: CallContext, name: str, key: bytes, roles: list[Any]) -> CallOutcome:
    if ADMINISTRATOR not in context.roles:
        return _failed("not_authorised")
    try:
        check_public_key(key)
    except InvalidKeyError:
        return _failed("unusable_key")
    if not is_name(name) or not all(map(is_name, roles)) or len(roles) > ROLES_MAX:
        return _failed("invalid_arguments")
    if state.get(SYSTEM, member_key(key)) is not None:
        return _failed("key_already_registered")
    member = Member(f"{context.organisation}.{name}", context.organisation, tuple(sorted(set(roles))), True)
    state.put(SYSTEM, member_key(key), member.encoded())
    fields = {"member": member.member_id, "key": key, "roles": list(member.roles)}
    return CallOutcome(None, member.member_id, (Event(SYSTEM, "MemberRegistered", fields),), SYSTEM_CALL_GAS)


def _revoke_member(state: StateAccess, context: CallContext, key: bytes) -> CallOutcome:
    stored = state.get(SYSTEM, member_key(key))
    if stored is None:
        return _failed("unknown_member")
    member = decode_member(stored)
    if ADMINISTRATOR not in context.roles or member.organisation != context.organisation:
        return _failed("not_authorised")
    if not member.active:
        return _failed("already_revoked")
    state.put(SYSTEM, member_key(key), Member(member.member_id, member.organisation, member.roles, False).encoded())
    fields = {"member": member.member_id, "key": key}
    return CallOutcome(None, None, (Event(SYSTEM, "MemberRevoked", fields),), SYSTEM_CALL_GAS)


def _failed(code: str, gas_used: int = SYSTEM_CALL_GAS) -> CallOutcome:
    return CallOutcome(code, None, (), gas_used)
