"""Reading documents: what is accepted, and that each malformed one is refused with its code and path."""

import json
from typing import Any

import pytest

from gateway.epcis.document import DOCUMENT_BYTES_MAX, parse_document
from gateway.epcis.errors import EpcisError
from gateway.epcis.event_hash import canonical_string, event_hash


def _event(**changes: Any) -> dict[str, Any]:
    event: dict[str, Any] = {
        "type": "ObjectEvent",
        "eventTime": "2024-05-06T07:08:09.000+02:00",
        "eventTimeZoneOffset": "+02:00",
        "action": "OBSERVE",
        "epcList": ["urn:epc:id:sscc:4012345.1112223334"],
    }
    event.update(changes)
    return {name: value for name, value in event.items() if value is not ...}


def _document(*events: Any, **changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "@context": [
            "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            {"ex": "https://ns.example/e/"},
        ],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2024-05-06T07:08:09Z",
        "epcisBody": {"eventList": list(events)},
    }
    document.update(changes)
    return {name: value for name, value in document.items() if value is not ...}


def _refusal(value: Any) -> tuple[str, str]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    with pytest.raises(EpcisError) as caught:
        parse_document(data)
    return caught.value.code, caught.value.path


def _string(event: dict[str, Any]) -> str:
    checked = parse_document(json.dumps(_document(event)).encode()).events[0]
    return canonical_string(checked.fields, checked.context)


def test_a_document_and_a_bare_event_hash_alike() -> None:
    inside = parse_document(json.dumps(_document(_event())).encode()).events[0]
    alone = parse_document(json.dumps(_event()).encode()).events[0]
    assert event_hash(inside.fields, inside.context) == event_hash(alone.fields, alone.context)
    assert inside.path == "$.epcisBody.eventList[0]"
    assert alone.path == "$"


def test_order_and_spelling_do_not_matter_but_values_do() -> None:
    event = _event(**{"ex:b": "2", "ex:a": ["y", "x"], "bizStep": "shipping"})
    other = dict(reversed(list(event.items())))
    other["bizStep"] = "urn:epcglobal:cbv:bizstep:shipping"
    other["epcList"] = ["https://example.com/sscc/140123451122233341"]
    other["eventTime"] = "2024-05-06T05:08:09Z"
    other["ex:a"] = ["x", "y"]
    assert _string(event) == _string(other)
    assert _string(event) != _string({**other, "ex:b": "3"})


def test_numbers_are_written_without_exponent_or_trailing_zeros() -> None:
    text = json.dumps(_document(_event(epcList=..., quantityList=[{"epcClass": "urn:x:y", "quantity": 1}])))
    for number, written in (("5.00", "5"), ("0.3434000", "0.3434"), ("1e-7", "0.0000001"), ("1.5E3", "1500")):
        checked = parse_document(text.replace('"quantity": 1', f'"quantity": {number}').encode()).events[0]
        assert f"quantity={written}action" in canonical_string(checked.fields, checked.context)


def test_extensions_nest_and_name_their_namespace() -> None:
    nested = _event(**{"ex:list": [{"ex:b": True, "type": "kept"}, {"ex:a": None}], "ex:pair": [["2", "1"], "0"]})
    ns = "{https://ns.example/e/}"
    assert _string(nested).endswith(f"{ns}list{ns}listtype=kept{ns}b=true{ns}pair=0{ns}pair=1=2")
    place = _event(readPoint={"id": "geo:1,2", "ex:dock": "7"})
    assert f"readPointid=geo:1,2{ns}dock=7" in _string(place)


def test_a_context_of_the_event_itself_counts() -> None:
    event = {**_event(), "@context": {"own": "urn:own:"}, "own:x": "own:y", "ex:z": "ex: not compact"}
    assert _string(event).endswith("{https://ns.example/e/}z=ex: not compact{urn:own:}x=urn:own:y")


def test_a_term_without_a_prefix_expands() -> None:
    event = {**_event(), "@context": {"dock": {"@id": "https://ns.example/e#dock"}}, "dock": "4"}
    assert _string(event).endswith("{https://ns.example/e#}dock=4")


def test_time_rounds_half_up_and_carries() -> None:
    assert "eventTime=2025-01-01T00:00:00.000Z" in _string(_event(eventTime="2024-12-31T23:59:59.9995Z"))
    assert "eventTime=2024-12-31T23:59:59.999Z" in _string(_event(eventTime="2024-12-31T23:59:59.99949Z"))


BROKEN_DOCUMENTS: list[tuple[Any, str, str]] = [
    (b"", "not_json", "$"),
    (b"\xff{}", "not_json", "$"),
    (b"{} x", "not_json", "$"),
    (b'{"type": NaN}', "not_json", "$"),
    (b'{"type": "\\ud800"}', "not_json", "$"),
    (b'{"type": 1, "type": 2}', "duplicate_key", "$"),
    (b'{"type": 1e999999}', "number_out_of_range", "$"),
    (b'{"type": ' + b"9" * 5000 + b"}", "number_out_of_range", "$"),
    (b"[" * 100_000, "too_deep", "$"),
    (b" " * (DOCUMENT_BYTES_MAX + 1), "document_too_large", "$"),
    ([], "wrong_type", "$"),
    ({"type": "EPCISQueryDocument"}, "unsupported_document", "$.type"),
    (_document(schemaVersion=...), "missing_field", "$.schemaVersion"),
    (_document(schemaVersion=2.0), "wrong_type", "$.schemaVersion"),
    (_document(schemaVersion="1.2"), "unsupported_version", "$.schemaVersion"),
    (_document(creationDate="yesterday"), "bad_timestamp", "$.creationDate"),
    (_document(**{"@context": ...}), "missing_field", "$.@context"),
    (_document(**{"@context": [7]}), "wrong_type", "$['@context'][0]"),
    (_document(**{"@context": {"a": 1}}), "wrong_type", "$['@context'][0].a"),
    (_document(**{"@context": {f"a{n}": "urn:x:" for n in range(300)}}), "context_too_large", "$['@context']"),
    (_document(epcisBody=...), "missing_field", "$.epcisBody"),
    (_document(epcisBody=[]), "wrong_type", "$.epcisBody"),
    (_document(epcisBody={"eventList": {}}), "wrong_type", "$.epcisBody.eventList"),
    (_document(), "no_events", "$.epcisBody.eventList"),
    (_document(*[1] * 10_001), "too_many_events", "$.epcisBody.eventList"),
    (_document(1), "wrong_type", "$.epcisBody.eventList[0]"),
    (_document(epcisHeader=[]), "wrong_type", "$.epcisHeader"),
]


@pytest.mark.parametrize(("document", "code", "path"), BROKEN_DOCUMENTS)
def test_broken_documents_are_refused(document: Any, code: str, path: str) -> None:
    assert _refusal(document) == (code, path)


_DEEP: Any = "x"
for _ in range(40):
    _DEEP = {"ex:d": _DEEP}

BROKEN_EVENTS: list[tuple[dict[str, Any], str, str]] = [
    (_event(type=...), "missing_field", ".type"),
    (_event(type="PartyEvent"), "unknown_event_type", ".type"),
    (_event(eventTime=...), "missing_field", ".eventTime"),
    (_event(eventTime="2024-05-06T07:08:09"), "bad_timestamp", ".eventTime"),
    (_event(eventTime="2024-02-30T07:08:09Z"), "bad_timestamp", ".eventTime"),
    (_event(eventTime="2024-02-03T24:00:00Z"), "bad_timestamp", ".eventTime"),
    (_event(eventTime="0001-01-01T00:00:00+14:00"), "bad_timestamp", ".eventTime"),
    (_event(eventTime=1714979289), "wrong_type", ".eventTime"),
    (_event(recordTime="now"), "bad_timestamp", ".recordTime"),
    (_event(eventTimeZoneOffset=...), "missing_field", ".eventTimeZoneOffset"),
    (_event(eventTimeZoneOffset="Z"), "bad_offset", ".eventTimeZoneOffset"),
    (_event(eventTimeZoneOffset="+15:00"), "bad_offset", ".eventTimeZoneOffset"),
    (_event(action=...), "missing_field", ".action"),
    (_event(action="observe"), "unknown_action", ".action"),
    (_event(epcList=...), "missing_field", ""),
    (_event(epcList="x"), "wrong_type", ".epcList"),
    (_event(epcList=["x", 4]), "wrong_type", ".epcList[1]"),
    (_event(epcList=["x"] * 10_001), "too_many_items", ""),
    (_event(quantityList=[{"quantity": 1}]), "missing_field", ".quantityList[0].epcClass"),
    (_event(quantityList=[{"epcClass": "x", "quantity": "1"}]), "wrong_type", ".quantityList[0].quantity"),
    (_event(quantityList=[{"epcClass": "x", "quantity": -1}]), "negative_quantity", ".quantityList[0].quantity"),
    (_event(bizStep=""), "missing_field", ".bizStep"),
    (_event(bizStep=["shipping"]), "wrong_type", ".bizStep"),
    (_event(readPoint="geo:1,2"), "wrong_type", ".readPoint"),
    (_event(readPoint={}), "missing_field", ".readPoint.id"),
    (_event(sourceList=[{"source": "x"}]), "missing_field", ".sourceList[0].type"),
    (_event(bizTransactionList=[{"type": "po"}]), "missing_field", ".bizTransactionList[0].bizTransaction"),
    (_event(certificationInfo=[1]), "wrong_type", ".certificationInfo"),
    (_event(persistentDisposition={"set": [1]}), "wrong_type", ".persistentDisposition.set[0]"),
    (_event(ilmd={"ex:a": "1"}), "field_not_allowed", ".ilmd"),
    (_event(childEPCs=["x"]), "field_not_allowed", ".childEPCs"),
    (_event(sensorElementList=[{}]), "missing_field", ".sensorElementList[0].sensorReport"),
    (
        _event(sensorElementList=[{"sensorReport": [{"type": "Temperature", "value": "4"}]}]),
        "wrong_type",
        ".sensorElementList[0].sensorReport[0].value",
    ),
    (
        _event(sensorElementList=[{"sensorMetadata": {"time": "noon"}, "sensorReport": []}]),
        "bad_timestamp",
        ".sensorElementList[0].sensorMetadata.time",
    ),
    (_event(errorDeclaration={}), "missing_field", ".errorDeclaration.declarationTime"),
    (_event(**{"nowhere:x": "1"}), "prefix_undeclared", "['nowhere:x']"),
    (_event(**{"ex:a": {"nowhere:x": "1"}}), "prefix_undeclared", ".ex:a['nowhere:x']"),
    (_event(**{"ex:d": _DEEP}), "too_deep", ".ex:d" * 24),
    (_event(**{"ex:long": "x" * 20_000}), "text_too_long", ".ex:long"),
    (_event(type="AggregationEvent", epcList=..., childEPCs=["x"], action="ADD"), "missing_field", ".parentID"),
    (_event(type="AggregationEvent", epcList=..., parentID="x", action="ADD"), "missing_field", ""),
    (_event(type="AssociationEvent", epcList=..., childEPCs=["x"]), "missing_field", ".parentID"),
    (_event(type="AggregationEvent", parentID="x", childEPCs=["x"]), "field_not_allowed", ".epcList"),
    (_event(type="TransactionEvent"), "missing_field", ""),
    (_event(type="TransformationEvent", epcList=..., action=..., inputEPCList=["x"]), "missing_field", ""),
    (
        _event(type="TransformationEvent", epcList=..., inputEPCList=["x"], outputEPCList=["y"]),
        "field_not_allowed",
        ".action",
    ),
]


@pytest.mark.parametrize(("event", "code", "path"), BROKEN_EVENTS)
def test_broken_events_are_refused(event: dict[str, Any], code: str, path: str) -> None:
    document = _document(_event(), event)
    assert _refusal(document) == (code, "$.epcisBody.eventList[1]" + path)


def test_a_header_introduces_parties() -> None:
    element = {
        "id": "urn:epc:id:pgln:4012345.00000",
        "attributes": [
            {"id": "cbvmda:name", "attribute": "Acme"},
            {"id": "tally:organisation", "attribute": "acme"},
        ],
    }
    header = {"epcisMasterData": {"vocabularyList": [{"type": "x", "vocabularyElementList": [element]}]}}
    context = {"@context": {"tally": "urn:tallystick:epcis:"}}
    parties = parse_document(json.dumps(_document(epcisHeader=header, **context)).encode()).parties
    assert [(party.identifier, party.organisation) for party in parties] == [
        ("https://id.gs1.org/417/4012345000009", "acme")
    ]
    element["id"] = "urn:epc:id:sscc:4012345.1112223334"
    assert _refusal(_document(epcisHeader=header, **context))[0] == "not_a_party"
