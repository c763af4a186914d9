"""What names, numbers and text may look like in a source, down to the character; used by the pre-scan alone.

Every regular expression here runs in linear time and says the same on every Unicode version.
"""

import re
from typing import Final, NoReturn

from contracts.engine.errors import Rejected
from contracts.engine.limits import INTEGER_MAX, NAME_LENGTH_MAX, NUMBER_DIGITS_MAX
from contracts.engine.rulebook import REFUSED_WORDS

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
FIELD_BRACKETS_MAX: Final = 4


def check_name(source: str, position: int, text: str) -> None:
    """Refuse a name that is private, too long, or a word that the language leaves out."""
    if text.startswith("_"):
        refuse(source, position, "name", "names do not begin with an underscore")
    if len(text) > NAME_LENGTH_MAX:
        refuse(source, position, "name", f"names have at most {NAME_LENGTH_MAX} characters")
    if text in REFUSED_WORDS:
        refuse(source, position, f"no_{text}", REFUSED_WORDS[text])


def check_number(source: str, position: int, text: str) -> None:
    """Refuse what is no integer of at most 256 bits."""
    if NUMBER.fullmatch(text) is None:
        hint = "write an integer such as 1_000 or 0xff; amounts are integers in minor units"
        refuse(source, position, "number", hint)
    if len(text) > NUMBER_DIGITS_MAX:
        refuse(source, position, "number", f"numbers have at most {NUMBER_DIGITS_MAX} digits")
    if int(text, 0) > INTEGER_MAX:
        refuse(source, position, "number", "integers have at most 256 bits")


def string_end(source: str, position: int, opening: str) -> tuple[int, list[tuple[int, int]]]:
    """Check one string literal; return the position behind it, and where the expressions of its fields stand."""
    prefix = opening.rstrip("\"'")
    quote = opening[len(prefix) :]
    if prefix not in ("", "b", "f"):
        refuse(source, position, "string_prefix", 'write "text", f"text" or b"bytes"')
    if len(quote) == 3 and prefix:
        refuse(source, position, "string", 'only plain text may stand in """')
    start = position + len(opening)
    end = start
    while not source.startswith(quote, end):
        if end >= len(source):
            refuse(source, position, "string", f"close this text with {quote}")
        if source[end] == "\n" and len(quote) == 1:
            refuse(source, position, "string", f"close this text with {quote} on the same line")
        end = _character_end(source, end, BYTES_TEXT if prefix == "b" else PLAIN_TEXT)
    return end + len(quote), _fields(source, start, end) if prefix == "f" else []


def _character_end(source: str, position: int, allowed: re.Pattern[str]) -> int:
    """Check one character or escape of a string literal and return the position behind it."""
    if source[position] == "\n":
        return position + 1
    match = allowed.match(source, position)
    if match is None and allowed is BYTES_TEXT:
        hint = "bytes hold ASCII characters and the escapes \\\\ \\' \\\" \\n \\r \\t \\xHH"
        refuse(source, position, "bytes_text", hint)
    if match is None:
        hint = "the escapes are \\\\ \\' \\\" \\n \\r \\t \\xHH \\uHHHH \\UHHHHHHHH"
        refuse(source, position, "escape", hint)
    if match.end() - position > 4 and SURROGATE.match(source, position + 1):
        refuse(source, position, "escape", "this is not a Unicode character")
    return match.end()


def _fields(source: str, start: int, end: int) -> list[tuple[int, int]]:
    """Check the {fields} of a format string: expressions without quotes, formats or nested braces."""
    found: list[tuple[int, int]] = []
    position = start
    while position < end:
        character = source[position]
        if source.startswith(("{{", "}}"), position):
            position += 2
        elif character == "{":
            match = FIELD.match(source, position, end)
            if match is None or not _is_plain_field(match.group()):
                refuse(source, position, "format_string", "put a name or a simple expression between { and }")
            found.append((position + 1, match.end() - 1))
            position = match.end()
        elif character == "}":
            refuse(source, position, "format_string", "write }} for a brace")
        elif character == "\\":
            position = _character_end(source, position, PLAIN_TEXT)
        else:
            position += 1
    return found


def _is_plain_field(field: str) -> bool:
    brackets = field.count("(") + field.count("[")
    return brackets <= FIELD_BRACKETS_MAX and FIELD_REFUSED.search(field) is None


def rejection(source: str, position: int, rule: str, hint: str) -> Rejected:
    """Return the error that rejects the source at a position."""
    line = source.count("\n", 0, position) + 1
    column = position - (source.rfind("\n", 0, position) + 1) + 1
    return Rejected(line, column, rule, hint)


def refuse(source: str, position: int, rule: str, hint: str) -> NoReturn:
    """Reject the source at a position."""
    raise rejection(source, position, rule, hint)
