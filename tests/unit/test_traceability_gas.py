"""The gateway's gas estimates: always enough, and not out of proportion."""

from typing import Any

import pytest
from traceability_world import (
    AUTHORITY,
    CARRIER,
    DEPOT,
    LOT,
    PLANT,
    VIAL_RANGE,
    World,
    crate,
    declaration,
    quantity,
    vial,
)

from gateway.epcis.errors import EpcisError

DATA = {"cbvmda:lotNumber": "L1", "tally:storageRange": VIAL_RANGE}
PLACE = "https://id.gs1.org/414/4012345000016"
READINGS = [{"sensorReport": [{"type": "Temperature", "value": 5, "uom": "CEL"}] * 3}]


def _lots(letter: str, count: int) -> list[dict[str, Any]]:
    return [quantity(f"https://id.gs1.org/01/04012345222227/10/{letter}{number}", 2) for number in range(count)]


def _events(world: World, count: int) -> list[tuple[str, str, dict[str, Any]]]:
    """Return a story in which every method is called with a number of things or quantities."""
    vials, others, made = ([vial(base + number) for number in range(count)] for base in (0, 1000, 2000))
    order = [{"type": "po", "bizTransaction": "urn:x:1"}]
    look = {"action": "OBSERVE"}
    recalled = {"persistentDisposition": {"set": ["recalled"]}}
    into, out = {"action": "ADD", "parentID": crate(1)}, {"action": "DELETE", "parentID": crate(1)}
    return [
        (PLANT, "Object", {"action": "ADD", "epcList": vials, "ilmd": DATA}),
        (PLANT, "Object", {"action": "ADD", "epcList": others}),
        (PLANT, "Object", {**look, "epcList": vials, "sensorElementList": READINGS}),
        (PLANT, "Aggregation", {**into, "childEPCs": vials}),
        (PLANT, "Object", {**look, "epcList": vials}),
        (PLANT, "Aggregation", {**look, "parentID": crate(1), "childEPCs": vials}),
        (PLANT, "Aggregation", {**out, "childEPCs": vials}),
        (PLANT, "Aggregation", {**into, "childEPCs": vials}),
        (PLANT, "Aggregation", out),
        (PLANT, "Transaction", {"action": "ADD", "epcList": vials, "bizTransactionList": order}),
        (PLANT, "Association", {**into, "childEPCs": others}),
        (PLANT, "Association", out),
        (PLANT, "Object", world.shipping(*vials, to="medidist")),
        (CARRIER, "Object", {**look, "bizStep": "departing", "epcList": vials}),
        (DEPOT, "Object", {**look, "bizStep": "receiving", "epcList": vials}),
        (DEPOT, "Object", {**look, "bizStep": "dispensing", "epcList": vials}),
        (DEPOT, "Object", {"action": "DELETE", "bizStep": "dispensing", "epcList": vials}),
        (PLANT, "Object", {"action": "ADD", "quantityList": _lots("A", count)}),
        (PLANT, "Aggregation", {**into, "childQuantityList": _lots("A", count)}),
        (PLANT, "Aggregation", {**out, "childQuantityList": _lots("A", count)}),
        (PLANT, "Transformation", {"inputQuantityList": _lots("A", count), "outputQuantityList": _lots("B", count)}),
        (PLANT, "Object", world.shipping(to="medidist", quantityList=_lots("B", count))),
        (DEPOT, "Object", {**look, "bizStep": "receiving", "quantityList": _lots("B", count)}),
        (DEPOT, "Object", {**look, "quantityList": _lots("B", count)}),
        (PLANT, "Transformation", {"inputEPCList": others, "outputEPCList": made, "ilmd": DATA}),
        (PLANT, "Object", {**look, "epcList": made, **recalled}),
        (
            AUTHORITY,
            "Object",
            {**look, "quantityList": [{"epcClass": LOT}], "persistentDisposition": {"set": ["recalled"]}},
        ),
        (PLANT, "Object", {**look, "epcList": made, "persistentDisposition": {"unset": ["recalled"]}}),
    ]


@pytest.mark.parametrize("count", [1, 20, 150])
@pytest.mark.parametrize("place", [{}, {"readPoint": {"id": PLACE + "/254/" + "x" * 20}}])
def test_estimates_are_enough_and_not_far_off(count: int, place: dict[str, Any]) -> None:
    world = World()
    for who, kind, fields in _events(world, count):
        event = world.prepared(kind, **{**place, **fields})
        outcome = world.call(who, event.method, *event.args)
        assert outcome.code is None, (event.method, world.ledger.failure)
        assert outcome.gas_used < event.gas_limit, (event.method, count)
        names_everything = not (event.method in ("unpack", "dissociate") and not any(event.args[2:]))
        if names_everything and not event.args[0]["recall"]:
            assert outcome.gas_used > event.gas_limit // 5, (event.method, count)


@pytest.mark.parametrize("count", [1, 150])
def test_errors_have_the_gas_to_put_everything_back(count: int) -> None:
    world = World()
    vials = [vial(number) for number in range(count)]
    world.commission(PLANT, *vials, lot="L1", ilmd={"tally:storageRange": VIAL_RANGE})
    world.produce(PLANT, *_lots("A", count))
    fields = {"action": "ADD", "parentID": crate(1)}
    for event in (
        world.prepared("Aggregation", **fields, childEPCs=vials, childQuantityList=_lots("A", count)),
        world.prepared("Transformation", inputQuantityList=_lots("A", count), outputQuantityList=_lots("B", count)),
        world.prepared("Object", **world.shipping(*vials, quantityList=_lots("A", count))),
    ):
        assert world.send(PLANT, event).code is None, world.ledger.failure
        declared = declaration(event)
        outcome = world.send(PLANT, declared)
        assert outcome.code is None, world.ledger.failure
        assert outcome.gas_used > declared.gas_limit // 20


def test_events_that_no_transaction_can_carry_are_refused() -> None:
    world = World()
    many = [{"sensorReport": [{"type": "Temperature", "value": 5, "uom": "CEL"}] * 300}]
    with pytest.raises(EpcisError) as caught:
        world.prepared("Object", action="OBSERVE", epcList=[vial(n) for n in range(300)], sensorElementList=many)
    assert caught.value.code == "event_too_large"
    with pytest.raises(EpcisError) as caught:
        world.prepared("Object", action="OBSERVE", epcList=[vial(n) for n in range(1500)])
    assert caught.value.code == "event_too_large"


def test_long_identifiers_are_paid_for() -> None:
    world = World()
    items = [f"urn:private:{'x' * 150}:{number:020}" for number in range(60)]
    for fields in ({"action": "ADD"}, {"action": "OBSERVE"}, {"action": "OBSERVE", "bizStep": "shipping"}):
        event = world.prepared("Object", epcList=items, **fields)
        assert world.send(PLANT, event).code is None, world.ledger.failure
