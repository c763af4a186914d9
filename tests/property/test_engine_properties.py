"""Properties of the contract engine against naive twins: parsing, arithmetic, storage, comparison, gas."""

import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain.encoding import encode
from chain.state_keys import encode_key
from contracts.engine.compiler import compile_contract
from contracts.engine.errors import Rejected
from contracts.engine.gas import CURRENT
from contracts.engine.guards_compare import equality
from contracts.engine.limits import INTEGER_MAX, INTEGER_MIN
from contracts.engine.run import Run
from contracts.engine.storage_values import integer_bytes
from contracts.engine.testkit import Harness

INT64 = st.integers(-(2**63), 2**63 - 1)

FRAGMENTS = st.sampled_from(
    [
        *"()[]{}:,.=+-*/%<>@#\"'\\\n \t;!~",
        *("    ", "\n    ", "\n\n", "**", "//", "->", "==", ":=", '"""', "f'{", "}'", 'f"', "b'"),
        *("@call\n", "@view\n", "@init\n", "def f() -> None:\n", "def g(a: int) -> int:\n", "return ", "if ", "else:"),
        *(
            "for x in ",
            "while True:",
            "pass",
            "break",
            "x = ",
            "x += ",
            "not ",
            "and ",
            "in ",
            "is None",
            "None",
            "True",
        ),
        *("Map(str, int)", "Var(int)", "Record(a=int)", "Event(a=int)", "ctx.sender", "require(True, 'a')", "range(3)"),
        *(
            "lambda",
            "class A:",
            "import os",
            "yield",
            "await x",
            "__class__",
            "_x",
            "x.a",
            "m[x]",
            "m.value",
            "1",
            "0x1f",
        ),
        *("1.5", "1e9", "1_0", "é", "\u202e", "\x00", "\ud800", "x", "m", "R", "E"),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(FRAGMENTS, max_size=40))
def test_any_text_compiles_or_is_rejected(fragments: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with suppress(Rejected):
            compile_contract("".join(fragments))


@settings(max_examples=400, deadline=None)
@given(st.lists(FRAGMENTS, min_size=1, max_size=12))
def test_any_method_body_compiles_or_is_rejected(fragments: list[str]) -> None:
    body = "".join(fragments).replace("\n", "\n    ")
    source = f"m = Map(str, int)\nR = Record(a=int)\n@call\ndef f(x: int) -> None:\n    {body}\n"
    ledger = Harness()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        deployed = ledger.deploy("c", source)
        assert deployed.code in (None, "contract_rejected")
        if deployed.code is None:
            outcome = ledger.call("a.b", "c", "f", 3, gas_limit=20_000)
            assert outcome.code in (None, "contract_error", "out_of_gas", "a")


class Overflow(Exception):
    """The twin's integer left the bounds, or was divided by zero."""


LEAVES = st.integers(-(2**70), 2**70).map(lambda n: (str(n) if n >= 0 else f"(-{-n})", n))


def _apply(operator: str, left: int, right: int) -> int:
    if operator in ("//", "%") and right == 0:
        raise Overflow
    if operator == "**" and (right < 0 or (right > 300 and abs(left) > 1)):
        raise Overflow
    results: dict[str, Callable[[], int]] = {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "//": lambda: left // right,
        "%": lambda: left % right,
        "**": lambda: left**right,
        "&": lambda: left & right,
        "|": lambda: left | right,
        "^": lambda: left ^ right,
    }
    result = results[operator]()
    if not INTEGER_MIN <= result <= INTEGER_MAX:
        raise Overflow
    return result


Tree = tuple[str, Any]


def _join(parts: tuple[Tree, str, Tree]) -> Tree:
    (left, one), operator, (right, other) = parts
    text = f"({left} {operator} {right})"
    if one is None or other is None:
        return text, None
    try:
        return text, _apply(operator, one, other)
    except Overflow:
        return text, None


OPERATORS = st.sampled_from(["+", "-", "*", "//", "%", "**", "&", "|", "^"])
NUMBERS: st.SearchStrategy[Tree] = st.recursive(
    LEAVES, lambda inner: st.tuples(inner, OPERATORS, inner).map(_join), max_leaves=5
)


@settings(max_examples=150, deadline=None)
@given(NUMBERS)
def test_arithmetic_is_exact_or_fails(tree: Tree) -> None:
    text, expected = tree
    lines = text.replace("(", "(\n        ")
    ledger = Harness()
    assert ledger.deploy("c", f"@view\ndef f() -> str:\n    return str(\n{lines})\n").code is None, ledger.failure
    outcome = ledger.view("c", "f")
    if expected is None:
        assert outcome.code == "contract_error"
    else:
        assert outcome.value == str(expected)


@given(INT64)
def test_integers_have_one_encoding(value: int) -> None:
    assert integer_bytes(value) == encode(value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"]) | st.binary(max_size=1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=8,
)


def _twin(value: Any) -> Any:
    """Return a form in which Python's equality knows types."""
    if isinstance(value, list):
        return ("list", [_twin(item) for item in value])
    if isinstance(value, dict):
        return ("dict", {key: _twin(item) for key, item in value.items()})
    return (type(value).__name__, value)


@given(VALUES, VALUES)
def test_equality_compares_types_too(left: Any, right: Any) -> None:
    run = Run(CURRENT)
    run.gas = 10**6
    equal = equality(run)
    assert equal(left, right) == (_twin(left) == _twin(right))
    assert equal(left, left)


KEYS = st.tuples(st.text(st.sampled_from("ab\x00\xff"), max_size=3), st.integers(-3, 3))
SCAN = """
m = Map((str, int), int)

@call
def put(key: str, number: int, value: int) -> None:
    m[key, number] = value

@call
def drop(key: str, number: int) -> None:
    del m[key, number]

@view
def all(limit: int, reverse: bool) -> list[str]:
    return [f"{a}/{b}={v}" for (a, b), v in m.items(limit=limit, reverse=reverse)]

@view
def some(prefix: str, limit: int, reverse: bool) -> list[int]:
    return [b for a, b in m.keys(prefix=prefix, limit=limit, reverse=reverse)]

@view
def between(low: str, low_number: int, high: str, high_number: int, limit: int, reverse: bool) -> list[int]:
    return m.values(start=(low, low_number), end=(high, high_number), limit=limit, reverse=reverse)

@view
def behind(key: str, number: int, limit: int, reverse: bool) -> list[int]:
    return m.values(after=(key, number), limit=limit, reverse=reverse)
""".replace("def all", "def everything")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(KEYS, st.integers(0, 9), max_size=40),
    st.lists(KEYS, max_size=5),
    KEYS,
    KEYS,
    st.integers(0, 45),
    st.booleans(),
)
def test_iteration_is_that_of_a_sorted_map(
    content: dict[tuple[str, int], int],
    dropped: list[tuple[str, int]],
    one: tuple[str, int],
    other: tuple[str, int],
    limit: int,
    reverse: bool,
) -> None:
    ledger = Harness()
    assert ledger.deploy("c", SCAN).code is None, ledger.failure
    for (key, number), value in content.items():
        assert ledger.call("a.b", "c", "put", key, number, value).code is None
    for key, number in dropped:
        assert ledger.call("a.b", "c", "drop", key, number).code is None
    left = {key: value for key, value in content.items() if key not in dropped}
    order = sorted(left, reverse=reverse)

    def view(method: str, *args: Any) -> Any:
        return ledger.view("c", method, *args, limit, reverse).value

    assert view("everything") == [f"{a}/{b}={left[a, b]}" for a, b in order][:limit]
    assert view("some", one[0]) == [b for a, b in order if a == one[0]][:limit]
    assert view("between", *one, *other) == [left[key] for key in order if one <= key < other][:limit]
    behind = [left[key] for key in order if (key < one if reverse else key > one)]
    assert view("behind", *one) == behind[:limit]
    assert [key for key, _ in ledger.state.items("c")] == sorted(encode_key(("m", *key)) for key in left)


WORK = """
m = Map(int, list[int], default=[])
E = Event(n=int)

@call
def f(n: int, text: str) -> int:
    total = 0
    for i in range(n):
        values = m[i % 3]
        values.append(len(text) + i)
        m[i % 3] = values
        if i % 2 == 0:
            total += sum(sorted(values))
        E(n=total)
    require(total < 900, "too_much")
    return total
"""


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 12), st.text(max_size=20), st.floats(0, 1))
def test_less_gas_is_out_of_gas_and_more_changes_nothing(n: int, text: str, share: float) -> None:
    def fresh() -> Harness:
        ledger = Harness()
        assert ledger.deploy("c", WORK).code is None, ledger.failure
        return ledger

    plenty = fresh().call("a.b", "c", "f", n, text)
    exact = fresh().call("a.b", "c", "f", n, text, gas_limit=plenty.gas_used)
    assert exact == plenty
    less = int(share * plenty.gas_used)
    if less < plenty.gas_used:
        ledger = fresh()
        short = ledger.call("a.b", "c", "f", n, text, gas_limit=less)
        assert (short.code, short.gas_used, short.value, short.events) == ("out_of_gas", less, None, ())
        assert ledger.state.items("c") == []


TOKEN = """
balances = Map(str, int, default=0)

@init
def setup(supply: int) -> None:
    balances[ctx.organisation] = supply

@call
def transfer(to: str, amount: int) -> None:
    require(amount > 0, "amount_not_positive")
    require(balances[ctx.organisation] >= amount, "insufficient_balance")
    balances[ctx.organisation] -= amount
    balances[to] += amount

@view
def total() -> int:
    return sum(balances.values(limit=1000))
"""


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd"), st.integers(-5, 60)), max_size=25))
def test_a_token_conserves_its_supply(moves: list[tuple[str, str, int]]) -> None:
    ledger = Harness()
    assert ledger.deploy("token", TOKEN, 100, sender="a.x").code is None
    twin = {"a": 100, "b": 0, "c": 0, "d": 0}
    for sender, to, amount in moves:
        outcome = ledger.call(f"{sender}.x", "token", "transfer", to, amount)
        if amount <= 0:
            assert outcome.code == "amount_not_positive"
        elif twin[sender] < amount:
            assert outcome.code == "insufficient_balance"
        else:
            assert outcome.code is None
            twin[sender] -= amount
            twin[to] += amount
    assert ledger.view("token", "total").value == 100 == sum(twin.values())


def test_the_twin_of_arithmetic_knows_overflow() -> None:
    with pytest.raises(Overflow):
        _apply("*", 2**200, 2**200)
