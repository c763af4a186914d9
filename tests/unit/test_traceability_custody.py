"""Who may make, hold, ship, receive, see and destroy things; each broken attempt has its code and leaves no trace."""

import pytest
from traceability_world import (
    AUTHORITY,
    CARRIER,
    CARRIER_2,
    CLINIC,
    DEPOT,
    LOT,
    OTHER,
    PLANT,
    World,
    crate,
    quantity,
    vial,
    vial_id,
)


@pytest.fixture
def world() -> World:
    world = World()
    world.commission(PLANT, vial(1), vial(2), lot="L1")
    return world


def test_only_makers_commission(world: World) -> None:
    new = {"action": "ADD", "epcList": [vial(9)]}
    assert world.code(DEPOT, "Object", **new) == "not_permitted"
    assert world.code(CARRIER, "Object", **new) == "not_permitted"
    world.record(PLANT, "Object", **new)
    assert world.passport(vial_id(9))["holder"] == "brightvax"


def test_anybody_who_handles_goods_makes_logistic_units(world: World) -> None:
    world.record(CARRIER, "Object", action="ADD", epcList=[crate(1)])
    assert world.passport(crate(1))["product"] == ""
    assert world.code(AUTHORITY, "Object", action="ADD", epcList=[crate(2)]) == "not_permitted"


def test_a_serial_number_is_commissioned_once(world: World) -> None:
    assert world.code(PLANT, "Object", action="ADD", epcList=[vial(1)]) == "item_exists"
    link = "https://brightvax.example/gtin/4012345111118/ser/1"
    assert world.code(PLANT, "Object", action="ADD", epcList=[link]) == "item_exists"


def test_a_product_belongs_to_its_first_maker(world: World) -> None:
    assert world.code(OTHER, "Object", action="ADD", epcList=[vial(9)]) == "product_of_another"
    assert world.code(OTHER, "Object", action="ADD", quantityList=[quantity(LOT, 1)]) == "product_of_another"
    product = "https://id.gs1.org/01/04012345111118"
    assert world.call(OTHER, "license_product", product, "otherpharma", True).code == "not_owner"
    assert world.call(PLANT, "license_product", product, "otherpharma", True).code is None
    world.commission(OTHER, vial(9))
    assert world.call(PLANT, "license_product", product, "otherpharma", False).code is None
    assert world.code(OTHER, "Object", action="ADD", epcList=[vial(10)]) == "product_of_another"


def test_only_the_holder_ships(world: World) -> None:
    for stranger in (OTHER, DEPOT, CARRIER, AUTHORITY):
        assert world.code(stranger, "Object", **world.shipping(vial(1))) == "not_holder"
    assert world.code(PLANT, "Object", **world.shipping(vial(7))) == "item_unknown"
    assert world.code(PLANT, "Object", **world.shipping(vial(1), vial(7))) == "item_unknown"
    world.ship(PLANT, vial(1), to="medidist")
    assert world.code(PLANT, "Object", **world.shipping(vial(1))) == "item_in_transit"
    assert world.code(DEPOT, "Object", **world.shipping(vial(1))) == "not_holder"


def test_a_shipment_is_received_by_its_addressee(world: World) -> None:
    receiving = {"action": "OBSERVE", "bizStep": "receiving", "epcList": [vial(1)]}
    assert world.code(DEPOT, "Object", **receiving) == "not_in_transit"
    world.ship(PLANT, vial(1), to="medidist")
    assert world.passport(vial_id(1))["item"]["bound_for"] == "medidist"
    assert world.code(CLINIC, "Object", **receiving) == "not_addressee"
    assert world.code(PLANT, "Object", **receiving) == "not_addressee"
    world.receive(DEPOT, vial(1))
    assert world.passport(vial_id(1))["holder"] == "medidist"
    assert world.code(PLANT, "Object", **world.shipping(vial(1))) == "not_holder"


def test_without_a_known_addressee_any_organisation_receives(world: World) -> None:
    world.record(
        PLANT, "Object", **world.shipping(vial(1), destinationList=[{"type": "location", "destination": "geo:1,2"}])
    )
    assert world.passport(vial_id(1))["item"]["bound_for"] == ""
    world.receive(CLINIC, vial(1))
    assert world.passport(vial_id(1))["holder"] == "cityclinic"


def test_the_possessing_party_goes_before_the_owning_one(world: World) -> None:
    both = [
        {"type": "owning_party", "destination": "https://id.gs1.org/417/4023333000000"},
        {"type": "possessing_party", "destination": "urn:epc:id:pgln:4012345.00000"},
    ]
    world.record(PLANT, "Object", **world.shipping(vial(1), destinationList=both))
    assert world.passport(vial_id(1))["item"]["bound_for"] == "medidist"


def test_one_carrier_at_a_time_reports_on_a_shipment(world: World) -> None:
    def leg(step: str) -> dict[str, object]:
        return {"action": "OBSERVE", "bizStep": step, "epcList": [vial(1)]}

    assert world.code(CARRIER, "Object", **leg("loading")) == "not_holder"
    world.ship(PLANT, vial(1), to="medidist")
    assert world.code(OTHER, "Object", **leg("transporting")) == "not_holder"
    world.record(CARRIER, "Object", **leg("departing"))
    assert world.passport(vial_id(1))["item"]["carrier"] == "northwind"
    assert world.code(CARRIER_2, "Object", **leg("transporting")) == "carrier_of_another"
    world.record(CARRIER, "Object", **leg("arriving"))
    world.record(CARRIER_2, "Object", **leg("transporting"))
    assert world.passport(vial_id(1))["item"]["carrier"] == "southwind"
    world.record(PLANT, "Object", **leg("transporting"))
    world.record(DEPOT, "Object", **leg("transporting"))
    world.receive(DEPOT, vial(1))
    assert world.passport(vial_id(1))["item"]["carrier"] == ""
    assert world.code(CARRIER_2, "Object", **leg("transporting")) == "not_holder"


def test_strangers_see_nothing_and_inspectors_everything(world: World) -> None:
    look = {"action": "OBSERVE", "bizStep": "inspecting", "epcList": [vial(1)]}
    assert world.code(CLINIC, "Object", **look) == "not_holder"
    world.record(AUTHORITY, "Object", **look)
    world.record(PLANT, "Object", **look)


def test_what_is_destroyed_is_never_seen_again(world: World) -> None:
    assert world.code(DEPOT, "Object", action="DELETE", epcList=[vial(1)]) == "not_holder"
    world.record(PLANT, "Object", action="DELETE", bizStep="destroying", epcList=[vial(1)])
    for fields in (
        {"action": "OBSERVE", "epcList": [vial(1)]},
        {"action": "DELETE", "epcList": [vial(1)]},
        world.shipping(vial(1)),
    ):
        assert world.code(PLANT, "Object", **fields) == "item_destroyed"
    assert world.code(AUTHORITY, "Object", action="OBSERVE", epcList=[vial(1)]) == "item_destroyed"
    assert world.code(PLANT, "Object", action="ADD", epcList=[vial(1)]) == "item_exists"
    assert world.passport(vial_id(1))["status"] == "destroyed"


def test_what_is_dispensed_is_gone_too(world: World) -> None:
    world.ship(PLANT, vial(1), to="cityclinic")
    world.receive(CLINIC, vial(1))
    world.record(CLINIC, "Object", action="DELETE", bizStep="dispensing", epcList=[vial(1)])
    assert world.passport(vial_id(1))["status"] == "dispensed"
    assert world.code(CLINIC, "Object", action="OBSERVE", epcList=[vial(1)]) == "item_dispensed"


def test_quantities_move_between_accounts(world: World) -> None:
    world.produce(PLANT, quantity(LOT, 10))
    too_much = world.shipping(to="medidist", quantityList=[quantity(LOT, 10.5)])
    assert world.code(PLANT, "Object", **too_much) == "insufficient_quantity"
    assert world.code(DEPOT, "Object", **world.shipping(quantityList=[quantity(LOT, 1)])) == "insufficient_quantity"
    assert world.code(PLANT, "Object", **world.shipping(quantityList=[quantity(LOT, 1, "LTR")])) == "unit_mismatch"
    assert world.code(PLANT, "Object", **world.shipping(quantityList=[{"epcClass": LOT}])) == "quantity_missing"
    assert world.code(PLANT, "Object", **world.shipping(quantityList=[quantity(LOT, 0)])) == "quantity_not_positive"
    unknown = world.shipping(quantityList=[quantity("https://id.gs1.org/01/04012345111118/10/NO", 1)])
    assert world.code(PLANT, "Object", **unknown) == "lot_unknown"
    world.ship(PLANT, to="medidist", quantityList=[quantity(LOT, 6.5)])
    world.ship(PLANT, quantityList=[quantity(LOT, 2)])
    receiving = {"action": "OBSERVE", "bizStep": "receiving"}
    assert world.code(CLINIC, "Object", **receiving, quantityList=[quantity(LOT, 3)]) == "insufficient_quantity"
    world.record(DEPOT, "Object", **receiving, quantityList=[quantity(LOT, 7)])
    world.record(DEPOT, "Object", action="DELETE", bizStep="destroying", quantityList=[quantity(LOT, 4)])
    accounts = {entry["account"]: entry["amount"] for entry in world.view("lot_accounts", LOT, "", 100)}
    assert accounts == {
        ":created": -10_000_000,
        ":destroyed": 4_000_000,
        ">": 1_500_000,
        ">medidist": 0,
        "brightvax": 1_500_000,
        "medidist": 3_000_000,
    }


def test_an_equal_hash_is_a_resend(world: World) -> None:
    event = world.prepared("Object", **world.shipping(vial(1), to="medidist"))
    first = world.send(PLANT, event)
    before = world.state()
    again = world.send(PLANT, event)
    assert (again.code, again.value) == (None, first.value)
    assert world.state() == before
    assert again.events == ()
    assert world.refused(DEPOT, event) == "event_of_another"


def test_parties_are_registered_by_themselves(world: World) -> None:
    gln = "https://id.gs1.org/417/4012345777774"
    assert world.call(OTHER, "register_party", gln, "cityclinic").code == "party_not_own"
    assert world.call(OTHER, "register_party", "medidist", "otherpharma").code == "bad_identifier"
    assert world.call(OTHER, "register_party", gln, "otherpharma").code is None
    assert world.call(OTHER, "register_party", gln, "otherpharma").code is None
    assert world.call(CLINIC, "register_party", gln, "cityclinic").code == "party_taken"
    assert world.call(AUTHORITY, "register_party", gln, "cityclinic").code is None
    assert world.view("organisation_of", gln) == "cityclinic"


def test_business_documents_name_the_goods_under_them(world: World) -> None:
    order = [{"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:4012345000009:PO-7"}]
    assert world.code(CLINIC, "Transaction", action="ADD", epcList=[vial(1)], bizTransactionList=order) == "not_holder"
    event = world.record(PLANT, "Transaction", action="ADD", epcList=[vial(1)], bizTransactionList=order)
    found = world.view("traded_under", "urn:epcglobal:cbv:bt:4012345000009:PO-7", "", 10)
    assert [(entry["event"], entry["organisation"]) for entry in found] == [(event, "brightvax")]


def test_devices_are_attached_to_one_thing_at_a_time(world: World) -> None:
    sensor = "urn:epc:id:giai:4012345.SENSOR1"
    world.record(PLANT, "Object", action="ADD", epcList=[sensor, crate(1), crate(2)])
    first = {"action": "ADD", "parentID": crate(1), "childEPCs": [sensor]}
    assert world.code(DEPOT, "Association", **first) == "not_holder"
    assert world.code(PLANT, "Association", **{**first, "parentID": sensor}) == "attached_to_itself"
    assert world.code(PLANT, "Association", **{**first, "parentID": crate(3)}) == "item_unknown"
    world.record(PLANT, "Association", **first)
    assert world.code(PLANT, "Association", **{**first, "parentID": crate(2)}) == "already_attached"
    assert world.code(PLANT, "Association", action="DELETE", parentID=crate(2), childEPCs=[sensor]) == "not_attached"
    world.record(PLANT, "Association", action="OBSERVE", parentID=crate(1), childEPCs=[sensor])
    world.record(PLANT, "Association", action="DELETE", parentID=crate(1))
    world.record(PLANT, "Association", **{**first, "parentID": "https://id.gs1.org/414/4012345000016"})
