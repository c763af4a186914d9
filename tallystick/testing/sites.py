"""The places of a contract that are counted: its functions and statements, what each costs, and where it can go on."""

import ast
from collections.abc import Mapping
from typing import Final

from chain.values import dataclass
from contracts.engine.compiler import Draft
from contracts.engine.declarations import is_docstring

Place = tuple[int, int]
"""Line and column, as ast counts them."""

TRUE: Final = "true"
FALSE: Final = "false"
TURN: Final = "a turn"
DONE: Final = "the end"
HOLDS: Final = "holds"
REFUSED: Final = "refused"


@dataclass(frozen=True, slots=True)
class Site:
    """A function or a statement."""

    line: int
    function: str
    is_function: bool
    price: int
    """Fixed gas of this statement alone, without what stands inside of it; 0 for a function."""
    payer: int
    """Index of the function or loop that pays this price in advance."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One of the ways on from a statement."""

    site: int
    """Index of the statement."""
    way: str
    """TRUE or FALSE of an if, TURN or DONE of a loop, HOLDS or REFUSED of a require."""
    code: str
    """The code of a require; empty otherwise."""


@dataclass(frozen=True, slots=True)
class Sites:
    """All sites of one contract, in the order of the source."""

    sites: tuple[Site, ...]
    branches: tuple[Branch, ...]
    at: Mapping[Place, int]
    """Where a statement or function stands -> its index."""
    ways: Mapping[tuple[int, str], int]
    """Site and way -> index of the branch."""


def read_sites(draft: Draft) -> Sites:
    """Return the sites of a contract that was translated."""
    reader = _Reader(draft)
    for function in draft.module.functions.values():
        reader.function(function.node)
    ways = {(branch.site, branch.way): index for index, branch in enumerate(reader.branches)}
    return Sites(tuple(reader.sites), tuple(reader.branches), reader.at, ways)


class _Reader:
    """Collects sites while it walks the functions."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._function = ""
        self._costs: Mapping[ast.stmt, int] = {}
        self.sites: list[Site] = []
        self.branches: list[Branch] = []
        self.at: dict[Place, int] = {}

    def function(self, node: ast.FunctionDef) -> None:
        self._function = node.name
        self._costs = self._draft.scopes[node.name].statement_costs
        index = self._add(node, True, 0, 0)
        self._block(node.body, index)

    def _block(self, body: list[ast.stmt], payer: int) -> None:
        for statement in body[1:] if is_docstring(body) else body:
            self._statement(statement, payer)

    def _statement(self, node: ast.stmt, payer: int) -> None:
        price = self._costs.get(node, 0)
        match node:
            case ast.If(body=body, orelse=orelse):
                price -= max(self._sum(body), self._sum(orelse))
                index = self._add(node, False, price, payer)
                self._branch(index, TRUE, FALSE)
                self._block(body, payer)
                self._block(orelse, payer)
            case ast.For(body=body) | ast.While(body=body):
                if isinstance(node, ast.While):
                    # A while pays for the turn that it does not take, too; that stays with the loop.
                    price -= self._sum(body)
                index = self._add(node, False, price, payer)
                self._branch(index, TURN, DONE)
                self._block(body, index)
            case ast.Expr(value=ast.Call(func=ast.Name(id="require"), args=[_, ast.Constant(value=str(code))])):
                index = self._add(node, False, price, payer)
                self._branch(index, HOLDS, REFUSED, code)
            case _:
                self._add(node, False, price, payer)

    def _sum(self, body: list[ast.stmt]) -> int:
        return sum(self._costs.get(statement, 0) for statement in body)

    def _add(self, node: ast.stmt, is_function: bool, price: int, payer: int) -> int:
        index = len(self.sites)
        self.sites.append(Site(node.lineno, self._function, is_function, price, index if is_function else payer))
        self.at[node.lineno, node.col_offset] = index
        return index

    def _branch(self, site: int, first: str, second: str, code: str = "") -> None:
        self.branches += [Branch(site, first, code), Branch(site, second, code)]
