"""Reads the top level of a contract: constants, storage, records, events and the signatures of functions."""

import ast
from collections.abc import Mapping
from typing import Any, Final

from contracts.engine.annotations import read_default, read_literal, read_result_type, read_type
from contracts.engine.builtins import BUILTIN_CALLS, DECLARATION_NAMES, SPECIAL_CALLS, TYPE_NAMES
from contracts.engine.errors import Rejected
from contracts.engine.limits import FIELDS_MAX, KEY_PARTS_MAX, PARAMETERS_MAX, TYPE_DEPTH_MAX
from contracts.engine.module import (
    DECORATORS,
    HELPER,
    INIT,
    INVARIANT,
    MIGRATE,
    VIEW,
    EventType,
    Function,
    Module,
    Storage,
)
from contracts.engine.rulebook import Problems
from contracts.engine.rules import refusal
from contracts.engine.values import SCALARS, Field, Nothing, Record, Scalar, Type, record_type, type_depth, type_name

BUILTINS: Final = frozenset({*BUILTIN_CALLS, *SPECIAL_CALLS, *TYPE_NAMES, *DECLARATION_NAMES, *DECORATORS, "ctx"})
"""Names that mean something everywhere and cannot be declared again."""


def read_module(tree: ast.Module, problems: Problems) -> Module:
    """Return what a checked tree declares.

    Raises:
        Rejected: when something else stands at the top level, or a declaration is not in its form.
    """
    return _Reader().read(tree, problems)


def is_docstring(body: list[ast.stmt]) -> bool:
    """Tell whether a body begins with a text."""
    return bool(body) and isinstance(body[0], ast.Expr) and _is_text(body[0].value)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is str


def docstring(body: list[ast.stmt]) -> str:
    """Return the text that a body begins with, its lines stripped of spaces; empty if there is none."""
    match body:
        case [ast.Expr(value=ast.Constant(value=str(text))), *_]:
            return "\n".join(line.strip(" ") for line in text.strip(" \n").split("\n"))
    return ""


class _Reader:
    """Collects declarations in the order of the source, so that each may use those above it."""

    def __init__(self) -> None:
        self.constants: dict[str, Any] = {}
        self.storages: dict[str, Storage] = {}
        self.records: dict[str, Record] = {}
        self.events: dict[str, EventType] = {}
        self.functions: dict[str, Function] = {}

    def read(self, tree: ast.Module, problems: Problems) -> Module:
        doc = docstring(tree.body)
        broken: set[str] = set()
        for statement in tree.body[1:] if is_docstring(tree.body[:1]) else tree.body:
            try:
                self._statement(statement)
            except Rejected as rejected:
                names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
                if not names & broken:
                    problems.add(rejected)
                if isinstance(statement, ast.Assign | ast.AnnAssign):
                    # What uses this name is refused as a consequence, of which nobody needs to be told.
                    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                    broken |= {target.id for target in targets if isinstance(target, ast.Name)}
        problems.settle()
        self._check_functions(tree)
        parts = (self.constants, self.storages, self.records, self.events, self.functions)
        taken = BUILTINS.union(*parts)
        fields = frozenset(field.name for record in self.records.values() for field in record.fields)
        return Module(doc, *parts, taken, fields)

    def _statement(self, statement: ast.stmt) -> None:
        match statement:
            case ast.FunctionDef():
                self._check_new(statement, statement.name)
                self.functions[statement.name] = self._function(statement)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._check_new(statement, name)
                self._declare(name, value)
            case ast.AnnAssign(target=ast.Name(id=name)):
                hint = f"leave the annotation away: write {name} = value"
                if name != name.upper():
                    hint = "what lasts is declared with Var, Map or Counter; constants are in capitals, without a type"
                raise refusal(statement, "top_level", hint)
            case _:
                hint = (
                    "at the top level stand constants, Var, Map, Counter, Record and Event declarations, and functions"
                )
                raise refusal(statement, "top_level", hint)

    def _check_new(self, node: ast.AST, name: str) -> None:
        if name in BUILTINS:
            raise refusal(node, "name_taken", f"{name} is built in; choose another name")
        parts = (self.constants, self.storages, self.records, self.events, self.functions)
        if any(name in part for part in parts):
            raise refusal(node, "name_taken", f"{name} is declared already; choose another name")

    def _declare(self, name: str, value: ast.expr) -> None:
        match value:
            case ast.Call(func=ast.Name(id="Var")):
                self.storages[name] = self._var(name, value)
            case ast.Call(func=ast.Name(id="Map")):
                self.storages[name] = self._map(name, value)
            case ast.Call(func=ast.Name(id="Counter")):
                self.storages[name] = self._counter(name, value)
            case ast.Call(func=ast.Name(id="Record")):
                self.records[name] = self._record(name, value)
            case ast.Call(func=ast.Name(id="Event")):
                self.events[name] = self._event(name, value)
            case _:
                if name != name.upper():
                    raise refusal(
                        value,
                        "constant_name",
                        "write constants in capitals; storage is declared with Var, Map or Counter",
                    )
                self.constants[name] = read_literal(value, self.constants)

    def _type(self, node: ast.expr) -> Type:
        return read_type(node, self.records, node)

    def _var(self, name: str, call: ast.Call) -> Storage:
        if len(call.args) != 1:
            raise refusal(call, "storage", "write Var(type) or Var(type, default=value)")
        return self._storage(name, (), call)

    def _map(self, name: str, call: ast.Call) -> Storage:
        if len(call.args) != 2:
            raise refusal(call, "storage", "write Map(key_type, value_type), or Map((key_type, key_type), value_type)")
        return self._storage(name, _key_types(call.args[0]), call)

    def _counter(self, name: str, call: ast.Call) -> Storage:
        start = _only_keyword(call, "start")
        first = 1 if start is None else read_default(start, Scalar("int"), self.constants)
        if len(call.args) > 1 or first < 0:
            hint = "write Counter() or Counter(key_type), and start=number for another first number than 1"
            raise refusal(call, "storage", hint)
        keys = _key_types(call.args[0]) if call.args else ()
        return Storage(name, keys, Scalar("int"), True, first - 1, counts=True)

    def _storage(self, name: str, keys: tuple[str, ...], call: ast.Call) -> Storage:
        kind = self._type(call.args[-1])
        default = _only_keyword(call, "default")
        value = None if default is None else read_default(default, kind, self.constants)
        return Storage(name, keys, kind, default is not None, value)

    def _record(self, name: str, call: ast.Call) -> Record:
        fields: list[Field] = []
        for field_name, node in _named(call, "Record").items():
            field = self._field(field_name, node)
            before = fields[-1] if fields else Field("", field.type, False, None)
            if before.has_default and not field.has_default:
                raise refusal(node, "record_field", "fields with a default come last")
            if field.since not in (before.since, before.since + 1) or (not fields and field.since > 1):
                hint = "fields stand in the order in which versions added them: since=2 behind all without it, then 3"
                raise refusal(node, "record_version", hint)
            fields.append(field)
        record = record_type(name, tuple(fields))
        if type_depth(record) > TYPE_DEPTH_MAX:
            raise refusal(call, "type_depth", f"types nest at most {TYPE_DEPTH_MAX} deep")
        return record

    def _field(self, name: str, node: ast.expr) -> Field:
        match node:
            case ast.Call(func=ast.Name(id="Field"), args=[type_node]):
                kind = self._type(type_node)
                options = _options(node, ("default", "since"))
            case _:
                return Field(name, self._type(node), False, None)
        if "default" not in options:
            raise refusal(node, "record_field", "write Field(type, default=value), or the type alone")
        since = read_default(options["since"], Scalar("int"), self.constants) if "since" in options else 1
        return Field(name, kind, True, read_default(options["default"], kind, self.constants), since)

    def _event(self, name: str, call: ast.Call) -> EventType:
        return EventType(name, tuple((field, self._type(node)) for field, node in _named(call, "Event").items()))

    def _function(self, node: ast.FunctionDef) -> Function:
        kind = HELPER
        match node.decorator_list:
            case []:
                pass
            case [ast.Name(id=name)] if name in DECORATORS:
                kind = name
            case _:
                hint = "the decorators are @init, @call, @view, @migrate and @invariant, one each"
                raise refusal(node.decorator_list[0], "decorator", hint)
        if len(node.args.args) > PARAMETERS_MAX:
            raise refusal(node, "parameters", f"a function has at most {PARAMETERS_MAX} parameters; pass a record")
        parameters: dict[str, Type] = {}
        for parameter in node.args.args:
            if parameter.arg in parameters or parameter.arg in BUILTINS:
                raise refusal(parameter, "name_taken", f"{parameter.arg} is taken; choose another name")
            parameters[parameter.arg] = read_type(parameter.annotation, self.records, parameter)
        returns = read_result_type(node.returns, self.records, kind == HELPER, node)
        if kind in (INIT, MIGRATE) and not isinstance(returns, Nothing):
            raise refusal(node, "result", f"@{kind} returns nothing: write -> None")
        if kind == INVARIANT and (parameters or type_name(returns) != "list[str]"):
            hint = "@invariant has no parameters and returns what is wrong, empty if nothing is: write () -> list[str]"
            raise refusal(node, "decorator", hint)
        doc = docstring(node.body)
        if kind == INVARIANT:
            return Function(node.name, VIEW, (), returns, doc, node, is_invariant=True)
        return Function(node.name, kind, tuple(parameters.items()), returns, doc, node)

    def _check_functions(self, tree: ast.Module) -> None:
        """Check what is only known at the end: single @init and @migrate, and parameters that hide declarations."""
        for kind in (INIT, MIGRATE):
            marked = [function for function in self.functions.values() if function.kind == kind]
            if len(marked) > 1:
                raise refusal(marked[1].node, "decorator", f"one function is marked @{kind}")
        if not any(function.kind != HELPER for function in self.functions.values()):
            raise refusal(tree, "no_methods", "mark a function with @call or @view, so that the contract can be used")


def _key_types(node: ast.expr) -> tuple[str, ...]:
    """Return the names of the types of a key's parts."""
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    names = [part.id for part in parts if isinstance(part, ast.Name) and part.id in SCALARS]
    if len(names) != len(parts) or not 1 <= len(names) <= KEY_PARTS_MAX:
        hint = f"keys are bool, int, str or bytes, or up to {KEY_PARTS_MAX} of them: (str, int)"
        raise refusal(node, "key_type", hint)
    return tuple(names)


def _only_keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return the value of the one keyword that a declaration may have."""
    return _options(call, (name,)).get(name)


def _options(call: ast.Call, names: tuple[str, ...]) -> Mapping[str, ast.expr]:
    """Return the keywords of a declaration by name."""
    options = {str(keyword.arg): keyword.value for keyword in call.keywords}
    if not options.keys() <= set(names) or len(options) != len(call.keywords):
        allowed = " and ".join(f"{name}=" for name in names)
        raise refusal(call, "declaration", f"the only options here are {allowed}, each once")
    return options


def _named(call: ast.Call, what: str) -> Mapping[str, ast.expr]:
    """Return the fields of a Record or Event declaration by name."""
    if call.args or not call.keywords or len(call.keywords) > FIELDS_MAX:
        raise refusal(call, "declaration", f"write {what}(field=type, ...) with 1 to {FIELDS_MAX} fields")
    fields: dict[str, ast.expr] = {}
    for keyword in call.keywords:
        assert keyword.arg is not None
        if keyword.arg in fields:
            raise refusal(keyword.value, "name_taken", f"{keyword.arg} is declared twice")
        fields[keyword.arg] = keyword.value
    return fields
