"""Comparisons without a guard: only between what is an integer for certain, and with the outcome that a guard gives."""

import ast
from collections.abc import Mapping
from typing import Any

import pytest

from contracts.engine.compiler import FILE_NAME, Draft, Instruments, compile_contract
from contracts.engine.testkit import Harness

HEAD = """
counts = Map(str, int, default=0)
names = Map(str, str, default="")
total = Var(int, default=0)
LIMIT = 7
LABEL = "x"

def helper(x: int) -> int:
    return x + 1

def word(x: int) -> str:
    return "w"

@call
def run(a: int, b: int, text: str, values: list[int], maybe: int | None) -> bool:
"""

CERTAIN = (
    ["return a < b"],
    ["return a + 1 >= -b"],
    ["return counts[text] == 0"],
    ["return total.value != LIMIT"],
    ["return ctx.height > ctx.time"],
    ["return len(values) <= helper(a)"],
    ["n = a", "n += 2", "return n < 5"],
    ["n: int = values[0]", "return n < 5"],
    ["for i in range(3):", "    a = i", "return a < 5"],
    ["return (a if text == text else b) < LIMIT"],
)
UNCERTAIN = (
    ["return text == LABEL"],
    ["return values[0] < 3"],
    ["return names[text] == text"],
    ["return maybe == 1"],
    ["return counts.get(text) == 0"],
    ["return word(1) == text"],
    ["a = text", "return a == b"],
    ["n = 1", "for n in values:", "    pass", "return n == a"],
    ["n, m = 1, text", "return n == a"],
    ["n = a", "if a == a + 0 and text == LABEL:", "    n = values[0]", "return n == a and text == LABEL"],
    ["a *= text", "return a == b"],
    ["return (a if text == LABEL else text) == b"],
    ["return [n for n in values if n == a] == values"],
    # What each name holds depends on the one before, and the first is text.
    ["e = d", "d = c", "c = n", "n = m", "m = k", "k = text", "return e == a"],
)


def plain_comparisons(lines: list[str]) -> int:
    """Return how many comparisons by size the compiler leaves to Python, apart from those of gas."""
    found = 0

    def count(draft: Draft) -> Mapping[str, Any]:
        nonlocal found
        for node in ast.walk(draft.tree):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.Lt | ast.LtE):
                found += not isinstance(node.left, ast.Attribute) or node.left.attr != "gas"
            elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Gt | ast.GtE):
                found += 1
        return {}

    body = "".join(f"    {line}\n" for line in lines)
    compile_contract(HEAD + body, instruments=Instruments(FILE_NAME, count))
    return found


@pytest.mark.parametrize("lines", CERTAIN)
def test_integers_are_compared_without_a_guard(lines: list[str]) -> None:
    assert plain_comparisons(lines) == 1


@pytest.mark.parametrize("lines", UNCERTAIN)
def test_what_may_be_something_else_is_guarded(lines: list[str]) -> None:
    assert plain_comparisons(lines) == "".join(lines).count("a == a + 0")


def test_parameters_that_stay_as_they_are_count_however_tangled_the_rest_is() -> None:
    tangled = UNCERTAIN[-1][:-1]
    assert plain_comparisons([*tangled, "return a < b"]) == 1


def test_a_name_of_a_comprehension_hides_an_integer() -> None:
    lines = ["n = 1", "found = [n == m for m in values]", "return n == a and len(found) > 0"]
    assert plain_comparisons(lines) == 2


def test_a_name_without_a_value_fails_the_call_as_it_did() -> None:
    ledger = Harness()
    body = "    if text == LABEL:\n        n = 1\n    return n < a\n"
    ledger.deploy("c", HEAD + body)
    outcome = ledger.call("a.b", "c", "run", 1, 2, "y", [1], None)
    assert outcome.code == "contract_error"
    assert ledger.call("a.b", "c", "run", 2, 2, "x", [1], None).value is True


def test_require_tells_true_from_false() -> None:
    ledger = Harness()
    ledger.deploy("c", HEAD + '    require(a < b, "too_large")\n    return True\n')
    assert ledger.call("a.b", "c", "run", 1, 2, "", [], None).value is True
    assert ledger.call("a.b", "c", "run", 2, 2, "", [], None).code == "too_large"
