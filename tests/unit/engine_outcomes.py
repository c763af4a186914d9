"""Prints what every program of the corpus does, for comparison between Python versions, hash seeds and -O.

Run as a script by any supported Python: `python engine_outcomes.py`.
"""

import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine_hostile import REFUSED, STOPPED, method

from contracts.engine.testkit import Harness

LIBRARY = Path(__file__).parents[2] / "contracts" / "library"

MUTANTS = 300

WORK = """
m = Map((str, int), list[int], default=[])
R = Record(a=int, b=dict[str, str], c=Field(str | None, default=None))
r = Map(str, R)
E = Event(r=R, names=list[str])

def mix(n: int, t: str) -> tuple[int, str]:
    return mul_div(n, 7, 3, "half_even"), t.upper() + f"{n}"

@call
def attack() -> list[str]:
    table = {}
    for i, c in enumerate(["b", "a", "\\u00e9", "zz"]):
        n, t = mix(i * 10, c)
        table[t] = sha256(t.encode()).hex()
        m[c, -i] = [n, i] + [x ** 2 for x in range(i) if x != 1]
        r[c] = R(a=n, b=table)
        r[c].a += 1
        E(r=r[c], names=sorted([k for k in table]))
    out = [f"{a}{b}{len(v)}" for (a, b), v in m.items(limit=10, reverse=True)]
    count = 0
    while count < 100:
        count = count * 2 + 1
        if count % 5 == 0:
            continue
        out.append(str(count))
    return out + [k + v[:4] for k, v in table.items()] + ["x" if table == r["zz"].b else "y"]
"""


def mutants() -> Iterator[tuple[str, str]]:
    """Make programs that are nearly right: tokens of a working one taken away, doubled or exchanged."""
    tokens = re.findall(r"\w+|\n *|[^\w\s]| ", WORK + "".join(source for source, _ in STOPPED.values())[:3000])
    base = re.findall(r"\w+|\n *|[^\w\s]| ", WORK)
    for seed in range(MUTANTS):
        chance = random.Random(seed)
        parts = list(base)
        for _ in range(chance.randint(1, 2)):
            place = chance.randrange(len(parts))
            parts[place : place + chance.randint(0, 1)] = [chance.choice(tokens) for _ in range(chance.randint(0, 1))]
        yield f"mutant {seed}", "".join(parts)


def outcomes() -> list[Any]:
    """Return one entry a program: everything that a receipt and the state would show, and the reason."""
    programs = [("work", WORK), *((path.stem, path.read_text()) for path in sorted(LIBRARY.glob("*.py")))]
    programs += [(name, source) for corpus in (REFUSED, STOPPED) for name, (source, _) in corpus.items()]
    programs.append(("nothing", method("pass")))
    programs += mutants()
    return [[name, *_outcome(source)] for name, source in programs]


def _outcome(source: str) -> list[Any]:
    ledger = Harness()
    deployed = ledger.deploy("c", source)
    seen: list[Any] = [deployed.code, deployed.gas_used, ledger.failure]
    if deployed.code is None:
        called = ledger.call("acme.alice", "c", "attack", gas_limit=300_000)
        events = [[event.name, event.fields] for event in called.events]
        entries = [[key.hex(), value.hex()] for key, value in ledger.state.items("c")]
        seen += [called.code, called.gas_used, called.value, events, entries, ledger.failure]
    return seen


if __name__ == "__main__":
    json.dump(outcomes(), sys.stdout)
