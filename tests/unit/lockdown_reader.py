"""The real reader process, whose views are attempts to break out."""

from lockdown_runtime import AttemptRuntime

from contracts.executor.reader import run


def main() -> None:
    """Serve as a reader."""
    run(AttemptRuntime())
