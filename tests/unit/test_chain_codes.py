"""Every code with which the ledger itself fails a call is declared in one place, and no contract may give it."""

import ast
from pathlib import Path

import pytest

from chain import codes
from contracts.engine.compiler import find_problems

CHAIN = Path(__file__).parents[2] / "chain"
FAILING = ("actions", "decisions", "execution", "governance")
"""Files that fail calls."""
DECLARED = {name: value for name, value in vars(codes).items() if name.isupper() and type(value) is str}


def text_in_place_of_a_code(tree: ast.AST) -> list[str]:
    """Return literal text where a code is given: first argument of an outcome, `code = ...`, or a returned refusal."""
    found: list[ast.AST] = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="_failed" | "CallOutcome"), args=[first, *_]):
                found.append(first)
            case ast.Assign(targets=[ast.Name(id="code")], value=value):
                found.append(value)
            case ast.FunctionDef(name=name, returns=returns) if name != "_deploy_subject" and _may_refuse(returns):
                found += [inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return) and inner.value]
    texts = [part for value in found for part in ast.walk(value) if isinstance(part, ast.Constant)]
    return [part.value for part in texts if type(part.value) is str]


def _may_refuse(returns: ast.expr | None) -> bool:
    """Tell whether a function returns a code or something else: `Proposal | str`, `str | None`."""
    return returns is not None and "str" in ast.unparse(returns).split(" | ") and "|" in ast.unparse(returns)


def test_the_set_has_every_declared_code() -> None:
    assert len(DECLARED) > 20
    assert set(DECLARED.values()) == codes.LEDGER_CODES
    assert all(name.lower() == value for name, value in DECLARED.items())


@pytest.mark.parametrize("name", FAILING)
def test_no_code_is_written_where_it_is_given(name: str) -> None:
    """So that a new one has to be declared, and is reserved by that."""
    source = (CHAIN / f"{name}.py").read_text(encoding="utf-8")
    assert [text for text in text_in_place_of_a_code(ast.parse(source)) if "version" not in text] == []
    planted = source + '\n\ndef _planted() -> CallOutcome:\n    return CallOutcome("some_code", None, (), 0)\n'
    assert "some_code" in text_in_place_of_a_code(ast.parse(planted))


def test_nothing_else_in_the_chain_fails_calls() -> None:
    making = {path.stem for path in CHAIN.glob("*.py") if "CallOutcome(" in path.read_text(encoding="utf-8")}
    assert making - {"runtime"} <= set(FAILING)


@pytest.mark.parametrize("code", sorted(codes.LEDGER_CODES))
def test_a_contract_may_not_give_a_code_of_the_ledger(code: str) -> None:
    source = f'@call\ndef f() -> None:\n    require(False, "{code}")\n'
    expected = ("require", f"{code} is a code of the ledger; choose another one")
    assert [(problem.rule, problem.hint) for problem in find_problems(source)] == [expected]
