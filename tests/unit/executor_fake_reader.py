"""A reader process whose views fail in every way in which a machine can."""

import sys
from pathlib import Path

from executor_fake_runtime import FakeRuntime

from contracts.executor.reader import run


def main() -> None:
    """Serve as a reader; the state folder is the last argument of all."""
    run(FakeRuntime(Path(sys.argv[-1])))
