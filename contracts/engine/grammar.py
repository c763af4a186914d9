"""The grammar of the language, as docs/contracts/grammar.md prints it: recognises tokens and builds nothing.

Python's parser comes afterwards and finds nothing to object to. So the place and the text of a mistake are ours, the
same under every version of Python.
"""

from collections.abc import Callable
from typing import Final

from contracts.engine.errors import Rejected
from contracts.engine.grammar_expressions import PLACE, VALUE, Expressions
from contracts.engine.literals import rejection
from contracts.engine.prescan import Scanned, Token
from contracts.engine.rulebook import Problems

AUGMENTED: Final = ("+=", "-=", "*=", "//=", "%=", "**=", ">>=", "<<=", "&=", "|=", "^=")


def recognise(source: str, scanned: Scanned, problems: Problems) -> None:
    """Check that the tokens of a source follow the grammar.

    Raises:
        Rejected: at the first token that cannot stand where it does.
    """
    _Statements(Expressions(source, scanned.tokens), problems).file()
    problems.settle()


class _Statements:
    """The rules of statements, over the tokens that `parts` walks through."""

    def __init__(self, parts: Expressions, problems: Problems) -> None:
        self.parts = parts
        self.problems = problems

    def file(self) -> None:
        while self.parts.kind != "end":
            self.statement()

    def statement(self) -> None:
        if self.parts.kind == "indent":
            position = self.parts.token.position
            self.problems.add(rejection(self.parts.source, position, "syntax", "this line begins no block"))
            self.body()
        elif self.parts.take("if"):
            self.block(self.condition)
            while self.parts.take("elif"):
                self.block(self.condition)
            if self.parts.take("else"):
                self.block(lambda: None)
        elif self.parts.sees("for", "while"):
            self.block(self.loop)
            if self.parts.sees("else"):
                self.line(lambda: self.parts.refuse("write what follows behind the loop", "no_loop_else"))
        elif self.parts.sees("def", "@"):
            while self.parts.sees("@"):
                self.line(self.decorator)
            self.block(self.signature)
        else:
            self.line(self.simple)

    def line(self, rule: Callable[[], None]) -> bool:
        """Take a line by a rule, up to its end; report what is wrong with it and go on behind it."""
        try:
            rule()
            if self.parts.kind != "newline":
                self.parts.refuse("this cannot follow here; write each statement on its own line")
            self.parts.at += 1
            return True
        except Rejected as rejected:
            self.problems.add(rejected)
        while self.parts.kind not in ("newline", "end"):
            self.parts.at += 1
        self.parts.at += self.parts.kind == "newline"
        if self.parts.kind == "indent":
            self.body()
        return False

    def block(self, header: Callable[[], None]) -> None:
        """Take the header of a block, its colon, and its body: indented lines, or one statement on the same line."""
        begins = False

        def opening() -> None:
            nonlocal begins
            header()
            self.parts.expect(":")
            begins = self.parts.kind == "newline"
            if not begins:
                self.simple()
            elif self.parts.tokens[self.parts.at + 1].kind != "indent":
                after = self.parts.tokens[self.parts.at + 1]
                self.parts.refuse("indent the body of this block by four spaces", token=after)

        if self.line(opening) and begins:
            self.body()

    def body(self) -> None:
        self.parts.at += 1
        while self.parts.kind not in ("dedent", "end"):
            self.statement()
        self.parts.at += self.parts.kind == "dedent"

    def condition(self) -> None:
        self.parts.expression()

    def loop(self) -> None:
        if self.parts.take("while"):
            self.parts.expression()
            return
        self.parts.expect("for")
        self.parts.targets()
        self.parts.expect("in")
        self.parts.expressions()

    def decorator(self) -> None:
        self.parts.expect("@")
        self.parts.expression()

    def signature(self) -> None:
        self.parts.expect("def")
        self.parts.name("the function's name")
        if self.parts.sees("["):
            self.parts.refuse("write a function for each type", "no_type_parameters")
        self.parts.expect("(")
        while not self.parts.sees(")"):
            self.parameter()
            if not self.parts.take(","):
                break
        self.parts.expect(")")
        if self.parts.take("->"):
            self.parts.expression()

    def parameter(self) -> None:
        if self.parts.sees("*", "**"):
            self.parts.refuse("name every parameter; pass a list or a map for many", "no_star")
        self.parts.name("a parameter")
        if self.parts.take(":"):
            self.parts.expression()
        if self.parts.sees("="):
            self.parts.refuse("pass the value in every call, or write another function", "no_default_parameter")

    def simple(self) -> None:
        """Take a statement without a block."""
        if self.parts.take("pass", "break", "continue"):
            return
        if self.parts.take("return"):
            if self.parts.kind != "newline":
                self.parts.expressions()
            return
        if self.parts.take("del"):
            first = self.parts.token
            if self.parts.expressions() == VALUE:
                self.parts.refuse("write del x[key]", token=first)
            return
        if self.parts.sees("else", "elif"):
            self.parts.refuse(f"this {self.parts.token.text} belongs to no if at its level")
        if self.parts.sees("if", "for", "while", "def", "@"):
            self.parts.refuse("begin a new line, indented by four spaces")
        first = self.parts.token
        kind = self.parts.expressions()
        if self.parts.sees("="):
            while self.parts.sees("="):
                self.assignable(kind, first)
                self.parts.at += 1
                first = self.parts.token
                kind = self.parts.expressions()
        elif self.parts.sees(*AUGMENTED):
            if kind != PLACE:
                self.parts.refuse("write a name, x[key] or x.value left of the operator", token=first)
            self.parts.at += 1
            self.parts.expressions()
        elif self.parts.sees(":"):
            if kind != PLACE or first.kind != "name" or self.parts.tokens[self.parts.at - 1] is not first:
                self.parts.refuse("only a name has an annotation: name: type = value", "target", first)
            self.parts.at += 1
            self.parts.expression()
            if self.parts.take("="):
                self.parts.expressions()

    def assignable(self, kind: str, first: Token) -> None:
        if kind == VALUE:
            self.parts.refuse("write a name, x[key] or x.value left of the = ; compare with ==", token=first)
