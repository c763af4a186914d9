"""The layout is the architecture: who may import whom, and how long files and functions may be."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = frozenset(
    {"api", "assembly", "audit", "benchmarks", "chain", "cli", "configs", "consensus", "contracts", "examples"}
    | {"gateway", "network", "node", "processes", "tallystick", "tests"}
)
ALLOWED: dict[str, frozenset[str]] = {
    "chain": frozenset(),
    "consensus": frozenset({"chain", "processes"}),
    "contracts": frozenset({"chain", "processes"}),
    "processes": frozenset(),
    "network": frozenset({"chain"}),
    "api": frozenset({"chain"}),
    "tallystick": frozenset({"chain"}),
    "tallystick/testing": frozenset({"chain", "contracts", "tallystick"}),
    "tallystick/contract_types": frozenset({"chain", "contracts", "tallystick"}),
    "gateway": frozenset({"tallystick", "chain"}),
    "audit": frozenset({"chain", "contracts"}),
    "configs": frozenset({"chain"}),
    "assembly": OURS - {"cli", "node", "assembly", "tests", "benchmarks", "examples", "audit", "gateway", "tallystick"},
    "cli": OURS - {"cli", "tests", "benchmarks"},
    "scripts": frozenset({"api", "cli", "tallystick"}),
    "node": OURS - {"cli", "node", "tests", "benchmarks", "examples", "audit", "gateway", "tallystick"},
}
"""What each place may import of ours, itself aside (docs/adr/0002-folders.md, 0012-test-kit.md)."""

THIRD_PARTY: dict[str, frozenset[str]] = {
    "chain": frozenset({"msgpack"}),
    "consensus": frozenset(),
    "contracts": frozenset(),
    "processes": frozenset({"msgpack"}),
    "audit": frozenset(),
    "configs": frozenset(),
    "tallystick/testing": frozenset({"pytest", "hypothesis"}),
    "tallystick/contract_types": frozenset({"mypy"}),
}
"""Libraries that a place may import; places that are not named may import what the project depends on."""

EXCEPTIONS: dict[str, frozenset[str]] = {
    "chain/store.py": frozenset({"plyvel"}),
    "chain/crypto.py": frozenset({"nacl"}),
    "chain/state_leaf.py": frozenset({"msgpack"}),
}
"""The only files that may know LevelDB and the signature library."""

AUTHORS = ("tallystick/testing", "tallystick/contract_types")
"""What authors of contracts use, and no program that runs."""

LINES_MAX = 400
LINES_MAX_OF = {"docs/verify_proof.py": 600}
"""What has to be one file, because people carry it away as one."""

FUNCTION_LINES_MAX = 60
PURE_MODULES = ("asyncio", "time", "random", "logging", "socket", "os", "threading", "datetime")
"""What the PBFT core must not know."""


def sources() -> list[Path]:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [Path(name) for name in tracked if (ROOT / name).exists()]


PRODUCT = [path for path in sources() if path.parts[0] not in ("tests", "benchmarks", "examples")]
CONTRACTS = (("contracts", "library"), ("cli", "templates"))
PLAIN = [path for path in PRODUCT if path.parts[:2] not in CONTRACTS]
"""Everything but the contracts that ship, which are in their own language, and those that projects begin with."""


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            yield node.lineno, node.module or ""


def place_of(path: Path) -> str:
    inner = "/".join(path.parts[:2])
    return inner if inner in ALLOWED else path.parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", PLAIN, ids=str)
def test_imports_follow_the_table(path: Path) -> None:
    place = place_of(path)
    for line, module in imports_of(path):
        top = module.partition(".")[0]
        if top in OURS:
            assert top == place or top in ALLOWED[place], f"{path}:{line}: {place} may not import {module}"
        elif top not in sys.stdlib_module_names:
            allowed = THIRD_PARTY.get(place)
            special = EXCEPTIONS.get(str(path), frozenset())
            assert allowed is None or top in allowed | special, f"{path}:{line}: {place} may not import {module}"
            if top in ("plyvel", "nacl"):
                assert top in special, f"{path}:{line}: only {sorted(EXCEPTIONS)} may import {top}"


@pytest.mark.parametrize("path", [path for path in PLAIN if path.parts[:2] == ("consensus", "pbft")], ids=str)
def test_the_pbft_core_knows_no_clock_no_chance_and_no_world(path: Path) -> None:
    for line, module in imports_of(path):
        assert module.partition(".")[0] not in PURE_MODULES, f"{path}:{line}: the core may not import {module}"


@pytest.mark.parametrize("path", PLAIN, ids=str)
def test_nobody_loses_a_cancellation(path: Path) -> None:
    """`asyncio.wait_for` of Python 3.11 does when both happen at once; `asyncio.timeout` does not."""
    assert "asyncio.wait_for(" not in (ROOT / path).read_text(encoding="utf-8"), path


@pytest.mark.parametrize("path", PLAIN, ids=str)
def test_a_file_says_its_reason_and_stays_short(path: Path) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    if not text.strip():
        return
    tree = ast.parse(text)
    assert ast.get_docstring(tree), f"{path} does not say why it exists"
    lines_max = LINES_MAX_OF.get(str(path), LINES_MAX)
    assert text.count("\n") <= lines_max, f"{path} has more than {lines_max} lines"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{path}:{node.lineno}: {node.name} has {length} lines"


@pytest.mark.parametrize("path", PLAIN, ids=str)
def test_public_names_are_documented(path: Path) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path}:{node.lineno}: {node.name} has no docstring"


def test_only_the_command_and_tests_import_what_authors_use() -> None:
    for path in PLAIN:
        if place_of(path) not in (*AUTHORS, "cli"):
            modules = [module for _, module in imports_of(path)]
            found = [module for module in modules if module.replace(".", "/").startswith(AUTHORS)]
            assert not found, f"{path} imports {found}"


def test_nothing_imports_the_composition_root() -> None:
    for path in PLAIN:
        if path.parts[0] not in ("node.py", "cli"):
            assert all(module != "node" for _, module in imports_of(path)), f"{path} imports node"
