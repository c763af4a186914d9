"""Types of contracts: the stubs know the whole language, translations keep statements in their places, mypy agrees."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from corpus import deployed_sources
from programs import WORK, mutants

from cli.contract_new import TEMPLATES, project
from contracts.engine.builtins import BUILTIN_CALLS, CONTEXT, SPECIAL_CALLS, TYPE_NAMES
from contracts.engine.compiler import find_problems
from contracts.engine.declarations import BUILTINS
from contracts.engine.methods import HANDLE_METHODS, METHODS
from contracts.engine.storage_code import PAGE_OPTIONS, SCAN_OPTIONS
from tallystick.contract_types.checking import STUB, NoTypeChecker, type_problems
from tallystick.contract_types.mypy_plugin import looks_like_contract, mypy_text
from tallystick.contract_types.stubs import language_stub
from tallystick.contract_types.translation import translate

ROOT = Path(__file__).parents[2]
SAMPLES = [*sorted((ROOT / "contracts" / "library").glob("[!_]*.py")), ROOT / "benchmarks" / "transfer.py"]
TREE = ast.parse(STUB.read_text())

WRONG = '''"""Wrong in many places."""

Item = Record(holder=str, count=Field(int, default=1))
items = Map((str, int), Item)
names = Map(str, str)
numbers = Counter(str)
owner = Var(str)
Moved = Event(item=str, count=int)


@call
def move(to: str, number: int) -> int:
    item = items.get((to, number))
    owner.value = 5
    names[to] = number
    names[3] = "x"
    require(len(to), "empty")
    require(
        number > 0
        and item is not None,
        "unknown",
    )
    items[to, number] = item.replace(count="x")
    other = items[to]
    Moved(item=to, count=to)
    require(numbers.next(5) > 0 and owner.value, "x_y")  # \u00e4
    return to + 1


@view
def first(key: str) -> Item | None:
    for (name, number), item in items.items(prefix=3, limit=10):
        return item.count
    return None
'''
BODY = "def f(n: int) -> int:\n    return n\n"
LISTS = """@view
def f(m: dict[str, int], nested: dict[str, dict[str, int]]) -> list[str]:
    require(m.keys() == [], "some")
    amounts = m.values()
    amounts.append(1)
    texts = [
        key * value
        for key, value in m
        .items()
    ]
    text = f"{m.keys()}"
    nested.values()[0].items()
    return m.keys()[1:] + nested["a"].keys() + texts + [text, str(len(3))]
"""
"""Methods of maps give lists."""
BEGINNINGS = (
    "@call\n",
    "def helper() -> int:\n    return 1\n\n\n@call\n",
    "R = Record(a=int)\n\n\n@call\n",
    "\n@call\n",
    "# Why.\n@call\n",
    "A = 1\n@call\n",
)
"""What may stand on the first line, where a translation puts its imports."""
EXPECTED = {
    (14, 19): 'type-assignment: Incompatible types in assignment (expression has type "int", variable has type "str")',
    (15, 17): 'type-assignment: Incompatible types in assignment (expression has type "int", target has type "str")',
    (16, 11): 'type-index: Invalid index type "int" for "Map[str, str]"; expected type "str"',
    (17, 13): 'type-arg-type: Argument 1 to "require" has incompatible type "int"; expected "bool"',
    (23, 44): 'type-arg-type: Argument "count" to "Item.replace" has incompatible type "str"; expected "int"',
    (24, 19): 'type-index: Invalid index type "str" for "Map[(str, int), Item]"; expected type "tuple[str, int]"',
    (25, 26): 'type-arg-type: Argument "count" to "Moved" has incompatible type "str"; expected "int"',
    (26, 26): 'type-arg-type: Argument 1 to "next" of "Counter" has incompatible type "int"; expected "str"',
    (26, 37): 'type-arg-type: Argument 1 to "require" has incompatible type "str"; expected "bool"',
    (27, 17): 'type-operator: Unsupported operand types for + ("str" and "int")',
    (32, 52): 'type-arg-type: Argument "prefix" to "items" of "Map" has incompatible type "int"; '
    'expected "str | tuple[str] | tuple[str, int]"',
    (33, 16): 'type-return-value: Incompatible return value type (got "int", expected "Item | None")',
}


def declared(name: str) -> ast.ClassDef:
    return next(node for node in TREE.body if isinstance(node, ast.ClassDef) and node.name == name)


def methods(name: str) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in declared(name).body if isinstance(node, ast.FunctionDef)}


def test_the_stubs_are_what_the_tables_make() -> None:
    """If not: python -m tallystick.contract_types.stubs > tallystick/contract_types/language.pyi"""
    assert STUB.read_text() == language_stub()


def test_the_stubs_name_everything_that_the_language_has_and_nothing_else() -> None:
    names = set()
    for node in TREE.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    assert {name for name in names if not name.startswith("_")} == BUILTINS - TYPE_NAMES
    assert (BUILTIN_CALLS.keys() | SPECIAL_CALLS.keys()) - TYPE_NAMES < names
    assert methods("_Context").keys() == CONTEXT.keys()


def test_the_stubs_know_the_methods_of_storage() -> None:
    storage = methods("_Storage")
    for name in ("keys", "values", "items"):
        assert {argument.arg for argument in storage[name].args.kwonlyargs} == set(SCAN_OPTIONS)
    assert {argument.arg for argument in storage["page"].args.kwonlyargs} == set(PAGE_OPTIONS)
    assert {name for name in storage if not name.startswith("_")} == HANDLE_METHODS["Map"].keys()
    assert {name for name in methods("Counter") if not name.startswith("_")} == HANDLE_METHODS["Counter"].keys()


def test_methods_of_values_are_pythons() -> None:
    kinds = {"str": str, "bytes": bytes, "list": list, "dict": dict}
    assert METHODS.keys() == kinds.keys()
    for kind, known in METHODS.items():
        assert all(hasattr(kinds[kind], name) for name in known), kind


def test_mypy_passes_the_contracts_that_ship_and_flags_a_wrong_one() -> None:
    """One run of mypy over all, because it takes longer to start than to check."""
    sources = {path.name: path.read_text() for path in SAMPLES} | {"wrong.py": WRONG, "work.py": WORK, "lists": LISTS}
    sources |= {template: project("goods", template)["goods.py"] for template in TEMPLATES}
    sources |= {f"begins with {first!r}": first + BODY for first in BEGINNINGS}
    found = type_problems(sources)
    assert {
        (problem.line, problem.column): f"{problem.rule}: {problem.hint}" for problem in found.pop("wrong.py")
    } == EXPECTED
    (of_lists,) = found.pop("lists")
    assert (of_lists.line, of_lists.column, of_lists.rule) == (13, 71, "type-arg-type"), of_lists
    assert {name: [str(problem) for problem in problems] for name, problems in found.items() if problems} == {}


def programs() -> list[str]:
    found = [SAMPLES[-1].read_text(), *(project("goods", template)["goods.py"] for template in TEMPLATES), WRONG, WORK]
    found += deployed_sources()[::4]
    found += [source for number, (_, source) in enumerate(mutants()) if number % 12 == 0]
    return [source for source in found if not find_problems(source)]


def test_a_translation_keeps_every_statement_in_its_place() -> None:
    checked = programs()
    assert len(checked) > 20
    for source in checked:
        ours, theirs = ast.parse(source), ast.parse(translate(source).text)
        functions = {node.name: node for node in theirs.body if isinstance(node, ast.FunctionDef)}
        for node in ours.body:
            if isinstance(node, ast.FunctionDef):
                places = [(inner.lineno, inner.col_offset) for inner in statements(node)]
                assert [(inner.lineno, inner.col_offset) for inner in statements(functions[node.name])] == places


def statements(function: ast.FunctionDef) -> list[ast.stmt]:
    return sorted((node for node in ast.walk(function) if isinstance(node, ast.stmt)), key=lambda node: node.lineno)


def test_a_record_may_have_a_field_that_is_named_like_its_method() -> None:
    source = "R = Record(replace=int)\n\n\n@call\ndef f(n: int) -> int:\n    return R(replace=n).replace\n"
    assert "_ReplaceR" not in translate(source).text


def test_without_mypy_the_way_to_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.contract_types.checking.find_spec", lambda name: None)
    with pytest.raises(NoTypeChecker, match="pip install"):
        type_problems({})


def test_the_plugin_reads_contracts_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\nplugins = tallystick.contract_types.mypy_plugin\nstrict = True\nwarn_return_any = False\n"
        "cache_dir = /dev/null\nshow_column_numbers = True\n"
    )
    for place, text in project("goods", "token").items():
        path = tmp_path / "project" / place
        if path.suffix == ".py":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    (tmp_path / "wrong.py").write_text(WRONG)
    (tmp_path / "good.py").write_text(SAMPLES[-1].read_text())
    (tmp_path / "broken.py").write_text(
        "@call\ndef f() -> None:\n    x = 1\n    y = [x, lambda: 3]\n\n\nclass C:\n    pass\n"
    )
    (tmp_path / "plain.py").write_text("import os\n\ndef f() -> str:\n    return os.name\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", "--explicit-package-bases", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    broken = [line for line in done.stdout.splitlines() if line.startswith("broken.py")]
    assert broken == [
        "broken.py:4:13: error: no_lambda: write a function with def at the top level  [contract]",
        "broken.py:7:1: error: no_class: declare a Record(field=type, ...) for structured values  [contract]",
    ]
    lines = [
        (match[1], int(match[2])) for match in re.finditer(r"^([\w./]+):(\d+):\d+: error:", done.stdout, re.MULTILINE)
    ]
    assert sorted(lines) == sorted([("broken.py", 4), ("broken.py", 7), *(("wrong.py", line) for line, _ in EXPECTED)])


def test_only_contracts_are_translated_for_mypy() -> None:
    assert looks_like_contract("@view\ndef f() -> int:\n    return 1\n")
    assert looks_like_contract("@call  # pay\ndef f() -> None:\n    pass\n")
    assert not looks_like_contract("from x import call\n\n@call\ndef f() -> None:\n    pass\n")
    assert not looks_like_contract("def call() -> None:\n    pass\n")
    ast.parse(mypy_text("@call\ndef f() -> None:\n    '''\\\n"))
