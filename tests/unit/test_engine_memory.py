"""Memory that contracts leave behind: structures that contain themselves are freed, however few and large they are."""

import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from contracts.engine import runtime
from contracts.engine.runtime import Engine
from contracts.engine.testkit import Harness

KNOTS = """
@call
def attack() -> None:
    while True:
        x = [0] * 65535
        x.append(x)
"""
"""Each turn leaves half a megabyte in one object that contains itself, too few objects for Python's collector."""

CALL_GAS = 500_000
CALLS = 20
BYTES_PER_UNIT = 16


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    """Switch off Python's own collector, which comes too late and here would only blur the figure."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    gc.collect()


def _left_behind(engine: Engine) -> int:
    ledger = Harness(engine)
    assert ledger.deploy("attack", KNOTS).code is None
    tracemalloc.start()
    try:
        for _ in range(CALLS):
            assert ledger.call("acme.alice", "attack", "attack", gas_limit=CALL_GAS).code == "out_of_gas"
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_knots_are_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "SWEEP_GAS", 2 * CALL_GAS)
    assert _left_behind(Engine()) < 3 * CALL_GAS * BYTES_PER_UNIT


def test_without_sweeping_they_would_stay() -> None:
    assert _left_behind(Engine(sweep=lambda: None)) > CALLS * CALL_GAS * BYTES_PER_UNIT // 2
