"""The layout is the architecture: who may import whom, and how long files and functions may be."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

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


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            yield node.lineno, node.module or ""


def place_of(path: Path) -> str:
    inner = "/".join(path.parts[:2])
    return inner if inner in ALLOWED else path.parts[0].removesuffix(".py")


def is_allowed(path: Path, module: str) -> bool:
    place, top = place_of(path), module.partition(".")[0]
    if top in OURS:
        return top == place or top in ALLOWED[place]
    if top in sys.stdlib_module_names:
        return True
    special = EXCEPTIONS.get(str(path), frozenset())
    if top in ("plyvel", "nacl"):
        return top in special
    allowed = THIRD_PARTY.get(place)
    return allowed is None or top in allowed | special


# One test a rule, which names every breach: a test for each file and rule would take longer than all that they look at.


def test_imports_follow_the_table() -> None:
    breaches = [
        f"{path}:{line}: {place_of(path)} may not import {module}"
        for path in PLAIN
        for line, module in imports_of(path)
        if not is_allowed(path, module)
    ]
    assert not breaches, "\n".join(breaches)


def test_the_pbft_core_knows_no_clock_no_chance_and_no_world() -> None:
    core = [path for path in PLAIN if path.parts[:2] == ("consensus", "pbft")]
    assert core
    breaches = [
        f"{path}:{line}: the core may not import {module}"
        for path in core
        for line, module in imports_of(path)
        if module.partition(".")[0] in PURE_MODULES
    ]
    assert not breaches, "\n".join(breaches)


def test_nobody_loses_a_cancellation() -> None:
    """`asyncio.wait_for` of Python 3.11 does when both happen at once; `asyncio.timeout` does not."""
    assert not [str(path) for path in PLAIN if "asyncio.wait_for(" in (ROOT / path).read_text(encoding="utf-8")]


def test_every_file_says_its_reason() -> None:
    assert not [str(path) for path in PLAIN if tree_of(path).body and not ast.get_docstring(tree_of(path))]


def test_files_and_functions_stay_short() -> None:
    breaches = []
    for path in PLAIN:
        lines = (ROOT / path).read_text(encoding="utf-8").count("\n")
        if lines > LINES_MAX_OF.get(str(path), LINES_MAX):
            breaches.append(f"{path} has {lines} lines")
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    breaches.append(f"{path}:{node.lineno}: {node.name} has {length} lines")
    assert not breaches, "\n".join(breaches)


def test_public_names_are_documented() -> None:
    breaches = [
        f"{path}:{node.lineno}: {node.name} has no docstring"
        for path in PLAIN
        for node in tree_of(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not breaches, "\n".join(breaches)


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
