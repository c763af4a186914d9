"""The allow-list covers the grammar of the Python that runs, field by field, and fails closed on the unknown."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from engine_pythons import run_script
from fleet import borrow_packages
from interpreters import CURRENT, find_interpreters

from contracts.engine.compiler import compile_contract
from contracts.engine.errors import Rejected
from contracts.engine.limits import ELIF_MAX, LINE_TOKENS_MAX
from contracts.engine.prescan import prescan
from contracts.engine.rulebook import REFUSED_WORDS, RULES
from contracts.engine.rules import ALLOWED, REFUSED, parse

ROOT = Path(__file__).parents[2]
GATES = re.compile(r"(?<![\w.])(ast\.parse|compile|exec|eval|__import__|importlib\.\w+)\(")
GRAMMAR_SCRIPT = ROOT / "tests" / "adversarial" / "grammar_of.py"


@pytest.fixture(scope="module")
def grammars(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return how the table meets the grammar of each Python of this machine."""
    folder = tmp_path_factory.mktemp("packages")
    borrow_packages(folder)
    script = str(GRAMMAR_SCRIPT)
    return {version: run_script(path, folder, script) for version, path in find_interpreters().items()}


def test_every_node_and_field_of_every_grammar_has_a_rule(grammars: dict[str, Any]) -> None:
    assert CURRENT in grammars
    for version, found in grammars.items():
        assert found["nodes"] > 100 and ".".join(map(str, found["version"])) == version
        assert found["without a rule"] == [] and found["fields without a rule"] == [], version


def test_nothing_gets_through_that_the_table_does_not_allow(grammars: dict[str, Any]) -> None:
    """Each node class is planted, each field filled with what it may not hold, unknown nodes and fields are made up."""
    for version, found in grammars.items():
        assert found["let through"] == [], version


def test_the_table_is_the_only_gate() -> None:
    """Source becomes a tree in one place, a tree becomes code in one, and code runs in one."""
    found = {
        (path.name, call)
        for path in sorted((ROOT / "contracts" / "engine").glob("*.py"))
        for call in re.findall(
            r"(?<![\w.])(ast\.parse|compile|exec|eval|__import__|importlib\.\w+)\(", path.read_text()
        )
        if path.name != "manual.py"
    }
    assert found == {("rules.py", "ast.parse"), ("compiler.py", "compile"), ("binding.py", "exec")}


def test_no_node_is_both_allowed_and_refused() -> None:
    assert not ALLOWED.keys() & REFUSED.keys()


@pytest.mark.parametrize("name", ALLOWED)
def test_every_field_of_an_allowed_node_has_a_rule(name: str) -> None:
    fields = getattr(ast, name)._fields
    assert set(fields) <= ALLOWED[name].keys(), set(fields) - ALLOWED[name].keys()


def test_unknown_nodes_and_fields_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Novelty(ast.Pass):
        """A statement of some later Python."""

    module = ast.parse("@call\ndef f() -> None:\n    pass\n")
    function = module.body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body = [ast.copy_location(Novelty(), function)]
    monkeypatch.setattr(ast, "parse", lambda *_, **__: module)
    with pytest.raises(Rejected, match="not_in_language"):
        parse("")

    class Pass(ast.Pass):
        """A known statement with a field that nobody knows."""

        _fields = ("effect",)

    known = ast.copy_location(Pass(), function)
    known.effect = 1  # type: ignore[attr-defined]
    function.body = [known]
    with pytest.raises(Rejected, match="not_in_language"):
        parse("")


@pytest.mark.parametrize(
    ("source", "line", "column", "rule"),
    [
        ("@call\ndef f() -> None:\n    x = 1 / 2\n", 3, 11, "character"),
        ("@call\ndef f() -> None:\n    x = y\n", 3, 9, "unknown_name"),
        ("@call\ndef f() -> None:\n    try:\n        pass\n", 3, 5, "no_try"),
        ("A = 1\nA = 2\n", 2, 1, "name_taken"),
    ],
)
def test_rejections_name_the_place(source: str, line: int, column: int, rule: str) -> None:
    with pytest.raises(Rejected) as caught:
        compile_contract(source)
    assert (caught.value.line, caught.value.column, caught.value.rule) == (line, column, rule)
    assert str(caught.value) == f"line {line}, column {column}: {rule}: {caught.value.hint}"


@pytest.mark.parametrize(
    "source",
    [
        "",
        "\n\n# nothing\n",
        'X = "\u00e9\u4e2d \\u00e9 \\x41 \\\\ \\" \\n"  # \u00fcber\n',
        'X = f"{{literal}} {name} {items[0].count + 1}"\n',
        'X = (\n    "a"\n  "b"\n)\n',
        "X = 0xFF + 1_000_000\n",
        '"""a "quoted" text\nover lines"""\n',
        "if a:\n    b\nelif c:\n    d\nelse:\n    e\n" * 40,
        "if a:\n    pass\n" + "elif b:\n    pass\n" * ELIF_MAX,
        "x = [\n" + "1,\n" * (LINE_TOKENS_MAX // 2 - 3) + "]\n",
    ],
)
def test_prescan_lets_the_language_through(source: str) -> None:
    prescan(source)


def test_prescan_accepts_only_what_this_python_tokenises_alike() -> None:
    source = (
        'X = {"a": [1, 2], "b": b"x"}\n\n@view\ndef f(a: int) -> int:\n    return a**2 // 3 % 4 << 1 >> 1 & 1 | 2 ^ 3\n'
    )
    prescan(source)
    assert isinstance(ast.parse(source), ast.Module)


def test_every_rule_of_the_sources_code_is_in_the_rule_book() -> None:
    """The names that stand in calls of `refusal` and `refuse` are those of the rule book."""
    engine = Path(__file__).parents[2] / "contracts" / "engine"
    used = {f"no_{word}" for word in REFUSED_WORDS}
    for path in engine.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            used |= _rules_named(node)
    assert used == set(RULES)


def _rules_named(node: ast.AST) -> set[str]:
    """Return the rules that a call names: the first text among its arguments that is no hint, or a second text."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)):
        return set()
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
    if name not in ("refuse", "refusal", "rejection", "Rejected"):
        return set()
    texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
    words = {text for text in texts if isinstance(text, str) and re.fullmatch("[a-z_]+", text)}
    return words or ({"syntax"} if name == "refuse" else set())
