"""The travel rule's payload (IVMS101's words), its commitment for the ledger, and a sender's pseudonym.

Names, addresses and birth dates stay with the two institutions, which exchange payload and salt between themselves;
the ledger holds the salted hash. Salt and pseudonym derive from a secret that never leaves the gateway, so the same
message gives the same hash again (a resend is recognised) and nobody else can guess names against it.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chain.crypto import tagged_hash
from chain.encoding import encode
from gateway.iso20022.message import Account, Agent, CreditTransfer, Party

SECRET_BYTES: Final = 32

_ADDRESS_WORDS: Final = {
    "Dept": "department",
    "SubDept": "subDepartment",
    "StrtNm": "streetName",
    "BldgNb": "buildingNumber",
    "BldgNm": "buildingName",
    "Flr": "floor",
    "PstBx": "postBox",
    "Room": "room",
    "PstCd": "postCode",
    "TwnNm": "townName",
    "TwnLctnNm": "townLocationName",
    "DstrctNm": "districtName",
    "CtrySubDvsn": "countrySubDivision",
    "Ctry": "country",
}


@dataclass(frozen=True, slots=True)
class TravelRule:
    """What the sender's gateway keeps and passes to the recipient's, and the hash that both put on the ledger."""

    payload: bytes
    salt: bytes
    digest: bytes


class SecretFileError(Exception):
    """The file that should hold the gateway's secret holds something else."""


def load_secret(path: Path) -> bytes:
    """Return the gateway's secret; it is drawn at the first call and must be kept as long as disputes can arise.

    Raises:
        SecretFileError: when the file has another length.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = path.read_bytes()
        if len(secret) != SECRET_BYTES:
            raise SecretFileError(f"{path} has {len(secret)} bytes, not {SECRET_BYTES}") from None
        return secret
    secret = os.urandom(SECRET_BYTES)
    with os.fdopen(handle, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    return secret


def commit(transfer: CreditTransfer, secret: bytes) -> TravelRule:
    """Return the payload of a transfer with the salt and hash that commit to it."""
    payload = encode(payload_of(transfer))
    salt = _derive(secret, b"salt", transfer.uetr.encode())
    return TravelRule(payload, salt, digest_of(payload, salt))


def digest_of(payload: bytes, salt: bytes) -> bytes:
    """Return the commitment; the recipient's gateway recomputes it from what it was sent before it screens."""
    return tagged_hash("travel-rule", salt, payload)


def sender_reference(transfer: CreditTransfer, secret: bytes) -> str:
    """Return the pseudonym under which the ledger counts a sender's daily limit: one account, one pseudonym."""
    if transfer.debtor_account is not None:
        known_by = ["account", transfer.debtor_account.number]
    else:
        known_by = ["party", transfer.debtor.name or "", *transfer.debtor.other_ids]
    return _derive(secret, b"sender", encode([transfer.debtor_agent.identity or "", known_by])).hex()


def payload_of(transfer: CreditTransfer) -> Mapping[str, Any]:
    """Return who sends to whom, in the words of IVMS101, with what ties it to the message."""
    return {
        "originator": {
            "originatorPersons": [_person(transfer.debtor)],
            "accountNumber": _account(transfer.debtor_account),
        },
        "beneficiary": {
            "beneficiaryPersons": [_person(transfer.creditor)],
            "accountNumber": _account(transfer.creditor_account),
        },
        "originatingVASP": _institution(transfer.debtor_agent),
        "beneficiaryVASP": _institution(transfer.creditor_agent),
        "payment": {
            "uetr": transfer.uetr,
            "endToEndId": transfer.end_to_end_id,
            "remittance": list(transfer.remittance),
        },
    }


def _person(party: Party) -> dict[str, Any]:
    name = {"nameIdentifier": [{"primaryIdentifier": party.name or "", "nameIdentifierType": "LEGL"}]}
    facts: dict[str, Any] = {"name": name}
    if party.address:
        facts["geographicAddress"] = [_address(party.address)]
    identifiers = [("LEIX", party.lei), ("BICF", party.any_bic), *(("MISC", other) for other in party.other_ids)]
    known = [
        {"nationalIdentifier": value, "nationalIdentifierType": kind}
        for kind, value in identifiers
        if value is not None
    ]
    if known:
        facts["nationalIdentification"] = known
    if party.birth:
        facts["dateAndPlaceOfBirth"] = dict(party.birth)
    if party.country is not None:
        facts["countryOfResidence"] = party.country
    return {"legalPerson" if party.is_organisation else "naturalPerson": facts}


def _address(pairs: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    address: dict[str, Any] = {_ADDRESS_WORDS[name]: text for name, text in pairs if name in _ADDRESS_WORDS}
    address["addressType"] = "GEOG"
    lines = [text for name, text in pairs if name == "AdrLine"]
    if lines:
        address["addressLine"] = lines
    return address


def _institution(agent: Agent) -> dict[str, str]:
    known = (("bic", agent.bic), ("lei", agent.lei), ("memberId", agent.member_id))
    return {name: value for name, value in known if value is not None}


def _account(account: Account | None) -> list[str]:
    return [] if account is None else [account.number]


def _derive(secret: bytes, purpose: bytes, data: bytes) -> bytes:
    return hmac.new(secret, b"tallystick/travel-rule/" + purpose + b"\x00" + data, hashlib.sha256).digest()
