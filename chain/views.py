"""Views: contract code that reads the state of one block and changes nothing, for whoever asks."""

from collections.abc import Sequence
from typing import Any

from chain.identity import Member, decode_member, member_key
from chain.runtime import SYSTEM, CallContext, CallOutcome, ContractRuntime
from chain.state import ReadState
from chain.types import Digest, Height, Milliseconds
from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """The block whose state is read."""

    chain_id: Digest
    height: Height
    block_hash: Digest
    state_root: Digest
    time: Milliseconds
    version: int
    """Of the protocol; it selects the prices."""


def run_view(
    runtime: ContractRuntime,
    state: ReadState,
    place: Place,
    contract: str,
    method: str,
    args: Sequence[Any],
    caller: Member | None,
    gas_limit: int,
) -> CallOutcome:
    """Run a view on the state at a place, as a member or as nobody.

    Raises:
        LocalFault: when this machine could not finish.
    """
    member = caller or Member("", "", (), True)
    chain_id = place.chain_id.hex()
    context = CallContext(
        member.member_id, member.organisation, member.roles, place.height, place.time, chain_id, place.version
    )
    return runtime.view(state, context, contract, method, args, gas_limit)


def find_member(state: ReadState, public_key: bytes) -> Member | None:
    """Return the member who owns a key, revoked ones too."""
    stored = state.get(SYSTEM, member_key(public_key))
    return None if stored is None else decode_member(stored)
