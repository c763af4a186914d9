"""The engine as block execution sees it: outcomes, codes, gas, calls between contracts, and faults."""

from dataclasses import replace
from typing import Any

import pytest

from chain.encoding import decode, encode
from chain.identity import ContractRecord, ContractVersion, decode_contract, decode_contract_version, source_hash
from chain.runtime import SYSTEM, CallContext, LocalFault
from chain.state_keys import contract_key, contract_version_key, source_key
from chain.types import Digest, Height, Milliseconds
from contracts.engine.compiler import compile_contract
from contracts.engine.limits import CALL_CHAIN_MAX, CALL_DEPTH_MAX
from contracts.engine.runtime import Engine
from contracts.engine.testkit import Harness, MemoryState

CONTEXT = CallContext("acme.alice", "acme", ("admin",), Height(7), Milliseconds(1_000), "ab" * 32, 1)

COUNTER = """
total = Var(int, default=0)
Counted = Event(total=int, by=str)

@init
def setup(start: int) -> None:
    total.value = start

@call
def count(by: int) -> int:
    require(by > 0, "not_positive")
    total.value += by
    Counted(total=total.value, by=ctx.sender)
    require(total.value < 100, "too_many")
    return total.value

@view
def now() -> int:
    return total.value

@view
def who() -> list[str]:
    return [ctx.sender, ctx.organisation, str(len(ctx.roles)), str(ctx.height), str(ctx.time), ctx.chain_id[:2]]
"""

CALLER = """
@call
def count(target: str, by: int) -> int:
    return invoke(target, "count", by)

@call
def ignore(target: str) -> None:
    invoke(target, "now")

@view
def peek(target: str) -> int:
    return invoke(target, "now")

@view
def sneak(target: str) -> int:
    return invoke(target, "count", 1)

@view
def who(target: str) -> list[str]:
    before = ctx.sender
    found = invoke(target, "who")
    require(before == ctx.sender and len(ctx.roles) == 1, "identity_not_restored")
    return found

@call
def through(path: list[str]) -> int:
    if len(path) == 0:
        return 0
    return 1 + invoke(path[0], "through", path[1:])
"""


@pytest.fixture
def ledger() -> Harness:
    harness = Harness()
    assert harness.deploy("counter", COUNTER, 5, sender="ops.root").code is None, harness.failure
    assert harness.deploy("caller", CALLER).code is None, harness.failure
    return harness


def test_deployment_records_the_contract(ledger: Harness) -> None:
    record = decode_contract(ledger.state.get(SYSTEM, contract_key("counter")) or b"")
    assert record == ContractRecord(
        ContractVersion("counter", 1, 1, source_hash(COUNTER), "ops.root", Height(1)), False, record.tokens
    )
    assert record.tokens == compile_contract(COUNTER).tokens
    first = ledger.state.get(SYSTEM, contract_version_key("counter", 1)) or b""
    assert decode_contract_version(first) == record.current
    assert decode(ledger.state.get(SYSTEM, source_key(source_hash(COUNTER))) or b"") == COUNTER
    assert ledger.view("counter", "now").value == 5


@pytest.mark.parametrize(
    ("name", "source", "args", "code"),
    [
        ("counter", COUNTER, (1,), "contract_exists"),
        ("system", COUNTER, (1,), "invalid_arguments"),
        ("Upper", COUNTER, (1,), "invalid_arguments"),
        ("other", COUNTER, (), "invalid_arguments"),
        ("other", COUNTER, ("x",), "invalid_arguments"),
        ("other", CALLER, (1,), "invalid_arguments"),
        ("other", "import os\n", (), "contract_rejected"),
        ("other", "\ud800", (), "contract_rejected"),
        ("other", b"x", (), "invalid_arguments"),
    ],
)
def test_deployments_that_fail(ledger: Harness, name: str, source: str, args: tuple[object, ...], code: str) -> None:
    before = ledger.state.items(SYSTEM)
    assert ledger.deploy(name, source, *args).code == code
    assert ledger.state.items(SYSTEM) == before


def test_a_deployment_pays_for_its_source() -> None:
    ledger = Harness()
    outcome = ledger.deploy("c", CALLER, gas_limit=1_000)
    assert (outcome.code, outcome.gas_used) == ("out_of_gas", 1_000)
    assert ledger.state.items(SYSTEM) == []


def test_a_call_succeeds_as_a_whole(ledger: Harness) -> None:
    outcome = ledger.call("acme.alice", "counter", "count", 4)
    assert (outcome.code, outcome.value) == (None, 9)
    assert [(e.contract, e.name, e.fields) for e in outcome.events] == [
        ("counter", "Counted", {"total": 9, "by": "acme.alice"})
    ]
    failed = ledger.call("acme.alice", "counter", "count", 200)
    assert (failed.code, failed.value, failed.events) == ("too_many", None, ())
    assert ledger.view("counter", "now").value == 9
    assert "line" in ledger.failure


@pytest.mark.parametrize(
    ("contract", "method", "args", "code"),
    [
        ("nobody", "count", (1,), "unknown_contract"),
        ("System", "count", (1,), "unknown_contract"),
        ("counter", "nothing", (), "unknown_method"),
        ("counter", "setup", (1,), "unknown_method"),
        ("counter", "now", (), "unknown_method"),
        ("counter", "count", (), "invalid_arguments"),
        ("counter", "count", (1, 2), "invalid_arguments"),
        ("counter", "count", ("1",), "invalid_arguments"),
        ("counter", "count", (True,), "invalid_arguments"),
        ("counter", "count", (2**63,), "invalid_arguments"),
        ("counter", "count", ("\ud800",), "invalid_arguments"),
        ("counter", "count", (0,), "not_positive"),
        ("counter", "__init__", (), "unknown_method"),
        ("caller", "ignore", ("\ud800",), "invalid_arguments"),
    ],
)
def test_calls_that_fail(ledger: Harness, contract: str, method: str, args: tuple[object, ...], code: str) -> None:
    assert ledger.call("acme.alice", contract, method, *args).code == code


def test_a_view_cannot_reach_a_call(ledger: Harness) -> None:
    assert ledger.view("counter", "count", 1).code == "write_in_view"
    assert ledger.view("caller", "sneak", "counter").code == "write_in_view"
    assert ledger.view("caller", "peek", "counter").value == 5


def test_a_frozen_contract_can_be_read(ledger: Harness) -> None:
    key = contract_key("counter")
    record = decode_contract(ledger.state.get(SYSTEM, key) or b"")
    ledger.state.put(SYSTEM, key, replace(record, frozen=True).encoded())
    assert ledger.call("acme.alice", "counter", "count", 1).code == "contract_frozen"
    assert ledger.call("acme.alice", "caller", "count", "counter", 1).code == "contract_frozen"
    assert ledger.call("acme.alice", "caller", "ignore", "counter").code is None
    assert ledger.view("counter", "now").value == 5
    ledger.state.put(SYSTEM, key, record.encoded())
    assert ledger.call("acme.alice", "counter", "count", 1).code is None


def test_invoked_contracts_see_the_caller_as_sender(ledger: Harness) -> None:
    outcome = ledger.call("acme.alice", "caller", "count", "counter", 3)
    assert (outcome.code, outcome.value) == (None, 8)
    assert outcome.events[0].fields == {"total": 8, "by": "contract:caller"}
    seen = ledger.view("caller", "who", "counter", sender="acme.bob", roles=("r",)).value
    assert seen == ["contract:caller", "contract:caller", "0", "2", str(ledger.time), "00"]


def test_a_failure_behind_invoke_fails_everything(ledger: Harness) -> None:
    assert ledger.call("acme.alice", "caller", "count", "counter", 500).code == "too_many"
    assert ledger.call("acme.alice", "caller", "count", "counter", 0).code == "not_positive"
    assert ledger.call("acme.alice", "caller", "count", "missing", 0).code == "unknown_contract"
    assert ledger.view("counter", "now").value == 5


def test_depth_and_reentry() -> None:
    ledger = Harness()
    names = [f"c{n}" for n in range(CALL_DEPTH_MAX + 1)]
    for name in names:
        assert ledger.deploy(name, CALLER).code is None
    assert ledger.call("a.b", names[0], "through", names[1:CALL_DEPTH_MAX]).value == CALL_DEPTH_MAX - 1
    assert ledger.call("a.b", names[0], "through", names[1:]).code == "call_depth"
    assert ledger.call("a.b", "c0", "through", ["c1", "c0"]).code == "reentrant_call"
    assert ledger.call("a.b", "c0", "through", ["c1", "c2", "c1"]).code == "reentrant_call"


def test_invoked_contracts_share_the_gas(ledger: Harness) -> None:
    alone = ledger.call("acme.alice", "counter", "count", 1).gas_used
    both = ledger.call("acme.alice", "caller", "count", "counter", 1)
    assert both.gas_used > alone + 100
    short = ledger.call("acme.alice", "caller", "count", "counter", 1, gas_limit=both.gas_used - 10)
    assert (short.code, short.gas_used) == ("out_of_gas", both.gas_used - 10)


def test_gas_is_the_same_on_a_fresh_and_on_a_used_engine() -> None:
    outcomes = []
    engine = Engine()
    for used in (engine, engine, Engine(spare_tokens_max=1)):
        state = MemoryState()
        outcomes.append(
            [
                used.deploy(state, CONTEXT, "counter", COUNTER, [5], 10**6),
                used.call(state, CONTEXT, "counter", "count", [3], 10**6),
                used.call(state, CONTEXT, "counter", "count", [0], 10**6),
                used.view(state, CONTEXT, "counter", "now", [], 10**6),
            ]
        )
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_exactly_enough_gas_is_enough(ledger: Harness) -> None:
    needed = ledger.view("counter", "now").gas_used
    assert ledger.view("counter", "now", gas_limit=needed).code is None
    assert ledger.view("counter", "now", gas_limit=needed - 1).code == "out_of_gas"
    assert ledger.view("counter", "now", gas_limit=0).code == "out_of_gas"


def test_arguments_are_copied() -> None:
    ledger = Harness()
    ledger.deploy("c", "@call\ndef f(x: list[int]) -> list[int]:\n    x.append(1)\n    return x\n")
    argument = [0]
    outcome = ledger.call("a.b", "c", "f", argument)
    assert (argument, outcome.value) == ([0], [0, 1])


def test_nothing_leaks_from_one_call_to_the_next() -> None:
    ledger = Harness()
    source = """
T = [1]
E = Event(n=int)

@call
def f(fail: bool) -> int:
    t = T
    t.append(2)
    E(n=len(t))
    require(not fail, "no")
    return len(t)
"""
    ledger.deploy("c", source)
    assert ledger.call("a.b", "c", "f", True).code == "no"
    for _ in range(3):
        outcome = ledger.call("a.b", "c", "f", False)
        assert (outcome.value, len(outcome.events)) == (2, 1)


def test_sources_that_are_equal_keep_separate_states() -> None:
    ledger = Harness()
    ledger.deploy("one", COUNTER, 1)
    ledger.deploy("two", COUNTER, 2)
    assert ledger.call("a.b", "one", "count", 10).events[0].contract == "one"
    assert [ledger.view(name, "now").value for name in ("one", "two")] == [11, 2]


class FailingState(MemoryState):
    """A state whose reads fail with what a broken disk or our own bug may raise."""

    error: BaseException | None = None

    def get(self, contract: str, key: bytes) -> bytes | None:
        if self.error is not None and contract != SYSTEM:
            raise self.error
        return super().get(contract, key)


@pytest.mark.parametrize(
    "error", [KeyError("x"), TypeError("x"), ValueError("x"), MemoryError(), RecursionError(), LocalFault("x")]
)
def test_faults_of_this_machine_are_no_outcomes(error: BaseException) -> None:
    engine, state = Engine(), FailingState()
    assert engine.deploy(state, CONTEXT, "counter", COUNTER, [5], 10**6).code is None
    state.error = error
    with pytest.raises(LocalFault):
        engine.call(state, CONTEXT, "counter", "count", [3], 10**6)
    state.error = None
    assert engine.call(state, CONTEXT, "counter", "count", [3], 10**6).value == 8


def test_a_record_that_this_engine_cannot_run_is_a_fault(ledger: Harness) -> None:
    key = contract_key("counter")
    record = decode_contract(ledger.state.get(SYSTEM, key) or b"")
    source = source_hash("x")
    ledger.state.put(SYSTEM, source_key(source), encode("x"))
    other = ledger.state.get(SYSTEM, source_key(record.current.source_hash))
    assert other is not None
    ledger.state.put(SYSTEM, source_key(Digest(bytes(32))), other)
    changes: list[dict[str, Any]] = [{"language": 2}, {"source_hash": source}, {"source_hash": Digest(b"?" * 32)}]
    changes.append({"source_hash": Digest(bytes(32))})
    damaged = [replace(record, current=replace(record.current, **change)).encoded() for change in changes]
    for data in (b"\xc1", encode([1]), *damaged):
        ledger.state.put(SYSTEM, key, data)
        with pytest.raises(LocalFault):
            ledger.call("acme.alice", "counter", "count", 1)


def test_the_longest_chain_stays_within_the_stack() -> None:
    chain = 'def g0(path: list[str]) -> int:\n    return 0 if len(path) == 0 else invoke(path[0], "f", path[1:])\n'
    chain += "".join(
        f"def g{n}(path: list[str]) -> int:\n    return g{n - 1}(path)\n" for n in range(1, CALL_CHAIN_MAX - 1)
    )
    source = chain + f"@call\ndef f(path: list[str]) -> int:\n    return 1 + g{CALL_CHAIN_MAX - 2}(path)\n"
    ledger = Harness()
    names = [f"c{n}" for n in range(CALL_DEPTH_MAX)]
    for name in names:
        assert ledger.deploy(name, source).code is None, ledger.failure
    assert ledger.call("a.b", "c0", "f", names[1:]).value == CALL_DEPTH_MAX


def test_migrate_is_accepted_and_not_callable() -> None:
    ledger = Harness()
    source = COUNTER + "\n@migrate\ndef upgrade(old: int) -> None:\n    total.value = old\n"
    assert ledger.deploy("c", source, 1).code is None, ledger.failure
    assert ledger.call("a.b", "c", "upgrade", 1).code == "unknown_method"
