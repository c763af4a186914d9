"""A plugin that lets mypy read contracts where they stand, for editors and for projects that run mypy over everything.

In pyproject.toml: [tool.mypy] plugins = ["tallystick.contract_types.mypy_plugin"]

What looks like a contract (functions marked @init, @call, @view, @migrate or @invariant, and no import) is translated
before mypy parses it. mypy's parser in Rust takes no other text than the file's, so the one in Python is used.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from mypy.options import Options
from mypy.plugin import Plugin

from contracts.engine.compiler import find_problems
from contracts.engine.errors import Rejected
from tallystick.contract_types.translation import translate

MARKED: Final = re.compile(r"^@(init|call|view|migrate|invariant)[ ]*(#.*)?$", re.MULTILINE)
IMPORTS: Final = re.compile(r"^\s*(import|from)\s", re.MULTILINE)


class ContractPlugin(Plugin):
    """Installs the translation; mypy asks for a subclass of its own."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        options.transform_source = _after(options.transform_source)
        if hasattr(options, "native_parser"):
            options.native_parser = False


def _after(other: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    """Return the translation of what another transformation makes."""

    def transform(source: Any) -> Any:
        text = source if other is None else other(source)
        readable = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return mypy_text(readable) if looks_like_contract(readable) else text

    return transform


def looks_like_contract(text: str) -> bool:
    """Tell whether a file is meant to be a contract."""
    return MARKED.search(text) is not None and IMPORTS.search(text) is None


def mypy_text(source: str) -> str:
    """Return what mypy is to read instead of a contract: its translation, or the places where it breaks a rule."""
    problems = find_problems(source)
    return _complaints(source, problems) if problems else translate(source).text


def _complaints(source: str, problems: list[Rejected]) -> str:
    """Return a program in which mypy finds one error at the line of each problem, whose text tells of the problem."""
    lines = [""] * (source.count("\n") + 1)
    lines[0] = "import typing as _typing; "
    for number, problem in enumerate(problems):
        told = f"{problem.rule}: {problem.hint}"
        lines[problem.line - 1] += f"_problem{number}: _typing.Literal[{told!r}] = None; "
    return "\n".join(lines)


def plugin(version: str) -> type[Plugin]:
    """Return the plugin; mypy's entry point."""
    return ContractPlugin
