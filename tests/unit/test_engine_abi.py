"""The interface that is derived from a source says all that clients need, in JSON's terms."""

import json

import pytest

from contracts.engine.abi import derive_abi
from contracts.engine.errors import Rejected

SOURCE = '''"""Keeps parcels.

    And knows their weight.
"""
LIMIT = 10
SALT = b"\\x01"
Parcel = Record(owner=str, weight=int, tags=list[str], note=Field(str | None, default=None))
parcels = Map((str, int), Parcel)
total = Var(int, default=0)
Moved = Event(parcel=str, parts=dict[str, int])

@init
def setup() -> None:
    total.value = 0

def check(weight: int) -> None:
    require(weight > 0, "no_weight")

@call
def add(parcel: Parcel, number: int) -> bool:
    """Add a parcel."""
    check(parcel.weight)
    require(parcel.weight <= LIMIT, "too_heavy")
    parcels[parcel.owner, number] = parcel
    return True

@view
def find(owner: str, number: int) -> Parcel | None:
    return parcels.get((owner, number))
'''


def test_the_interface_of_a_contract() -> None:
    abi = derive_abi(SOURCE)
    assert json.loads(json.dumps(abi)) == abi
    assert abi["language"] == 1
    assert abi["doc"] == "Keeps parcels.\n\nAnd knows their weight."
    assert abi["constants"] == {"LIMIT": 10, "SALT": {"hex": "01"}}
    assert abi["storage"] == [
        {"name": "parcels", "kind": "map", "key": ["str", "int"], "value": "Parcel"},
        {"name": "total", "kind": "var", "value": "int", "default": 0},
    ]
    assert abi["events"] == [
        {"name": "Moved", "fields": [{"name": "parcel", "type": "str"}, {"name": "parts", "type": "dict[str, int]"}]}
    ]
    assert abi["records"][0]["fields"][2:] == [
        {"name": "tags", "type": "list[str]", "since": 1},
        {"name": "note", "type": "str | None", "since": 1, "default": None},
    ]
    assert [(method["name"], method["kind"]) for method in abi["methods"]] == [
        ("setup", "init"),
        ("add", "call"),
        ("find", "view"),
    ]
    assert abi["methods"][1] == {
        "name": "add",
        "kind": "call",
        "doc": "Add a parcel.",
        "params": [{"name": "parcel", "type": "Parcel"}, {"name": "number", "type": "int"}],
        "returns": "bool",
        "errors": ["no_weight", "too_heavy"],
    }
    assert abi["methods"][2]["returns"] == "Parcel | None"


def test_a_source_that_is_no_contract_has_no_interface() -> None:
    with pytest.raises(Rejected):
        derive_abi("class A:\n    pass\n")
