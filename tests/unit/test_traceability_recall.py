"""Recalls reach every descendant at any depth in bounded steps, and stop what they reach."""

import pytest
from traceability_world import (
    AUTHORITY,
    BULK,
    CLINIC,
    DEPOT,
    DRINK,
    LOT,
    OTHER,
    PLANT,
    World,
    crate,
    quantity,
    vial,
    vial_id,
)

SET = {"persistentDisposition": {"set": ["recalled"]}}
UNSET = {"persistentDisposition": {"unset": ["recalled"]}}


def chain_lot(number: int) -> str:
    """Return the lot of one stage of a long production chain."""
    return f"https://id.gs1.org/01/04012345222227/10/S{number}"


def lot_event(lot: str, **fields: object) -> dict[str, object]:
    return {"action": "OBSERVE", "quantityList": [{"epcClass": lot}], **fields}


@pytest.fixture
def world() -> World:
    return World()


def test_a_recalled_lot_reaches_its_serial_numbers_and_their_products(world: World) -> None:
    world.commission(PLANT, vial(1), vial(2), lot="L1")
    world.commission(PLANT, vial(3), lot="L2")
    world.record(PLANT, "Transformation", inputEPCList=[vial(1)], outputEPCList=[vial(11)])
    world.record(PLANT, "Transformation", inputEPCList=[vial(11)], outputEPCList=[vial(21), vial(22)])
    recall = world.record(AUTHORITY, "Object", **lot_event(LOT, **SET)) + ".0"
    assert world.view("show_recall", recall)["done"] == world.view("show_recall", recall)["found"]
    recalled = {number: world.passport(vial_id(number))["recalled"] for number in (1, 2, 3, 11, 21, 22)}
    assert recalled == {1: True, 2: True, 3: False, 11: True, 21: True, 22: True}


def test_depth_and_breadth_are_reached_in_steps(world: World) -> None:
    world.produce(PLANT, quantity(chain_lot(0), 100))
    for stage in range(40):
        made = {"outputQuantityList": [quantity(chain_lot(stage + 1), 100)]}
        world.record(PLANT, "Transformation", inputQuantityList=[quantity(chain_lot(stage), 100)], **made)
    serials = [vial(number) for number in range(1000, 1250)]
    last = [quantity(chain_lot(40), 100)]
    world.record(PLANT, "Transformation", inputQuantityList=last, outputEPCList=serials)
    recall = world.record(AUTHORITY, "Object", **lot_event(chain_lot(0), **SET)) + ".0"
    passport = world.passport(vial_id(1249))
    assert (passport["recalled"], passport["recalls_complete"]) == (False, False)
    rounds = 0
    while not world.call(DEPOT, "spread_recall", recall, 50, gas_limit=400_000).value:
        rounds += 1
        assert rounds < 20
    assert rounds > 3
    assert world.view("show_recall", recall)["found"] == 1 + 2 * 40 + 1 + 250
    passport = world.passport(vial_id(1249))
    assert (passport["recalled"], passport["recalls_complete"]) == (True, True)
    assert world.call(DEPOT, "spread_recall", recall, 50).value is True


def test_nothing_slips_past_a_recall_that_still_spreads(world: World) -> None:
    world.commission(PLANT, *[vial(number) for number in range(1, 60)], lot="L1")
    recall = world.record(AUTHORITY, "Object", **lot_event(LOT, **SET)) + ".0"
    late = max(number for number in range(1, 60) if (vial_id(number),) and not _marked(world, recall, number))
    assert world.passport(vial_id(late))["recalled"]
    using = {"inputEPCList": [vial(late)], "outputEPCList": [vial(900)]}
    assert world.code(PLANT, "Transformation", **using) == "item_recalled"
    data = {"ilmd": {"cbvmda:lotNumber": "L1"}}
    assert world.code(PLANT, "Object", action="ADD", epcList=[vial(901)], **data) == "lot_recalled"
    assert world.code(PLANT, "Object", action="ADD", quantityList=[quantity(LOT, 1)]) == "lot_recalled"


def _marked(world: World, recall: str, number: int) -> bool:
    return any(entry["subject"] == vial_id(number) for entry in world.view("in_the_field", recall, 0, 1000))


def test_recalled_quantities_are_not_used_up(world: World) -> None:
    world.produce(PLANT, quantity(BULK, 5))
    world.record(PLANT, "Object", **lot_event(BULK, **SET))
    fields = {"inputQuantityList": [quantity(BULK, 1)], "outputQuantityList": [quantity(DRINK, 1)]}
    assert world.code(PLANT, "Transformation", **fields) == "lot_recalled"
    sale = {"action": "DELETE", "bizStep": "retail_selling", "quantityList": [quantity(BULK, 1)]}
    assert world.code(PLANT, "Object", **sale) == "lot_recalled"
    world.record(PLANT, "Object", action="DELETE", bizStep="destroying", quantityList=[quantity(BULK, 5)])


def test_the_owner_and_the_regulator_recall(world: World) -> None:
    world.commission(PLANT, vial(1), lot="L1")
    assert world.code(OTHER, "Object", **lot_event(LOT, **SET)) == "not_permitted"
    assert world.code(DEPOT, "Object", action="OBSERVE", epcList=[vial(1)], **SET) == "not_permitted"
    assert world.code(AUTHORITY, "Object", action="OBSERVE", epcList=[vial(9)], **SET) == "item_unknown"
    assert world.code(AUTHORITY, "Object", **lot_event(BULK, **SET)) == "lot_unknown"
    world.pack(PLANT, crate(1), vial(1))
    assert world.code(PLANT, "Object", action="OBSERVE", epcList=[crate(1)], **SET) == "recall_needs_product"
    world.record(PLANT, "Object", action="OBSERVE", epcList=[vial(1)], **SET)
    assert world.passport(vial_id(1))["recalled"]
    assert world.call(DEPOT, "spread_recall", "nothing", 5).code == "recall_unknown"


def test_recalled_goods_are_sent_back_but_not_sold(world: World) -> None:
    world.commission(PLANT, vial(1), lot="L1")
    world.ship(PLANT, vial(1), to="cityclinic")
    world.receive(CLINIC, vial(1))
    recall = world.record(AUTHORITY, "Object", **lot_event(LOT, **SET)) + ".0"
    for step in ("dispensing", "retail_selling"):
        fields = {"bizStep": step, "epcList": [vial(1)]}
        assert world.code(CLINIC, "Object", action="OBSERVE", **fields) == "item_recalled"
        assert world.code(CLINIC, "Object", action="DELETE", **fields) == "item_recalled"
    assert [entry["holder"] for entry in world.view("in_the_field", recall, 0, 100)] == ["cityclinic"]
    world.ship(CLINIC, vial(1), to="brightvax")
    assert [entry["bound_for"] for entry in world.view("in_the_field", recall, 0, 100)] == ["brightvax"]
    world.receive(PLANT, vial(1))
    assert world.view("in_the_field", recall, 0, 100) == []


def test_a_container_does_not_hide_what_is_recalled(world: World) -> None:
    world.commission(PLANT, vial(1), lot="L1")
    world.pack(PLANT, crate(1), vial(1))
    world.record(AUTHORITY, "Object", **lot_event(LOT, **SET))
    sale = {"action": "OBSERVE", "bizStep": "retail_selling", "epcList": [crate(1)]}
    assert world.code(PLANT, "Object", **sale) == "container_not_empty"


def test_the_field_shows_quantities_and_packed_things(world: World) -> None:
    world.produce(PLANT, quantity(BULK, 10))
    world.pack(PLANT, crate(1), childQuantityList=[quantity(BULK, 4)])
    world.ship(PLANT, crate(1), to="medidist")
    world.ship(PLANT, to="cityclinic", quantityList=[quantity(BULK, 3)])
    world.record(PLANT, "Object", action="DELETE", bizStep="destroying", quantityList=[quantity(BULK, 1)])
    recall = world.record(PLANT, "Object", **lot_event(BULK, **SET)) + ".0"
    seen = [(entry["status"], entry["holder"], entry["amount"]) for entry in world.view("in_the_field", recall, 0, 10)]
    assert sorted(seen) == [("in_transit", "", 3_000_000), ("in_transit", "brightvax", 4_000_000)]


def test_a_recall_is_lifted_where_it_began(world: World) -> None:
    world.commission(PLANT, vial(1), vial(2), lot="L1")
    assert world.code(PLANT, "Object", **lot_event(LOT, **UNSET)) == "recall_not_open"
    recall = world.record(AUTHORITY, "Object", **lot_event(LOT, **SET)) + ".0"
    assert world.code(OTHER, "Object", **lot_event(LOT, **UNSET)) == "not_permitted"
    assert world.code(PLANT, "Object", action="OBSERVE", epcList=[vial(1)], **UNSET) == "recall_not_open"
    world.record(AUTHORITY, "Object", **lot_event(LOT, **UNSET))
    assert not world.view("show_recall", recall)["open"]
    passport = world.passport(vial_id(1))
    assert (passport["recalled"], passport["recalls_complete"]) == (False, True)


def test_edges_of_wrong_events_are_not_followed(world: World) -> None:
    world.commission(PLANT, vial(1), vial(2), lot="L1")
    world.commission(PLANT, vial(3), lot="L3")
    fields = {"inputEPCList": [vial(1)], "outputEPCList": [vial(11)]}
    wrong = world.prepared("Transformation", **fields)
    assert world.send(PLANT, wrong).code is None
    declared = world.call(PLANT, "declare_error", wrong.args[0]["hash"], 1, "did_not_occur", [], _items(wrong), "{}")
    assert declared.code is None
    world.record(PLANT, "Transformation", inputEPCList=[vial(3)], outputEPCList=[vial(11)])
    world.record(AUTHORITY, "Object", **lot_event(LOT, **SET))
    assert world.passport(vial_id(1))["recalled"]
    assert not world.passport(vial_id(11))["recalled"]


def _items(event: object) -> list[str]:
    return [*event.args[2], *event.args[4]]  # type: ignore[attr-defined]
