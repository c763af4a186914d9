"""What the compiler knows while it translates one function, and the small pieces of Python that it emits.

Emitted code uses names with a leading underscore, which no contract can write: `_m` is the run, `_f_NAME` a function
of the contract, the others are guards. Prices are added up in `cost` as code is emitted; whoever opens a block that
runs an unknown number of times takes the sum of that block for itself (see `measured`).
"""

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from contracts.engine.gas import Prices
from contracts.engine.integers import integer_names, is_integer
from contracts.engine.module import Function, Module
from contracts.engine.rulebook import Problems
from contracts.engine.rules import refusal


class Scope:
    """One function under translation."""

    def __init__(
        self,
        module: Module,
        function: Function,
        prices: Prices,
        expression: Callable[["Scope", ast.expr], ast.expr],
        problems: Problems,
    ) -> None:
        self.module = module
        self.prices = prices
        self.function = function
        self.problems = problems
        self._expression = expression
        self.locals = _bound_names(function)
        self._integers = integer_names(module, function)
        self.inner: list[set[str]] = []
        """Names bound by the comprehensions around the current place."""
        self.cost = 0
        self.loops = 0
        self.temporaries = 0
        self.calls: dict[str, ast.AST] = {}
        """Functions of this contract that are called, with the first place."""
        self.tuples: set[ast.expr] = set()
        """Calls that may give a tuple, because of what stands around them."""
        self.codes: set[str] = set()
        self.statement_costs: dict[ast.stmt, int] = {}
        """Statement -> its fixed price; of a branch with its dearer side, of a loop without its turns."""
        self.first_write: ast.AST | None = None
        self.reserved = module.taken
        self.field_names = module.field_names

    def expression(self, node: ast.expr) -> ast.expr:
        """Translate an expression whose value is used."""
        return self._expression(self, node)

    def takes_tuple(self, node: ast.expr) -> ast.expr:
        """Translate an expression that may be a tuple, because it is unpacked, passed on or the key of a Map."""
        self.tuples.add(node)
        if isinstance(node, ast.IfExp):
            self.tuples |= {node.body, node.orelse}
        return self.expression(node)

    def check_tuple(self, node: ast.expr, hint: str) -> None:
        """Refuse a call that gives a tuple where one cannot stand."""
        if node not in self.tuples:
            raise refusal(node, "tuple", hint)

    def spend(self, price: int) -> None:
        """Add to the price of the block that is being translated."""
        self.cost += price

    def write(self, node: ast.AST) -> None:
        """Note a place that changes state or emits an event."""
        self.first_write = self.first_write or node

    def temporary(self) -> str:
        """Return a name for a value of the compiler's own."""
        self.temporaries += 1
        return f"_t{self.temporaries}"

    def check_bindable(self, node: ast.AST, name: str) -> None:
        """Refuse a local name that would hide a declaration or a built-in."""
        if name in self.reserved:
            raise refusal(node, "name_taken", f"{name} means something else in this contract; choose another name")

    def is_local(self, name: str) -> bool:
        return name in self.locals or any(name in names for names in self.inner)

    def is_integer(self, node: ast.expr) -> bool:
        """Tell whether an expression gives an integer for certain, or fails."""
        return is_integer(node, self._holds_integers, self.module)

    def _holds_integers(self, name: str) -> bool:
        return name in self._integers and not any(name in names for names in self.inner)

    @contextmanager
    def measured(self) -> Iterator["Measure"]:
        """Collect the price of a block apart from what surrounds it."""
        outer, self.cost = self.cost, 0
        measure = Measure()
        try:
            yield measure
        finally:
            measure.cost, self.cost = self.cost, outer


class Measure:
    """The price of a block that was translated."""

    cost = 0


def _bound_names(function: Function) -> set[str]:
    """Return the names that a function binds, apart from those of its comprehensions."""
    names = {name for name, _ in function.parameters}
    pending: list[Any] = list(function.node.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                names.add(node.id)
        elif isinstance(node, ast.AST):
            bound = isinstance(node, ast.comprehension)
            pending += [part for name, part in vars(node).items() if not (bound and name == "target")]
        elif isinstance(node, list):
            pending += node
    return names


def load(name: str) -> ast.expr:
    """Return the use of a name."""
    return ast.Name(name, ast.Load())


def constant(value: Any) -> ast.expr:
    """Return a literal."""
    return ast.Constant(value)


def guard(name: str, /, *arguments: ast.expr, **keywords: ast.expr) -> ast.expr:
    """Return a call of a guard."""
    options = [ast.keyword(key, value) for key, value in keywords.items()]
    return ast.Call(load(f"_{name}"), list(arguments), options)


def assign(name: str, value: ast.expr) -> ast.stmt:
    """Return an assignment to a local name."""
    return ast.Assign([ast.Name(name, ast.Store())], value)


def perform(value: ast.expr) -> ast.stmt:
    """Return a call as a statement."""
    return ast.Expr(value)


def when(test: ast.expr, *body: ast.stmt) -> ast.stmt:
    """Return an if without else."""
    return ast.If(test, list(body), [])


def is_not(left: ast.expr, right: ast.expr) -> ast.expr:
    """Return an identity test."""
    return ast.Compare(left, [ast.IsNot()], [right])


def pay(price: int) -> list[ast.stmt]:
    """Return the statements that charge a fixed price, without the cost of a call."""
    gas = ast.Attribute(load("_m"), "gas", ast.Store())
    left = ast.Attribute(load("_m"), "gas", ast.Load())
    return [
        ast.AugAssign(gas, ast.Sub(), constant(price)),
        when(ast.Compare(left, [ast.Lt()], [constant(0)]), perform(guard("out_of_gas"))),
    ]


def located(tree: ast.Module) -> ast.Module:
    """Give every node that has no place in the source the place of the one around it; like ast, only faster."""
    pending: list[tuple[ast.AST, tuple[int, int]]] = [(tree, (1, 0))]
    while pending:
        node, place = pending.pop()
        parts = vars(node)
        if "lineno" in parts:
            place = (parts["lineno"], parts["col_offset"])
        elif isinstance(node, ast.expr | ast.stmt | ast.arg | ast.keyword):
            parts["lineno"], parts["col_offset"] = place
        for child in tuple(parts.values()):
            if isinstance(child, list):
                pending += [(item, place) for item in child]
            elif isinstance(child, ast.AST):
                pending.append((child, place))
    return tree


def tick(scope: Scope) -> None:
    """Pay for having a statement at all."""
    scope.spend(scope.prices.statement)
