"""Writes contracts at random that mostly compile and mostly run: declarations, helpers, methods, and calls of them.

What a contract may contain comes from the engine's tables: operators, comparisons, parts of ctx, options of a scan, and
(by `signatures`) built-ins and methods. Now and then an expression has a wrong type, a name has no value yet, or a
number is huge, so that failures are compared as well. The same seed gives the same program.
"""

import random
from collections.abc import Sequence
from typing import Any

from generator_expressions import Expressions
from generator_statements import Statements
from generator_world import SCALARS, TYPES, Local, World
from observe import Program
from signatures import Signature

KEYS = ("str", "int", "bytes", "bool", "(str, int)", "(int, str, bytes)")
PEER = """
total = Var(int, default=0)
Heard = Event(text=str, who=str)

@call
def add(n: int) -> int:
    total.value += n
    return total.value

@call
def say(text: str) -> list[str]:
    require(text != "no", "refused_by_peer")
    Heard(text=text, who=ctx.sender)
    return [text, ctx.sender, ctx.contract]

@view
def read(key: str) -> dict[str, int]:
    return {key: total.value, "zero": 0}
"""
"""A second contract that generated ones call."""


class Maker:
    """One program under construction."""

    def __init__(self, seed: int, signatures: Sequence[Signature]) -> None:
        self.chance = random.Random(seed)
        by_result: dict[str | None, list[Signature]] = {}
        for known in signatures:
            by_result.setdefault(known.result, []).append(known)
        self.world = World(self.chance, by_result)
        self.expressions = Expressions(self.world)
        self.statements = Statements(self.world, self.expressions)

    def program(self) -> Program:
        """Return the contract, a peer, and calls of all its methods."""
        parts = [*self._declarations()]
        for number in range(self.chance.choice((0, 0, 1, 1, 2))):
            parts.append(self._helper(f"h{number}"))
        methods = [self._method(f"f{number}") for number in range(self.chance.choice((1, 1, 2)))]
        parts += [text for text, *_ in methods]
        calls: list[list[Any]] = []
        for _ in range(self.chance.randint(1, 4)):
            _, name, parameters, is_view = self.chance.choice(methods)
            arguments = [self.world.argument(kind) for _, kind in parameters]
            gas = self.chance.choice((20_000, 60_000, 60_000, 60_000, self.chance.randint(100, 5_000)))
            roles = self.chance.choice(([], ["auditor"], ["a", "b"]))
            calls.append(["c", name, arguments, gas, is_view, self.chance.choice(("acme.alice", "evil.eve")), roles])
        return Program({"peer": PEER, "c": "\n\n".join(parts) + "\n"}, calls)

    def _declarations(self) -> list[str]:
        lines = []
        for number in range(self.chance.randint(0, 4)):
            kind = self.chance.choice(TYPES)
            lines.append(f"K{number} = {self.world.literal(kind)}")
            self.world.constants.append((f"K{number}", kind))
        for number in range(self.chance.randint(0, 2)):
            fields = [(name, self.chance.choice(self.world.types()), False) for name in ("a", "b", "value")]
            if self.chance.random() < 0.5:
                fields.append(("extra", self.chance.choice(SCALARS), True))
            written = [f"{name}={self._field(kind, default)}" for name, kind, default in fields]
            lines.append(f"R{number} = Record({', '.join(written)})")
            self.world.records[f"R{number}"] = fields
        for number in range(self.chance.randint(1, 4)):
            lines.append(self._storage(f"s{number}"))
        for number in range(self.chance.choice((0, 0, 1))):
            key = self.chance.choice(KEYS) if self.chance.random() < 0.5 else None
            start = f"start={self.chance.choice((0, 5, 2**63 - 2))}" if self.chance.random() < 0.3 else ""
            lines.append(f"n{number} = Counter({', '.join(part for part in (key, start) if part)})")
            self.world.counters.append((f"n{number}", key))
        for number in range(self.chance.randint(0, 2)):
            parts = [(name, self.chance.choice(self.world.types())) for name in ("x", "value")]
            lines.append(f"E{number} = Event({', '.join(f'{name}={kind}' for name, kind in parts)})")
            self.world.events[f"E{number}"] = parts
        return lines

    def _field(self, kind: str, default: bool) -> str:
        return f"Field({kind}, default={self.world.default(kind)})" if default else kind

    def _storage(self, name: str) -> str:
        kind = self.chance.choice(self.world.types())
        default = kind not in self.world.records and self.chance.random() < 0.95
        option = f", default={self.world.default(kind)}" if default else ""
        key = self.chance.choice(KEYS) if self.chance.random() < 0.7 else None
        self.world.storages.append((name, key, kind, default))
        return f"{name} = Var({kind}{option})" if key is None else f"{name} = Map({key}, {kind}{option})"

    def _parameters(self) -> list[Local]:
        kinds = [*self.world.types(), "int", "str"]
        return [(f"p{number}", self.chance.choice(kinds)) for number in range(self.chance.randint(0, 3))]

    def _helper(self, name: str) -> str:
        parameters = self._parameters()
        result = self.chance.choice([*self.world.types(), "None", "tuple[int, str]"])
        body = self._function(parameters, result)
        self.world.helpers.append((name, parameters, result))
        return f"def {signature(name, parameters)} -> {result}:\n{body}"

    def _method(self, name: str) -> tuple[str, str, list[Local], bool]:
        parameters = self._parameters()
        is_view = self.chance.random() < 0.2
        result = self.chance.choice([*self.world.types(), "None", "int | None"])
        # Helpers may write; a view that uses one that does would be refused.
        helpers, self.world.helpers = self.world.helpers, [] if is_view else self.world.helpers
        self.world.writes = not is_view
        body = self._function(parameters, result)
        self.world.writes = True
        self.world.helpers = helpers
        mark = "view" if is_view else "call"
        return f"@{mark}\ndef {signature(name, parameters)} -> {result}:\n{body}", name, parameters, is_view

    def _function(self, parameters: list[Local], result: str) -> str:
        self.world.locals = list(parameters)
        lines = self.statements.block(1, self.chance.randint(1, 5))
        if result != "None":
            lines.append(self.statements.line(1, lambda depth: f"return {self._result(result, depth)}", "return None"))
        return "\n".join(lines)

    def _result(self, result: str, depth: int) -> str:
        if result.startswith("tuple"):
            return f"{self.expressions.expression('int', depth)}, {self.expressions.expression('str', depth)}"
        if result.endswith("| None"):
            return self.chance.choice(("None", self.expressions.expression("int", depth)))
        return self.expressions.expression(result, depth)


def signature(name: str, parameters: list[Local]) -> str:
    """Return a function's name and parameters as they stand behind def."""
    return f"{name}({', '.join(f'{parameter}: {kind}' for parameter, kind in parameters)})"
