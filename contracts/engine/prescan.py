"""The first look at a source, before any parser: a tokeniser of our own that decides what may be parsed at all.

Python's tokeniser and parser differ between versions in what they accept, how deep they nest and which warnings they
give. This file refuses everything on which they could differ, and `grammar` everything that does not follow the
language's grammar, so that no parser version decides what may be deployed. Neither may use Python's tokenize or ast.
"""

import re
from typing import Final, NamedTuple, NoReturn

from chain.values import dataclass
from contracts.engine.characters import FORBIDDEN_CHARACTERS, forbidden_hint
from contracts.engine.errors import Rejected
from contracts.engine.limits import (
    BRACKET_DEPTH_MAX,
    ELIF_MAX,
    INDENT_LEVELS_MAX,
    INDENT_WIDTH,
    LINE_LENGTH_MAX,
    LINE_TOKENS_MAX,
    SOURCE_BYTES_MAX,
)
from contracts.engine.literals import check_name, check_number, refuse, string_end
from contracts.engine.rulebook import Problems

TOKEN: Final = re.compile(
    r"""(?P<space>\ +)
    |(?P<comment>\#[^\n]*)
    |(?P<newline>\n)
    |(?P<string>[A-Za-z]*(?:\"\"\"|\"|'''|'))
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>[0-9][0-9A-Za-z_.]*)
    |(?P<operator>\*\*=|//=|>>=|<<=|\*\*|//|>>|<<|==|!=|<=|>=|->|\.\.+|\+=|-=|\*=|%=|&=|\|=|\^=|[-+*%&|^<>=()\[\]{}:,.@])
    """,
    re.VERBOSE,
)
CLOSERS: Final = {"(": ")", "[": "]", "{": "}"}

REFUSED_CHARACTERS: Final = {
    ";": "write each statement on its own line",
    "\\": "put a long expression in parentheses",
    "/": "divide integers with // or mul_div",
    "~": "write -x - 1",
    "!": "write != or not",
    "$": "this character means nothing here",
    "?": "this character means nothing here",
    "`": "this character means nothing here",
    ":=": "assign in a statement of its own",
}

ALONE: Final = frozenset(("character", "name", "number", "operator"))
"""Rules about one token, behind which the scan can go on to look for more problems; so can it behind a word."""


class Token(NamedTuple):
    """A piece of the source; between statements stand `newline`, `indent` and `dedent`, at the end `end`."""

    kind: str
    """name, number, text, bytes, operator, newline, indent, dedent or end."""
    text: str
    position: int
    fields: "tuple[tuple[Token, ...], ...]" = ()
    """The expressions in the fields of an f-string, each closed by an `end`."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """What the pre-scan found."""

    tokens: list[Token]
    count: int
    """Tokens to pay for."""


def prescan(source: str, problems: Problems | None = None) -> Scanned:
    """Check that a source is made of the language's tokens and stays within its limits.

    Raises:
        Rejected: at the first place that is not; with `problems` only where the scan cannot go on.
    """
    bad = FORBIDDEN_CHARACTERS.search(source)
    if bad is not None:
        refuse(source, bad.start(), "character", forbidden_hint(bad.group()))
    size = len(source.encode("utf-8"))
    if size > SOURCE_BYTES_MAX:
        raise Rejected(1, 1, "source_size", f"{size} bytes exceed the limit of {SOURCE_BYTES_MAX}; split the contract")
    problems = Problems() if problems is None else problems
    for number, line in enumerate(source.split("\n"), start=1):
        if len(line) > LINE_LENGTH_MAX:
            hint = f"break lines after {LINE_LENGTH_MAX} characters"
            problems.add(Rejected(number, LINE_LENGTH_MAX + 1, "line_length", hint))
    scanned = _Scanner(source, problems).scan()
    problems.settle()
    return scanned


class _Scanner:
    """Walks over the tokens of one source and keeps what the limits need: brackets, indentation, counts."""

    def __init__(self, source: str, problems: Problems) -> None:
        self.source = source
        self.problems = problems
        self.tokens: list[Token] = []
        self.count = 0
        self.brackets: list[int] = []
        """Positions of the brackets that are open."""
        self.line_tokens = 0
        self.indents = [0]
        self.elifs: dict[int, int] = {}
        self.word_refused = False
        """Whether this logical line has a word that the language leaves out: `import x as y` is one problem."""

    def scan(self) -> Scanned:
        position = 0
        while position < len(self.source):
            match = TOKEN.match(self.source, position)
            end = position + 1 if match is None else match.end()
            try:
                position = self._token(position, match)
            except Rejected as rejected:
                if rejected.rule not in ALONE and not rejected.rule.startswith("no_"):
                    raise
                is_word = rejected.rule.startswith("no_")
                if not (is_word and self.word_refused):
                    self.problems.add(rejected)
                self.word_refused |= is_word
                position = end
        if self.brackets:
            opener = self.brackets[-1]
            refuse(self.source, opener, "brackets", f"close this {self.source[opener]}")
        self._end_line(position)
        self.tokens += [Token("dedent", "", position)] * (len(self.indents) - 1)
        self.tokens.append(Token("end", "", position))
        return Scanned(self.tokens, self.count)

    def _token(self, position: int, match: re.Match[str] | None) -> int:
        """Take one token and return the position behind it."""
        if match is None or match.lastgroup is None:
            self._refuse_character(position)
        kind, text, end = match.lastgroup, match.group(), match.end()
        if kind == "newline":
            if not self.brackets:
                self._end_line(position)
        elif kind not in ("space", "comment"):
            self._begin_token(position, text)
            if kind == "string":
                return self._string(position, text)
            if kind == "name":
                check_name(self.source, position, text)
            elif kind == "number":
                check_number(self.source, position, text)
            else:
                self._check_operator(position, text)
            self.tokens.append(Token(kind, text, position))
        return end

    def _string(self, position: int, opening: str) -> int:
        end, fields = string_end(self.source, position, opening)
        inner = tuple(self._field(start, stop) for start, stop in fields)
        # Each field is an expression of its own, with its two braces; the `end` is not paid for.
        self.count += sum(1 + len(tokens) for tokens in inner)
        kind = "bytes" if opening.startswith("b") else "text"
        self.tokens.append(Token(kind, opening, position, inner))
        return end

    def _field(self, start: int, stop: int) -> tuple[Token, ...]:
        """Return the tokens of an f-string's field, whose characters have been checked."""
        tokens: list[Token] = []
        position = start
        while position < stop:
            match = TOKEN.match(self.source, position, stop)
            assert match is not None and match.lastgroup is not None
            kind, text = match.lastgroup, match.group()
            if kind == "name":
                check_name(self.source, position, text)
            elif kind == "number":
                check_number(self.source, position, text)
            if kind != "space":
                tokens.append(Token(kind, text, position))
            position = match.end()
        tokens.append(Token("end", "", stop))
        return tuple(tokens)

    def _begin_token(self, position: int, text: str) -> None:
        if self.line_tokens == 0:
            self._begin_line(position, text)
        self.count += 1
        self.line_tokens += 1
        if self.line_tokens > LINE_TOKENS_MAX:
            refuse(self.source, position, "statement_length", "split this statement into several")

    def _begin_line(self, position: int, text: str) -> None:
        """Check the indentation of a logical line and the number of elif branches at its level."""
        indent = position - (self.source.rfind("\n", 0, position) + 1)
        if indent % INDENT_WIDTH or indent > INDENT_WIDTH * INDENT_LEVELS_MAX:
            hint = f"indent by {INDENT_WIDTH} spaces a level, at most {INDENT_LEVELS_MAX} levels"
            refuse(self.source, position, "indentation", hint)
        if indent > self.indents[-1] + INDENT_WIDTH:
            refuse(self.source, position, "indentation", f"indent by {INDENT_WIDTH} spaces a level")
        if indent > self.indents[-1]:
            self.indents.append(indent)
            self.tokens.append(Token("indent", "", position))
        while self.indents[-1] > indent:
            self.indents.pop()
            self.tokens.append(Token("dedent", "", position))
        if text == "elif":
            self.elifs[indent] = self.elifs.get(indent, 0) + 1
            if self.elifs[indent] > ELIF_MAX:
                refuse(self.source, position, "elif_count", f"at most {ELIF_MAX} elif branches; look it up in a map")
        elif text != "else":
            self.elifs[indent] = 0

    def _end_line(self, position: int) -> None:
        if self.line_tokens:
            self.tokens.append(Token("newline", "", position))
        self.line_tokens = 0
        self.word_refused = False

    def _check_operator(self, position: int, text: str) -> None:
        if text in CLOSERS:
            self.brackets.append(position)
            if len(self.brackets) > BRACKET_DEPTH_MAX:
                refuse(self.source, position, "bracket_depth", "give a part of this expression a name of its own")
        elif text in CLOSERS.values():
            if not self.brackets:
                refuse(self.source, position, "brackets", f"this {text} closes nothing")
            opener = self.source[self.brackets.pop()]
            if CLOSERS[opener] != text:
                refuse(self.source, position, "brackets", f"write {CLOSERS[opener]}, which closes the last {opener}")
        elif text == ":" and self.source.startswith(":=", position):
            refuse(self.source, position, "operator", REFUSED_CHARACTERS[":="])
        elif text.startswith(".."):
            refuse(self.source, position, "operator", "write pass for an empty body")

    def _refuse_character(self, position: int) -> NoReturn:
        character = self.source[position]
        if not character.isascii():
            hint = "only text and comments may hold characters outside ASCII"
        elif character == "/" and self._is_parameter(position):
            hint = "leave the / away: parameters are given in their order or by name"
        else:
            hint = REFUSED_CHARACTERS.get(character, "this character means nothing here")
        refuse(self.source, position, "character", hint)

    def _is_parameter(self, position: int) -> bool:
        """Tell whether what stands here is an element of its own, as in `def f(a, /, b)`."""
        before = self.tokens[-1].text if self.tokens else ""
        return before in ("(", ",") and self.source[position + 1 :].lstrip(" \n")[:1] in (",", ")")
