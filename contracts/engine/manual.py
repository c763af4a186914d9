"""Renders the tables of docs/contracts from the tables of the code, so that the manual cannot drift from the engine.

    python -m contracts.engine.manual docs/contracts

writes them anew between their markers; a test checks that they are current.
"""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Final

from contracts.engine import gas, limits
from contracts.engine.builtins import BUILTIN_CALLS, CONTEXT, ROUNDINGS, SPECIAL_CALLS
from contracts.engine.gas import CURRENT
from contracts.engine.methods import HANDLE_METHODS, METHODS
from contracts.engine.rulebook import REFUSED_WORDS, RULES

TABLE: Final = re.compile(r"<!-- table: ([a-z ]+) -->\n.*?<!-- end of table -->\n", re.DOTALL)
SPECIAL_PRICES: Final = {"require": "statement", "invoke": "invoke", "sorted": "builtin", "enumerate": "loop"}


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *(list(row) for row in rows)]
    escaped = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in escaped)


def _code(text: str) -> str:
    return f"`{text}`"


def builtins() -> str:
    """Return the table of built-in functions."""
    prices = asdict(CURRENT)
    rows = [
        (_code(name + builtin.signature), builtin.text, str(prices[builtin.price]))
        for name, builtin in BUILTIN_CALLS.items()
    ]
    for name, (signature, text) in SPECIAL_CALLS.items():
        rows.append((_code(name + signature), text, str(prices[SPECIAL_PRICES[name]])))
    return table(("call", "result", "gas"), rows)


def methods(kind: str) -> str:
    """Return the table of the methods of one type of value, or of one kind of storage."""
    found = {**METHODS, **HANDLE_METHODS}[kind]
    return table(("method", "result"), [(_code(name + signature), text) for name, (signature, text) in found.items()])


def context() -> str:
    """Return the table of what `ctx` tells."""
    return table(
        ("part", "type", "what it is"), [(_code(f"ctx.{n}"), _code(k), text) for n, (k, text) in CONTEXT.items()]
    )


def roundings() -> str:
    """Return the table of the ways of rounding."""
    return table(("rounding", "to which integer"), [(_code(f'"{name}"'), text) for name, text in ROUNDINGS.items()])


def words() -> str:
    """Return the table of Python's words that the language leaves out."""
    rows = [(_code(f"no_{word}"), _code(word), hint) for word, hint in REFUSED_WORDS.items()]
    return table(("rule", "word", "write instead"), rows)


def rules() -> str:
    """Return the table of all rules by which a source is refused."""
    return table(("rule", "what it demands"), [(_code(rule), text) for rule, text in RULES.items()])


def bounds() -> str:
    """Return the table of limits."""
    texts = _described(limits)
    rows = [(text, _figure(getattr(limits, name)), _code(name)) for name, text in texts.items()]
    return table(("limit", "value", "name in the code"), rows)


def prices() -> str:
    """Return the price list."""
    texts = _described(gas, "Prices")
    rows = [(texts[name], f"{price:,}", _code(name)) for name, price in asdict(CURRENT).items()]
    return table(("what it is for", "units, or how much a unit pays for", "name in the code"), rows)


def _figure(value: int) -> str:
    return f"{value:,}" if abs(value) < 2**64 else f"{'-' if value < 0 else ''}2^255{' - 1' if value > 0 else ''}"


def _described(module: ModuleType, class_name: str | None = None) -> Mapping[str, str]:
    """Return the names that a module or one of its classes declares, and the text that stands under each."""
    body: list[ast.stmt] = ast.parse(inspect.getsource(module)).body
    if class_name is not None:
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == class_name)
    found: dict[str, str] = {}
    for node, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            assert isinstance(after, ast.Expr), f"{node.target.id} has no text"
            assert isinstance(after.value, ast.Constant), f"{node.target.id} has no text"
            found[node.target.id] = str(after.value.value)
    return found


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "builtins": builtins,
    "context": context,
    "roundings": roundings,
    "words": words,
    "rules": rules,
    "limits": bounds,
    "prices": prices,
    "methods of text": lambda: methods("str"),
    "methods of bytes": lambda: methods("bytes"),
    "methods of lists": lambda: methods("list"),
    "methods of maps": lambda: methods("dict"),
    "methods of storage maps": lambda: methods("Map"),
    "methods of counters": lambda: methods("Counter"),
}
"""Name between the markers -> what stands there."""


def refreshed(page: str) -> str:
    """Return a page with its tables made anew.

    Raises:
        KeyError: for a table that is none.
    """

    def made(match: re.Match[str]) -> str:
        return f"<!-- table: {match[1]} -->\n{TABLES[match[1]]()}<!-- end of table -->\n"

    return TABLE.sub(made, page)


def main(folder: Path) -> None:
    """Write the tables of all pages of a folder anew."""
    for path in sorted(folder.glob("*.md")):
        path.write_text(refreshed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
