"""Prints how the table of rules meets the grammar of the Python that runs this: nodes, fields, and what is let through.

Run under every Python by tests/unit/test_engine_rules.py. Each node class is planted into a tree that is allowed
otherwise, and each field is filled with what its rule does not allow; all of it has to be refused.
"""

import ast
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from contracts.engine import rules
from contracts.engine.errors import Rejected

HOST = "@call\ndef f() -> None:\n    pass\n"
LEGACY = frozenset(
    "Num Str Bytes NameConstant Ellipsis Index ExtSlice Suite AugLoad AugStore Param slice".split()  # noqa: SIM905
)
"""Names that Python keeps for old programs; its parser never makes them."""
FILLINGS: dict[str, Callable[[], Any]] = {
    "a node": lambda: ast.parse("lambda: 1").body[0],
    "nodes": lambda: [ast.Await(ast.Constant(1))],
    "text": lambda: "__class__",
    "a number": lambda: 7,
    "a float": lambda: 1.5,
    "an ellipsis": lambda: ...,
    "a list of text": lambda: ["x"],
    "an object": lambda: object(),
}
"""What no field may hold, or hold with these contents."""
FITTING: dict[rules.Field | None, Callable[[], Any]] = {
    rules.Field.NODE: lambda: ast.Constant(1),
    rules.Field.NODES: list,
    rules.Field.NAME: lambda: "x",
    rules.Field.LITERAL: lambda: 1,
    rules.Field.NO_CONVERSION: lambda: -1,
    rules.Field.ZERO: lambda: 0,
    rules.Field.ONE: lambda: 1,
}
"""What a field may hold; where no filling stands, nothing."""


def classes() -> Iterator[type[ast.AST]]:
    """Return the node classes that the parser can make: those that derive from a category, and single ones."""
    pending: list[type[ast.AST]] = [ast.AST]
    while pending:
        for child in pending.pop().__subclasses__():
            if child.__module__ in ("ast", "_ast"):
                pending.append(child)
                is_category = child.__name__[0].islower() and bool(child.__subclasses__())
                if not is_category and child.__name__ not in LEGACY:
                    yield child


def refused(planted: ast.AST) -> bool:
    """Tell whether a tree with a node in a function's body is refused."""
    tree = ast.parse(HOST)
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body = [planted]  # type: ignore[list-item]
    parse, ast.parse = ast.parse, lambda *_, **__: tree  # type: ignore[assignment]
    try:
        rules.parse(HOST)
    except Rejected:
        return True
    finally:
        ast.parse = parse
    return False


def fitting(kind: type[ast.AST]) -> ast.AST:
    """Return a node whose fields hold what their rules allow, and a further field that holds nothing."""
    further: type[ast.AST] = type(kind.__name__, (kind,), {"_fields": (*kind._fields, "novelty")})
    node = further.__new__(further)
    for name in node._fields:
        rule = rules.ALLOWED.get(kind.__name__, {}).get(name)
        setattr(node, name, FITTING[rule]() if rule in FITTING else None)
    return node


def holes() -> Iterator[str]:
    """Return what was let through and must not be."""

    class Novelty(ast.Pass):
        """A statement of some later Python."""

    found = sorted(classes(), key=lambda kind: kind.__name__)
    for kind in (*found, Novelty):
        if refused(fitting(kind)) == (kind.__name__ in rules.ALLOWED):
            yield f"the node {kind.__name__}"
    for kind in found:
        if kind.__name__ not in rules.ALLOWED:
            continue
        for name in (*kind._fields, "novelty"):
            for what, make in FILLINGS.items():
                node = fitting(kind)
                setattr(node, name, make())
                if not refused(node) and not _may(kind.__name__, name, make()):
                    yield f"{what} in {kind.__name__}.{name}"


def _may(kind: str, field: str, value: Any) -> bool:
    """Tell whether a rule allows a value as such; nodes within are refused by their own rules."""
    rule = rules.ALLOWED[kind].get(field)
    if rule is rules.Field.LITERAL:
        return value is None or type(value) in (bool, int, str, bytes)
    return False


def main() -> None:
    """Print the findings as JSON."""
    known = {kind.__name__: list(kind._fields) for kind in classes()}
    report = {
        "version": list(sys.version_info[:2]),
        "nodes": len(known),
        "without a rule": sorted(known.keys() - rules.ALLOWED.keys() - rules.REFUSED.keys()),
        "fields without a rule": sorted(
            f"{kind}.{name}"
            for kind, names in known.items()
            for name in names
            if kind in rules.ALLOWED and name not in rules.ALLOWED[kind]
        ),
        "let through": list(holes()),
    }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
