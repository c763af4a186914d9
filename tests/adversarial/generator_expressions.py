"""Writes expressions at random: mostly of the type that is wanted, from the engine's own tables."""

from collections.abc import Callable

from generator_world import SCALARS, WRONG_SHARE, Local, World, receiver
from signatures import Signature

from contracts.engine.builtins import CONTEXT, ROUNDINGS
from contracts.engine.expressions import COMPARISONS, OPERATORS

SYMBOLS = {
    "Add": "+", "Sub": "-", "Mult": "*", "FloorDiv": "//", "Mod": "%", "Pow": "**", "LShift": "<<", "RShift": ">>",
    "BitAnd": "&", "BitOr": "|", "BitXor": "^", "Eq": "==", "NotEq": "!=", "Lt": "<", "LtE": "<=", "Gt": ">",
    "GtE": ">=", "In": "in", "NotIn": "not in",
}  # fmt: skip
ARITHMETIC = [SYMBOLS[kind.__name__] for kind in OPERATORS]
ORDERS = [SYMBOLS[kind.__name__] for kind in COMPARISONS if "In" not in kind.__name__]
SOURCES = (("list[int]", "int"), ("list[str]", "str"), ("str", "str"), ("dict[str, int]", "str"))
"""What a comprehension goes over, and what it binds."""


class Expressions:
    """Writes expressions into a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.chance = world.chance

    def expression(self, kind: str, depth: int) -> str:
        """Return an expression that mostly has a type."""
        if self.chance.random() < WRONG_SHARE:
            kind = self.chance.choice(self.world.types())
        choices = [self.leaf, self.leaf] if depth <= 0 else [self.leaf, self._built, self._built, self._built]
        return self.chance.choice(choices)(kind, depth)

    def leaf(self, kind: str, depth: int) -> str:
        known = [name for name, own in (*self.world.locals, *self.world.constants) if own == kind]
        if known and self.chance.random() < 0.75:
            return self.chance.choice(known)
        if kind in self.world.records:
            return self._record(kind, 0)
        if kind in ("str", "int") and self.chance.random() < 0.15:
            return f"ctx.{self.chance.choice([name for name, (own, _) in CONTEXT.items() if own == kind])}"
        return self.world.literal(kind)

    def _built(self, kind: str, depth: int) -> str:
        forms: list[Callable[[str, int], str]] = [
            self._conditional,
            self._stored,
            self._called,
            self._signed,
            self._signed,
        ]
        forms += {
            "int": [self._arithmetic, self._arithmetic, self._number, self._element],
            "bool": [self._comparison, self._comparison, self._logic, self._membership, self._none],
            "str": [self._joined, self._format, self._cut],
            "bytes": [self._joined, self._cut],
            "list[int]": [self._comprehension, self._joined, self._cut, self._sorted],
            "list[str]": [self._comprehension, self._joined, self._roles, self._sorted],
            "list[bool]": [self._joined, self._cut],
            "dict[str, int]": [self._mapping],
        }.get(kind, [self._record, self._record, self._replaced])
        return self.chance.choice(forms)(kind, depth - 1)

    def _conditional(self, kind: str, depth: int) -> str:
        yes, no = self.expression(kind, depth), self.expression(kind, depth)
        return f"({yes} if {self.expression('bool', depth)} else {no})"

    def _stored(self, kind: str, depth: int) -> str:
        known = [(name, key, default) for name, key, own, default in self.world.storages if own == kind]
        if not known:
            return self.leaf(kind, depth)
        name, key, default = self.chance.choice(known)
        if not default and self.chance.random() < 0.8:
            return self.leaf(kind, depth)
        if key is None:
            return f"{name}.value"
        if self.chance.random() < 0.3:
            place = f"({self.key(key, depth)})" if key.startswith("(") else self.key(key, depth)
            return f"{name}.get({place}, {self.expression(kind, depth)})"
        return f"{name}[{self.key(key, depth)}]"

    def _called(self, kind: str, depth: int) -> str:
        known = [(name, parameters) for name, parameters, result in self.world.helpers if result == kind]
        if not known:
            return self._field_of(kind, depth)
        return self.call(*self.chance.choice(known), depth)

    def _field_of(self, kind: str, depth: int) -> str:
        found = [
            (record, name) for record, fields in self.world.records.items() for name, own, _ in fields if own == kind
        ]
        if not found:
            return self.leaf(kind, depth)
        record, name = self.chance.choice(found)
        return f"{receiver(self.leaf(record, depth))}.{name}"

    def _signed(self, kind: str, depth: int) -> str:
        """Use a built-in or a method whose signature gives the type."""
        known = self.world.by_result.get(kind)
        if not known:
            return self.leaf(kind, depth)
        # First the name, then how it is called: max has many signatures and is not more important for that.
        name = self.chance.choice(sorted({signature.name for signature in known}))
        own = [signature for signature in known if signature.name == name]
        safe = [signature for signature in own if signature.safe]
        if not safe and self.chance.random() < 0.85:
            return self.leaf(kind, depth)
        signature = self.chance.choice(safe if safe and self.chance.random() < 0.95 else own)
        arguments = self.arguments(signature, depth)
        if signature.receiver is None:
            return f"{name}({arguments})"
        return f"{receiver(self.expression(signature.receiver, depth))}.{name}({arguments})"

    def arguments(self, signature: Signature, depth: int) -> str:
        written = [self.expression(kind, depth - 1) for kind in signature.arguments]
        if signature.rounds:
            rounding = f'"{self.chance.choice(list(ROUNDINGS))}"'
            written.append(rounding if self.chance.random() < 0.7 else f"rounding={rounding}")
        return ", ".join(written)

    def call(self, name: str, parameters: list[Local], depth: int) -> str:
        arguments = [self.expression(kind, depth - 1) for _, kind in parameters]
        named = self.chance.randint(0, len(arguments)) if self.chance.random() < 0.3 else len(arguments)
        written = [
            argument if number < named else f"{parameter}={argument}"
            for number, ((parameter, _), argument) in enumerate(zip(parameters, arguments, strict=True))
        ]
        return f"{name}({', '.join(written)})"

    def key(self, key: str, depth: int) -> str:
        parts = key.strip("()").split(", ")
        return ", ".join(self.expression(part, min(depth, 1)) for part in parts)

    def _arithmetic(self, kind: str, depth: int) -> str:
        operator = self.chance.choice(ARITHMETIC)
        small = operator in ("**", "<<", ">>") or (operator in ("//", "%") and self.chance.random() < 0.9)
        right = str(self.chance.randint(1, 5)) if small else self.expression("int", depth)
        minus = "-" if self.chance.random() < 0.1 else ""
        return f"{minus}({self.expression('int', depth)} {operator} {right})"

    def _number(self, kind: str, depth: int) -> str:
        """Take a number from a counter."""
        counters = self.world.counters if self.world.writes else []
        if not counters:
            return self.leaf(kind, depth)
        name, key = self.chance.choice(counters)
        if key is None:
            return f"{name}.{self.chance.choice(('next()', 'next()', 'value'))}"
        written = self.key(key, depth)
        return f"{name}.next(({written}))" if key.startswith("(") else f"{name}.next({written})"

    def _element(self, kind: str, depth: int) -> str:
        if self.chance.random() < 0.1:
            return f"{receiver(self.expression('dict[str, int]', depth))}[{self.expression('str', depth)}]"
        place = f"[{self.chance.choice((0, 0, -1, 1, 5))}]" if self.chance.random() < 0.2 else "[0]"
        return f"({self.expression('list[int]', depth)} + [{self.leaf('int', 0)}]){place}"

    def _comparison(self, kind: str, depth: int) -> str:
        own = self.chance.choice([*SCALARS, "int", "str", *self.world.types()])
        operator = self.chance.choice(ORDERS if own in ("int", "str", "bytes") else ("==", "!="))
        if own == "int" and self.chance.random() < 0.15:
            return (
                f"({self.expression('int', depth)} < {self.leaf('int', 0)} {operator} {self.expression('int', depth)})"
            )
        return f"({self.expression(own, depth)} {operator} {self.expression(own, depth)})"

    def _logic(self, kind: str, depth: int) -> str:
        left, right = self.expression("bool", depth), self.expression("bool", depth)
        return self.chance.choice((f"({left} and {right})", f"({left} or {right})", f"(not {left})"))

    def _membership(self, kind: str, depth: int) -> str:
        word = self.chance.choice(("in", "not in"))
        maps = [(name, key) for name, key, _, _ in self.world.storages if key is not None]
        if maps and self.chance.random() < 0.4:
            name, key = self.chance.choice(maps)
            place = f"({self.key(key, depth)})" if key.startswith("(") else self.key(key, depth)
            return f"({place} {word} {name})"
        item, container = self.chance.choice(
            (("int", "list[int]"), ("str", "list[str]"), ("str", "str"), ("str", "dict[str, int]"))
        )
        return f"({self.expression(item, depth)} {word} {self.expression(container, depth)})"

    def _none(self, kind: str, depth: int) -> str:
        word = self.chance.choice(("is", "is not"))
        names = [name for name, _ in (*self.world.locals, *self.world.constants)]
        return f"({self.chance.choice(names)} {word} None)" if names else self.world.literal("bool")

    def _joined(self, kind: str, depth: int) -> str:
        if self.chance.random() < 0.2:
            return f"({self.expression(kind, depth)} * {self.chance.choice((0, 1, 2, 3, -1, 50))})"
        return f"({self.expression(kind, depth)} + {self.expression(kind, depth)})"

    def _cut(self, kind: str, depth: int) -> str:
        bounds = [self.chance.choice(("", "0", "1", "-1", "2", "9", self.leaf("int", 0))) for _ in range(2)]
        return f"{receiver(self.expression(kind, depth))}[{bounds[0]}:{bounds[1]}]"

    def _format(self, kind: str, depth: int) -> str:
        names = [name for name, own in self.world.locals if own in ("int", "str")] or ["ctx.height"]
        parts = [
            self.chance.choice(("{" + self.chance.choice(names) + "}", "x", "{{", "\\n", "{len(ctx.sender)}"))
            for _ in range(3)
        ]
        return f'f"{"".join(parts)}"' + self.chance.choice(("", "", ' "tail"', ' f""'))

    def _sorted(self, kind: str, depth: int) -> str:
        return f"sorted({self.expression(kind, depth)}{self.chance.choice(('', ', reverse=True', ', reverse=False'))})"

    def _roles(self, kind: str, depth: int) -> str:
        return "ctx.roles"

    def _comprehension(self, kind: str, depth: int) -> str:
        inner = kind[5:-1]
        name = f"c{self.world.names}"
        self.world.names += 1
        source_kind, own = self.chance.choice(
            (("list[int]", "int"), ("list[str]", "str"), ("str", "str"), ("dict[str, int]", "str"))
        )
        source = self.expression(source_kind, depth)
        if self.chance.random() < 0.3:
            source, own = f"range({self.chance.randint(0, 6)})", "int"
        self.world.locals.append((name, own))
        element = self.expression(inner, depth)
        condition = f" if {self.expression('bool', depth)}" if self.chance.random() < 0.4 else ""
        self.world.locals.remove((name, own))
        return f"[{element} for {name} in {source}{condition}]"

    def _mapping(self, kind: str, depth: int) -> str:
        if self.chance.random() < 0.5:
            name = f"c{self.world.names}"
            self.world.names += 1
            source = self.expression("list[str]", depth)
            self.world.locals.append((name, "str"))
            value = self.expression("int", depth)
            self.world.locals.remove((name, "str"))
            return "{" + f"{name}: {value} for {name} in {source}" + "}"
        pairs = [
            f"{self.expression('str', 0)}: {self.expression('int', depth)}" for _ in range(self.chance.randint(0, 3))
        ]
        return "{" + ", ".join(pairs) + "}"

    def _record(self, kind: str, depth: int) -> str:
        fields = [
            (name, own) for name, own, default in self.world.records[kind] if not default or self.chance.random() < 0.5
        ]
        if self.chance.random() < 0.3:
            self.chance.shuffle(fields)
        written = [
            f"{name}={self.expression(own, depth - 1) if depth > 0 else self._small(own)}" for name, own in fields
        ]
        return f"{kind}({', '.join(written)})"

    def _small(self, kind: str) -> str:
        return self._record(kind, -1) if kind in self.world.records else self.world.literal(kind)

    def _replaced(self, kind: str, depth: int) -> str:
        name, own, _ = self.chance.choice(self.world.records[kind])
        return f"{receiver(self.leaf(kind, depth))}.replace({name}={self.expression(own, depth)})"
