"""A plugin that lets mypy read contracts where they stand, for editors and for projects that run mypy over everything.

In pyproject.toml: [tool.mypy] plugins = ["tallystick.contract_types.mypy_plugin"]

What looks like a contract (functions marked @init, @call, @view, @migrate or @invariant, and no import) is translated
before mypy parses it. mypy's parser in Rust takes no other text than the file's, so the one in Python is used.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from mypy.errorcodes import ErrorCode
from mypy.nodes import Context, IntExpr, StrExpr
from mypy.options import Options
from mypy.plugin import FunctionContext, Plugin
from mypy.types import Type

from contracts.engine.compiler import find_problems
from contracts.engine.errors import Rejected
from tallystick.contract_types.translation import translate

MARKED: Final = re.compile(r"^@(init|call|view|migrate|invariant)[ ]*(#.*)?$", re.MULTILINE)
CONTRACT: Final = ErrorCode("contract", "A contract keeps the rules of its language", "Contracts")
REPORTER: Final = "_broken_rule"
"""Function that stands for broken rules; no contract has a name with an underscore in front."""
IMPORTS: Final = re.compile(r"^\s*(import|from)\s", re.MULTILINE)


class ContractPlugin(Plugin):
    """Installs the translation; mypy asks for a subclass of its own."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        options.transform_source = _after(options.transform_source)
        if hasattr(options, "native_parser"):
            options.native_parser = False

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        return _report if fullname.endswith(f".{REPORTER}") else None


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
    """Return what mypy is to read instead of a contract: its translation, or a program that tells of broken rules."""
    problems = find_problems(source)
    return _complaints(problems) if problems else translate(source).text


def _complaints(problems: list[Rejected]) -> str:
    """Return a program that calls a function of ours for each problem; the plugin reports what it is called with."""
    calls = [f"{REPORTER}({problem.line}, {problem.column}, {worded(problem)!r})" for problem in problems]
    return "\n".join([f"def {REPORTER}(line: int, column: int, text: str) -> None: ...", *calls, ""])


def worded(problem: Rejected) -> str:
    """Return a problem as `tally contract check` words it behind the place."""
    return f"{problem.rule}: {problem.hint}"


def _report(call: FunctionContext) -> Type:
    """Report the problem that a call stands for, at its own place."""
    match [argument for (argument,) in call.args]:
        case [IntExpr(value=line), IntExpr(value=column), StrExpr(value=text)]:
            call.api.fail(text, Context(line, column - 1), code=CONTRACT)
    return call.default_return_type


def plugin(version: str) -> type[Plugin]:
    """Return the plugin; mypy's entry point."""
    return ContractPlugin
