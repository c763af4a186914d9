"""The allow-list over Python's grammar: for every node and every field of it, what a contract may contain.

The table fails closed: a node class or a field that is not in it is refused, so that a new Python version cannot
widen the language. What a node means in its place (a decorator, a declaration, a loop) is the compiler's to check;
this file decides only what may be there at all.
"""

import ast
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum, auto
from typing import Any, Final

from contracts.engine.errors import Rejected
from contracts.engine.limits import INTEGER_MAX, NAME_LENGTH_MAX, TREE_DEPTH_MAX


class Field(Enum):
    """What may stand in a field."""

    NODE = auto()
    OPTIONAL_NODE = auto()
    NODES = auto()
    NAME = auto()
    EMPTY = auto()
    """None, nothing, or an empty list: the feature behind this field is not part of the language."""
    LITERAL = auto()
    NO_CONVERSION = auto()
    ZERO = auto()
    ONE = auto()


NO_FIELDS: Final[Mapping[str, Field]] = {}

ALLOWED: Final[Mapping[str, Mapping[str, Field]]] = {
    "Module": {"body": Field.NODES, "type_ignores": Field.EMPTY},
    "FunctionDef": {
        "name": Field.NAME,
        "args": Field.NODE,
        "body": Field.NODES,
        "decorator_list": Field.NODES,
        "returns": Field.OPTIONAL_NODE,
        "type_comment": Field.EMPTY,
        "type_params": Field.EMPTY,
    },
    "arguments": {
        "posonlyargs": Field.EMPTY,
        "args": Field.NODES,
        "vararg": Field.EMPTY,
        "kwonlyargs": Field.EMPTY,
        "kw_defaults": Field.EMPTY,
        "kwarg": Field.EMPTY,
        "defaults": Field.EMPTY,
    },
    "arg": {"arg": Field.NAME, "annotation": Field.OPTIONAL_NODE, "type_comment": Field.EMPTY},
    "keyword": {"arg": Field.NAME, "value": Field.NODE},
    "Return": {"value": Field.OPTIONAL_NODE},
    "Delete": {"targets": Field.NODES},
    "Assign": {"targets": Field.NODES, "value": Field.NODE, "type_comment": Field.EMPTY},
    "AugAssign": {"target": Field.NODE, "op": Field.NODE, "value": Field.NODE},
    "AnnAssign": {"target": Field.NODE, "annotation": Field.NODE, "value": Field.OPTIONAL_NODE, "simple": Field.ONE},
    "For": {
        "target": Field.NODE,
        "iter": Field.NODE,
        "body": Field.NODES,
        "orelse": Field.EMPTY,
        "type_comment": Field.EMPTY,
    },
    "While": {"test": Field.NODE, "body": Field.NODES, "orelse": Field.EMPTY},
    "If": {"test": Field.NODE, "body": Field.NODES, "orelse": Field.NODES},
    "Expr": {"value": Field.NODE},
    "Pass": NO_FIELDS,
    "Break": NO_FIELDS,
    "Continue": NO_FIELDS,
    "BoolOp": {"op": Field.NODE, "values": Field.NODES},
    "BinOp": {"left": Field.NODE, "op": Field.NODE, "right": Field.NODE},
    "UnaryOp": {"op": Field.NODE, "operand": Field.NODE},
    "IfExp": {"test": Field.NODE, "body": Field.NODE, "orelse": Field.NODE},
    "Dict": {"keys": Field.NODES, "values": Field.NODES},
    "ListComp": {"elt": Field.NODE, "generators": Field.NODES},
    "DictComp": {"key": Field.NODE, "value": Field.NODE, "generators": Field.NODES},
    "comprehension": {"target": Field.NODE, "iter": Field.NODE, "ifs": Field.NODES, "is_async": Field.ZERO},
    "Compare": {"left": Field.NODE, "ops": Field.NODES, "comparators": Field.NODES},
    "Call": {"func": Field.NODE, "args": Field.NODES, "keywords": Field.NODES},
    "JoinedStr": {"values": Field.NODES},
    "FormattedValue": {"value": Field.NODE, "conversion": Field.NO_CONVERSION, "format_spec": Field.EMPTY},
    "Constant": {"value": Field.LITERAL, "kind": Field.EMPTY},
    "Attribute": {"value": Field.NODE, "attr": Field.NAME, "ctx": Field.NODE},
    "Subscript": {"value": Field.NODE, "slice": Field.NODE, "ctx": Field.NODE},
    "Slice": {"lower": Field.OPTIONAL_NODE, "upper": Field.OPTIONAL_NODE, "step": Field.EMPTY},
    "Name": {"id": Field.NAME, "ctx": Field.NODE},
    "List": {"elts": Field.NODES, "ctx": Field.NODE},
    "Tuple": {"elts": Field.NODES, "ctx": Field.NODE},
    **dict.fromkeys(("Load", "Store", "Del", "And", "Or"), NO_FIELDS),
    **dict.fromkeys(("Add", "Sub", "Mult", "FloorDiv", "Mod", "Pow"), NO_FIELDS),
    **dict.fromkeys(("LShift", "RShift", "BitOr", "BitXor", "BitAnd"), NO_FIELDS),
    **dict.fromkeys(("Not", "USub"), NO_FIELDS),
    **dict.fromkeys(("Eq", "NotEq", "Lt", "LtE", "Gt", "GtE", "Is", "IsNot", "In", "NotIn"), NO_FIELDS),
}
"""Node class -> field -> what may stand there. The one authority on what the language contains."""

REFUSED: Final[Mapping[str, str]] = {
    "AsyncFunctionDef": "contracts run from top to bottom",
    "ClassDef": "declare a Record(field=type, ...) for structured values",
    "AsyncFor": "contracts run from top to bottom",
    "With": "there is nothing to open or close in a contract",
    "AsyncWith": "contracts run from top to bottom",
    "Match": "write if and elif",
    "Raise": 'write require(False, "code")',
    "Try": "check with an if or require before doing what may fail",
    "TryStar": "check with an if or require before doing what may fail",
    "Assert": 'write require(condition, "code")',
    "Import": "everything that a contract may use is there without an import",
    "ImportFrom": "everything that a contract may use is there without an import",
    "Global": "keep what must last in a Var or Map",
    "Nonlocal": "keep what must last in a Var or Map",
    "NamedExpr": "assign in a statement of its own",
    "Lambda": "write a function with def at the top level",
    "Set": "use a list, or a dict whose values are True",
    "SetComp": "use a list, or a dict whose values are True",
    "GeneratorExp": "write a list: sum([x for x in xs])",
    "Await": "contracts run from top to bottom",
    "Yield": "build a list and return it",
    "YieldFrom": "build a list and return it",
    "Starred": "write the elements out, or use extend",
    "TypeAlias": "write the type where it is needed",
    "Div": "divide integers with // or mul_div",
    "MatMult": "this operator means nothing here",
    "Invert": "write -x - 1",
    "UAdd": "leave the + away",
    "Interpolation": 'write f"text"',
    "TemplateStr": 'write f"text"',
    "ExceptHandler": "check with an if or require before doing what may fail",
    "alias": "everything that a contract may use is there without an import",
    "withitem": "there is nothing to open or close in a contract",
    "match_case": "write if and elif",
    **dict.fromkeys(
        (
            "MatchValue",
            "MatchSingleton",
            "MatchSequence",
            "MatchMapping",
            "MatchClass",
            "MatchStar",
            "MatchAs",
            "MatchOr",
        ),
        "write if and elif",
    ),
    **dict.fromkeys(("TypeVar", "ParamSpec", "TypeVarTuple"), "write the type where it is needed"),
    **dict.fromkeys(("Interactive", "Expression", "FunctionType", "TypeIgnore"), "a contract is a module"),
}
"""Node classes that the language leaves out, and what to write instead."""


def parse(source: str) -> ast.Module:
    """Parse a source that `prescan` and `recognise` have accepted, and check every node and field of it.

    Raises:
        Rejected: when it contains what the table does not allow, or Python makes something else of it than we do.
    """
    try:
        with without_warnings():
            tree = ast.parse(source, "<contract>", "exec", type_comments=False, feature_version=(3, 11))
    except SyntaxError as error:
        # Where Python stumbles differs between its versions, so that nothing of its error is told.
        raise Rejected(1, 1, "syntax", "this is no contract") from error
    _settle_places(tree, source)
    _check_tree(tree)
    return tree


@contextmanager
def without_warnings() -> Iterator[None]:
    """Ignore Python's warnings: whether one is an error is a setting of the process, which must not reject a source."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def refusal(node: ast.AST, rule: str, hint: str) -> Rejected:
    """Return the error that rejects the source at a node."""
    return Rejected(getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1, rule, hint)


def _check_tree(tree: ast.Module) -> None:
    """Check all nodes without recursion, so that depth is a rule and never a fault."""
    pending: list[tuple[ast.AST, int, ast.AST]] = [(tree, 0, tree)]
    while pending:
        node, depth, place = pending.pop()
        if hasattr(node, "lineno"):
            place = node
        if depth > TREE_DEPTH_MAX:
            raise refusal(place, "depth", "give a part of this expression a name of its own, or a function of its own")
        fields = ALLOWED.get(type(node).__name__)
        if fields is None:
            hint = REFUSED.get(type(node).__name__, "write it with what the manual names")
            raise refusal(place, "not_in_language", hint)
        for name in node._fields:
            pending += [(child, depth + 1, place) for child in _check_field(node, name, fields.get(name), place)]


def _check_field(node: ast.AST, name: str, rule: Field | None, place: ast.AST) -> list[ast.AST]:
    """Check one field and return the nodes in it."""
    value: Any = getattr(node, name, None)
    if rule in (Field.NODE, Field.OPTIONAL_NODE) and isinstance(value, ast.AST):
        return [value]
    if rule is Field.NODES and type(value) is list and all(isinstance(child, ast.AST) for child in value):
        return value
    if not _is_plain(value, rule):
        raise refusal(place, "not_in_language", "write it with what the manual names")
    return []


def _settle_places(tree: ast.Module, source: str) -> None:
    """Make the places of nodes the same under every Python, and their columns count characters instead of bytes.

    Python before 3.12 cannot tell where in an f-string an expression stands; all of it stands where the f-string does.
    """
    lines = None if source.isascii() else source.split("\n")
    pending: list[tuple[ast.AST, ast.AST | None]] = [(tree, None)]
    while pending:
        node, text = pending.pop()
        if text is not None:
            ast.copy_location(node, text)
        elif lines is not None and isinstance(node, ast.expr | ast.stmt | ast.arg | ast.keyword):
            node.col_offset = len(lines[node.lineno - 1].encode()[: node.col_offset].decode())
        if isinstance(node, ast.JoinedStr):
            text = node
        pending += [(child, text) for child in ast.iter_child_nodes(node)]


def _is_plain(value: Any, rule: Field | None) -> bool:
    """Tell whether a field without nodes holds what its rule says; a field without a rule must be empty."""
    match rule:
        case Field.NAME:
            return is_plain_name(value)
        case Field.OPTIONAL_NODE:
            return value is None
        case None | Field.EMPTY:
            return value is None or value == []
        case Field.LITERAL:
            kind = type(value)
            return value is None or kind in (bool, str, bytes) or (kind is int and value <= INTEGER_MAX)
        case Field.NO_CONVERSION:
            return type(value) is int and value == -1
        case Field.ZERO:
            return type(value) is int and value == 0
        case Field.ONE:
            return type(value) is int and value == 1
    return False


def is_plain_name(value: Any) -> bool:
    """Tell whether a name is ASCII letters, digits and underscores, begins with a letter, and is short."""
    if type(value) is not str or len(value) > NAME_LENGTH_MAX:
        return False
    return value.isascii() and value.isidentifier() and not value.startswith("_")
