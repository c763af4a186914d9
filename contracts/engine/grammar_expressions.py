"""The grammar of expressions; `grammar` has that of statements and says what both are for.

Each method takes the tokens of one rule or raises Rejected, and returns what the expression may serve as.
"""

from typing import Final, NoReturn

from contracts.engine.literals import refuse
from contracts.engine.prescan import Token

KEYWORDS: Final = frozenset(
    [
        "and",
        "break",
        "continue",
        "def",
        "del",
        "elif",
        "else",
        "False",
        "for",
        "if",
        "in",
        "is",
        "None",
        "not",
        "or",
        "pass",
        "return",
        "True",
        "while",
    ]
)
OPERATORS: Final = frozenset(
    [
        "+",
        "-",
        "*",
        "//",
        "%",
        "**",
        "<<",
        ">>",
        "&",
        "|",
        "^",
        "@",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "in",
        "is",
        "not",
    ]
)
"""What stands between two operands, apart from `and` and `or`; `@` to be refused with a word about it."""

VALUE: Final = "value"
PLACE: Final = "place"
"""A name, an attribute or a subscript: what `=` and `+=` may assign to."""
PLACES: Final = "places"
"""A tuple or list of places: what `=` and `for` may assign to."""


class Expressions:
    """A place among the tokens of a source, and the rules of expressions."""

    def __init__(self, source: str, tokens: list[Token] | tuple[Token, ...]) -> None:
        self.source = source
        self.tokens = tokens
        self.words = [token.text if token.kind in ("operator", "name") else "" for token in tokens]
        self.at = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    @property
    def kind(self) -> str:
        return self.tokens[self.at].kind

    def sees(self, *texts: str) -> bool:
        """Tell whether one of these operators or words comes next."""
        return self.words[self.at] in texts

    def take(self, *texts: str) -> bool:
        """Take one of these operators or words, if it comes next."""
        if self.words[self.at] in texts:
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.take(text):
            self.refuse(f"expected {text} here")

    def name(self, what: str) -> None:
        if self.kind != "name" or self.token.text in KEYWORDS:
            self.refuse(f"expected {what} here")
        self.at += 1

    def refuse(self, hint: str, rule: str = "syntax", token: Token | None = None) -> NoReturn:
        refuse(self.source, (token or self.token).position, rule, hint)

    def expressions(self) -> str:
        """Take one expression, or a tuple of several without brackets."""
        return self.several(self.expression(), ())

    def several(self, kind: str, closers: tuple[str, ...]) -> str:
        """Take what follows the first element of a tuple, up to a token that ends it."""
        if not self.sees(","):
            return kind
        assignable = kind != VALUE
        while self.take(","):
            if self.kind in ("newline", "end") or self.sees("=", *closers):
                break
            assignable &= self.expression() != VALUE
        return PLACES if assignable else VALUE

    def expression(self) -> str:
        kind = self.operation()
        while self.take("if"):
            kind = VALUE
            self.operation()
            self.expect("else")
            self.operation()
        return kind

    def operation(self) -> str:
        """Take operands with operators between them; which binds tighter is Python's to know."""
        kind = self.negation()
        while True:
            if self.take("and", "or"):
                self.negation()
            elif self.words[self.at] in OPERATORS:
                self.operator()
                self.operand()
            else:
                return kind
            kind = VALUE

    def operator(self) -> None:
        if self.sees("@"):
            self.refuse("this operator means nothing here", "operator")
        if self.take("not"):
            self.expect("in")
        elif self.take("is"):
            self.take("not")
        else:
            self.at += 1

    def negation(self) -> str:
        negated = False
        while self.take("not"):
            negated = True
        kind = self.operand()
        return VALUE if negated else kind

    def operand(self) -> str:
        signed = False
        while self.take("-"):
            signed = True
        if self.sees("+"):
            self.refuse("leave the + away", "operator")
        kind = self.primary()
        return VALUE if signed else kind

    def primary(self) -> str:
        kind = self.atom()
        while True:
            if self.take("."):
                self.name("a name behind the point")
                kind = PLACE
            elif self.take("("):
                self.arguments()
                kind = VALUE
            elif self.take("["):
                self.index()
                kind = PLACE
            else:
                return kind

    def atom(self) -> str:
        token = self.token
        if token.kind in ("text", "bytes"):
            self.texts(token.kind)
            return VALUE
        if token.kind == "number" or self.sees("None", "True", "False"):
            self.at += 1
            return VALUE
        if token.kind == "name" and token.text not in KEYWORDS:
            self.at += 1
            return PLACE
        if self.take("("):
            return self.parenthesis()
        if self.take("["):
            return self.display()
        if self.take("{"):
            return self.mapping()
        return self.missing()

    def missing(self) -> NoReturn:
        """Refuse a token that cannot begin an expression."""
        if self.sees("*", "**"):
            self.refuse("write the elements out, or use extend and update", "no_star")
        if self.sees("."):
            self.refuse("write an integer; amounts are integers in minor units", "number")
        if self.sees("not"):
            self.refuse("put the not and what follows in parentheses")
        self.refuse("a value is missing here")

    def texts(self, kind: str) -> None:
        while self.kind in ("text", "bytes"):
            if self.kind != kind:
                self.refuse("text and bytes do not mix; write text.encode()", "string")
            for tokens in self.token.fields:
                field = Expressions(self.source, tokens)
                field.expressions()
                if field.token.kind != "end":
                    field.refuse("this cannot follow here")
            self.at += 1

    def parenthesis(self) -> str:
        if self.take(")"):
            return PLACES
        kind = self.expression()
        if self.sees("for"):
            self.refuse("write a list: sum([x for x in xs])", "no_generator")
        kind = self.several(kind, (")",))
        self.expect(")")
        return kind

    def display(self) -> str:
        """Take a list or a list comprehension behind its bracket."""
        if self.take("]"):
            return PLACES
        kind = self.expression()
        if self.sees("for"):
            self.comprehension()
            kind = VALUE
        else:
            kind = self.several(kind, ("]",))
        self.expect("]")
        return kind if kind == VALUE else PLACES

    def mapping(self) -> str:
        """Take a map or a map comprehension behind its brace."""
        first = True
        while not self.sees("}"):
            self.expression()
            if self.sees(",", "}", "for"):
                self.refuse("use a list, or a map whose values are True", "no_set")
            self.expect(":")
            self.expression()
            if first and self.sees("for"):
                self.comprehension()
                break
            first = False
            if not self.take(","):
                break
        self.expect("}")
        return VALUE

    def comprehension(self) -> None:
        while self.take("for"):
            self.targets()
            self.expect("in")
            self.operation()
            while self.take("if"):
                self.operation()

    def arguments(self) -> None:
        named = False
        while not self.sees(")"):
            first = self.token
            kind = self.expression()
            if self.sees("for"):
                self.refuse("write a list: sum([x for x in xs])", "no_generator")
            if self.sees("="):
                if kind != PLACE or first.kind != "name" or self.tokens[self.at - 1] is not first:
                    self.refuse("write name=value", token=first)
                self.at += 1
                self.expression()
                named = True
            elif named:
                self.refuse("arguments without a name come first", token=first)
            if not self.take(","):
                break
        self.expect(")")

    def index(self) -> None:
        """Take what stands in the brackets of a subscript."""
        if self.sees("]"):
            self.refuse("expected an index or a key here")
        while not self.sees("]"):
            if not self.sees(":"):
                self.expression()
            if self.take(":"):
                if not self.sees(":", "]", ","):
                    self.expression()
                if self.sees(":"):
                    self.refuse("write reversed(x), or take the elements in a loop", "no_slice_step")
            if not self.take(","):
                break
        self.expect("]")

    def targets(self) -> None:
        """Take what a loop binds."""
        first = self.token
        while True:
            kind = self.primary()
            if kind == VALUE:
                self.refuse("a loop binds a name, or names separated by commas", token=first)
            if not self.take(",") or self.sees("in"):
                return
