"""Turns hostile programs and shipped contracts into programs for a fleet."""

import random
import re
from collections.abc import Iterator
from pathlib import Path

from attacks import Attack
from observe import Program

LIBRARY = Path(__file__).parents[2] / "contracts" / "library"
MUTANTS = 300
COMPARED_GAS = 60_000
"""Enough to begin all of them; most of what runs for ever runs alike after that."""


def of_attack(attack: Attack) -> Program:
    """Return a hostile program; one that is refused is deployed all the same."""
    calls = [
        [
            step.contract,
            step.method,
            [ascii(value) for value in step.args],
            min(step.gas, COMPARED_GAS),
            step.view,
            step.sender,
            list(step.roles),
        ]
        for step in attack.scenario.steps
    ]
    return Program(dict(attack.scenario.contracts), calls)


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
"""A contract with a little of everything, which works."""


AMOUNTS = """
tickets = Counter()
lots = Counter((str, int), start=100)
Item = Record(name=str, price=int, tags=Field(list[str], default=[], since=2), note=Field(str, default="", since=3))
items = Map((str, int), Item)

@call
def attack() -> list[str]:
    out = []
    for i in range(-7, 8):
        out.append(str(div(i, 2, "floor")) + str(div(i, 2, "ceil")) + str(div(i, 2, "down")) + str(div(i, -2, "up")))
        out.append(str(div(i, 4, "half_even")) + str(div(i, 2, "half_up")) + str(mul_div(i, 3, 2, "half_down")))
        out.append(format_amount(rescale(i * 105, 3, 2, "half_even"), 2) + str(basis_points_of(i * 999, 25, "half_up")))
    out.append(str(compound_rate(1_005_000, 1_000_000, 360, "half_even")))
    for text in ["1.5", "-0.05", "1.505", "", "x", "\u0661", "0" * 90]:
        amount = parse_amount(text, 2)
        out.append("none" if amount is None else str(amount))
    for time in [ctx.time, 0, -1, 951782400000, 253402300799999, -62135596800000]:
        out.append(format_time(time) + format_date(time) + str(day_number(time)) + str(day_of_week(time)))
        out.append(",".join([str(part) for part in time_parts(time)]))
    out.append(format_time(add_months(time_from_parts(2024, 1, 31, 23, 59), 1)))
    for text in ["2026-03-01", "2026-03-01T12:00:00.5+08:00", "2026-02-29", "now", "2026-03-01T12:00:00Z"]:
        moment = parse_time(text)
        out.append("none" if moment is None else format_time(moment))
    for i in range(25):
        number = lots.next(("a", i % 3))
        items["a", number] = Item(name=str(tickets.next()), price=i)
        items["a", number].note = "n" * i
    cursor, more = "", True
    while more:
        found, cursor = items.page(limit=4, cursor=cursor, prefix="a", reverse=True)
        more = cursor != ""
        out.append(cursor + "".join([item.name + item.note for (name, number), item in found]))
    return out
"""


SIGNATURES = """
@call
def attack() -> list[bool]:
    key = hex_to_bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    good = hex_to_bytes("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155")
    good += hex_to_bytes("5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")
    return [verify_ed25519(key, b"", good), verify_ed25519(key, b"x", good), verify_ed25519(good, key, good)]
"""


def of_library() -> list[Program]:
    """Return the contracts that ship, deployed and not called."""
    return [Program({path.stem: path.read_text(encoding="utf-8")}) for path in sorted(LIBRARY.glob("*.py"))]


def mutants() -> Iterator[tuple[str, str]]:
    """Make programs that are nearly right: tokens of a working one taken away, doubled or exchanged."""
    bases = [re.findall(r"\w+|\n *|[^\w\s]| ", source) for source in (WORK, AMOUNTS)]
    tokens = [token for base in bases for token in base]
    for seed in range(MUTANTS):
        chance = random.Random(seed)
        parts = list(bases[seed % 2])
        for _ in range(chance.randint(1, 2)):
            place = chance.randrange(len(parts))
            parts[place : place + chance.randint(0, 1)] = [chance.choice(tokens) for _ in range(chance.randint(0, 1))]
        yield f"mutant {seed}", "".join(parts)
