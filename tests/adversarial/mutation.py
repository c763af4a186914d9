"""Changes programs a little, so that they are nearly right: tokens taken away, doubled, exchanged, lines moved."""

import random
import re
from collections.abc import Sequence
from dataclasses import replace

from observe import Program

TOKEN = re.compile(r"\"\"\"|[A-Za-z_]\w*|\d+|\n *|\"(?:[^\"\\\n]|\\.)*\"|[^\w\s]{1,3}| +|.", re.DOTALL)
EXTRA = (
    *("lambda", "yield", "await", "import", "class", "try", "raise", "with", "global", "del", "async", "_"),
    *("__class__", "_m", "_f_f0", ":=", "**", "*", "@", "->", "...", ";", "\\", "\t", "\r", "\x00", "\ufeff"),
    *("\u202e", "\xe9", "1.5", "1e9", "1j", "0x", "007", "{", "}", "[", "]", "(", ")", "\n", "\n    "),
    *("\n        ", "\n  ", '"', "'", '"""', "'''", 'f"', 'b"', 'r"', "is", "in", "not", "and", "or", "if"),
    *("else", "for", "while", "None", "True", "ctx", "ctx.", ".value", ".__class__", "self", "{x!r}"),
    *("{x:1}", "{x=}", "2 ** 300", "9" * 80, "x" * 70, "#", "# type: ignore", "\\N{DOT}", "\\u0041"),
    *("\\ud800", "== None"),
)


def tokens_of(sources: Sequence[str]) -> list[str]:
    """Return the tokens of sources, to choose from."""
    return [token for source in sources for token in TOKEN.findall(source)]


def mutated(source: str, pool: Sequence[str], chance: random.Random) -> str:
    """Return a source with one to four changes."""
    tokens = TOKEN.findall(source)
    for _ in range(chance.choice((1, 1, 1, 2, 2, 4))):
        if not tokens:
            break
        place = chance.randrange(len(tokens))
        length = chance.choice((0, 1, 1, 2, 5))
        match chance.randint(0, 7):
            case 0:
                del tokens[place : place + length]
            case 1:
                tokens[place:place] = tokens[place : place + length]
            case 2:
                tokens[place : place + length] = [chance.choice(EXTRA)]
            case 3:
                other = chance.randrange(len(tokens))
                tokens[place], tokens[other] = tokens[other], tokens[place]
            case 4:
                other = chance.randrange(len(tokens))
                tokens[place : place + length] = tokens[other : other + chance.randint(1, 12)]
            case 5:
                start = chance.randrange(len(pool))
                tokens[place : place + length] = pool[start : start + chance.randint(1, 12)]
            case 6:
                tokens[place] = tokens[place][: chance.randrange(len(tokens[place]) + 1)]
            case 7:
                tokens[place : place + 1] = [chance.choice(EXTRA), tokens[place]]
    return "".join(tokens)


def mutated_program(program: Program, pool: Sequence[str], chance: random.Random) -> Program:
    """Return a program whose last contract is changed."""
    name = list(program.contracts)[-1]
    changed = mutated(program.contracts[name], pool, chance)
    # A lone surrogate cannot be sent to a ship; sources with one are tried elsewhere.
    clean = changed.encode("utf-8", "replace").decode("utf-8")
    return replace(program, contracts={**program.contracts, name: clean})
