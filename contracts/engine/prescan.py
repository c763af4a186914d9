"""The first look at a source, before any parser: a tokeniser of our own that decides what may be parsed at all.

Python's tokeniser and parser differ between versions in what they accept, how deep they nest and which warnings they
give. This file refuses everything on which they could differ, so that no parser version decides what may be deployed.
It must not use Python's tokenize or ast modules.
"""

import re
from typing import Final, NoReturn

from contracts.engine.errors import Rejected
from contracts.engine.limits import (
    BRACKET_DEPTH_MAX,
    ELIF_MAX,
    INDENT_LEVELS_MAX,
    INDENT_WIDTH,
    LINE_LENGTH_MAX,
    LINE_TOKENS_MAX,
    NAME_LENGTH_MAX,
    NUMBER_DIGITS_MAX,
    SOURCE_BYTES_MAX,
)

FORBIDDEN_CHARACTERS: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\xa0\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff0-\uffff"
    "\U000e0000-\U000e0fff]"
)
"""Control, invisible and direction-changing characters, line separators and surrogates; only \\n ends a line."""

TOKEN: Final = re.compile(
    r"""(?P<space>\ +)
    |(?P<comment>\#[^\n]*)
    |(?P<newline>\n)
    |(?P<string>[A-Za-z]*(?:\"\"\"|\"|'''|'))
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>[0-9][0-9A-Za-z_.]*)
    |(?P<operator>\*\*=|//=|>>=|<<=|\*\*|//|>>|<<|==|!=|<=|>=|->|\+=|-=|\*=|%=|&=|\|=|\^=|[-+*%&|^<>=()\[\]{}:,.@])
    """,
    re.VERBOSE,
)
NUMBER: Final = re.compile(r"0x[0-9A-Fa-f]+|0|[1-9][0-9]*(?:_[0-9]+)*")
PLAIN_TEXT: Final = re.compile(
    r"""(?:[^\\\n"']|["']|\\(?:[\\'"nrt]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}))""",
)
BYTES_TEXT: Final = re.compile(r"[\x20-\x5b\x5d-\x7e]|\\(?:[\\'\"nrt]|x[0-9A-Fa-f]{2})")
"""In bytes, Python takes \\u for a backslash and a u, with a warning that becomes an error in some later version."""
SURROGATE: Final = re.compile(r"u[dD][89A-Fa-f]|U(?!000[0-9A-Fa-f]|0010)|U0000[dD][89A-Fa-f]")
FIELD: Final = re.compile(r"\{[A-Za-z][A-Za-z0-9_ .,()\[\]+*-]*\}")
FIELD_REFUSED: Final = re.compile(r"(?<![A-Za-z0-9_])(?:_|[0-9]+[A-Za-z_.])")
"""Names with an underscore in front, and numbers that are not plain."""
FIELD_TOKEN: Final = re.compile(r"[A-Za-z0-9_]+|\*\*|[^A-Za-z0-9_ {}]")
FIELD_BRACKETS_MAX: Final = 4
CLOSERS: Final = {"(": ")", "[": "]", "{": "}"}

REFUSED_WORDS: Final = {
    "class": "declare a Record(field=type, ...) for structured values",
    "try": "check with an if or require before doing what may fail",
    "except": "check with an if or require before doing what may fail",
    "finally": "a failed call reverts everything, nothing is left to clean up",
    "raise": 'write require(False, "code")',
    "assert": 'write require(condition, "code")',
    "lambda": "write a function with def at the top level",
    "yield": "build a list and return it",
    "import": "everything that a contract may use is there without an import",
    "from": "everything that a contract may use is there without an import",
    "as": "everything that a contract may use is there without an import",
    "global": "keep what must last in a Var or Map",
    "nonlocal": "keep what must last in a Var or Map",
    "async": "contracts run from top to bottom",
    "await": "contracts run from top to bottom",
    "with": "there is nothing to open or close in a contract",
    "match": "write if and elif",
    "case": "write if and elif",
    "type": "write the type where it is needed",
}
"""Keywords of Python, soft ones included, that the language leaves out, and what to write instead."""

REFUSED_CHARACTERS: Final = {
    "\t": "indent with four spaces",
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


def prescan(source: str) -> int:
    """Check that a source is made of the language's tokens and stays within its limits; return how many they are.

    Raises:
        Rejected: at the first place that is not.
    """
    bad = FORBIDDEN_CHARACTERS.search(source)
    if bad is not None:
        _refuse(source, bad.start(), "character", REFUSED_CHARACTERS.get(bad.group(), "remove this character"))
    size = len(source.encode("utf-8"))
    if size > SOURCE_BYTES_MAX:
        raise Rejected(1, 1, "source_size", f"{size} bytes exceed the limit of {SOURCE_BYTES_MAX}; split the contract")
    for number, line in enumerate(source.split("\n"), start=1):
        if len(line) > LINE_LENGTH_MAX:
            raise Rejected(
                number, LINE_LENGTH_MAX + 1, "line_length", f"break lines after {LINE_LENGTH_MAX} characters"
            )
    return _Scanner(source).scan()


class _Scanner:
    """Walks over the tokens of one source and keeps what the limits need: brackets, indentation, counts."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.brackets: list[str] = []
        self.tokens = 0
        self.line_tokens = 0
        self.indents = [0]
        self.elifs: dict[int, int] = {}

    def scan(self) -> int:
        position = 0
        while position < len(self.source):
            match = TOKEN.match(self.source, position)
            if match is None or match.lastgroup is None:
                self._refuse_character(position)
            kind, text = match.lastgroup, match.group()
            end = match.end()
            if kind == "newline":
                if not self.brackets:
                    self.line_tokens = 0
            elif kind not in ("space", "comment"):
                self._begin_token(position, text)
                if kind == "string":
                    end = _string_end(self.source, position, text)
                    if text.startswith("f"):
                        self.tokens += _field_tokens(self.source[position:end])
                elif kind == "name":
                    _check_name(self.source, position, text)
                elif kind == "number":
                    _check_number(self.source, position, text)
                else:
                    self._check_operator(position, text)
            position = end
        if self.brackets:
            _refuse(self.source, len(self.source), "brackets", f"close the {self.brackets[-1]}")
        return self.tokens

    def _begin_token(self, position: int, text: str) -> None:
        if self.line_tokens == 0:
            self._begin_line(position, text)
        self.tokens += 1
        self.line_tokens += 1
        if self.line_tokens > LINE_TOKENS_MAX:
            _refuse(self.source, position, "statement_length", "split this statement into several")

    def _begin_line(self, position: int, text: str) -> None:
        """Check the indentation of a logical line and the number of elif branches at its level."""
        indent = position - (self.source.rfind("\n", 0, position) + 1)
        if indent % INDENT_WIDTH or indent > INDENT_WIDTH * INDENT_LEVELS_MAX:
            hint = f"indent by {INDENT_WIDTH} spaces a level, at most {INDENT_LEVELS_MAX} levels"
            _refuse(self.source, position, "indentation", hint)
        if indent > self.indents[-1] + INDENT_WIDTH:
            _refuse(self.source, position, "indentation", f"indent by {INDENT_WIDTH} spaces a level")
        while self.indents[-1] >= indent and len(self.indents) > 1:
            self.indents.pop()
        if indent:
            self.indents.append(indent)
        if text == "elif":
            self.elifs[indent] = self.elifs.get(indent, 0) + 1
            if self.elifs[indent] > ELIF_MAX:
                _refuse(self.source, position, "elif_count", f"at most {ELIF_MAX} elif branches; look it up in a map")
        elif text != "else":
            self.elifs[indent] = 0

    def _check_operator(self, position: int, text: str) -> None:
        if text in CLOSERS:
            self.brackets.append(text)
            if len(self.brackets) > BRACKET_DEPTH_MAX:
                _refuse(self.source, position, "bracket_depth", "give a part of this expression a name of its own")
        elif text in CLOSERS.values():
            if not self.brackets or CLOSERS[self.brackets.pop()] != text:
                _refuse(self.source, position, "brackets", f"this {text} closes nothing")
        elif text == ":" and self.source.startswith(":=", position):
            _refuse(self.source, position, "operator", REFUSED_CHARACTERS[":="])
        elif text == "." and self.source.startswith("..", position):
            _refuse(self.source, position, "operator", "write pass for an empty body")

    def _refuse_character(self, position: int) -> NoReturn:
        character = self.source[position]
        if not character.isascii():
            _refuse(self.source, position, "character", "only text and comments may hold characters outside ASCII")
        _refuse(
            self.source, position, "character", REFUSED_CHARACTERS.get(character, "this character means nothing here")
        )


def _check_name(source: str, position: int, text: str) -> None:
    if text.startswith("_"):
        _refuse(source, position, "name", "names do not begin with an underscore")
    if len(text) > NAME_LENGTH_MAX:
        _refuse(source, position, "name", f"names have at most {NAME_LENGTH_MAX} characters")
    if text in REFUSED_WORDS:
        _refuse(source, position, f"no_{text}", REFUSED_WORDS[text])


def _check_number(source: str, position: int, text: str) -> None:
    if NUMBER.fullmatch(text) is None:
        hint = "write an integer such as 1_000 or 0xff; amounts are integers in minor units"
        _refuse(source, position, "number", hint)
    if len(text) > NUMBER_DIGITS_MAX:
        _refuse(source, position, "number", f"numbers have at most {NUMBER_DIGITS_MAX} digits")


def _string_end(source: str, position: int, opening: str) -> int:
    """Check one string literal and return the position behind it."""
    prefix = opening.rstrip("\"'")
    quote = opening[len(prefix) :]
    if prefix not in ("", "b", "f"):
        _refuse(source, position, "string_prefix", 'write "text", f"text" or b"bytes"')
    if len(quote) == 3 and prefix:
        _refuse(source, position, "string", 'only plain text may stand in """')
    start = position + len(opening)
    end = start
    while not source.startswith(quote, end):
        if end >= len(source):
            _refuse(source, position, "string", f"close this text with {quote}")
        if source[end] == "\n" and len(quote) == 1:
            _refuse(source, position, "string", f"close this text with {quote} on the same line")
        end = _character_end(source, end, BYTES_TEXT if prefix == "b" else PLAIN_TEXT)
    if prefix == "f":
        _check_fields(source, start, end)
    return end + len(quote)


def _character_end(source: str, position: int, allowed: re.Pattern[str]) -> int:
    """Check one character or escape of a string literal and return the position behind it."""
    if source[position] == "\n":
        return position + 1
    match = allowed.match(source, position)
    if match is None and allowed is BYTES_TEXT:
        hint = "bytes hold ASCII characters and the escapes \\\\ \\' \\\" \\n \\r \\t \\xHH"
        _refuse(source, position, "bytes_text", hint)
    if match is None:
        hint = "the escapes are \\\\ \\' \\\" \\n \\r \\t \\xHH \\uHHHH \\UHHHHHHHH"
        _refuse(source, position, "escape", hint)
    if match.end() - position > 4 and SURROGATE.match(source, position + 1):
        _refuse(source, position, "escape", "this is not a Unicode character")
    return match.end()


def _check_fields(source: str, start: int, end: int) -> None:
    """Check the {fields} of a format string: an expression without quotes, formats or nested braces."""
    position = start
    while position < end:
        character = source[position]
        if source.startswith(("{{", "}}"), position):
            position += 2
        elif character == "{":
            match = FIELD.match(source, position, end)
            if match is None or not _is_plain_field(match.group()):
                _refuse(source, position, "format_string", "put a name or a simple expression between { and }")
            position = match.end()
        elif character == "}":
            _refuse(source, position, "format_string", "write }} for a brace")
        elif character == "\\":
            position = _character_end(source, position, PLAIN_TEXT)
        else:
            position += 1


def _field_tokens(text: str) -> int:
    """Return how many tokens the fields of a format string are: each is an expression of its own, with its braces."""
    return sum(2 + sum(1 for _ in FIELD_TOKEN.finditer(field)) for field in FIELD.findall(text))


def _is_plain_field(field: str) -> bool:
    brackets = field.count("(") + field.count("[")
    return brackets <= FIELD_BRACKETS_MAX and FIELD_REFUSED.search(field) is None


def _refuse(source: str, position: int, rule: str, hint: str) -> NoReturn:
    line = source.count("\n", 0, position) + 1
    column = position - (source.rfind("\n", 0, position) + 1) + 1
    raise Rejected(line, column, rule, hint)
