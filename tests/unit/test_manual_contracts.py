"""The manual of contracts is true: its programs run, its tables are those of the code, its links lead somewhere."""

import dataclasses
import re
from pathlib import Path

import pytest

from contracts.engine.abi import derive_abi
from contracts.engine.builtins import BUILTIN_CALLS, DECLARATION_NAMES, SPECIAL_CALLS, Builtin
from contracts.engine.declarations import BUILTINS
from contracts.engine.errors import ENGINE_CODES
from contracts.engine.gas import CURRENT
from contracts.engine.guards import value_guards
from contracts.engine.guards_collections import collection_methods
from contracts.engine.guards_text import text_methods
from contracts.engine.manual import TABLE, TABLES, refreshed
from contracts.engine.methods import METHOD_CALLS, METHODS
from contracts.engine.run import Run

FOLDER = Path(__file__).parents[2] / "docs" / "contracts"
PAGES = sorted(FOLDER.glob("*.md"))
BLOCK = re.compile(r"^```python (contract=[a-z]+|script)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OTHERS = ("lifecycle.md", "testing.md")
"""Pages whose programs have tests of their own."""


def programs(page: Path) -> list[tuple[str, str]]:
    """Return the programs of a page in order: `contract=NAME` or `script`, and the text."""
    return [(match[1], match[2]) for match in BLOCK.finditer(page.read_text())]


@pytest.mark.parametrize("page", [page for page in PAGES if programs(page)], ids=lambda page: page.stem)
def test_programs_do_what_the_page_says(page: Path) -> None:
    """Each script runs with the sources of the contracts above it, by their names in capitals."""
    sources: dict[str, object] = {}
    used = ""
    for kind, text in programs(page):
        if kind == "script":
            exec(compile(text, page.name, "exec"), dict(sources))
            used += text
        else:
            name = kind.removeprefix("contract=").upper()
            derive_abi(text)
            sources[name] = text
    assert all(name in used for name in sources), "a contract that no script tries"


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in OTHERS], ids=lambda page: page.stem)
def test_every_python_block_is_tried(page: Path) -> None:
    fences = re.findall(r"^```python.*$", page.read_text(), re.MULTILINE)
    refusals = [fence for fence in fences if fence.split()[1] in ("refused", "instead", "header")]
    assert len(fences) == len(programs(page)) + len(refusals)
    assert not refusals or page.name == "rejections.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_tables_are_those_of_the_code(page: Path) -> None:
    """`python -m contracts.engine.manual docs/contracts` makes them current."""
    assert refreshed(page.read_text()) == page.read_text()


def test_every_table_stands_somewhere() -> None:
    found = {match[1] for page in PAGES for match in TABLE.finditer(page.read_text())}
    assert found == set(TABLES)


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.DOTALL)
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", prose):
        path = (page.parent / target).resolve() if target else page
        assert path.is_file(), target
        assert not anchor or anchor in _anchors(path), f"{target}#{anchor}"


def test_codes_of_the_engine_are_explained() -> None:
    page = (FOLDER / "calls.md").read_text()
    table = page[page.index("| code | meaning |") :].split("\n\n")[0]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE)) == ENGINE_CODES


def test_signatures_of_built_ins_are_those_that_the_compiler_takes() -> None:
    for name, builtin in BUILTIN_CALLS.items():
        assert _counts(builtin) == (builtin.fewest, builtin.most), name
    assert set(BUILTINS) >= {*BUILTIN_CALLS, *SPECIAL_CALLS, *DECLARATION_NAMES}
    prices = {field.name for field in dataclasses.fields(CURRENT)}
    assert {builtin.price for builtin in BUILTIN_CALLS.values()} <= prices
    guards = value_guards(Run(CURRENT))
    assert {builtin.guard for builtin in BUILTIN_CALLS.values()} <= guards.keys()


def _parameters(signature: str) -> list[str]:
    """Return the parameters of a signature; commas in brackets and in text separate none."""
    inner = signature[1 : signature.index(") ->")].replace('" \\t\\n\\r"', "")
    return re.split(r", (?![^\[]*\])", inner) if inner else []


def _counts(builtin: Builtin) -> tuple[int, int]:
    parameters = _parameters(builtin.signature)
    if any(part.startswith("*") for part in parameters):
        return len(parameters) - 1, builtin.most
    if builtin.signature.startswith("(start"):
        return 1, 3
    return sum("=" not in part for part in parameters), len(parameters)


def test_methods_are_those_that_values_have() -> None:
    run = Run(CURRENT)
    guards = text_methods(run)
    for name, kinds in collection_methods(run).items():
        guards.setdefault(name, {}).update(kinds)
    found = {(kind.__name__, name) for name, kinds in guards.items() for kind in kinds}
    assert found == {(kind, name) for kind, methods in METHODS.items() for name in methods}
    assert set(METHOD_CALLS) == set(guards)
    for methods in METHODS.values():
        for name, (signature, _) in methods.items():
            parameters = _parameters(signature)
            fewest, most = METHOD_CALLS[name]
            assert fewest <= sum("=" not in part for part in parameters)
            assert len(parameters) <= most
