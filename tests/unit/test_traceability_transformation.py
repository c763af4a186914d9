"""Transformations: inputs are used up once, quantities are conserved, and lineage leads both ways."""

import pytest
from traceability_world import BULK, DEPOT, DRINK, OTHER, PLANT, World, crate, quantity, vial, vial_id

MILK = "https://id.gs1.org/01/04012345444445/10/M1"


@pytest.fixture
def world() -> World:
    world = World()
    world.commission(PLANT, vial(1), vial(2))
    world.produce(PLANT, quantity(BULK, 10), quantity(MILK, 4))
    return world


def test_inputs_are_used_up_once(world: World) -> None:
    fields = {"inputEPCList": [vial(1)], "outputEPCList": [vial(11)]}
    assert world.code(DEPOT, "Transformation", **fields) == "not_holder"
    event = world.record(PLANT, "Transformation", **fields)
    assert world.passport(vial_id(1))["status"] == "consumed"
    assert world.passport(vial_id(11))["made_from"] == [f"transformation {event}"]
    assert world.view("origins", f"transformation {event}", "", 10) == [vial_id(1)]
    assert world.view("descendants", vial_id(1), "", 10) == [f"transformation {event}"]
    again = {"inputEPCList": [vial(1)], "outputEPCList": [vial(12)]}
    assert world.code(PLANT, "Transformation", **again) == "item_consumed"
    assert world.code(PLANT, "Object", action="OBSERVE", epcList=[vial(1)]) == "item_consumed"
    assert world.code(PLANT, "Object", **world.shipping(vial(1))) == "item_consumed"
    back = {"inputEPCList": [vial(2)], "outputEPCList": [vial(2)]}
    assert world.code(PLANT, "Transformation", **back) == "item_exists"


def test_packed_and_filled_things_are_not_used_up(world: World) -> None:
    world.pack(PLANT, crate(1), vial(1))
    packed = {"inputEPCList": [vial(1)], "outputEPCList": [vial(11)]}
    assert world.code(PLANT, "Transformation", **packed) == "item_is_packed"
    full = {"inputEPCList": [crate(1)], "outputEPCList": [vial(11)]}
    assert world.code(PLANT, "Transformation", **full) == "container_not_empty"


def test_quantities_are_conserved_unless_a_loss_is_declared(world: World) -> None:
    def mix(made: float, **fields: object) -> dict[str, object]:
        used = [quantity(BULK, 7), quantity(MILK, 3)]
        return {"inputQuantityList": used, "outputQuantityList": [quantity(DRINK, made)], **fields}

    assert world.code(PLANT, "Transformation", **mix(9.5)) == "quantity_not_conserved"
    assert world.code(PLANT, "Transformation", **mix(10.5)) == "quantity_not_conserved"
    loss = {"tally:declaredLoss": [{"quantity": 0.25, "uom": "KGM"}]}
    assert world.code(PLANT, "Transformation", **mix(9.5, **loss)) == "quantity_not_conserved"
    other_unit = {"tally:declaredLoss": {"quantity": 0.5, "uom": "LTR"}}
    assert world.code(PLANT, "Transformation", **mix(9.5, **other_unit)) == "quantity_not_conserved"
    loss["tally:declaredLoss"][0]["quantity"] = 0.5
    world.record(PLANT, "Transformation", **mix(9.5, **loss))
    accounts = {entry["account"]: entry["amount"] for entry in world.view("lot_accounts", BULK, "", 100)}
    assert accounts == {":created": -10_000_000, ":consumed": 7_000_000, "brightvax": 3_000_000}
    assert world.code(PLANT, "Transformation", **mix(10)) == "insufficient_quantity"


def test_every_lot_adds_up_to_zero_and_says_what_it_became(world: World) -> None:
    fields = {"inputQuantityList": [quantity(BULK, 2)], "outputQuantityList": [quantity(DRINK, 2)]}
    event = world.record(PLANT, "Transformation", **fields)
    for lot in (BULK, MILK, DRINK):
        assert sum(entry["amount"] for entry in world.view("lot_accounts", lot, "", 100)) == 0
    assert world.view("origins", DRINK, "", 10) == [f"transformation {event}"]
    assert len(world.view("lot_history", BULK, 1, 10)) == 2


def test_another_unit_is_a_conversion(world: World) -> None:
    bottles = [{"epcClass": DRINK, "quantity": 400}]
    world.record(PLANT, "Transformation", inputQuantityList=[quantity(BULK, 2)], outputQuantityList=bottles)
    assert world.view("show_lot", DRINK)["unit"] == ""


def test_a_loss_is_a_part_of_what_was_used(world: World) -> None:
    loss = {"tally:declaredLoss": [{"quantity": 3, "uom": "KGM"}]}
    fields = {"inputQuantityList": [quantity(BULK, 2)], "outputEPCList": [vial(11)], **loss}
    assert world.code(PLANT, "Transformation", **fields) == "quantity_not_conserved"
    nothing_used = {"inputEPCList": [vial(1)], "outputEPCList": [vial(11)], **loss}
    assert world.code(PLANT, "Transformation", **nothing_used) == "quantity_not_conserved"


def test_events_of_one_name_are_one_transformation(world: World) -> None:
    name = {"transformationID": "urn:epc:id:gdti:4012345.55555.1234"}
    world.record(PLANT, "Transformation", **name, inputQuantityList=[quantity(BULK, 5)])
    world.commission(OTHER, "urn:epc:id:sgtin:4054739.012345.1")
    foreign = {"inputEPCList": ["urn:epc:id:sgtin:4054739.012345.1"]}
    assert world.code(OTHER, "Transformation", **name, **foreign) == "transformation_of_another"
    world.record(PLANT, "Transformation", **name, outputQuantityList=[quantity(DRINK, 4)])
    more = {"outputQuantityList": [quantity(DRINK, 2)]}
    assert world.code(PLANT, "Transformation", **name, **more) == "quantity_not_conserved"
    world.record(PLANT, "Transformation", **name, inputQuantityList=[quantity(MILK, 1)])
    world.record(PLANT, "Transformation", **name, **more)
    node = "transformation https://id.gs1.org/253/40123455555541234"
    assert world.view("origins", node, "", 10) == [BULK, MILK]
    assert world.view("origins", DRINK, "", 10) == [node, node]


def test_only_makers_of_a_product_make_it(world: World) -> None:
    world.ship(PLANT, vial(1))
    world.receive(DEPOT, vial(1))
    fields = {"inputEPCList": [vial(1)], "outputEPCList": [vial(11)]}
    assert world.code(DEPOT, "Transformation", **fields) == "not_permitted"
