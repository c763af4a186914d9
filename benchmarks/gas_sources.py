"""Measured deployments: sources of contracts as they are written, and those that cost most to check and compile."""

import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.machine import adjusted_nanoseconds
from contracts.engine.testkit import Harness

LIBRARY: Final = Path(__file__).parents[1] / "contracts" / "library"
BYTES: Final = 60_000
GAS_MAX: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Case:
    """One source."""

    name: str
    typical: bool
    source: str


def _repeated(head: str, line: str, size: int = BYTES) -> str:
    """Return a source of about `size` bytes; `line` may hold {n} for a running number."""
    lines, length = [head], len(head)
    while length < size:
        lines.append(line.replace("{n}", str(len(lines))))
        length += len(lines[-1].encode()) + 1
    return "\n".join(lines) + "\n"


FUNCTION: Final = "@call\ndef f(n: int) -> None:\n    x = n"
PLUS: Final = "    x = n" + "+n" * 55

CASES: Final[tuple[Case, ...]] = (
    Case("deploy, remittance", True, (LIBRARY / "remittance.py").read_text(encoding="utf-8")),
    Case("deploy, traceability", True, (LIBRARY / "traceability.py").read_text(encoding="utf-8")),
    Case(
        "deploy, small",
        True,
        "count = Var(int, default=0)\n\n\n@call\ndef add(n: int) -> None:\n    count.value += n\n",
    ),
    Case("deploy, comments", False, _repeated(FUNCTION, "    # " + "\u4e2d" * 60)),
    Case("deploy, empty lines", False, _repeated(FUNCTION, "")),
    Case("deploy, short statements", False, _repeated(FUNCTION, "    x = n")),
    Case("deploy, sums", False, _repeated(FUNCTION, PLUS)),
    Case("deploy, calls", False, _repeated(FUNCTION, "    x = " + "abs(" * 8 + "n" + ")" * 8)),
    Case("deploy, branches", False, _repeated(FUNCTION, "    if n == {n}:\n        x = n\n    else:\n        x = 1")),
    Case("deploy, loops", False, _repeated(FUNCTION, "    for i in range(n):\n        x = i")),
    Case("deploy, comprehensions", False, _repeated(FUNCTION, "    y = [i + n for i in range(n) if i < n]")),
    Case("deploy, functions", False, _repeated("", "def f{n}(a: int) -> int:\n    return a\n")),
    Case(
        "deploy, events",
        False,
        _repeated(FUNCTION, "E{n} = Event(a=int, b=str)").replace(FUNCTION, "", 1) + FUNCTION + "\n",
    ),
    Case("deploy, storage", False, _repeated("", "m{n} = Map(str, int, default=0)") + FUNCTION + "\n"),
    Case("deploy, constants", False, _repeated("", 'C{n} = [1, "a", 2, "b"]') + FUNCTION + "\n"),
    Case("deploy, records", False, _repeated("", "R{n} = Record(a=int, b=str)") + FUNCTION + "\n"),
    Case("deploy, text", False, _repeated(FUNCTION, '    y = "' + "a" * 100 + '"')),
    Case("deploy, f-strings", False, _repeated(FUNCTION, '    y = f"{n}{n}{n}{n}{n}{n}"')),
    Case("deploy, requires", False, _repeated(FUNCTION, '    require(n > {n}, "c{n}")')),
    Case("deploy, refused at the end", False, _repeated(FUNCTION, PLUS) + "    x = lambda: n\n"),
    Case("deploy, refused by the parser", False, _repeated(FUNCTION, PLUS) + "    x = (n\n"),
    Case("deploy, unknown name at the end", False, _repeated(FUNCTION, PLUS) + "    x = unknown\n"),
)


def measured(case: Case, repetitions: int) -> tuple[float, float, float]:
    """Return nanoseconds and bytes a unit of gas of a deployment, and its gas."""
    gas = _deploy(case)
    nanoseconds = adjusted_nanoseconds(lambda: _deploy(case), repetitions)
    tracemalloc.start()
    _deploy(case)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return nanoseconds / gas, peak / gas, gas


def _deploy(case: Case) -> int:
    """Deploy with an engine that has not seen the source, and return what it cost, accepted or not."""
    ledger = Harness()
    return ledger.deploy("measured", case.source, gas_limit=GAS_MAX).gas_used
