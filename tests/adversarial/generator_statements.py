"""Writes statements at random: assignments, storage, events, branches, loops, calls of other contracts."""

from collections.abc import Callable

from generator_expressions import ARITHMETIC, Expressions
from generator_world import SCALARS, World, receiver

LINE_MAX = 118


class Statements:
    """Writes statements into a world."""

    def __init__(self, world: World, expressions: Expressions) -> None:
        self.world = world
        self.chance = world.chance
        self.expressions = expressions

    def block(self, level: int, count: int) -> list[str]:
        known = len(self.world.locals)
        lines: list[str] = []
        for _ in range(count):
            lines += self._statement(level)
        if level > 1 and self.chance.random() < 0.8:
            # What a branch binds is mostly forgotten; sometimes it is used where it may have no value.
            del self.world.locals[known:]
        return lines or ["    " * level + "pass"]

    def line(self, level: int, make: Callable[[int], str], otherwise: str) -> str:
        """Return a line that is short enough, by trying shallower expressions."""
        known = list(self.world.locals)
        for depth in (3, 2, 1, 0, 0):
            text = "    " * level + make(depth)
            if len(text) <= LINE_MAX:
                return text
            self.world.locals = list(known)
        return "    " * level + otherwise

    def _statement(self, level: int) -> list[str]:
        simple: list[Callable[[int], str]] = [
            self._assign, self._assign, self._assign, self._augment,
            self._require, self._perform, self._change, self._swap,
        ]  # fmt: skip
        if self.world.writes:
            simple += [self._page, self._write, self._write, self._write_field, self._delete, self._announce, self._ask]
        if self.world.loops and self.chance.random() < 0.1:
            return ["    " * level + self.chance.choice(("break", "continue"))]
        if level < 4 and self.chance.random() < 0.25:
            return self.chance.choice((self._if, self._for, self._while))(level)
        make = self.chance.choice(simple)
        return [self.line(level, make, "pass")]

    def _assign(self, depth: int) -> str:
        kind = self.chance.choice([*self.world.types(), "int", "int", "str"])
        text = self.expressions.expression(kind, depth)
        known = [name for name, own in self.world.locals if own == kind and name.startswith("v")]
        name = self.chance.choice(known) if known and self.chance.random() < 0.3 else self.world.fresh(kind)
        return f"{name}: {kind} = {text}" if self.chance.random() < 0.15 else f"{name} = {text}"

    def _augment(self, depth: int) -> str:
        known = [
            (name, kind) for name, kind in self.world.locals if kind in ("int", "str", "list[int]") and name[0] == "v"
        ]
        if not known:
            return self._assign(depth)
        name, kind = self.chance.choice(known)
        operator = self.chance.choice([*ARITHMETIC, *"+-+-+-"]) if kind == "int" else "+"
        return f"{name} {operator}= {self.expressions.expression(kind, depth)}"

    def _require(self, depth: int) -> str:
        condition = self.expressions.expression("bool", depth)
        certain = " or True" if self.chance.random() < 0.8 else ""
        return f'require({condition}{certain}, "code_{self.chance.randint(0, 3)}")'

    def _perform(self, depth: int) -> str:
        if not self.world.helpers:
            return "pass"
        name, parameters, result = self.chance.choice(self.world.helpers)
        call = self.expressions.call(name, parameters, depth)
        return f"{self.world.fresh('int')}, {self.world.fresh('str')} = {call}" if result.startswith("tuple") else call

    def _change(self, depth: int) -> str:
        """Change a list or a map in place."""
        known = [(name, kind) for name, kind in self.world.locals if kind[:4] in ("list", "dict")]
        if not known:
            return self._assign(depth)
        name, kind = self.chance.choice(known)
        methods = [signature for signature in self.world.by_result.get(None, ()) if signature.receiver == kind]
        methods = [signature for signature in methods if signature.safe] if self.chance.random() < 0.9 else methods
        if methods and self.chance.random() < 0.6:
            signature = self.chance.choice(methods)
            return f"{name}.{signature.name}({self.expressions.arguments(signature, depth)})"
        key, value = ("str", "int") if kind.startswith("dict") else ("int", kind[5:-1])
        place = f"{name}[{self.expressions.expression(key, depth - 1)}]"
        if kind.startswith("list") and self.chance.random() < 0.9:
            return f"{name} += [{self.expressions.expression(value, depth)}]"
        if self.chance.random() < 0.1:
            return f"del {place}"
        operator = "+=" if self.chance.random() < 0.1 and value != "bool" else "="
        return f"{place} {operator} {self.expressions.expression(value, depth)}"

    def _swap(self, depth: int) -> str:
        kind = self.chance.choice(SCALARS)
        left, right = self.expressions.expression(kind, depth), self.expressions.expression(kind, depth)
        return f"{self.world.fresh(kind)}, {self.world.fresh(kind)} = {left}, {right}"

    def _place(self, depth: int) -> tuple[str, str]:
        name, key, kind, _ = self.chance.choice(self.world.storages)
        return (f"{name}.value" if key is None else f"{name}[{self.expressions.key(key, depth)}]"), kind

    def _write(self, depth: int) -> str:
        place, kind = self._place(depth)
        adds = kind in ("int", "str", "bytes", "list[int]") and self.chance.random() < 0.4
        return f"{place} {'+=' if adds else '='} {self.expressions.expression(kind, depth)}"

    def _write_field(self, depth: int) -> str:
        for name, key, kind, _ in self.world.storages:
            if key is not None and kind in self.world.records:
                field, inner, _ = self.chance.choice(self.world.records[kind])
                written = self.expressions.key(key, 0)
                change = f"{name}[{written}].{field} = {self.expressions.expression(inner, depth)}"
                return (
                    change
                    if self.chance.random() < 0.1
                    else f"{name}[{written}] = {self.expressions.expression(kind, depth)}"
                )
        return self._write(depth)

    def _delete(self, depth: int) -> str:
        maps = [(name, key) for name, key, _, _ in self.world.storages if key is not None]
        if not maps:
            return self._write(depth)
        name, key = self.chance.choice(maps)
        return f"del {name}[{self.expressions.key(key, depth)}]"

    def _announce(self, depth: int) -> str:
        if not self.world.events:
            return self._write(depth)
        name = self.chance.choice(list(self.world.events))
        fields = self.world.events[name]
        written = [f"{field}={self.expressions.expression(kind, depth - 1)}" for field, kind in fields]
        return f"{name}({', '.join(written)})"

    def _ask(self, depth: int) -> str:
        method, kind, result = self.chance.choice(
            (("add", "int", "int"), ("say", "str", "list[str]"), ("read", "str", "dict[str, int]"))
        )
        contract = '"peer"'
        if self.chance.random() < 0.05:
            contract, method = self.chance.choice((("ctx.contract", method), ('"gone"', method), (contract, "gone")))
        argument = self.expressions.expression(kind, depth - 1)
        return f'{self.world.fresh(result)} = invoke({contract}, "{method}", {argument})'

    def _page(self, depth: int) -> str:
        maps = [(name, key, kind) for name, key, kind, _ in self.world.storages if key is not None]
        if not maps:
            return self._write(depth)
        name, _, kind = self.chance.choice(maps)
        cursor = self.chance.choice(('""', '""', self.expressions.leaf("str", 0)))
        call = f"{name}.page(limit={self.chance.choice((1, 2, 9))}, cursor={cursor})"
        return f"{self.world.fresh(f'page[{kind}]')}, {self.world.fresh('str')} = {call}"

    def _if(self, level: int) -> list[str]:
        lines = [self.line(level, lambda depth: f"if {self.expressions.expression('bool', depth)}:", "if True:")]
        lines += self.block(level + 1, self.chance.randint(1, 3))
        for _ in range(self.chance.randint(0, 2)):
            lines.append(
                self.line(level, lambda depth: f"elif {self.expressions.expression('bool', depth)}:", "elif True:")
            )
            lines += self.block(level + 1, self.chance.randint(1, 2))
        if self.chance.random() < 0.5:
            lines.append("    " * level + "else:")
            lines += self.block(level + 1, self.chance.randint(1, 2))
        return lines

    def _elif(self, depth: int) -> str:
        return f"elif {self.expressions.expression('bool', depth)}:"

    def _for(self, level: int) -> list[str]:
        known = len(self.world.locals)
        header = self.line(level, self._for_header, "for x in [1, 2]:")
        self.world.loops += 1
        lines = [header, *self.block(level + 1, self.chance.randint(1, 3))]
        self.world.loops -= 1
        del self.world.locals[known + 2 :]
        return lines

    def _for_header(self, depth: int) -> str:
        form = self.chance.randint(0, 6)
        if form == 0:
            return f"for {self.world.fresh('int')} in range({self.chance.randint(0, 9)}):"
        if form == 1:
            source = self.expressions.expression("list[str]", depth)
            return f"for {self.world.fresh('int')}, {self.world.fresh('str')} in enumerate({source}):"
        if form == 2:
            source = self.expressions.expression("dict[str, int]", depth)
            return f"for {self.world.fresh('str')}, {self.world.fresh('int')} in {receiver(source)}.items():"
        if form == 3:
            return self._scan_header(depth)
        if form == 4:
            source = self.chance.choice((f"[[{self.expressions.expression('int', 0)}, 2], [3, 4]]", '{"a": 1}.items()'))
            return f"for {self.world.fresh('int')}, {self.world.fresh('int')} in {source}:"
        kind = self.chance.choice(("list[int]", "list[str]", "str", "dict[str, int]"))
        source = self.expressions.expression(kind, depth)
        return f"for {self.world.fresh('int' if kind == 'list[int]' else 'str')} in {source}:"

    def _scan_header(self, depth: int) -> str:
        maps = [(name, key, kind) for name, key, kind, _ in self.world.storages if key is not None]
        if not maps:
            return f"for {self.world.fresh('int')} in range(2):"
        name, key, kind = self.chance.choice(maps)
        options = self._scan_options(key, depth)
        if key.startswith("("):
            return f"for {self.world.fresh(kind)} in {name}.values({options}):"
        if self.chance.random() < 0.5:
            return f"for {self.world.fresh(key)}, {self.world.fresh(kind)} in {name}.items({options}):"
        return f"for {self.world.fresh(key)} in {name}.keys({options}):"

    def _scan_options(self, key: str, depth: int) -> str:
        options = [f"limit={self.chance.choice((0, 1, 2, 5, 20, 1000))}"]
        first = key.strip("()").split(", ")[0]
        for name in ("start", "end", "after", "prefix"):
            if self.chance.random() < 0.2:
                part = self.expressions.expression(first, min(depth, 1))
                whole = key.startswith("(") and name != "prefix" and self.chance.random() < 0.5
                options.append(f"{name}=({self.expressions.key(key, 0)})" if whole else f"{name}={part}")
        if self.chance.random() < 0.3:
            options.append(f"reverse={self.chance.choice(('True', 'False'))}")
        self.chance.shuffle(options)
        return ", ".join(options)

    def _while(self, level: int) -> list[str]:
        pad = "    " * level
        name = self.world.fresh("int")
        self.world.loops += 1
        body = self.block(level + 1, self.chance.randint(1, 2))
        self.world.loops -= 1
        step = f"{pad}    {name} += {self.chance.choice((1, 1, 2, 3))}"
        return [f"{pad}{name} = 0", f"{pad}while {name} < {self.chance.randint(0, 8)}:", step, *body]
