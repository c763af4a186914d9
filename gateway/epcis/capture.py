"""From a document's bytes to the calls that record it: the one door into this package.

`tally epcis capture` and the gateway's HTTP service sign and send what `prepare` returns, in its order, one
transaction an event. A refused document yields nothing at all.
"""

from dataclasses import dataclass
from typing import Any, Final

from chain.encoding import encode
from gateway.epcis.document import CheckedEvent, Document, parse_document
from gateway.epcis.errors import EpcisError
from gateway.epcis.event_hash import HASH_PREFIX, HASH_SUFFIX, event_hash
from gateway.epcis.facts import CONTRACT, call_of
from gateway.epcis.gas import GAS_MAX, gas_limit

ARGUMENT_BYTES_MAX: Final = 60_000
"""What a call may carry; the contract language refuses arguments of 64 KiB and more."""


@dataclass(frozen=True, slots=True)
class PreparedEvent:
    """An event, or an introduced party, ready to be signed."""

    event_hash: str
    """ni: URI by CBV 2.0; empty for a party."""
    contract: str
    method: str
    args: list[Any]
    gas_limit: int
    summary: str
    """One line for people."""


def prepare(document_bytes: bytes) -> list[PreparedEvent]:
    """Return the calls that record a document: its parties first, then its events in order.

    Raises:
        EpcisError: when any part of the document cannot be accepted; then nothing of it may be sent.
    """
    return prepared_calls(parse_document(document_bytes))


def capture_calls(document: Document) -> list[tuple[str, str, list[Any]]]:
    """Return the calls that record a checked document as (contract, method, arguments).

    Raises:
        EpcisError: when an event declares a wrong hash, or does not fit the ledger.
    """
    return [(prepared.contract, prepared.method, prepared.args) for prepared in prepared_calls(document)]


def prepared_calls(document: Document) -> list[PreparedEvent]:
    """Return the calls that record a checked document.

    Raises:
        EpcisError: when an event declares a wrong hash, or does not fit the ledger.
    """
    prepared = [
        _prepared("", "register_party", [party.identifier, party.organisation], party.identifier)
        for party in document.parties
    ]
    for event in document.events:
        digest = event_hash(event.fields, event.context)
        _check_declared(event, digest)
        method, args = call_of(event, digest)
        size = len(encode(args))
        if size > ARGUMENT_BYTES_MAX:
            raise EpcisError(
                "event_too_large", event.path, f"{size} bytes on the ledger; at most {ARGUMENT_BYTES_MAX}: split it"
            )
        made = _prepared(digest, method, args, _subject(event))
        if made.gas_limit > GAS_MAX:
            raise EpcisError("event_too_large", event.path, f"{made.gas_limit} gas; at most {GAS_MAX}: split it")
        prepared.append(made)
    return prepared


def _prepared(digest: str, method: str, args: list[Any], subject: str) -> PreparedEvent:
    return PreparedEvent(digest, CONTRACT, method, args, gas_limit(method, args), f"{method} {subject}".strip())


def _check_declared(event: CheckedEvent, digest: str) -> None:
    """Refuse an event whose own id claims another hash than it has."""
    declared = (event.fields.get("eventID") or "").strip()
    if not declared.startswith("ni:"):
        return
    path = f"{event.path}.eventID"
    if not (declared.startswith(HASH_PREFIX) and declared.endswith(HASH_SUFFIX)):
        raise EpcisError("event_hash_unsupported", path, f"only {HASH_PREFIX}...{HASH_SUFFIX} is checked here")
    if declared != digest:
        raise EpcisError("event_hash_mismatch", path, f"the event declares {declared}, but its hash is {digest}")


def _subject(event: CheckedEvent) -> str:
    """Return what an event is about, in a few words."""
    fields = event.fields
    lists = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
    classes = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
    items = sum(len(fields.get(name) or []) for name in lists)
    lots = sum(len(fields.get(name) or []) for name in classes)
    words = [f"{items} item{'s' * (items != 1)}"] if items else []
    words += [f"{lots} lot quantit{'ies' if lots != 1 else 'y'}"] if lots else []
    return ", ".join(words)
