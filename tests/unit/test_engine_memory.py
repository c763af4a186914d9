"""Memory that contracts leave behind: structures that contain themselves are freed, however few and large they are."""

import gc
import tracemalloc
from collections.abc import Iterator

import pytest
from attacks import method

from chain.code_room import CONTRACT_TOKENS
from contracts.engine import runtime
from contracts.engine.binding import Bound, bind
from contracts.engine.compiler import compile_contract
from contracts.engine.gas import CURRENT
from contracts.engine.kept import Shelf
from contracts.engine.run import Run
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


def _bound_of(source: str) -> Bound:
    return bind(compile_contract(source), Run(CURRENT), lambda: None)


def test_what_is_kept_beside_the_deployed_contracts_has_a_bound_in_tokens() -> None:
    bounds = [_bound_of(f"@call\ndef attack() -> int:\n    return {number}\n") for number in range(8)]
    size = bounds[0].compiled.tokens + CONTRACT_TOKENS
    shelf = Shelf(3 * size)
    shelf.add(b"ready", bounds[0])
    shelf.make_ready(b"ready", bounds[0])
    for number, bound in enumerate(bounds):
        shelf.add(bytes([number]), bound)
        assert [other for other in range(8) if shelf.find(bytes([other]))] == list(
            range(max(0, number - 2), number + 1)
        )
        assert shelf.tokens <= 4 * size
    large = _bound_of("@call\ndef attack() -> None:\n" + "    pass\n" * 400)
    shelf.add(b"large", large)
    assert shelf.find(b"large") is large, "one contract is kept, however large"
    assert not any(shelf.find(bytes([number])) for number in range(8))
    assert shelf.find(b"ready") is bounds[0], "what is ready stays"
    shelf.ready_only([])
    assert shelf.find(b"large") is None or shelf.find(b"ready") is None, "from then on it is one of the others"


def test_contracts_that_are_let_go_still_run() -> None:
    ledger = Harness(Engine(spare_tokens_max=2 * CONTRACT_TOKENS + 25))
    for number in range(6):
        assert ledger.deploy(f"c{number}", f"@call\ndef attack() -> int:\n    return {number}\n").code is None
    for number in (5, 0, 4, 3, 5, 1, 0, 5):
        first = ledger.call("acme.alice", f"c{number}", "attack")
        assert first.value == number
        assert ledger.call("acme.alice", f"c{number}", "attack").gas_used == first.gas_used


SLACK_BYTES = 60_000
GREEDY = {
    "short pieces": 'x = "ab," * 16000\nwhile True:\n    y.append(x.split(","))',
    "short pieces beyond ASCII": 'x = ("\\U0001f600" + ",") * 16000\nwhile True:\n    y.append(x.split(","))',
    "characters beyond ASCII": 'x = "\\U0001f600" * 60000\nwhile True:\n    y.append([c for c in x])',
    "numbers": "while True:\n    y.append(range(1000, 61000))",
    "large numbers": "while True:\n    y.append(range(2 ** 250, 2 ** 250 + 60000))",
    "large numbers one by one": "while True:\n    y.append([n for n in range(2 ** 250, 2 ** 250 + 60000)])",
    "slots": "while True:\n    y.append([0] * 65536)",
    "wide text": 'while True:\n    y.append("\\U0001f600" * 65536)',
    "text that becomes wide": 'x = "a" * 65000\nwhile True:\n    y.append(x + "\\U0001f600")',
    "wide text encoded": 'x = "\\U0001f600" * 16384\nwhile True:\n    y.append(x.encode())',
    "slices": "x = [0] * 60000\nwhile True:\n    y.append(x[1:])",
    "maps": "while True:\n    y.append({})",
    "maps of one": 'while True:\n    x = {}\n    x["a"] = 1\n    y.append(x)',
    "copies of a map": "x = {str(i): i for i in range(2800)}\nwhile True:\n    y.append(x.copy())",
    "pairs": "x = {str(i): i for i in range(4096)}\nwhile True:\n    y.append(x.items())",
    "records": "while True:\n    y.append(R(a=1))",
    "events": 'while True:\n    E(x="")',
}
"""What holds as much memory as it can for its gas."""


@pytest.mark.parametrize("name", GREEDY)
def test_memory_is_paid_for(name: str) -> None:
    """One unit of gas stands for at most 16 bytes."""
    ledger = Harness()
    before = "R = Record(a=int)\nE = Event(x=str)\n"
    assert ledger.deploy("attack", method("y = []\n" + GREEDY[name], before=before)).code is None, ledger.failure
    ledger.call("acme.alice", "attack", "attack", gas_limit=5_000)
    tracemalloc.start()
    try:
        started = tracemalloc.get_traced_memory()[0]
        assert ledger.call("acme.alice", "attack", "attack", gas_limit=CALL_GAS).code == "out_of_gas"
        used = tracemalloc.get_traced_memory()[1] - started
    finally:
        tracemalloc.stop()
    assert used <= CALL_GAS * BYTES_PER_UNIT + SLACK_BYTES
