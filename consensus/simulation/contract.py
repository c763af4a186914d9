"""The ledger of a run: a genesis with one organisation a node, and a contract of three methods.

It runs on the real block execution, so that validity, receipts and state roots are those of the product.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final

from chain.crypto import tagged_hash
from chain.encoding import decode, encode
from chain.genesis import Genesis, GenesisMember, Governance, Organisation, Parameters
from chain.prices import LedgerPrices
from chain.runtime import CallContext, CallOutcome, StateAccess
from chain.state_keys import encode_key
from chain.types import Epoch, ValidatorId
from chain.validators import Validator, validator_set
from consensus.simulation.settings import (
    DRIFT_MS_MAX,
    GENESIS_TIME,
    PRIMARY_TERM_BLOCKS,
    VIEW_TIMEOUT_MAX_MS,
    VIEW_TIMEOUT_MS,
)
from consensus.simulation.signatures import key_of

CONTRACT: Final = "registers"
CALL_GAS: Final = 10
NAMES: Final = ("ada", "bob", "cyd", "dan", "eve", "fay", "gus", "hal", "ida", "jon")


def name_of(place: int) -> ValidatorId:
    """Return the name of a node."""
    return ValidatorId(NAMES[place] if place < len(NAMES) else f"node{place:02d}")


@functools.cache
def consensus_seed(name: str) -> bytes:
    """Return the private seed with which a node votes."""
    return bytes(tagged_hash("simulation-validator", name.encode()))


@functools.cache
def member_seed(name: str) -> bytes:
    """Return the private seed with which a node's organisation signs transactions."""
    return bytes(tagged_hash("simulation-member", name.encode()))


@functools.cache
def genesis_of(nodes: int, term_blocks: int = PRIMARY_TERM_BLOCKS) -> Genesis:
    """Return the genesis of a ledger with so many validators, whose turn moves on after so many blocks."""
    names = [name_of(place) for place in range(nodes)]
    validators = [Validator(name, name, key_of(consensus_seed(name)), (b"tls",)) for name in names]
    parameters = Parameters(
        block_transactions_max=8,
        block_bytes_max=32 * 1024,
        block_gas_max=40_000,
        transaction_bytes_max=16 * 1024,
        transaction_gas_max=10_000,
        clock_drift_max=DRIFT_MS_MAX,
        view_timeout_base=VIEW_TIMEOUT_MS,
        view_timeout_max=VIEW_TIMEOUT_MAX_MS,
        primary_term_blocks=term_blocks,
    )
    return Genesis(
        "simulation",
        GENESIS_TIME,
        parameters,
        Governance(tuple(sorted(names)), 1, 1, 1, 1_000),
        validator_set(Epoch(0), validators),
        tuple(Organisation(name, name, key_of(member_seed(name))) for name in sorted(names)),
        tuple(GenesisMember(f"{name}.clerk", key_of(member_seed(name)), ()) for name in sorted(names)),
        (),
    )


@functools.cache
def register_key(name: str) -> bytes:
    """Return the state key of a register."""
    return encode_key((name,))


VERSIONS: Final[Mapping[int, LedgerPrices]] = {1: LedgerPrices(0, 0, 2_000, 4)}


class Registers:
    """Runs the contract; implements chain.runtime.ContractRuntime."""

    versions: Final = VERSIONS

    def prepare(self, state: StateAccess, version: int) -> None:
        """Do nothing: the methods are part of the program."""

    def call(
        self, state: StateAccess, context: CallContext, contract: str, method: str, args: Sequence[Any], gas_limit: int
    ) -> CallOutcome:
        """Run write(name, number), add(name, number) or move(source, target, number)."""
        if contract != CONTRACT:
            return CallOutcome("contract_unknown", None, (), 0)
        if gas_limit < CALL_GAS:
            return CallOutcome("out_of_gas", None, (), gas_limit)
        match method, list(args):
            case "write", [str(name), int(number)]:
                before = _get(state, name)
                _put(state, name, number)
                return CallOutcome(None, before, (), CALL_GAS)
            case "add", [str(name), int(number)]:
                total = _get(state, name) + number
                _put(state, name, total)
                return CallOutcome(None, total, (), CALL_GAS)
            case "move", [str(source), str(target), int(number)]:
                if _get(state, source) < number:
                    return CallOutcome("too_little", None, (), CALL_GAS)
                _put(state, source, _get(state, source) - number)
                _put(state, target, _get(state, target) + number)
                return CallOutcome(None, True, (), CALL_GAS)
        return CallOutcome("method_unknown", None, (), CALL_GAS)

    def view(
        self, state: StateAccess, context: CallContext, contract: str, method: str, args: Sequence[Any], gas_limit: int
    ) -> CallOutcome:
        """Refuse: nothing in a run asks for views."""
        return CallOutcome("method_unknown", None, (), 0)

    def upgrade(
        self,
        state: StateAccess,
        context: CallContext,
        contract: str,
        version: int,
        source: str,
        args: Sequence[Any],
        gas_limit: int,
    ) -> CallOutcome:
        """Refuse: there is no contract code in a run."""
        return CallOutcome("contract_known", None, (), 0)

    def check(
        self,
        state: StateAccess,
        context: CallContext,
        contract: str,
        version: int,
        source: str,
        args: Sequence[Any],
        gas_limit: int,
    ) -> CallOutcome:
        """Refuse: there is no contract code in a run."""
        return CallOutcome("contract_known", None, (), 0)

    def deploy(
        self, state: StateAccess, context: CallContext, contract: str, source: str, args: Sequence[Any], gas_limit: int
    ) -> CallOutcome:
        """Refuse: the contract is there from the start."""
        return CallOutcome("contract_known", None, (), 0)


def _get(state: StateAccess, name: str) -> int:
    value = state.get(CONTRACT, register_key(name))
    return 0 if value is None else int(decode(value))


def _put(state: StateAccess, name: str, number: int) -> None:
    state.put(CONTRACT, register_key(name), encode(number))
