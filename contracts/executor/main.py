"""What the executor process runs: the worker with the contract engine."""

from contracts.engine.runtime import Engine
from contracts.executor.memory import sweep
from contracts.executor.worker import run


def main() -> None:
    """Serve the node until the pipe closes."""
    run(Engine(sweep=sweep))
