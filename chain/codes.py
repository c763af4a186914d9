"""The codes with which the ledger itself fails a transaction, apart from those of the contract engine.

Clients rely on them, so that no contract may give one: the engine refuses a `require` with any of them. Whatever in
chain/ fails a call takes its code from here or from the engine's four below; a test checks it.
"""

from typing import Final

RECEIPT_TOO_LARGE: Final = "receipt_too_large"
SENDER_REVOKED: Final = "sender_revoked"
IDEMPOTENCY_KEY_USED: Final = "idempotency_key_used"

# Calls to the system namespace: members (chain.governance).
NOT_AUTHORISED: Final = "not_authorised"
UNUSABLE_KEY: Final = "unusable_key"
KEY_ALREADY_REGISTERED: Final = "key_already_registered"
UNKNOWN_MEMBER: Final = "unknown_member"
ALREADY_REVOKED: Final = "already_revoked"
PROPOSAL_REQUIRED: Final = "proposal_required"

# Proposals and votes (chain.decisions).
UNKNOWN_ACTION: Final = "unknown_action"
PROPOSAL_TOO_LARGE: Final = "proposal_too_large"
TOO_MANY_PROPOSALS: Final = "too_many_proposals"
UNKNOWN_PROPOSAL: Final = "unknown_proposal"
PROPOSAL_CLOSED: Final = "proposal_closed"
PROPOSAL_EXPIRED: Final = "proposal_expired"
VOTE_UNCHANGED: Final = "vote_unchanged"
NO_VOTE: Final = "no_vote"

# What is decided (chain.actions).
ALREADY_FROZEN: Final = "already_frozen"
NOT_FROZEN: Final = "not_frozen"
PROTOCOL_CHANGE_PENDING: Final = "protocol_change_pending"
NOT_THE_NEXT_VERSION: Final = "not_the_next_version"
HEIGHT_PASSED: Final = "height_passed"
NOT_SCHEDULED: Final = "not_scheduled"

# Of the engine too, with the same meaning.
OUT_OF_GAS: Final = "out_of_gas"
UNKNOWN_CONTRACT: Final = "unknown_contract"
UNKNOWN_METHOD: Final = "unknown_method"
NO_ROOM_FOR_CODE: Final = "no_room_for_code"
INVALID_ARGUMENTS: Final = "invalid_arguments"

LEDGER_CODES: Final = frozenset(
    (
        RECEIPT_TOO_LARGE,
        SENDER_REVOKED,
        IDEMPOTENCY_KEY_USED,
        NOT_AUTHORISED,
        UNUSABLE_KEY,
        KEY_ALREADY_REGISTERED,
        UNKNOWN_MEMBER,
        ALREADY_REVOKED,
        PROPOSAL_REQUIRED,
        UNKNOWN_ACTION,
        PROPOSAL_TOO_LARGE,
        TOO_MANY_PROPOSALS,
        UNKNOWN_PROPOSAL,
        PROPOSAL_CLOSED,
        PROPOSAL_EXPIRED,
        VOTE_UNCHANGED,
        NO_VOTE,
        ALREADY_FROZEN,
        NOT_FROZEN,
        PROTOCOL_CHANGE_PENDING,
        NOT_THE_NEXT_VERSION,
        HEIGHT_PASSED,
        NOT_SCHEDULED,
        OUT_OF_GAS,
        UNKNOWN_CONTRACT,
        UNKNOWN_METHOD,
        NO_ROOM_FOR_CODE,
        INVALID_ARGUMENTS,
    )
)
"""All of the above; a test checks that none is missing."""
