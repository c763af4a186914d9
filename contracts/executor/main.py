"""What the executor process runs: the worker with the contract engine."""

import gc

from contracts.engine.runtime import Engine
from contracts.executor.worker import run


def main() -> None:
    """Serve the node until the pipe closes."""
    run(Engine(sweep=sweep))


def sweep() -> None:
    """Free what contracts left behind; what is alive between two calls is the executor's, and not looked at again."""
    gc.collect()
    gc.freeze()
