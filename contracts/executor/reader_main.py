"""What the reader process runs: the reader with the contract engine."""

from contracts.engine.runtime import Engine
from contracts.executor.memory import sweep
from contracts.executor.reader import run


def main() -> None:
    """Answer the node's questions until the pipe closes."""
    run(Engine(sweep=sweep))
