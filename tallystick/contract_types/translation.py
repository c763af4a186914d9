"""Rewrites a contract as plain typed Python, line by line, so that any type checker understands it.

A contract imports nothing, its records are made by a call, and `require` is a function: no type checker knows what that
means. The translation imports the names of the language on the first line, turns records into classes, storage into
typed names, events into functions, and `require` into `assert`, which narrows types as `require` does. Every statement
stays on its line, so that what a type checker says of the translation it says of the contract.
"""

import ast
from collections.abc import Iterator, Mapping
from typing import Final

from chain.values import dataclass
from contracts.engine.compiler import compile_contract
from contracts.engine.module import Module, Storage
from contracts.engine.values import Record, type_name

LANGUAGE: Final = "tallystick.contract_types.language"
"""The module that declares the names of the language."""
ALIAS: Final = "_language"
TYPING: Final = "_typing"
"""Names under which a translation reaches what a contract cannot name; contracts have no names with an underscore."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A part of the source that is replaced; lines count from 1, columns of characters from 0."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    """Without line ends; what follows the part keeps its line, and its column if the part spans lines."""


@dataclass(frozen=True, slots=True)
class Translation:
    """A contract as plain typed Python."""

    text: str
    shifts: Mapping[int, tuple[tuple[int, int], ...]]
    """Line -> columns of the translation from which on the source is further left, and by how much; ascending."""
    names: Mapping[str, str]
    """Types of storage in the translation, and what an author calls them."""

    def column(self, line: int, column: int) -> int:
        """Return the column of the source for one of the translation, both counted from 1."""
        left = 0
        for start, shift in self.shifts.get(line, ()):
            if column - 1 >= start:
                left = shift
        return max(column - left, 1)


def translate(source: str, language: str = LANGUAGE) -> Translation:
    """Return the translation of a contract; `language` is where it imports the names of the language from.

    Raises:
        Rejected: when the source is no contract.
    """
    module = compile_contract(source).module
    lines = source.split("\n")
    edits = [*_edits(ast.parse(source), module, lines)]
    imports = f"from {language} import *; import {language} as {ALIAS}; import typing as {TYPING}"
    if _can_follow(lines[0], edits):
        edits.append(Edit(1, 0, 1, 0, f"{imports}; "))
        end = []
    else:
        # Behind the source the names come late, which is as good where nothing runs.
        end = ['# mypy: disable-error-code="used-before-def"', imports]
    edits.sort(key=lambda edit: (edit.line, edit.column, edit.end_line, edit.end_column))
    for edit in reversed(edits):  # from the end, so that the places of the others stay true
        _apply(lines, edit)
    return Translation("\n".join([*lines, *_replacements(module), *end, ""]), _shifts(edits), _names(module))


def _can_follow(line: str, edits: list[Edit]) -> bool:
    """Tell whether the first line may stand behind a semicolon."""
    first = next((edit.text for edit in edits if (edit.line, edit.column) == (1, 0)), line)
    return not first.startswith(("@", "def ", "class "))


def _edits(tree: ast.Module, module: Module, lines: list[str]) -> Iterator[Edit]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]):
                declaration = _declaration(module, name)
                if declaration is not None:
                    yield Edit(*_start(node, lines), *_end(node, lines), declaration)
            case ast.FunctionDef():
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Expr):
                        yield from _requirement(inner, lines)
                for call in _listed(node):
                    yield Edit(*_start(call, lines), *_start(call, lines), "list(")
                    yield Edit(*_end(call, lines), *_end(call, lines), ")")


def _listed(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that give a list here and a view of a map in Python; in f-strings they stay, as text of both."""
    match node:
        case ast.JoinedStr():
            return
        case ast.Call(func=ast.Attribute(attr="keys" | "values" | "items"), args=[], keywords=[]):
            yield node
    for child in ast.iter_child_nodes(node):
        yield from _listed(child)


def _declaration(module: Module, name: str) -> str | None:
    """Return what stands for a declaration, on one line; None for a constant, which stays."""
    if name in module.storages:
        return f"{name}: {_storage(module.storages[name])}"
    if name in module.records:
        return _record(module.records[name])
    if name in module.events:
        fields = "".join(f", {field}: {type_name(kind)}" for field, kind in module.events[name].fields)
        return f"def {name}(*{fields}) -> None: ..."
    return None


def _storage(storage: Storage) -> str:
    value = type_name(storage.value)
    if not storage.is_map:
        return f"{ALIAS}._Counter" if storage.counts else f"{ALIAS}.Var[{value}]"
    whole = storage.keys[0] if len(storage.keys) == 1 else f"tuple[{', '.join(storage.keys)}]"
    parts = [f"tuple[{', '.join(storage.keys[:count])}]" for count in range(1, len(storage.keys) + 1)]
    some = " | ".join([storage.keys[0], *parts])
    if storage.counts:
        return f"{ALIAS}._Counters[{whole}, {some}]"
    return f"{ALIAS}._Storage[{whole}, {some}, {value}]"


def _names(module: Module) -> Mapping[str, str]:
    names: dict[str, str] = {}
    for storage in module.storages.values():
        key = storage.keys[0] if len(storage.keys) == 1 else f"({', '.join(storage.keys)})"
        written = f"Counter[{key}]" if storage.counts else f"Map[{key}, {type_name(storage.value)}]"
        names[_storage(storage).removeprefix(f"{ALIAS}.")] = written
    return names


def _record(record: Record) -> str:
    fields = [
        f"{field.name}: {type_name(field.type)}" + (f" = {ALIAS}.Field(int, default=0)" if field.has_default else "")
        for field in record.fields
    ]
    if _has_replace(record):
        fields.append(f'replace: {TYPING}.ClassVar["_Replace{record.name}"]')
    return f"class {record.name}({ALIAS}._Record): {'; '.join(fields)}"


def _has_replace(record: Record) -> bool:
    """Tell whether the method is not hidden by a field."""
    return all(field.name != "replace" for field in record.fields)


def _replacements(module: Module) -> Iterator[str]:
    """Yield what types the method `replace` of each record."""
    for record in filter(_has_replace, module.records.values()):
        fields = "".join(f", {field.name}: {type_name(field.type)} = ..." for field in record.fields)
        yield f"class _Replace{record.name}({TYPING}.Protocol):"
        yield f"    def __call__(self, *{fields}) -> {record.name}: ..."


def _requirement(statement: ast.Expr, lines: list[str]) -> Iterator[Edit]:
    """Yield the edits that make an assertion of a `require`."""
    match statement.value:
        case ast.Call(func=ast.Name(id="require"), args=[condition, _]):
            start, end = _start(condition, lines), _end(condition, lines)
            yield Edit(*_start(statement, lines), *start, "assert (")
            yield from _checked(condition, lines)
            yield Edit(*end, *_end(statement, lines), ")")


def _checked(condition: ast.expr, lines: list[str]) -> Iterator[Edit]:
    """Yield the edits that let a type checker see whether a condition is a bool; comparisons always are."""
    match condition:
        case ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return
        case ast.BoolOp(values=values):
            for value in values:
                yield from _checked(value, lines)
        case _:
            start, end = _start(condition, lines), _end(condition, lines)
            yield Edit(*start, *start, f"{ALIAS}._condition(")
            yield Edit(*end, *end, ")")


def _start(node: ast.expr | ast.stmt, lines: list[str]) -> tuple[int, int]:
    return node.lineno, _characters(lines[node.lineno - 1], node.col_offset)


def _end(node: ast.expr | ast.stmt, lines: list[str]) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return node.end_lineno, _characters(lines[node.end_lineno - 1], node.end_col_offset)


def _characters(line: str, offset: int) -> int:
    """Return a place in characters for one in bytes of UTF-8, as ast counts them."""
    return len(line.encode("utf-8")[:offset].decode("utf-8"))


def _apply(lines: list[str], edit: Edit) -> None:
    before, after = lines[edit.line - 1][: edit.column], lines[edit.end_line - 1][edit.end_column :]
    if edit.line == edit.end_line:
        lines[edit.line - 1] = before + edit.text + after
        return
    lines[edit.line - 1] = before + edit.text
    for number in range(edit.line + 1, edit.end_line):
        lines[number - 1] = ""
    lines[edit.end_line - 1] = " " * edit.end_column + after if after else ""


def _shifts(edits: list[Edit]) -> Mapping[int, tuple[tuple[int, int], ...]]:
    shifts: dict[int, tuple[tuple[int, int], ...]] = {}
    for edit in edits:
        if edit.line == edit.end_line:
            known = shifts.get(edit.line, ())
            shift = (known[-1][1] if known else 0) + len(edit.text) - (edit.end_column - edit.column)
            shifts[edit.line] = (*known, (edit.end_column + shift, shift))
    return shifts
