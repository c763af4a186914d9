"""The page about traceability names every code, method and view there is, and nothing that is not."""

import ast
import re
from pathlib import Path

from traceability_world import SOURCE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scenarios" / "traceability.md").read_text()
NAMED = set(re.findall(r"`([a-z_]+)(?:\([^`]*\))?`", PAGE))


def _contract_codes() -> set[str]:
    calls = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.Call)]
    found = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "require"]
    return {str(call.args[1].value) for call in found if isinstance(call.args[1], ast.Constant)}


def _gateway_codes() -> set[str]:
    codes: set[str] = set()
    for path in (ROOT / "gateway" / "epcis").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "EpcisError":
                assert isinstance(node.args[0], ast.Constant)
                codes.add(str(node.args[0].value))
    return codes


def _methods() -> set[str]:
    functions = [node for node in ast.parse(SOURCE).body if isinstance(node, ast.FunctionDef)]
    return {function.name for function in functions if function.decorator_list}


def test_every_code_is_explained() -> None:
    assert _contract_codes() - NAMED == set()
    assert _gateway_codes() - NAMED == set()


def test_every_method_is_named() -> None:
    assert _methods() - NAMED == set()


def test_the_tables_of_codes_hold_nothing_else() -> None:
    tables = PAGE.split("## Codes of refusal")[1].split("## Limits")[0]
    rows = [line.split("|")[1] for line in tables.splitlines() if line.startswith("| `")]
    listed = {code for row in rows for code in re.findall(r"`([a-z_]+)`", row)}
    assert listed == _contract_codes() | _gateway_codes()
