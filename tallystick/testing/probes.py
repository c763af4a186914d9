"""Puts probes into compiled contracts: calls that count statements and branches and read the gas that is left.

They are put into the tree that our own compiler made, before it becomes code, so that a measured run does what any run
does: same value, gas, events and writes. A node never compiles with probes.
"""

import ast
from collections.abc import Iterable
from itertools import groupby

from contracts.engine.compiler import Draft
from contracts.engine.scope import constant, guard, load, perform
from tallystick.testing.sites import DONE, FALSE, HOLDS, REFUSED, TRUE, TURN, Place, Sites


def put_probes(draft: Draft, sites: Sites) -> None:
    """Change a contract's tree so that it calls the probes `_enter`, `_leave`, `_hit`, `_back` and `_way`."""
    for function in draft.tree.body:
        assert isinstance(function, ast.FunctionDef)
        place = _place(function)
        body = _body(function.body, place, sites, None)
        function.body = [_probe("enter", sites.at[place], function), *body, _probe("leave", None, function)]


def _place(node: ast.stmt) -> Place:
    return node.lineno, node.col_offset


def _body(body: Iterable[ast.stmt], owner: Place, sites: Sites, loop: int | None) -> list[ast.stmt]:
    """Return a body with probes; statements where their owner stands are the compiler's own."""
    result: list[ast.stmt] = []
    for place, group in groupby(body, _place):
        nodes = list(group)
        if place != owner:
            index = sites.at[place]
            result.append(_probe("hit", index, nodes[0]))
            nodes = [part for node in nodes for part in _statement(node, index, sites, loop)]
        result += nodes
    return result


def _statement(node: ast.stmt, index: int, sites: Sites, loop: int | None) -> list[ast.stmt]:
    match node:
        case ast.Return():
            return [_probe("leave", None, node), node]
        case ast.Continue():
            assert loop is not None
            return [_probe("back", loop, node), node]
        case ast.If() if (index, TRUE) in sites.ways:
            node.body = [_way(index, TRUE, sites, node), *_body(node.body, _place(node), sites, loop)]
            node.orelse = [_way(index, FALSE, sites, node), *_body(node.orelse, _place(node), sites, loop)]
        case ast.If() if (index, REFUSED) in sites.ways:
            node.body = [_way(index, REFUSED, sites, node), *node.body]
            node.orelse = [_way(index, HOLDS, sites, node)]
        case ast.For() | ast.While():
            body = _body(node.body, _place(node), sites, index)
            node.body = [_way(index, TURN, sites, node), *body, _probe("back", index, node)]
            node.orelse = [_way(index, DONE, sites, node)]
    return [node]


def _way(index: int, way: str, sites: Sites, node: ast.stmt) -> ast.stmt:
    return _located(perform(guard("way", constant(sites.ways[index, way]))), node)


def _probe(name: str, index: int | None, node: ast.stmt) -> ast.stmt:
    left = ast.Attribute(load("_m"), "gas", ast.Load())
    return _located(perform(guard(name, *([] if index is None else [constant(index)]), left)), node)


def _located(probe: ast.stmt, node: ast.stmt) -> ast.stmt:
    return ast.fix_missing_locations(ast.copy_location(probe, node))
