"""Planted holes: one rule of the sandbox taken away at a time, to show that something here would find it.

`python tests/adversarial/holes.py` plants each in turn, in a copy of the engine that lives in memory alone, and says
what found it: a hostile program, the planted nodes, or a law over generated and changed programs. A hole that nothing
finds is a failure of these tests. Each is one text of the engine's source, replaced by another.
"""

import argparse
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGE = "contracts.engine"
GENERATED = 150


@dataclass(frozen=True, slots=True)
class Hole:
    """A rule taken away."""

    what: str
    near: str
    """Where to look first: a class of hostile programs, `grammar` or `walls`. Everything else comes after."""
    module: str
    """File of the engine, without .py."""
    old: str
    new: str


HOLES = (
    # Ways out.
    Hole("names may begin with an underscore", "escape", "literals", 'if text.startswith("_"):', "if False:"),
    Hole(
        "ctx has its run's gas",
        "escape",
        "builtins",
        '    "sender": ("str",',
        '    "gas": ("int", "x"),\n    "sender": ("str",',
    ),
    Hole("any attribute is a field", "escape", "expressions", "if name not in scope.field_names:", "if False:"),
    Hole(
        "functions are values",
        "escape",
        "expressions",
        "if name in scope.reserved:\n        raise",
        "if False:\n        raise",
    ),
    Hole("locals may hide declarations", "escape", "scope", "if name in self.reserved:", "if False:"),
    Hole("a view may write", "escape", "compiler", "if scope.function.kind == VIEW:", "if False:"),
    Hole(
        "an unknown node is allowed",
        "grammar",
        "rules",
        "if fields is None:",
        "fields = fields or {}\n        if False:",
    ),
    Hole(
        "a field without a rule may hold anything",
        "grammar",
        "rules",
        "return value is None or value == []",
        "return True",
    ),
    Hole(
        "code may reach names that were not given",
        "walls",
        "code_check",
        "if name not in names",
        "if False and name not in names",
    ),
    Hole(
        "code has Python's built-ins",
        "walls",
        "binding",
        'namespace["__builtins__"] = {}',
        'namespace["__builtins__"] = __builtins__',
    ),
    # Work and memory that nobody pays for.
    Hole(
        "brackets nest without end",
        "denial",
        "limits",
        "BRACKET_DEPTH_MAX: Final = 12",
        "BRACKET_DEPTH_MAX: Final = 10**6",
    ),
    Hole(
        "trees are deep without end", "denial", "limits", "TREE_DEPTH_MAX: Final = 60", "TREE_DEPTH_MAX: Final = 10**6"
    ),
    Hole(
        "functions are active without end",
        "denial",
        "limits",
        "CALL_CHAIN_MAX: Final = 24",
        "CALL_CHAIN_MAX: Final = 10**6",
    ),
    Hole(
        "texts grow without end",
        "denial",
        "guards_numbers",
        "if length > (LIST_LENGTH_MAX",
        "if False and length > (LIST_LENGTH_MAX",
    ),
    Hole(
        "turns cost nothing",
        "denial",
        "loops",
        "self.code.args[0] = constant(self.turn + body)",
        "self.code.args[0] = constant(0)",
    ),
    Hole("searches cost what they read", "walls", "guards_compare", "+ places * part_length // 8", ""),
    Hole("fields of f-strings are one token", "denial", "prescan", "sum(1 + len(tokens) for tokens in inner)", "0"),
    Hole(
        "a list may be compared with itself for ever",
        "denial",
        "guards_compare",
        "if depth == NESTING_MAX:",
        "if False:",
    ),
    # Values that outlive their call.
    Hole("a constant is shared", "leakage", "binding", "value.copy", "(lambda value=value: value)"),
    Hole(
        "a default is shared",
        "leakage",
        "values",
        "return default.copy() if type(default) in (list, dict) else default",
        "return default",
    ),
    Hole(
        "arguments are not copied", "leakage", "wire", "return [convert(item, walk) for item in value]", "return value"
    ),
    Hole(
        "a loop goes over the list itself",
        "nondeterminism",
        "guards_collections",
        "return list(values)\n        return values",
        "return values\n        return values",
    ),
    Hole("a caller keeps the other's identity", "leakage", "runtime", "run.restore(caller)", "pass"),
    Hole("a contract may be entered again", "leakage", "runtime", "if contract in run.active:", "if False:"),
    Hole("roles are lent", "leakage", "runtime", "run.roles = ()", "pass"),
    # What differs, or deceives.
    Hole(
        "one equals True",
        "nondeterminism",
        "guards_compare",
        "if kind is not type(right):\n            return False",
        "if False:\n            return False",
    ),
    Hole(
        "letters are Unicode's",
        "nondeterminism",
        "guards_text",
        "value.lower() if is_ascii(value) else",
        "value.lower() if True else",
    ),
    Hole("codes may be any text", "leakage", "rules", "value.isidentifier() and ", ""),
    Hole("a contract may give the ledger's codes", "leakage", "errors", "ENGINE_CODES | LEDGER_CODES", "ENGINE_CODES"),
    Hole(
        "bytes may hold escapes of text",
        "nondeterminism",
        "literals",
        'BYTES_TEXT if prefix == "b" else PLAIN_TEXT',
        "PLAIN_TEXT",
    ),
    Hole(
        "any name is compared like an integer",
        "denial",
        "integers",
        "return holds(name) or type",
        "return True or type",
    ),
)


class _Planter(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):  # type: ignore[misc]
    """Loads one module of the engine with its source changed."""

    def __init__(self, hole: Hole) -> None:
        self.name = f"{PACKAGE}.{hole.module}"
        self.path = ROOT / "contracts" / "engine" / f"{hole.module}.py"
        source = self.path.read_text(encoding="utf-8")
        if hole.old not in source:
            raise LookupError(f"{hole.what}: {hole.module}.py does not hold {hole.old!r}; adapt the hole")
        self.source = source.replace(hole.old, hole.new)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Claim the one module."""
        return importlib.util.spec_from_loader(fullname, self) if fullname == self.name else None

    def get_filename(self, fullname: str) -> str:
        """Return where the source came from."""
        return str(self.path)

    def get_data(self, path: str | bytes) -> bytes:
        """Return the changed source."""
        return self.source.encode()


def _is_reloaded(name: str, module: ModuleType) -> bool:
    """Tell whether a module could hold a part of the engine: all contracts do, and whatever stands beside this file.

    Not a list of names: one that is left out keeps the engine of whichever hole was planted when it was first imported,
    and every later hole is looked for in that one.
    """
    if name == "contracts" or name.startswith("contracts."):
        return True
    place = getattr(module, "__file__", None)
    return place is not None and Path(place).parent == HERE and module.__name__ != __name__


@contextmanager
def planted(hole: Hole) -> Iterator[None]:
    """Import the engine anew with a hole in it; afterwards the whole one is back."""
    planter = _Planter(hole)
    kept = _reloaded()
    for name in kept:
        del sys.modules[name]
    sys.meta_path.insert(0, planter)
    try:
        yield
    finally:
        sys.meta_path.remove(planter)
        for name in _reloaded():
            del sys.modules[name]
        sys.modules.update(kept)


def _reloaded() -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if _is_reloaded(name, module)}


def found_by(hole: Hole) -> str | None:
    """Return what finds a hole; None if nothing does."""
    with planted(hole):
        return importlib.import_module("detectors").first_deviation(GENERATED, hole.near)  # type: ignore[no-any-return]


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant every hole and say what found it; 1 if one was not found."""
    parser = argparse.ArgumentParser(description="Take rules of the sandbox away and show what finds it.")
    parser.add_argument("--only", metavar="TEXT", default="", help="holes whose description holds this text")
    options = parser.parse_args(arguments)
    missed = 0
    for hole in HOLES:
        if options.only in hole.what:
            finder = found_by(hole)
            missed += finder is None
            print(f"{hole.what}: {finder or 'NOT FOUND'}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
