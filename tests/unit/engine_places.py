"""Prints all problems of sources whose mistakes are hard to place, for comparison between Pythons."""

import json
import sys

from contracts.engine.compiler import find_problems

STATEMENTS = (
    'x = ("a"\n        f"{unknown}")',
    'x = (f"a{m}"\n        "\u00e9"\n        f"{u1}{u2.x}" f"{u3[u4]}") + u5',
    'x = f"\u00e9{u1}" + u2',
    'x = "\u00e9\u4e2d" + u1',
    'x = [f"{a}{b}" for a in [u1]]',
    'x = f"{a if u1 else u2}"',
    'x = f"{a for a in b}"',
    'x = f"{a +}"',
    "x = len(a=1,\n  b=u)",
    "x: unk = 1",
    "x, y = (1,\n   u)",
    'x = {"a": u1,\n   "b": u2}',
    "for a, (b, c) in u:\n        d = e",
    "x = m[u1, u2]\n    m[1:2] = u3",
    "x = y\n    while z:\n        break\n    continue",
    "x = (\n    1 +\n    )\n    if a\n        b",
    "import os\n    class A:\n        y = 1.5",
)


def problems() -> list[list[str]]:
    """Return every problem of each statement in a method."""
    head = "m = Map((str, int), int)\n@call\ndef f() -> None:\n    "
    return [[str(problem) for problem in find_problems(f"{head}{statement}\n")] for statement in STATEMENTS]


if __name__ == "__main__":
    json.dump(problems(), sys.stdout)
