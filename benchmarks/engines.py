"""Compares ways of running contracts in Python programs: the same transfer, three reads, three writes and one event.

    python -m benchmarks.engines [--calls 2000] [--folder .venv-engines] [--json FILE]

The other engines are installed from PyPI, at the versions below, into a virtual environment of their own in `--folder`
(a minute, once); they are no dependencies of this program. Each engine runs in an interpreter of its own. Figures are
CPU time a call, best of five runs, on a state that is a dictionary of the host: what each language costs with its
calls to the host, without tree, database or signatures. `benchmarks.engine_child` has their side of the workload.
"""

import argparse
import json
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from contracts.engine.testkit import Harness

REPETITIONS: Final = 5
CHILD: Final = Path(__file__).with_name("engine_child.py")
SOURCE: Final = Path(__file__).with_name("transfer.py")
FOLDER: Final = Path(".venv-engines")
GAS_LIMIT: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Engine:
    """One way to run a contract."""

    name: str
    requirement: str | None
    """What to install for it."""
    language: str
    meters: str
    """What bounds the work of a call, by the engine itself and equally on every machine."""
    confines: str
    """What stands between its code and the host."""


OTHERS: Final = {
    "python": Engine("Python, exec", None, "Python", "nothing", "nothing"),
    "restrictedpython": Engine(
        "RestrictedPython", "RestrictedPython==9.0", "a part of Python", "nothing", "rewritten attributes and items"
    ),
    "starlark": Engine(
        "starlark-pyo3",
        "starlark-pyo3==2026.1.3",
        "Starlark, like Python",
        "depth of calls; steps not",
        "another interpreter (Rust)",
    ),
    "monty": Engine(
        "pydantic-monty",
        "pydantic-monty==1.4.0",
        "a part of Python",
        "time and memory of the machine",
        "another interpreter (Rust), in a process",
    ),
    "wasmtime": Engine(
        "wasmtime",
        "wasmtime==50.0.1",
        "WebAssembly, by hand",
        "instructions (fuel)",
        "memory of its own, compiled code",
    ),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """What came of one engine."""

    engine: Engine
    version: str
    microseconds: float
    """CPU time a call."""
    endless: str | None
    """How a call without end ends, where the engine counts."""


def main(arguments: Sequence[str]) -> int:
    """Measure all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2_000, help="calls of each run")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="virtual environment of the other engines")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args(arguments)
    python = environment(options.folder)
    figures = [own(options.calls)]
    for key, engine in OTHERS.items():
        done = subprocess.run(
            [str(python), "-I", str(CHILD), key, str(options.calls)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"{engine.name} does not run here: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            continue
        found = json.loads(done.stdout)
        figures.append(Figure(engine, found["version"], found["microseconds"], found["endless"]))
    _print(figures)
    if options.json is not None:
        text = json.dumps([asdict(figure) for figure in figures], indent=1)
        options.json.write_text(f"{text}\n", encoding="utf-8")
    return 0 if len(figures) == 1 + len(OTHERS) else 1


def environment(folder: Path) -> Path:
    """Return the interpreter of a virtual environment that has the other engines, made if it is not there."""
    python = folder.resolve() / "bin" / "python"
    wanted = "\n".join(engine.requirement for engine in OTHERS.values() if engine.requirement)
    note = folder / "engines.txt"
    if not note.exists() or note.read_text(encoding="utf-8") != wanted:
        venv.create(folder, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *wanted.split()], check=True)
        note.write_text(wanted, encoding="utf-8")
    return python


def own(calls: int) -> Figure:
    """Measure this program's engine."""
    ledger = Harness()
    assert ledger.deploy("transfer", SOURCE.read_text(encoding="utf-8"), gas_limit=GAS_LIMIT).code is None
    best = float("inf")
    for _ in range(REPETITIONS):
        started = time.process_time()
        for number in range(calls):
            assert ledger.call("clearbank.ops", "transfer", "transfer", f"account-{number % 100}", 1).code is None
        best = min(best, time.process_time() - started)
        assert len(ledger.events) == calls
        ledger.events.clear()
    engine = Engine(
        "Tallystick", None, "a part of Python", "gas, memory included", "allow-list and guards; the walls apart"
    )
    return Figure(engine, "0.1.0", best / calls * 1e6, "OutOfGas")


def _print(figures: Sequence[Figure]) -> None:
    header = ("engine", "version", "us a call", "language", "meters", "between code and host")
    rows = [
        (
            figure.engine.name,
            figure.version,
            f"{figure.microseconds:.1f}",
            figure.engine.language,
            figure.engine.meters,
            figure.engine.confines,
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    for row in (header, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
