"""Checks text over all planes of Unicode against models that know ASCII alone, and prints a digest of all results.

Run as a script by any supported Python: `python engine_text.py`. Nothing here may ask Python for a property of a
character, but to find the characters on which its versions differ.
"""

import ast
import hashlib
import json
import random
import re
import string
import sys
import unicodedata
from collections.abc import Callable
from typing import Any

from chain.state_keys import encode_key
from contracts.engine.errors import Failed, Rejected
from contracts.engine.gas import CURRENT
from contracts.engine.grammar import recognise
from contracts.engine.guards import value_guards
from contracts.engine.guards_text import text_methods
from contracts.engine.prescan import prescan
from contracts.engine.rulebook import Problems
from contracts.engine.rules import parse
from contracts.engine.run import Run

PLANE = 0x10000
PLANES = [list(map(chr, range(plane * PLANE, (plane + 1) * PLANE))) for plane in range(17)]
ASSIGNED_PLANES = (0, 1, 2, 3, 14)
"""Where any version of Unicode has characters; of the others, one in 61 is looked at."""
PLANES = [part if plane in ASSIGNED_PLANES else part[::61] for plane, part in enumerate(PLANES)]
PLANES[0] = [character for character in PLANES[0] if not 0xD800 <= ord(character) <= 0xDFFF]

CLASSES = {
    "isdigit": set(string.digits),
    "isalpha": set(string.ascii_letters),
    "isalnum": set(string.ascii_letters + string.digits),
    "islower": set(string.ascii_lowercase),
    "isupper": set(string.ascii_uppercase),
}
SPACES = set(" \t\n\r")
LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
UPPER = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)

REFUSED_IN_SOURCE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u115f-\u1160"
    "\u1680\u17b4-\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""As in the manual, written again."""


def guards() -> tuple[dict[str, Any], dict[str, Callable[..., Any]]]:
    """Return the guards, and the methods of text, of a run with all the gas in the world."""
    run = Run(CURRENT)
    run.gas = 10**15
    methods = {name: kinds[str] for name, kinds in text_methods(run).items() if str in kinds}
    return value_guards(run), methods


def check_characters(methods: dict[str, Callable[..., Any]]) -> str:
    """Every class, case and strip of every character is that of ASCII."""
    digest = hashlib.sha256()
    for characters in PLANES:
        for name, members in CLASSES.items():
            method = methods[name]
            assert {character for character in characters if method(character)} == members & set(characters), name
        strip = methods["strip"]
        assert {c for c in characters if strip(c + "x" + c) == "x"} == SPACES & set(characters)
        whole = "".join(characters)
        assert methods["lower"](whole) == whole.translate(LOWER)
        assert methods["upper"](whole) == whole.translate(UPPER)
        assert methods["split"](whole, whole[77]) == [whole[:77], whole[78:]]
        assert methods["find"](whole, whole[-5:]) == len(whole) - 5
        for name in ("lower", "upper", "encode"):
            result = methods[name](whole[:16_000])
            digest.update(result if isinstance(result, bytes) else result.encode())
    return digest.hexdigest()


def check_order(table: dict[str, Any]) -> None:
    """Sorting, comparison and the order of storage keys are all that of code points."""
    chance = random.Random(1)
    for characters in PLANES:
        shuffled = chance.sample(characters, len(characters))
        assert table["sorted_list"](shuffled, False) == characters
    pairs = ["".join(chance.choice(chance.choice(PLANES)) for _ in range(chance.randrange(4))) for _ in range(4000)]
    for one, other in zip(pairs[::2], pairs[1::2], strict=True):
        before = [ord(c) for c in one] < [ord(c) for c in other]
        assert table["less"](one, other) == before
        assert (encode_key((one,)) < encode_key((other,))) == before
        assert table["equal"](one, other) == ([ord(c) for c in one] == [ord(c) for c in other])


def check_numbers(table: dict[str, Any]) -> int:
    """No character but 0-9 is a digit of a number, an amount, a time or hexadecimal bytes."""
    digits = [c for characters in PLANES for c in characters if not c.isascii() and (c.isnumeric() or c.isspace())]
    for character in digits:
        for text in (character, "1" + character, character + "1"):
            assert table["parse_amount"](text, 2) is None
            for guard in ("integer_of", "hex_to_bytes"):
                assert _fails(table[guard], text)
        assert table["parse_time"](f"2026-03-0{character}") is None
        assert table["parse_time"](f"2026-03-01{character}") is None
    return len(digits)


def _fails(guard: Callable[..., Any], *arguments: Any) -> bool:
    try:
        guard(*arguments)
    except Failed:
        return True
    return False


def check_sources() -> str:
    """Each character stands in text as itself or nowhere; none outside of ASCII is part of a name."""
    digest = hashlib.sha256()
    for characters in PLANES:
        allowed = [c for c in characters if not REFUSED_IN_SOURCE.match(c)]
        digest.update("".join(allowed).encode())
        for start in range(0, len(allowed), 10_000):
            plain = [c for c in allowed[start : start + 10_000] if c not in '"\\\n']
            lines = ["".join(plain[at : at + 90]) for at in range(0, len(plain), 90)]
            source = "".join(f'X{number} = "{line}"  # \u00e9\n' for number, line in enumerate(lines))
            recognise(source, prescan(source), Problems())
            assert [_text(statement) for statement in parse(source).body] == lines
        for character in set(characters) - set(allowed):
            assert _rule(f'X = "a{character}"\n') == "character"
    return digest.hexdigest()


def _text(statement: ast.stmt) -> str:
    assert isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
    assert isinstance(statement.value.value, str)
    return statement.value.value


def check_names() -> None:
    """What Python takes for a letter of a name, in whatever version, is refused; also what it would turn into one."""
    for characters in PLANES:
        for place, character in enumerate(characters):
            is_like_ascii = place % 499 == 0 or unicodedata.normalize("NFKC", character).isascii()
            if not character.isascii() and is_like_ascii and not REFUSED_IN_SOURCE.match(character):
                assert _rule(f"{character} = 1\n") == "character"
                assert _rule(f"a{character} = 1\n") == "character"


def _rule(source: str) -> str | None:
    try:
        prescan(source)
    except Rejected as rejected:
        return rejected.rule
    return None


if __name__ == "__main__":
    table, methods = guards()
    digests = [check_characters(methods), check_sources()]
    check_order(table)
    check_numbers(table)
    check_names()
    json.dump({"unicode": unicodedata.unidata_version, "digest": "".join(digests)}, sys.stdout)
