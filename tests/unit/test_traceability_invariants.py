"""Whatever parties try, in whatever order: nothing is in two places, and every lot adds up."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from traceability_world import (
    BULK,
    CARRIER,
    CLINIC,
    DEPOT,
    PLANT,
    ROLES,
    World,
    crate,
    declaration,
    quantity,
    vial,
    vial_id,
)

from gateway.epcis.capture import PreparedEvent

PARTIES = st.sampled_from([PLANT, DEPOT, CLINIC, CARRIER])
VIALS = st.integers(0, 3)
CRATES = st.integers(1, 3)
AMOUNTS = st.sampled_from([0.5, 1, 2])
ACTIONS = st.one_of(
    st.tuples(st.just("ship"), PARTIES, VIALS, st.sampled_from(["", "medidist", "cityclinic"])),
    st.tuples(st.just("ship_crate"), PARTIES, CRATES, st.sampled_from(["", "medidist", "cityclinic"])),
    st.tuples(st.just("ship_bulk"), PARTIES, AMOUNTS, st.sampled_from(["", "medidist"])),
    st.tuples(st.just("receive"), PARTIES, VIALS, CRATES),
    st.tuples(st.just("receive_crate"), PARTIES, VIALS, CRATES),
    st.tuples(st.just("receive_bulk"), PARTIES, AMOUNTS, VIALS),
    st.tuples(st.just("pack"), PARTIES, VIALS, CRATES),
    st.tuples(st.just("pack_crate"), PARTIES, CRATES, CRATES),
    st.tuples(st.just("pack_bulk"), PARTIES, AMOUNTS, CRATES),
    st.tuples(st.just("unpack"), PARTIES, VIALS, CRATES),
    st.tuples(st.just("destroy"), PARTIES, VIALS, VIALS),
    st.tuples(st.just("declare"), PARTIES, st.integers(0, 5), VIALS),
)


def _event(world: World, action: str, first: Any, second: Any) -> PreparedEvent:
    if action == "ship":
        return world.prepared("Object", **world.shipping(vial(first), to=second))
    if action == "ship_crate":
        return world.prepared("Object", **world.shipping(crate(first), to=second))
    if action == "ship_bulk":
        return world.prepared("Object", **world.shipping(to=second, quantityList=[quantity(BULK, first)]))
    if action.startswith("receive"):
        goods: dict[str, Any] = {"epcList": [crate(second) if action == "receive_crate" else vial(first)]}
        if action == "receive_bulk":
            goods = {"quantityList": [quantity(BULK, first)]}
        return world.prepared("Object", action="OBSERVE", bizStep="receiving", **goods)
    if action == "destroy":
        return world.prepared("Object", action="DELETE", epcList=[vial(first)])
    if action == "unpack":
        return world.prepared("Aggregation", action="DELETE", parentID=crate(second))
    if action == "pack_bulk":
        inside = {"childQuantityList": [quantity(BULK, first)]}
        return world.prepared("Aggregation", action="ADD", parentID=crate(second), **inside)
    child = crate(first) if action == "pack_crate" else vial(first)
    return world.prepared("Aggregation", action="ADD", parentID=crate(second), childEPCs=[child])


def _check(world: World) -> None:
    accounts = {entry["account"]: entry["amount"] for entry in world.view("lot_accounts", BULK, "", 100)}
    assert sum(accounts.values()) == 0
    assert all(amount >= 0 for account, amount in accounts.items() if account != ":created")
    boxes = {crate(number): world.view("contents", crate(number), "", 100) for number in (1, 2, 3)}
    for name in [vial_id(number) for number in range(4)] + list(boxes):
        found = [box for box, content in boxes.items() if name in content]
        outcome = world.ledger.view("traceability", "passport", name)
        if outcome.code is None:
            container = outcome.value["container"]
            assert found == ([container] if container else [])
            assert outcome.value["holder"] in {who.split(".")[0] for who in ROLES} | {""}
    for box, content in boxes.items():
        assert (BULK in content) == (accounts.get(box, 0) > 0)


@settings(max_examples=40, deadline=None)
@given(st.lists(ACTIONS, min_size=5, max_size=25))
def test_any_order_of_events_keeps_the_books(actions: list[tuple[str, str, Any, Any]]) -> None:
    world = World()
    world.commission(PLANT, *[vial(number) for number in range(4)], lot="L1")
    world.produce(PLANT, quantity(BULK, 5))
    world.record(PLANT, "Object", action="ADD", epcList=[crate(1), crate(2), crate(3)])
    recorded: list[PreparedEvent] = []
    for action, who, first, second in actions:
        if action == "declare":
            if len(recorded) <= first:
                continue
            event = declaration(recorded[-1 - first])
        else:
            event = _event(world, action, first, second)
        before = world.state()
        outcome = world.send(who, event)
        if outcome.code is not None:
            assert outcome.code not in ("contract_error", "out_of_gas", "invalid_arguments"), world.ledger.failure
            assert world.state() == before
        elif action != "declare":
            recorded.append(event)
        _check(world)
