"""Room for code: how much deployed code a ledger keeps ready to run, so that no block has to wait for a compiler.

Compiling is paid for once, by the deployment. That is enough only as long as every node still has what it compiled
when the contract is called, so the ledger limits what all contracts take together, and nodes keep all of it. Frozen
contracts take nothing: nobody keeps them ready, and who uses their views in a transaction pays for compiling again.

The state holds the sum. Whatever changes a contract's record goes through here first.
"""

from typing import Final

from chain.encoding import decode, encode
from chain.identity import ContractRecord
from chain.runtime import SYSTEM, StateAccess
from chain.state_keys import encode_key

CODE_TOKENS_MAX: Final = 400_000
"""Tokens of all contracts that are not frozen, each with CONTRACT_TOKENS besides its own."""
CONTRACT_TOKENS: Final = 200
"""What a contract takes besides the tokens of its source: the memory of its guards is that of so many tokens."""

CODE_TOKENS_KEY: Final = encode_key(("code-tokens",))
"""System key of the sum; nothing is there until the first contract is deployed."""


def tokens_taken(record: ContractRecord | None) -> int:
    """Return how much room a contract takes."""
    return 0 if record is None or record.frozen else record.tokens + CONTRACT_TOKENS


def tokens_in_use(state: StateAccess) -> int:
    """Return how much room all contracts take together."""
    stored = state.get(SYSTEM, CODE_TOKENS_KEY)
    return 0 if stored is None else int(decode(stored))


def has_room(state: StateAccess, before: ContractRecord | None, after: ContractRecord) -> bool:
    """Tell whether a contract may become what `after` says."""
    return tokens_in_use(state) - tokens_taken(before) + tokens_taken(after) <= CODE_TOKENS_MAX


def take_room(state: StateAccess, before: ContractRecord | None, after: ContractRecord) -> None:
    """Count what a contract takes from now on, where there is room."""
    assert has_room(state, before, after), "there is room"
    changed = tokens_taken(after) - tokens_taken(before)
    if changed:
        state.put(SYSTEM, CODE_TOKENS_KEY, encode(tokens_in_use(state) + changed))
