"""Error declarations put back what an event changed, without erasing it, as long as nothing was built upon it."""

from typing import Any

import pytest
from traceability_world import (
    AUTHORITY,
    BULK,
    DEPOT,
    DRINK,
    PLANT,
    VIAL_RANGE,
    World,
    crate,
    declaration,
    quantity,
    vial,
    vial_id,
)

from gateway.epcis.capture import PreparedEvent

CASE = crate(1)


@pytest.fixture
def world() -> World:
    world = World()
    world.commission(PLANT, vial(1), vial(2), lot="L1", ilmd={"tally:storageRange": VIAL_RANGE})
    world.produce(PLANT, quantity(BULK, 10))
    return world


def _record(world: World, who: str, kind: str, **fields: Any) -> PreparedEvent:
    event = world.prepared(kind, **fields)
    assert world.send(who, event).code is None, world.ledger.failure
    return event


def test_a_wrong_shipment_is_put_back_and_stays_on_record(world: World) -> None:
    wrong = _record(world, PLANT, "Object", **world.shipping(vial(1), to="cityclinic"))
    right = world.prepared("Object", **world.shipping(vial(1), to="medidist"))
    assert world.refused(DEPOT, declaration(wrong)) == "not_recorder"
    outcome = world.send(PLANT, declaration(wrong, right.event_hash))
    assert (outcome.code, outcome.value) == (None, wrong.args[0]["hash"])
    assert world.passport(vial_id(1))["status"] == "active"
    assert world.send(PLANT, right).code is None
    entry = world.view("show_event", wrong.args[0]["hash"])
    assert (entry["error"], entry["corrections"]) == ("incorrect_data", [right.args[0]["hash"]])
    journey = world.view("journey", vial_id(1), 100)
    assert [(step["method"], step["error"]) for step in journey] == [
        ("commission", ""),
        ("ship", "incorrect_data"),
        ("declare_error", "incorrect_data"),
        ("ship", ""),
    ]
    texts = world.view("event_text", wrong.args[0]["hash"])
    assert texts == [wrong.args[0]["text"], declaration(wrong, right.event_hash).args[-1]]


def test_an_unknown_event_cannot_be_wrong(world: World) -> None:
    event = world.prepared("Object", **world.shipping(vial(1)))
    assert world.refused(PLANT, declaration(event)) == "event_unknown"


def test_a_declaration_sent_again_changes_nothing(world: World) -> None:
    wrong = _record(world, PLANT, "Object", **world.shipping(vial(1)))
    assert world.send(PLANT, declaration(wrong)).code is None
    before = world.state()
    assert world.send(PLANT, declaration(wrong)).code is None
    assert world.send(PLANT, wrong).code is None
    assert world.state() == before


def test_what_others_have_built_upon_stays(world: World) -> None:
    wrong = _record(world, PLANT, "Object", **world.shipping(vial(1), vial(2), to="medidist"))
    received = _record(world, DEPOT, "Object", action="OBSERVE", bizStep="receiving", epcList=[vial(1)])
    assert world.refused(PLANT, declaration(wrong)) == "later_events_exist"
    _record(world, AUTHORITY, "Object", action="OBSERVE", bizStep="inspecting", epcList=[vial(1)])
    assert world.send(DEPOT, declaration(received)).code is None
    assert world.send(PLANT, declaration(wrong)).code is None
    assert world.passport(vial_id(2))["status"] == "active"


def test_a_declaration_must_name_all_things(world: World) -> None:
    wrong = _record(world, PLANT, "Object", **world.shipping(vial(1), vial(2)))
    partly = world.call(PLANT, "declare_error", wrong.args[0]["hash"], 1, "x", [], [vial_id(1)], "{}")
    assert partly.code == "later_events_exist"
    twice = world.call(PLANT, "declare_error", wrong.args[0]["hash"], 1, "x", [], [vial_id(1)] * 2, "{}")
    assert twice.code == "later_events_exist"


def test_packing_is_undone_both_ways(world: World) -> None:
    packed = _record(world, PLANT, "Aggregation", action="ADD", parentID=CASE, childEPCs=[vial(1)])
    assert world.send(PLANT, declaration(packed)).code is None
    assert world.passport(CASE)["status"] == "void"
    assert world.passport(vial_id(1))["container"] == ""
    assert world.view("contents", CASE, "", 10) == []
    world.pack(PLANT, CASE, vial(1), vial(2), childQuantityList=[quantity(BULK, 3)])
    emptied = _record(world, PLANT, "Aggregation", action="DELETE", parentID=CASE)
    assert world.view("contents", CASE, "", 10) == []
    assert world.send(PLANT, declaration(emptied)).code is None
    assert world.view("contents", CASE, "", 10) == [vial_id(1), vial_id(2), BULK]
    assert world.passport(vial_id(2))["container"] == CASE
    reading = {"sensorReport": [{"type": "Temperature", "value": 20, "uom": "CEL"}]}
    world.record(PLANT, "Object", action="OBSERVE", epcList=[CASE], sensorElementList=[reading])
    assert world.passport(vial_id(1))["out_of_range"]


def test_a_transformation_is_undone_with_its_quantities(world: World) -> None:
    fields = {"inputQuantityList": [quantity(BULK, 4)], "outputQuantityList": [quantity(DRINK, 4)]}
    wrong = _record(world, PLANT, "Transformation", inputEPCList=[vial(1)], outputEPCList=[vial(11)], **fields)
    sold = _record(world, PLANT, "Object", **world.shipping(quantityList=[quantity(DRINK, 1)]))
    assert world.refused(PLANT, declaration(wrong)) == "later_events_exist"
    assert world.send(PLANT, declaration(sold)).code is None
    assert world.send(PLANT, declaration(wrong)).code is None
    for lot, left in ((BULK, 10_000_000), (DRINK, 0)):
        accounts = {entry["account"]: entry["amount"] for entry in world.view("lot_accounts", lot, "", 10)}
        assert accounts["brightvax"] == left
        assert sum(accounts.values()) == 0
    assert world.passport(vial_id(1))["status"] == "active"
    assert world.code(PLANT, "Object", action="OBSERVE", epcList=[vial(11)]) == "item_unknown"
    assert world.view("origins", DRINK, "", 10) == []
    world.record(PLANT, "Transformation", inputEPCList=[vial(2)], outputEPCList=[vial(11)])


def test_a_destroyed_thing_comes_back_and_a_commissioned_one_goes(world: World) -> None:
    destroyed = _record(world, PLANT, "Object", action="DELETE", epcList=[vial(1)])
    assert world.send(PLANT, declaration(destroyed)).code is None
    world.ship(PLANT, vial(1))
    made = _record(world, PLANT, "Object", action="ADD", epcList=[vial(3)], quantityList=[quantity(BULK, 1)])
    assert world.send(PLANT, declaration(made)).code is None
    assert world.code(PLANT, "Object", **world.shipping(vial(3))) == "item_unknown"
    world.commission(PLANT, vial(3))


def test_a_wrong_sensor_reading_clears_its_mark(world: World) -> None:
    reading = {"sensorReport": [{"type": "Temperature", "value": 20, "uom": "CEL"}]}
    hot = _record(world, PLANT, "Object", action="OBSERVE", epcList=[vial(1)], sensorElementList=[reading])
    assert world.passport(vial_id(1))["out_of_range"]
    assert world.send(PLANT, declaration(hot)).code is None
    assert not world.passport(vial_id(1))["out_of_range"]


def test_a_wrong_recall_is_over(world: World) -> None:
    fields = {"action": "OBSERVE", "epcList": [vial(1)], "persistentDisposition": {"set": ["recalled"]}}
    recall = _record(world, PLANT, "Object", **fields)
    assert world.passport(vial_id(1))["recalled"]
    assert world.send(PLANT, declaration(recall)).code is None
    assert not world.passport(vial_id(1))["recalled"]


def test_attachments_are_put_back(world: World) -> None:
    world.pack(PLANT, CASE, vial(1))
    tied = _record(world, PLANT, "Association", action="ADD", parentID=CASE, childEPCs=[vial(2)])
    loosened = _record(world, PLANT, "Association", action="DELETE", parentID=CASE)
    assert world.refused(PLANT, declaration(tied)) == "later_events_exist"
    assert world.send(PLANT, declaration(loosened)).code is None
    assert world.passport(vial_id(2))["item"]["attached_to"] == CASE
    assert world.send(PLANT, declaration(tied)).code is None
    assert world.passport(vial_id(2))["item"]["attached_to"] == ""
