"""Puts this folder on the import path, so that tests of all kinds share the modules beside it, such as chain_maker."""

import gc

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of tests that may run for longer, or again exactly as they ran before."""
    group = parser.getgroup("tallystick")
    group.addoption(
        "--crash-moments", type=int, default=3, help="Times that all nodes of a cluster are killed under load."
    )
    group.addoption(
        "--executor-endings",
        choices=("one", "all"),
        default="one",
        help="Whether a helper is killed or hangs at each moment of its work, in turn, or both at each.",
    )
    group.addoption("--each-lie", action="store_true", help="Try each lie of a real validator by itself.")
    group.addoption("--power-cuts", type=int, default=2, help="Power cuts that are staged from each recorded run.")
    group.addoption("--seed", type=int, default=1, help="Seed of the moments at which nodes are killed or lose power.")


def pytest_collection_finish() -> None:
    """Take the tests themselves for good: tests that ask for a collection would walk over all of them each time."""
    gc.collect()
    gc.freeze()
