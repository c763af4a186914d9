"""What a contract costs before anything of it runs: deployment, and each method on its dearest path.

The compiler puts fixed prices into the code that it makes: at the entry of functions, in every turn of `while`, and as
the price of a turn into every other loop. They are read from there. What is charged by size, such as the bytes of a
stored value, shows only when the contract runs.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from chain.values import dataclass
from contracts.engine.compiler import Draft, Instruments, compile_contract
from contracts.engine.gas import CURRENT
from contracts.engine.module import HELPER
from contracts.engine.testkit import GAS_LIMIT, Harness

CODE_PREFIX: Final = "_f_"
"""What the compiled functions' names begin with."""
TOO_MANY_ARGUMENTS: Final = (None,) * 64
"""No @init takes so many, so that a deployment ends where @init would begin."""
DEPLOY_GAS: Final = 10**12


@dataclass(frozen=True, slots=True)
class Loop:
    """What each turn of a loop adds."""

    line: int
    turn: "Cost"


@dataclass(frozen=True, slots=True)
class Cost:
    """Gas of some code on its dearest path."""

    fixed: int
    loops: tuple[Loop, ...]

    def plus(self, other: "Cost") -> "Cost":
        """Return both together."""
        return Cost(self.fixed + other.fixed, _merged(self.loops, other.loops))

    def or_else(self, other: "Cost") -> "Cost":
        """Return the dearer of two branches; any loop of either may run."""
        return Cost(max(self.fixed, other.fixed), _merged(self.loops, other.loops))


NOTHING: Final = Cost(0, ())


@dataclass(frozen=True, slots=True)
class ContractCost:
    """What a contract costs."""

    deployment: int
    """Gas of its deployment under a name of 8 characters, without @init."""
    methods: Mapping[str, Cost]
    """Each function that is marked; calls from outside pay for the source, too."""
    kinds: Mapping[str, str]
    """How each is marked: init, migrate, call or view."""


def _merged(ours: tuple[Loop, ...], theirs: tuple[Loop, ...]) -> tuple[Loop, ...]:
    known = {loop.line: loop for loop in ours}
    for loop in theirs:
        same = known.get(loop.line)
        known[loop.line] = loop if same is None or same.turn.fixed < loop.turn.fixed else same
    return tuple(known[line] for line in sorted(known))


def cost_of(source: str) -> ContractCost:
    """Return what a contract costs at the prices of a network that starts now.

    Raises:
        Rejected: when the source is no contract.
    """
    drafts: list[Draft] = []

    def keep(draft: Draft) -> Mapping[str, Any]:
        drafts.append(draft)
        return {}

    compiled = compile_contract(source, instruments=Instruments("<cost>", keep))
    costs = _Reader(drafts[0]).costs()
    overhead = CURRENT.call + compiled.source_bytes // CURRENT.source_per_unit
    methods = {
        name: replace(costs[name], fixed=costs[name].fixed + (overhead if function.kind in ("call", "view") else 0))
        for name, function in compiled.module.functions.items()
        if function.kind != HELPER
    }
    deployed = Harness().deploy("contract", source, *TOO_MANY_ARGUMENTS, gas_limit=max(DEPLOY_GAS, GAS_LIMIT))
    kinds = {name: compiled.module.functions[name].kind for name in methods}
    return ContractCost(deployed.gas_used, methods, kinds)


class _Reader:
    """Reads the prices of compiled functions; those that call others come after them, and there is no recursion."""

    def __init__(self, draft: Draft) -> None:
        self._functions = {
            node.name.removeprefix(CODE_PREFIX): node for node in draft.tree.body if isinstance(node, ast.FunctionDef)
        }
        self._known: dict[str, Cost] = {}

    def costs(self) -> Mapping[str, Cost]:
        """Return the cost of every function."""
        return {name: self._function(name) for name in self._functions}

    def _function(self, name: str) -> Cost:
        if name not in self._known:
            self._known[name] = self._body(self._functions[name].body)
        return self._known[name]

    def _body(self, body: list[ast.stmt]) -> Cost:
        total = NOTHING
        for statement in body:
            total = total.plus(self._statement(statement))
        return total

    def _statement(self, node: ast.stmt) -> Cost:
        match node:
            case ast.AugAssign(
                target=ast.Attribute(value=ast.Name(id="_m"), attr="gas"), value=ast.Constant(value=price)
            ):
                return Cost(int(str(price)), ())
            case ast.If(test=test, body=body, orelse=orelse):
                return self._expression(test).plus(self._body(body).or_else(self._body(orelse)))
            case ast.For(iter=source, body=body):
                turn = Cost(_turn_price(source), ()).plus(self._body(body))
                return self._expression(source).plus(Cost(0, (Loop(node.lineno, turn),)))
            case ast.While(test=test, body=body):
                condition = self._expression(test)
                return condition.plus(Cost(0, (Loop(node.lineno, condition.plus(self._body(body))),)))
        total = NOTHING
        for child in ast.iter_child_nodes(node):
            total = total.plus(self._expression(child))
        return total

    def _expression(self, node: ast.AST) -> Cost:
        if isinstance(node, ast.ListComp):
            (generator,) = node.generators
            turn = Cost(_turn_price(generator.iter), ())
            for part in (node.elt, *generator.ifs):
                turn = turn.plus(self._expression(part))
            return self._expression(generator.iter).plus(Cost(0, (Loop(node.lineno, turn),)))
        total = NOTHING
        match node:
            case ast.Call(func=ast.Name(id=name)) if name.startswith(CODE_PREFIX):
                total = self._function(name.removeprefix(CODE_PREFIX))
        for child in ast.iter_child_nodes(node):
            total = total.plus(self._expression(child))
        return total


def _turn_price(source: ast.expr) -> int:
    """Return the price of a turn, which is the first argument of whatever a loop goes over."""
    match source:
        case ast.Call(args=[ast.Constant(value=int(price)), *_]):
            return price
    raise AssertionError("every loop over values has the price of its turns")


def loop_lines(cost: Cost, around: str = "") -> Iterator[tuple[str, int]]:
    """Yield where each loop stands, inside of which others, and the gas of one turn."""
    for loop in cost.loops:
        place = f"line {loop.line}{around}"
        yield place, loop.turn.fixed
        yield from loop_lines(loop.turn, f" in {place}")
