"""A thing is in one container at most and moves with it; quantities travel in containers too."""

import pytest
from traceability_world import BULK, CARRIER, DEPOT, PLANT, World, crate, quantity, vial, vial_id

CASE, CASE_2, PALLET = crate(1), crate(2), crate(9)


@pytest.fixture
def world() -> World:
    world = World()
    world.commission(PLANT, *[vial(number) for number in range(6)], lot="L1")
    return world


def test_children_move_with_their_container(world: World) -> None:
    world.pack(PLANT, CASE, vial(1), vial(2))
    world.pack(PLANT, PALLET, CASE)
    world.ship(PLANT, PALLET, to="medidist")
    passport = world.passport(vial_id(1))
    assert (passport["status"], passport["holder"], passport["container"]) == ("in_transit", "brightvax", CASE)
    world.receive(DEPOT, PALLET)
    assert world.passport(vial_id(1))["holder"] == "medidist"
    world.unpack(DEPOT, PALLET, CASE)
    world.unpack(DEPOT, CASE, vial(1))
    assert world.passport(vial_id(1))["container"] == ""
    assert world.passport(vial_id(2))["container"] == CASE
    world.ship(DEPOT, vial(1), to="cityclinic")
    assert world.code(PLANT, "Object", action="OBSERVE", epcList=[vial(2)]) == "not_holder"


def test_nothing_is_in_two_containers(world: World) -> None:
    world.pack(PLANT, CASE, vial(1))
    into_other = {"action": "ADD", "parentID": CASE_2, "childEPCs": [vial(1)]}
    assert world.code(PLANT, "Aggregation", **into_other) == "item_is_packed"
    assert world.code(PLANT, "Aggregation", **{**into_other, "parentID": CASE}) == "item_is_packed"
    assert world.code(PLANT, "Object", **world.shipping(vial(1))) == "item_is_packed"
    assert world.code(PLANT, "Object", action="DELETE", epcList=[vial(1)]) == "item_is_packed"
    world.unpack(PLANT, CASE, vial(1))
    world.record(PLANT, "Aggregation", **into_other)


def test_packing_needs_both_in_hand(world: World) -> None:
    world.ship(PLANT, vial(5), to="medidist")

    def packing(parent: str, *items: str) -> dict[str, object]:
        return {"action": "ADD", "parentID": parent, "childEPCs": list(items)}

    assert world.code(DEPOT, "Aggregation", **packing(CASE, vial(1))) == "not_holder"
    assert world.code(PLANT, "Aggregation", **packing(CASE, vial(5))) == "item_in_transit"
    assert world.code(PLANT, "Aggregation", **packing(CASE, vial(77))) == "item_unknown"
    assert world.code(PLANT, "Aggregation", **packing(vial(77), vial(1))) == "item_unknown"
    assert world.code(PLANT, "Aggregation", **packing(vial(1), vial(1))) == "packed_into_itself"
    world.pack(PLANT, CASE, vial(1))
    world.pack(PLANT, PALLET, CASE)
    assert world.code(PLANT, "Aggregation", **packing(CASE, vial(2))) == "item_is_packed"
    assert world.code(PLANT, "Aggregation", **packing(CASE, PALLET)) == "item_is_packed"
    world.record(DEPOT, "Object", action="ADD", epcList=[CASE_2])
    assert world.code(PLANT, "Aggregation", **packing(CASE_2, vial(2))) == "not_holder"


def test_towers_are_of_bounded_height(world: World) -> None:
    for level in range(8):
        world.pack(PLANT, crate(level + 1), crate(level) if level else vial(1))
    assert world.code(PLANT, "Aggregation", action="ADD", parentID=crate(20), childEPCs=[crate(8)]) == "nested_too_deep"
    assert world.passport(vial_id(1))["holder"] == "brightvax"


def test_unpacking_takes_out_what_is_in(world: World) -> None:
    world.pack(PLANT, CASE, vial(1), vial(2))
    out = {"action": "DELETE", "parentID": CASE}
    assert world.code(PLANT, "Aggregation", **out, childEPCs=[vial(3)]) == "not_in_container"
    assert world.code(DEPOT, "Aggregation", **out) == "not_holder"
    assert world.code(PLANT, "Aggregation", action="DELETE", parentID=PALLET) == "item_unknown"
    world.record(PLANT, "Aggregation", **out)
    assert world.view("contents", CASE, "", 10) == []
    world.record(PLANT, "Aggregation", **out)


def test_a_container_that_is_full_is_not_destroyed(world: World) -> None:
    world.pack(PLANT, CASE, vial(1))
    assert world.code(PLANT, "Object", action="DELETE", epcList=[CASE]) == "container_not_empty"
    world.unpack(PLANT, CASE)
    world.record(PLANT, "Object", action="DELETE", epcList=[CASE])
    assert world.code(PLANT, "Aggregation", action="ADD", parentID=CASE, childEPCs=[vial(1)]) == "item_destroyed"


def test_looking_inside_finds_what_is_there(world: World) -> None:
    world.produce(PLANT, quantity(BULK, 5))
    world.pack(PLANT, CASE, vial(1), childQuantityList=[quantity(BULK, 2)])
    look = {"action": "OBSERVE", "parentID": CASE}
    world.record(PLANT, "Aggregation", **look, childEPCs=[vial(1)], childQuantityList=[quantity(BULK, 2)])
    assert world.code(PLANT, "Aggregation", **look, childEPCs=[vial(2)]) == "not_in_container"
    assert world.code(PLANT, "Aggregation", **look, childQuantityList=[quantity(BULK, 3)]) == "not_in_container"
    assert world.code(CARRIER, "Aggregation", **look, childEPCs=[vial(1)]) == "not_holder"
    world.record(PLANT, "Aggregation", action="OBSERVE", childEPCs=[vial(1)])


def test_quantities_travel_inside(world: World) -> None:
    world.produce(PLANT, quantity(BULK, 5))
    world.pack(PLANT, CASE, childQuantityList=[quantity(BULK, 3)])
    world.pack(PLANT, CASE, childQuantityList=[quantity(BULK, 1)])
    assert world.view("contents", CASE, "", 10) == [BULK]
    assert world.code(PLANT, "Object", **world.shipping(quantityList=[quantity(BULK, 2)])) == "insufficient_quantity"
    world.ship(PLANT, CASE, to="medidist")
    world.receive(DEPOT, CASE)
    taking = {"action": "DELETE", "parentID": CASE}
    assert world.code(DEPOT, "Aggregation", **taking, childQuantityList=[quantity(BULK, 5)]) == "not_in_container"
    world.record(DEPOT, "Aggregation", **taking, childQuantityList=[quantity(BULK, 1.5)])
    world.record(DEPOT, "Aggregation", **taking)
    accounts = {entry["account"]: entry["amount"] for entry in world.view("lot_accounts", BULK, "", 100)}
    assert accounts == {":created": -5_000_000, "brightvax": 1_000_000, "medidist": 4_000_000, CASE: 0}
    assert world.view("contents", CASE, "", 10) == []


def test_an_organisation_is_no_container(world: World) -> None:
    world.produce(PLANT, quantity(BULK, 5))
    stolen = {"action": "ADD", "childQuantityList": [quantity(BULK, 3)]}
    for name in (">brightvax", "medidist", ":created"):
        assert world.code(PLANT, "Aggregation", **stolen, parentID=name) == "bad_identifier"


def test_the_journey_leads_through_all_containers(world: World) -> None:
    world.pack(PLANT, CASE, vial(1))
    world.pack(PLANT, PALLET, CASE)
    world.ship(PLANT, PALLET, to="medidist")
    world.record(CARRIER, "Object", action="OBSERVE", bizStep="transporting", epcList=[PALLET])
    world.receive(DEPOT, PALLET)
    world.record(DEPOT, "Object", action="OBSERVE", bizStep="inspecting", epcList=[vial(1)])
    world.unpack(DEPOT, PALLET)
    world.record(DEPOT, "Object", action="OBSERVE", bizStep="storing", epcList=[PALLET])
    world.unpack(DEPOT, CASE)
    world.ship(DEPOT, CASE, to="cityclinic")
    world.ship(DEPOT, vial(1), to="cityclinic")
    journey = world.view("journey", vial_id(1), 100)
    assert [(entry["method"], entry["subject"]) for entry in journey] == [
        ("commission", vial_id(1)),
        ("pack", vial_id(1)),
        ("pack", CASE),
        ("ship", PALLET),
        ("observe", PALLET),
        ("receive", PALLET),
        ("observe", vial_id(1)),
        ("unpack", CASE),
        ("unpack", vial_id(1)),
        ("ship", vial_id(1)),
    ]
    numbers = [entry["number"] for entry in journey]
    assert numbers == sorted(numbers)
    assert [entry["number"] for entry in world.view("journey", vial_id(1), 4)] == numbers[:4]
