"""A reader process that ends or stops at a named moment of its work; executor_moments.py has the moments."""

import sys
from pathlib import Path

from executor_fake_runtime import FakeRuntime
from executor_moments import READER, TOLD, misbehave, set_trap, told

from contracts.executor import reader


def main() -> None:
    """Serve as a reader; the state folder is the last argument of all."""
    folder = Path(sys.argv[-1])
    moment, deed = told(folder / TOLD, "reader")
    if moment:
        (folder / TOLD).unlink()
        set_trap(READER[moment], lambda: misbehave(deed))
    reader.run(FakeRuntime(folder))
