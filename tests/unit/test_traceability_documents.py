"""The published EPCIS documents on a fresh ledger: which event is recorded, and with which code the others fail.

Their goods are shipped and used up without ever having been commissioned, so custody refuses nearly all of them.
"""

from pathlib import Path

import pytest
from traceability_world import PLANT, World

from gateway.epcis.capture import capture_calls, prepare
from gateway.epcis.document import parse_document
from gateway.epcis.errors import EpcisError

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "epcis-event-hash"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/data/epcis-event-hash is absent")

OK = None
ITEM = "item_unknown"
LOT = "lot_unknown"

OUTCOMES: dict[str, list[tuple[str, str | None]]] = {
    "ReferenceEventHashAlgorithm": [("ship", ITEM)],
    "TimeStampRoundOff": [("ship", ITEM), ("observe", ITEM), ("receive", ITEM)],
    "epcisDocWithCustomSchemaInContext": [("ship", ITEM), ("receive", ITEM)],
    "epcisDocWithDefaultSchemaInContext": [("ship", ITEM), ("receive", ITEM)],
    "epcisDocWithSensorComponent": [("observe", ITEM)],
    "epcisDocWithSensorDataObjectEvent": [("observe", ITEM)],
    "epcisDocWithShippingAndTransportingEvent": [("ship", ITEM), ("observe", ITEM)],
    "epcisDocWithSingleEvent": [("ship", ITEM)],
    "epcisDocWithVariousEventTypes": [
        ("ship", ITEM),
        ("receive", ITEM),
        ("observe", ITEM),
        ("commission", OK),
        ("pack", ITEM),
        ("pack", LOT),
        ("unpack", ITEM),
        ("unpack", ITEM),
        ("trade", ITEM),
        ("trade", LOT),
        ("transform", ITEM),
        ("transform", ITEM),
        ("transform", ITEM),
    ],
    "epcisDocWithXMLstartTagAndErrorDeclaration": [("declare_error", "event_unknown")],
    "persistentDisposition": [("ship", ITEM), ("observe", ITEM)],
}
"""Document -> for each event the method that it calls and the code of its receipt, as a maker on a fresh ledger."""

REFUSED = {"epcisDocHavingEventWithComment": "event_hash_mismatch"}
"""Documents that the gateway refuses as a whole."""


def _data(name: str) -> bytes:
    return (FOLDER / f"{name}.jsonld").read_bytes()


def test_every_document_is_in_a_table() -> None:
    names = {path.stem for path in FOLDER.glob("*.jsonld")}
    assert names == OUTCOMES.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", OUTCOMES)
def test_receipts_of_a_document(name: str) -> None:
    world = World()
    prepared = prepare(_data(name))
    assert [(event.method, world.send(PLANT, event).code) for event in prepared] == OUTCOMES[name]


@pytest.mark.parametrize("name", REFUSED)
def test_refused_documents(name: str) -> None:
    with pytest.raises(EpcisError) as caught:
        prepare(_data(name))
    assert caught.value.code == REFUSED[name]


@pytest.mark.parametrize("name", OUTCOMES)
def test_stored_text_prepares_to_the_same_call(name: str) -> None:
    for event in prepare(_data(name)):
        text = event.args[-1] if event.method == "declare_error" else event.args[0]["text"]
        assert prepare(text.encode()) == [event]


def test_capture_calls_are_the_prepared_ones() -> None:
    name = "epcisDocWithVariousEventTypes"
    calls = capture_calls(parse_document(_data(name)))
    assert calls == [(event.contract, event.method, event.args) for event in prepare(_data(name))]


def test_a_serial_number_is_used_up_once_though_published_three_times() -> None:
    world = World()
    world.commission(PLANT, "urn:epc:id:sgtin:4012345.011122.25", "urn:epc:id:sgtin:4000001.065432.99886655")
    outcomes = [world.send(PLANT, event).code for event in prepare(_data("epcisDocWithVariousEventTypes"))[-3:]]
    assert outcomes == [None, "item_consumed", "item_consumed"]


def test_the_shared_event_is_a_resend() -> None:
    world = World()
    world.commission(PLANT, "urn:epc:id:sgtin:0614141.107346.2017", "urn:epc:id:sgtin:0614141.107346.2018")
    (first,) = prepare(_data("epcisDocWithSingleEvent"))
    assert world.send(PLANT, first).code is None
    before = world.state()
    again = prepare(_data("epcisDocWithDefaultSchemaInContext"))[0]
    assert again.event_hash == first.event_hash
    assert world.send(PLANT, again).code is None
    assert world.state() == before
