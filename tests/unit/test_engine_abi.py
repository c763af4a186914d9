"""The interface that is derived from a source says all that clients need, in JSON's terms."""

import json
from pathlib import Path

import pytest
from api_support import check_schema
from programs import WORK, mutants

from contracts.engine.abi import deployed_abi, derive_abi
from contracts.engine.compiler import compile_contract, find_problems
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
    assert (abi["abi"], abi["language"]) == (1, 1)
    assert {"contract_error", "out_of_gas"} < set(abi["engine_errors"])
    assert abi["doc"] == "Keeps parcels.\n\nAnd knows their weight."
    assert abi["constants"] == {"LIMIT": 10, "SALT": {"bytes": "01"}}
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
        "emits": [],
        "invokes": [],
    }
    assert abi["methods"][2]["returns"] == "Parcel | None"


def test_a_source_that_is_no_contract_has_no_interface() -> None:
    with pytest.raises(Rejected):
        derive_abi("class A:\n    pass\n")


CALLING = """
TOKEN = "token"
Sold = Event(to=str)
Never = Event(to=str)

def pay(to: str, amount: int) -> None:
    require(amount > 0, "no_amount")
    invoke(TOKEN, "transfer", to, amount)
    Sold(to=to)

@call
def sell(to: str, shop: str) -> bool:
    require(invoke(shop, "is_open"), "closed")
    pay(to, 5)
    return True

@view
def price() -> int:
    return 5
"""


def test_what_a_method_reaches_through_others_is_told() -> None:
    sell, price = derive_abi(CALLING)["methods"]
    assert (sell["errors"], sell["emits"]) == (["closed", "no_amount"], ["Sold"])
    assert sell["invokes"] == [{"contract": None, "method": "is_open"}, {"contract": "token", "method": "transfer"}]
    assert (price["errors"], price["emits"], price["invokes"]) == ([], [], [])


def test_interfaces_follow_the_schema_and_the_compiler() -> None:
    """What is read without a check is what the checked source gives, and its codes are those that the compiler saw."""
    library = Path(__file__).parents[2] / "contracts" / "library"
    sources = [path.read_text() for path in sorted(library.glob("[!_]*.py"))] + [SOURCE, WORK, CALLING]
    sources += [source for number, (_, source) in enumerate(mutants()) if number % 10 == 0]
    accepted = [source for source in sources if not find_problems(source)]
    assert len(accepted) >= 8
    for source in accepted:
        abi = derive_abi(source)
        check_schema(abi, "Abi")
        assert deployed_abi(source) == abi
        codes = compile_contract(source).codes
        assert {method["name"]: method["errors"] for method in abi["methods"]} == {
            method["name"]: list(codes[method["name"]]) for method in abi["methods"]
        }


def test_counters_tell_their_first_number() -> None:
    source = "a = Counter()\nb = Counter((str, int), start=100)\n@view\ndef f() -> int:\n    return a.value\n"
    assert derive_abi(source)["storage"] == [
        {"name": "a", "kind": "counter", "value": "int", "start": 1},
        {"name": "b", "kind": "counter", "key": ["str", "int"], "value": "int", "start": 100},
    ]
