"""From the text of a contract to Python code objects: check, translate, compile. Nothing of the contract runs here.

The result depends on the source and the price list alone: no parser version, hash seed or optimisation level changes
what it does.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import field
from types import CodeType
from typing import Any, Final

from chain.values import dataclass
from contracts.engine.declarations import read_module
from contracts.engine.errors import Rejected
from contracts.engine.expressions import expression
from contracts.engine.gas import CURRENT, Prices
from contracts.engine.grammar import recognise
from contracts.engine.limits import CALL_CHAIN_MAX
from contracts.engine.module import VIEW, Module
from contracts.engine.prescan import prescan
from contracts.engine.rulebook import Problems
from contracts.engine.rules import parse, refusal, without_warnings
from contracts.engine.scope import Scope, located
from contracts.engine.statements import function_code

FILE_NAME: Final = "<contract>"
"""What compiled contracts give as the name of their file."""
PROBLEMS_MAX: Final = 20
"""Problems that authors are told of at once."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A contract that may be deployed: what it declares, its code, and the codes that each function may fail with."""

    module: Module
    code: CodeType
    codes: Mapping[str, tuple[str, ...]]
    source_bytes: int
    tokens: int
    probes: Mapping[str, Any] = field(default_factory=dict)
    """What instruments added to the names that the code can use; empty in a node."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A contract that was translated and not yet turned into code."""

    module: Module
    scopes: Mapping[str, Scope]
    tree: ast.Module
    """One function for each of the contract; every node knows its place in the source."""


@dataclass(frozen=True, slots=True)
class Instruments:
    """What a test kit adds to the code of a contract in order to observe it. A node compiles without."""

    file_name: str
    fit: Callable[[Draft], Mapping[str, Any]]
    """Changes the tree, and returns the names that it put in. It must leave values, gas and writes as they are."""


def free(tokens: int) -> None:
    """Compile without payment."""


def compile_contract(
    source: str,
    pay: Callable[[int], None] = free,
    prices: Prices = CURRENT,
    instruments: Instruments | None = None,
) -> Compiled:
    """Check a source by every rule of the language and compile it; `pay` learns the number of tokens first.

    The prices become part of the code.

    Raises:
        Rejected: at the first place that breaks a rule.
    """
    draft, tokens = _translate(source, pay, prices, Problems())
    probes = {} if instruments is None else instruments.fit(draft)
    file_name = FILE_NAME if instruments is None else instruments.file_name
    with without_warnings():
        code = compile(draft.tree, file_name, "exec", flags=0, dont_inherit=True, optimize=0)
    codes = _codes(draft.scopes, _callees_first(draft.scopes))
    return Compiled(draft.module, code, codes, len(source.encode("utf-8")), tokens, probes)


def find_problems(source: str, most: int = PROBLEMS_MAX) -> list[Rejected]:
    """Return what is wrong with a source, for authors: the first is the one that deployment would stop at.

    A stage is only looked at once the stages before it are right: characters and tokens, grammar, declarations,
    functions, the whole. So no problem is the mere consequence of another.
    """
    problems = Problems(most)
    try:
        _translate(source, free, CURRENT, problems)
    except Rejected as rejected:
        if rejected not in problems.found:
            problems.found.append(rejected)
    return problems.found


def _translate(source: str, pay: Callable[[int], None], prices: Prices, problems: Problems) -> tuple[Draft, int]:
    """Check a source and translate it; return the result and the number of its tokens."""
    scanned = prescan(source, problems)
    pay(scanned.count)
    recognise(source, scanned, problems)
    module = read_module(parse(source), problems)
    scopes: dict[str, Scope] = {}
    functions: list[ast.stmt] = []
    for function in module.functions.values():
        scope = scopes[function.name] = Scope(module, function, prices, expression, problems)
        try:
            functions.append(function_code(scope))
        except Rejected as rejected:
            problems.add(rejected)
    problems.settle()
    order = _callees_first(scopes)
    _check_chains(scopes, order)
    _check_views(scopes, order)
    return Draft(module, scopes, located(ast.Module(functions, []))), scanned.count


def _callees_first(scopes: Mapping[str, Scope]) -> list[str]:
    """Order the functions so that each stands behind those that it calls; refuse recursion."""
    order: list[str] = []
    done: set[str] = set()
    for root in scopes:
        path: list[str] = []
        pending = [(root, False)]
        while pending:
            name, leaving = pending.pop()
            if leaving:
                path.pop()
                done.add(name)
                order.append(name)
                continue
            if name in done:
                continue
            path.append(name)
            pending.append((name, True))
            for callee, place in scopes[name].calls.items():
                if callee in path:
                    raise refusal(place, "recursion", f"{callee} would call itself; write a loop")
                pending.append((callee, False))
    return order


def _check_chains(scopes: Mapping[str, Scope], order: list[str]) -> None:
    depths: dict[str, int] = {}
    for name in order:
        depths[name] = 1 + max((depths[callee] for callee in scopes[name].calls), default=0)
        if depths[name] > CALL_CHAIN_MAX:
            place = scopes[name].function.node
            raise refusal(place, "call_chain", f"at most {CALL_CHAIN_MAX} functions may be active inside each other")


def _check_views(scopes: Mapping[str, Scope], order: list[str]) -> None:
    writers: set[str] = set()
    for name in order:
        scope = scopes[name]
        place = scope.first_write or next((node for callee, node in scope.calls.items() if callee in writers), None)
        if place is None:
            continue
        writers.add(name)
        if scope.function.kind == VIEW:
            raise refusal(place, "view", f"{name} is a @view and may neither write nor emit; mark it @call")


def _codes(scopes: Mapping[str, Scope], order: list[str]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for name in order:
        found[name] = scopes[name].codes.union(*(found[callee] for callee in scopes[name].calls))
    return {name: tuple(sorted(codes)) for name, codes in found.items()}
