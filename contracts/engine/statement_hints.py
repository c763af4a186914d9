"""What to write instead of a statement or a target that the language does not have."""

import ast

from contracts.engine.errors import Rejected
from contracts.engine.module import Storage
from contracts.engine.rules import refusal
from contracts.engine.values import Optional, type_name


def statement_hint(node: ast.stmt) -> str:
    """Return what to write instead of a statement that has none of the forms of the language."""
    match node:
        case ast.Assign():
            return "assign to one name at a time"
        case ast.AnnAssign():
            return "give the name a value: name: type = value"
        case ast.Delete():
            return "delete one element: del x[key]; names stay"
        case ast.Expr(value=ast.Compare()):
            return 'this has no effect; assign with = or write require(condition, "code")'
    return "this has no effect; assign it to a name, return it, or leave it away"


def clearing_hint(var: Storage) -> str:
    """Return what to write instead of deleting a Var."""
    if var.counts:
        return "a Counter stays: it gives each number once"
    if isinstance(var.value, Optional):
        return f"a Var stays: write {var.name}.value = None"
    kind = type_name(var.value)
    return f"a Var stays: declare {var.name} = Var({kind} | None, default=None) and write {var.name}.value = None"


def no_target(target: ast.expr) -> Rejected:
    """Return the error for a target that holds nothing which can be changed."""
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "ctx":
        hint = "ctx tells of the call and cannot be written; keep what must last in a Var or Map"
    else:
        hint = "records do not change: write record = record.replace(field=value)"
    return refusal(target, "target", hint)
