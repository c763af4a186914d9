"""A second opinion over the compiler: checks the Python tree that it emits, from the description of that output alone.

The description, in full: a module of functions named `_f_NAME`. A function pays first. A guard is a global name that
begins with an underscore; it appears only as the function of a call, the types among them also behind `is not`. `_m` is
the run: its gas is lowered and compared, the parts of `ctx` are read, nothing else is an attribute anywhere. Two values
may be compared by size without a guard if both are integers, which integer_probe finds out by running them. Each loop
goes over a guard that takes the price of a turn first, or is a `while` whose body pays first. What a name means is
decided within its function: it is a parameter, or bound there, or a guard.

Nothing is shared with the compiler. Whatever is not described here is an error.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

TYPE_GUARDS = frozenset(("_bool", "_int", "_str", "_bytes", "_list", "_dict"))
TURN_GUARDS = frozenset(("_turns", "_fresh_turns", "_range_turns", "_enumerate_turns", "_unpacked_turns"))
RUN = "_m"
ORDERS = frozenset((ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE))
CONTEXT = frozenset(("sender", "organisation", "height", "time", "chain_id", "contract"))
"""What is read from the run directly; roles come from a guard, which copies them."""


class Suspicious(Exception):
    """Emitted code holds something that the description does not."""


def check_output(tree: ast.Module) -> int:
    """Check the tree of a whole contract and return how many nodes it has.

    Raises:
        Suspicious: at the first thing that is not described.
    """
    names = set()
    for function in tree.body:
        _demand(isinstance(function, ast.FunctionDef), function, "no function")
        assert isinstance(function, ast.FunctionDef)
        _demand(function.name.startswith("_f_") and function.name not in names, function, f"name {function.name}")
        names.add(function.name)
        _Function(function).check()
    return sum(1 for _ in ast.walk(tree))


def _demand(condition: bool, node: ast.AST, what: str) -> None:
    if not condition:
        raise Suspicious(f"line {getattr(node, 'lineno', 0)}: {what}: {ast.dump(node)[:200]}")


def _is_user_name(name: str) -> bool:
    return name.isascii() and name.isidentifier() and not name.startswith("_")


def _is_temporary(name: str) -> bool:
    return name.startswith("_t") and name[2:].isdigit()


@dataclass
class _Function:
    """One function under inspection."""

    node: ast.FunctionDef
    bound: set[str] = field(default_factory=set)
    """Names that the function binds, outside of comprehensions."""
    loops: int = 0

    def check(self) -> None:
        arguments = self.node.args
        others = (arguments.posonlyargs, arguments.kwonlyargs, arguments.kw_defaults, arguments.defaults)
        _demand(not any(others) and not arguments.vararg and not arguments.kwarg, self.node, "arguments")
        _demand(not self.node.decorator_list and self.node.returns is None, self.node, "decorated or annotated")
        for parameter in arguments.args:
            _demand(_is_user_name(parameter.arg) and parameter.annotation is None, parameter, "parameter")
            self.bound.add(parameter.arg)
        self.bound |= set(_bound(self.node.body))
        self.paying_block(self.node.body)

    def paying_block(self, body: list[ast.stmt]) -> None:
        """Check that a block pays before it does anything."""
        _demand(len(body) >= 2, self.node, "block without payment")
        price, check = body[0], body[1]
        _demand(_lowers_gas(price) and _stops_without_gas(check), price, "no payment at the beginning")
        self.block(body[2:])

    def block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Pass():
                pass
            case ast.Break() | ast.Continue():
                _demand(self.loops > 0, node, "outside of a loop")
            case ast.Assign(targets=[target], value=value):
                self.target(target, depth=0)
                self.value(value, set(), tuples=True)
            case ast.Expr(value=ast.Call() as call):
                self.value(call, set())
            case ast.Return(value=None):
                pass
            case ast.Return(value=ast.Name() as name):
                self.value(name, set())
            case ast.If(test=test, body=body, orelse=orelse):
                self.value(test, set())
                self.block(body)
                self.block(orelse)
            case ast.While(test=test, body=body, orelse=[]):
                self.value(test, set())
                self.loops += 1
                self.paying_block(body)
                self.loops -= 1
            case ast.For(target=target, iter=source, body=body, orelse=[]):
                self.target(target, depth=0)
                self.source(source, set())
                self.loops += 1
                self.block(body)
                self.loops -= 1
            case _:
                _demand(False, node, "statement")

    def target(self, node: ast.expr, depth: int) -> None:
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                _demand(_is_user_name(name) or _is_temporary(name), node, "binds a name of the engine")
            case ast.Tuple(elts=[_, _, *_] as parts, ctx=ast.Store()) if depth < 16:
                for part in parts:
                    self.target(part, depth + 1)
            case _:
                _demand(False, node, "target")

    def source(self, node: ast.expr, inner: set[str]) -> None:
        """Check what a loop goes over: a guard that takes the price of a turn first."""
        match node:
            case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=price), *rest], keywords=[]):
                _demand(name in TURN_GUARDS and type(price) is int and price > 0, node, "unpaid loop")
                for argument in rest:
                    self.value(argument, inner)
            case _:
                _demand(False, node, "loop over something else")

    def value(self, node: ast.expr, inner: set[str], *, tuples: bool = False) -> None:
        """Check an expression; `inner` are the names of the comprehensions around it."""
        match node:
            case ast.Constant(value=value):
                _demand(_is_plain(value), node, "constant")
            case ast.Name(id=name, ctx=ast.Load()):
                _demand(name in self.bound or name in inner, node, "name that is not bound here")
                _demand(_is_user_name(name) or _is_temporary(name), node, "guard as a value")
            case ast.Attribute(value=ast.Name(id=name), attr=attribute, ctx=ast.Load()):
                _demand(name == RUN and attribute in CONTEXT, node, "attribute")
            case ast.BoolOp(values=values):
                self.values(values, inner)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self.value(operand, inner)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.values([test, body, orelse], inner)
            case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()], comparators=[right]):
                self.identity(left, right, inner)
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in ORDERS:
                self.values([left, right], inner)
            case _:
                self.structure(node, inner, tuples)

    def structure(self, node: ast.expr, inner: set[str], tuples: bool) -> None:
        match node:
            case ast.Call(func=ast.Name(id=name, ctx=ast.Load()), args=arguments, keywords=keywords):
                _demand(name.startswith("_") and name != RUN and not _is_temporary(name), node, "no guard")
                _demand(name not in TYPE_GUARDS and name not in TURN_GUARDS, node, "guard out of place")
                for keyword in keywords:
                    _demand(keyword.arg is not None and _is_user_name(keyword.arg), node, "keyword")
                for argument in (*arguments, *(keyword.value for keyword in keywords)):
                    self.value(argument, inner, tuples=True)
            case ast.List(elts=elements, ctx=ast.Load()):
                for element in elements:
                    self.value(element, inner, tuples=True)
            case ast.Tuple(elts=elements, ctx=ast.Load()):
                _demand(tuples, node, "tuple")
                self.values(elements, inner)
            case ast.Dict(keys=keys, values=values):
                for key in keys:
                    _demand(isinstance(key, ast.Constant) and type(key.value) is str, node, "key")
                self.values(values, inner)
            case ast.ListComp(elt=element, generators=[generator]):
                self.comprehension(element, generator, inner)
            case _:
                _demand(False, node, "expression")

    def comprehension(self, element: ast.expr, generator: ast.comprehension, inner: set[str]) -> None:
        _demand(not generator.is_async, element, "async")
        self.source(generator.iter, inner)
        self.target(generator.target, depth=0)
        names = inner | {node.id for node in ast.walk(generator.target) if isinstance(node, ast.Name)}
        self.values(generator.ifs, names)
        self.value(element, names, tuples=True)

    def values(self, nodes: list[ast.expr], inner: set[str]) -> None:
        for node in nodes:
            self.value(node, inner)

    def identity(self, left: ast.expr, right: ast.expr, inner: set[str]) -> None:
        """Check `x is None`, `x is not True` and `_type(x) is not _int`."""
        match left, right:
            case ast.Call(func=ast.Name(id="_type"), args=[argument], keywords=[]), ast.Name(id=kind):
                _demand(kind in TYPE_GUARDS, right, "type")
                self.value(argument, inner)
            case _, ast.Constant(value=None | True):
                _demand(not isinstance(left, ast.Constant), left, "identity of a literal")
                self.value(left, inner)
            case _:
                _demand(False, left, "identity")


def _bound(body: list[ast.stmt]) -> Iterator[str]:
    for statement in body:
        match statement:
            case ast.Assign(targets=[target]) | ast.For(target=target):
                yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
        for name in ("body", "orelse"):
            yield from _bound(getattr(statement, name, []))


def _is_plain(value: object) -> bool:
    if type(value) is tuple:
        return all(_is_plain(part) for part in value)
    return value is None or type(value) in (bool, int, str, bytes)


def _lowers_gas(node: ast.stmt) -> bool:
    match node:
        case ast.AugAssign(
            target=ast.Attribute(value=ast.Name(id="_m"), attr="gas"), op=ast.Sub(), value=ast.Constant(value=price)
        ):
            return type(price) is int and price > 0
    return False


def _stops_without_gas(node: ast.stmt) -> bool:
    match node:
        case ast.If(
            test=ast.Compare(
                left=ast.Attribute(value=ast.Name(id="_m"), attr="gas"),
                ops=[ast.Lt()],
                comparators=[ast.Constant(value=0)],
            ),
            body=[ast.Expr(value=ast.Call(func=ast.Name(id="_out_of_gas"), args=[], keywords=[]))],
            orelse=[],
        ):
            return True
    return False
