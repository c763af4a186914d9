"""Properties of the EPCIS reader: it never fails in an untyped way, and spelling never changes a hash."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.epcis.document import parse_document
from gateway.epcis.errors import EpcisError
from gateway.epcis.event_hash import event_hash
from gateway.epcis.identifiers import canonical_identifier
from gateway.epcis.timestamps import canonical_time, milliseconds

_DIGITS = "0123456789"
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_JSON = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner))
_WORDS = """type eventTime action epcList quantityList readPoint sensorElementList bizStep ilmd parentID childEPCs
sourceList errorDeclaration persistentDisposition eventID ex:a @context"""
_NAMES = st.sampled_from(_WORDS.split())


def _hashes(data: bytes) -> list[str]:
    return [event_hash(event.fields, event.context) for event in parse_document(data).events]


def _code_or_hashes(data: bytes) -> str | list[str]:
    try:
        return _hashes(data)
    except EpcisError as error:
        return error.code


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert _code_or_hashes(data)


@settings(max_examples=300)
@given(st.dictionaries(_NAMES, _JSON, max_size=6), st.sampled_from(["ObjectEvent", "AggregationEvent", "x"]))
def test_any_event_is_hashed_or_refused(changes: dict[str, Any], kind: str) -> None:
    event: dict[str, Any] = {
        "type": kind,
        "eventTime": "2024-01-01T00:00:00Z",
        "eventTimeZoneOffset": "+00:00",
        "action": "OBSERVE",
        "epcList": ["urn:x:y"],
    }
    event.update(changes)
    assert _code_or_hashes(json.dumps(event).encode())


@given(
    st.permutations([f"urn:epc:id:sscc:4012345.{number:010}" for number in (7, 30, 111)]),
    st.permutations(["eventTime", "epcList", "action", "bizStep", "type", "eventTimeZoneOffset", "ex:n"]),
    st.sampled_from(["shipping", "cbv:BizStep-shipping", "urn:epcglobal:cbv:bizstep:shipping", " shipping "]),
    st.sampled_from(["2.5", "2.50", "25e-1"]),
)
def test_spelling_does_not_change_the_hash(epcs: list[str], order: list[str], step: str, number: str) -> None:
    values = {
        "type": "ObjectEvent",
        "eventTime": "2024-01-01T01:00:00+01:00",
        "eventTimeZoneOffset": "+01:00",
        "action": "OBSERVE",
        "bizStep": step,
        "epcList": epcs,
        "ex:n": 0.125,
    }
    event = {"@context": {"ex": "urn:ex:"}, **{name: values[name] for name in order}}
    written = json.dumps(event).replace("0.125", number)
    assert _hashes(written.encode()) == [
        "ni:///sha-256;39f3ae3b16134df16be9288da36332f4ec68a6038fdc968b711cc9b90966bf3c?ver=CBV2.0"
    ]


@given(st.text(alphabet=_DIGITS, min_size=6, max_size=12), st.text(alphabet=_DIGITS + "AZaz.-%/", max_size=24))
def test_identifiers_are_canonical_after_one_pass(prefix: str, rest: str) -> None:
    for scheme in ("id:sgtin", "id:sscc", "id:sgln", "id:giai", "id:gdti", "class:lgtin", "idpat:sgtin", "id:cpi"):
        once = canonical_identifier(f"urn:epc:{scheme}:{prefix}.{rest}")
        assert canonical_identifier(once) == once
    for key in ("01", "00", "414", "8004", "8010", "253", "gtin"):
        once = canonical_identifier(f"https://any.example/x/{key}/{prefix}/{rest}")
        assert canonical_identifier(once) == once


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)),  # noqa: DTZ001
    st.sampled_from(["Z", "+00:00", "+05:30", "-14:00"]),
)
def test_times_agree_with_the_standard_library(moment: datetime, offset: str) -> None:
    exact = datetime.fromisoformat(moment.isoformat(timespec="microseconds") + offset)
    rounded = (exact - datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=500)) // timedelta(milliseconds=1)
    assert milliseconds(moment.isoformat(timespec="microseconds") + offset) == rounded
    once = canonical_time(moment.isoformat() + offset)
    assert canonical_time(once) == once
    assert milliseconds(once) == rounded
