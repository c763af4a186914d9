"""The vaccine story in examples/: every document gives what the story says, and the ledger knows what it should."""

import json
from pathlib import Path
from typing import Any

import pytest
from traceability_world import SOURCE, World

from gateway.epcis.capture import prepare
from gateway.epcis.identifiers import canonical_identifier, check_digit

FOLDER = Path(__file__).parents[2] / "examples" / "vaccine"
STORY: dict[str, Any] = json.loads((FOLDER / "story.json").read_text())
NAMED: dict[str, str] = STORY["identifiers"]


@pytest.fixture(scope="module")
def world() -> World:
    """Tell the whole story once."""
    world = World(registered=False)
    for step in STORY["steps"]:
        for event in prepare((FOLDER / step["file"]).read_bytes()):
            outcome = world.send(step["as"], event)
            assert (outcome.code or "ok") == step["expect"], (step["file"], event.summary, world.ledger.failure)
            if outcome.code is not None:
                break
    return world


def test_every_document_is_a_step() -> None:
    assert sorted(path.name for path in FOLDER.glob("*.jsonld")) == [step["file"] for step in STORY["steps"]]
    codes = {step["expect"] for step in STORY["steps"]} - {"ok"}
    assert codes == {"not_holder", "not_addressee", "item_out_of_range", "item_recalled"}
    assert all(f'"{code}"' in SOURCE for code in codes)


def test_identifiers_have_valid_check_digits() -> None:
    for identifier in NAMED.values():
        assert canonical_identifier(identifier) == identifier
        key = identifier.split("/")[4]
        assert key[-1] == check_digit(key[:-1])


def test_the_vial_in_the_clinic(world: World) -> None:
    passport = world.passport(NAMED["vial in the clinic"])
    assert (passport["holder"], passport["status"]) == ("cityclinic", "active")
    assert (passport["recalled"], passport["recalls_complete"], passport["out_of_range"]) == (True, True, False)
    journey = world.view("journey", NAMED["vial in the clinic"], 100)
    assert [(step["method"], step["organisation"]) for step in journey] == [
        ("transform", "brightvax"),
        ("pack", "brightvax"),
        ("pack", "brightvax"),
        ("ship", "brightvax"),
        ("ship", "northwind"),
        ("observe", "northwind"),
        ("observe", "northwind"),
        ("receive", "medidist"),
        ("unpack", "medidist"),
        ("unpack", "medidist"),
        ("ship", "medidist"),
        ("declare_error", "medidist"),
        ("ship", "medidist"),
        ("receive", "cityclinic"),
    ]


def test_the_other_vials(world: World) -> None:
    warm = world.passport(NAMED["vial that got too warm"])
    assert (warm["holder"], warm["out_of_range"], warm["recalled"]) == ("medidist", True, True)
    used = world.passport(NAMED["vial that was used"])
    assert (used["status"], used["recalled"]) == ("dispensed", True)


def test_the_recall_says_what_is_still_in_the_field(world: World) -> None:
    field = world.view("in_the_field", STORY["recall"], 0, 100)
    seen = sorted((entry["holder"], entry["status"]) for entry in field)
    assert seen == [("cityclinic", "active"), ("cityclinic", "dispensed")] + [("medidist", "active")] * 8


def test_the_bulk_lot_adds_up(world: World) -> None:
    found = world.view("lot_accounts", NAMED["lot of the bulk"], "", 10)
    accounts = {entry["account"]: entry["amount"] for entry in found}
    assert accounts == {":created": -7_500_000, ":consumed": 6_500_000, "brightvax": 1_000_000}
