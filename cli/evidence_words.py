"""What evidence says, in words: the meaning of each code, the place, and what a validator has signed."""

from typing import Final

from chain.encoding import DecodeError
from chain.evidence import Place, Statement, StatementKind

MEANINGS: Final = {
    "two_view_changes": "signed two different VIEW-CHANGEs for one view",
    "two_new_views": "signed two different NEW-VIEWs for one view",
    "two_proposals": "proposed two different blocks in one view",
    "two_prepares": "signed two different PREPAREs in one view",
    "two_commits": "signed two different COMMITs in one view",
    "hidden_prepared": "left a view in which it had sent COMMIT and hid what was prepared there",
    "view_change_to_view_0": "signed a VIEW-CHANGE to view 0, which nobody has to change to",
    "last_certificate_missing": "signed a VIEW-CHANGE with a last certificate where none belongs, or without",
    "malformed_certificate": "signed a VIEW-CHANGE with a certificate that is none",
    "last_certificate_of_something_else": "signed a VIEW-CHANGE whose last certificate is of something else",
    "prepared_certificate_of_something_else": "signed a VIEW-CHANGE whose prepared certificate is of something else",
    "bad_certificate": "signed for a certificate that is forged, too short, or repeats a signer",
    "malformed_view_change": "signed a NEW-VIEW with a VIEW-CHANGE that is none",
    "new_view_without_quorum": "signed a NEW-VIEW without a quorum of distinct validators",
    "view_change_of_another_place": "signed a NEW-VIEW with a VIEW-CHANGE of another place",
    "unknown_signer": "signed a NEW-VIEW with a VIEW-CHANGE of somebody who is no validator",
    "bad_signature": "signed for something with a signature that is not its maker's",
    "malformed_header": "proposed a header that is none",
    "header_of_another_place": "proposed a header of another chain, epoch or height",
    "wrong_proposer": "proposed a fresh block in another validator's name",
    "wrong_validators": "proposed a block that names other validators",
    "wrong_version": "proposed a block of an earlier version of the protocol",
    "wrong_parent": "proposed a block on another one than the last",
    "wrong_parent_result": "proposed a block that names another result of the last",
    "time_not_increasing": "proposed a block whose time is not later than the last one's",
    "malformed_transaction": "proposed a block with a transaction that is none",
    "foreign_transaction": "proposed a block with a transaction of another chain",
    "expired_transaction": "proposed a block with an expired transaction",
    "transaction_too_early": "proposed a block with a transaction that is valid for too long",
    "transaction_gas_exceeded": "proposed a block with a transaction that asks for too much gas",
}
"""By the code of chain.evidence_check.Finding."""


def place_words(place: Place) -> str:
    """Return where something was said."""
    return f"height {place.height}, view {place.view}, epoch {place.epoch} of chain {place.chain_id.hex()}"


def statement_lines(statement: Statement) -> list[str]:
    """Return what a validator has signed, one thing a line."""
    try:
        place, rest = statement.fields()
    except DecodeError as error:
        return [f"bytes that are none: {error}"]
    what = statement.kind.name.replace("_", "-")
    where = f"{what} at height {place.height}, view {place.view}"
    if statement.kind in (StatementKind.PREPARE, StatementKind.COMMIT):
        where += f": block {rest[0].hex()}, result {rest[1].hex()}"
    return [where, f"  by {statement.signature.hex()}"]
