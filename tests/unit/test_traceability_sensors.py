"""Cold chain: a reading outside of the limits marks the thing, its container's contents, and the lot."""

from typing import Any

import pytest
from traceability_world import (
    BULK,
    CARRIER,
    CLINIC,
    DEPOT,
    PLANT,
    VIAL_RANGE,
    World,
    crate,
    quantity,
    vial,
    vial_id,
)

CASE, PALLET = crate(1), crate(9)


def temperature(**fields: Any) -> dict[str, Any]:
    """Return a sensor list with one report of a temperature."""
    return {"sensorElementList": [{"sensorReport": [{"type": "Temperature", "uom": "CEL", **fields}]}]}


@pytest.fixture
def world() -> World:
    world = World()
    world.commission(PLANT, vial(1), vial(2), lot="L1", ilmd={"tally:storageRange": VIAL_RANGE})
    return world


def _is_marked(world: World, *numbers: int) -> list[bool]:
    return [world.passport(vial_id(number))["out_of_range"] for number in numbers]


@pytest.mark.parametrize(
    ("fields", "marked"),
    [
        ({"value": 2}, False),
        ({"value": 8.0}, False),
        ({"value": 8.000001}, True),
        ({"value": 1.99}, True),
        ({"value": -0.5}, True),
        ({"minValue": 2.5, "maxValue": 7.5}, False),
        ({"value": 5, "maxValue": 9}, True),
        ({"value": 5, "minValue": 1.5}, True),
        ({"value": 5, "exception": "ALARM_CONDITION"}, True),
        ({"exception": "ERROR_CONDITION"}, False),
        ({"meanValue": 99}, False),
    ],
)
def test_readings_are_held_against_the_limits(world: World, fields: dict[str, Any], marked: bool) -> None:
    world.record(PLANT, "Object", action="OBSERVE", epcList=[vial(1)], **temperature(**fields))
    assert _is_marked(world, 1, 2) == [marked, False]
    assert any(event.name == "OutOfRange" for event in world.ledger.events) == marked


def test_other_measures_and_other_units(world: World) -> None:
    other = {"sensorElementList": [{"sensorReport": [{"type": "Speed", "value": 160, "uom": "KMH"}]}]}
    world.record(PLANT, "Object", action="OBSERVE", epcList=[vial(1)], **other)
    assert _is_marked(world, 1) == [False]
    fahrenheit = temperature(value=40, uom="FAH")
    assert world.code(PLANT, "Object", action="OBSERVE", epcList=[vial(1)], **fahrenheit) == "unit_mismatch"


def test_a_container_stands_for_its_contents_while_they_are_inside(world: World) -> None:
    world.commission(PLANT, vial(3), lot="L1")
    world.pack(PLANT, CASE, vial(1))
    world.pack(PLANT, PALLET, CASE)
    world.ship(PLANT, PALLET, to="medidist")
    world.record(CARRIER, "Object", action="OBSERVE", bizStep="transporting", epcList=[PALLET], **temperature(value=9))
    assert _is_marked(world, 1, 2) == [True, False]
    world.receive(DEPOT, PALLET)
    world.unpack(DEPOT, PALLET, CASE)
    assert _is_marked(world, 1) == [True]
    world.unpack(DEPOT, CASE, vial(1))
    assert _is_marked(world, 1) == [True]
    world.ship(PLANT, vial(2), vial(3), to="medidist")
    world.receive(DEPOT, vial(2), vial(3))
    world.pack(DEPOT, PALLET, vial(2))
    assert _is_marked(world, 2) == [False]
    world.record(DEPOT, "Object", action="OBSERVE", epcList=[PALLET], **temperature(value=1))
    world.pack(DEPOT, PALLET, vial(3))
    assert _is_marked(world, 2, 3) == [True, False]


def test_an_emptied_container_forgets_the_limits(world: World) -> None:
    world.pack(PLANT, CASE, vial(1))
    world.unpack(PLANT, CASE)
    world.record(PLANT, "Object", action="OBSERVE", epcList=[CASE], **temperature(value=30))
    assert not world.passport(CASE)["out_of_range"]


def test_what_was_too_warm_is_not_dispensed(world: World) -> None:
    world.ship(PLANT, vial(1), vial(2), to="cityclinic")
    world.receive(CLINIC, vial(1), **temperature(value=12))
    world.receive(CLINIC, vial(2), **temperature(value=5))
    sale = {"action": "OBSERVE", "bizStep": "dispensing"}
    assert world.code(CLINIC, "Object", **sale, epcList=[vial(1)]) == "item_out_of_range"
    world.record(CLINIC, "Object", **sale, epcList=[vial(2)])


def test_lots_are_marked_alone_and_in_containers(world: World) -> None:
    storage = {"ilmd": {"tally:storageRange": [VIAL_RANGE]}}
    world.record(PLANT, "Object", action="ADD", quantityList=[quantity(BULK, 10)], **storage)
    world.pack(PLANT, CASE, childQuantityList=[quantity(BULK, 5)])
    hot = world.record(PLANT, "Object", action="OBSERVE", epcList=[CASE], **temperature(value=20))
    assert world.view("show_lot", BULK)["breach"] == ""
    world.unpack(PLANT, CASE)
    assert world.view("show_lot", BULK)["breach"] == hot
    sale = {"action": "DELETE", "bizStep": "dispensing", "quantityList": [quantity(BULK, 1)]}
    assert world.code(PLANT, "Object", **sale) == "item_out_of_range"


def test_a_lot_reading_marks_the_serial_numbers_of_the_lot(world: World) -> None:
    lot = "https://id.gs1.org/01/04012345111118/10/L1"
    fields = {"action": "OBSERVE", "quantityList": [{"epcClass": lot}], **temperature(value=20)}
    assert world.code(DEPOT, "Object", **fields) == "not_holder"
    world.record(PLANT, "Object", **fields)
    assert _is_marked(world, 1, 2) == [True, True]
