"""What is deployed is ready to run: no block waits for a compiler that nobody has paid for, whatever came before it."""

from typing import Any

import pytest
from chain_maker import ChainMaker
from governed_chain import COUNTER_SOURCE, Consortium, governed_genesis

from chain import code_room
from chain.code_room import CONTRACT_TOKENS, tokens_in_use
from chain.genesis import GenesisContract
from chain.ledger import open_ledger
from contracts.engine.compiler import Compiled, compile_contract
from contracts.engine.gas import CURRENT, PRICES
from contracts.engine.runtime import Engine

CONTRACTS = 12
PRICE = CURRENT.compile_per_token


def source_of(number: int, lines: int = 40) -> str:
    """Return a contract that is larger than what a call of it pays for."""
    return (
        f'"""{number}."""\n\n@call\ndef run() -> int:\n' + "    x = 1\n" * lines + f"    return {number}\n\n\n" + VIEW
    )


VIEW = "@view\ndef seen() -> int:\n    return 7\n"
ASKING = '@call\ndef ask(contract: str) -> int:\n    return invoke(contract, "seen")\n'


class Counting:
    """A compiler that counts what it compiles."""

    def __init__(self) -> None:
        self.sources: list[str] = []

    def __call__(self, source: str, *arguments: Any) -> Compiled:
        self.sources.append(source)
        return compile_contract(source, *arguments)


def genesis_contracts(count: int = CONTRACTS) -> tuple[GenesisContract, ...]:
    return tuple(GenesisContract(f"c{number}", source_of(number), ()) for number in range(count))


def restarted(ledger: Consortium, engine: Engine) -> None:
    """Let another process take over the database."""
    maker = ledger.maker
    maker.ledger = open_ledger(maker.genesis, maker.ledger.database, engine)


def call_all(ledger: Consortium) -> None:
    calls = [ledger.transaction("omega", (f"c{number}", "run", ()), gas=50_000) for number in range(CONTRACTS)]
    assert [receipt.values for receipt in ledger.decide(*calls)] == [(number,) for number in range(CONTRACTS)]


def test_a_block_of_calls_to_many_contracts_after_a_restart_compiles_nothing() -> None:
    ledger = Consortium(governed_genesis(genesis_contracts()))
    compiler = Counting()
    restarted(ledger, Engine(compiler=compiler))
    assert len(compiler.sources) == CONTRACTS, "that was done before the first block"
    compiler.sources.clear()
    call_all(ledger)
    assert compiler.sources == []


def test_an_engine_that_is_told_nothing_would_compile_all_of_them_for_nothing() -> None:
    """What the attack was: each call pays the same few hundred units, whatever has to be compiled for it."""
    ledger = Consortium(governed_genesis(genesis_contracts()))
    compiler = Counting()
    engine = Engine(compiler=compiler)
    engine.prepare = lambda state, version: None  # type: ignore[method-assign]
    restarted(ledger, engine)
    call_all(ledger)
    assert len(compiler.sources) == CONTRACTS
    assert sum(compile_contract(source).tokens for source in compiler.sources) * PRICE > 10 * CONTRACTS * 1_500


def test_deployed_contracts_are_not_given_up_for_sources_that_come_and_go() -> None:
    compiler = Counting()
    room = 3 * (compile_contract(source_of(0)).tokens + CONTRACT_TOKENS)
    engine = Engine(compiler=compiler, spare_tokens_max=room)
    counter = GenesisContract("counter", COUNTER_SOURCE, (5,))
    ledger = Consortium(governed_genesis((*genesis_contracts(), counter)), engine)
    compiler.sources.clear()
    for number in range(8):
        # Compiled, paid for, and refused in the end.
        found = ledger.system("alpha", "propose", "upgrade", ["counter", 2, source_of(100 + number), []], "")
        assert found.code == "incompatible_version"
    assert len(compiler.sources) == 8
    compiler.sources.clear()
    call_all(ledger)
    assert compiler.sources == []


def test_what_a_block_deploys_is_ready_once_it_is_decided() -> None:
    compiler = Counting()
    ledger = Consortium(runtime=Engine(compiler=compiler, spare_tokens_max=1))
    for number in range(3):
        proposal = ledger.propose("alpha", "deploy", f"c{number}", source_of(number), [])
        assert ledger.system("beta", "approve", proposal).code is None
    ledger.carry("upgrade", "counter", 2, COUNTER_2, [])
    compiler.sources.clear()
    for number in range(3):
        assert ledger.decide(ledger.transaction("omega", (f"c{number}", "run", ())))[0].values == (number,)
    assert ledger.decide(ledger.transaction("omega", ("counter", "add", (1,))))[0].values == (6,)
    assert compiler.sources == []


COUNTER_2 = "count = Var(int, default=0)\n\n\n@call\ndef add(step: int) -> int:\n    return count.value + step\n"


def test_a_version_of_the_protocol_begins_with_everything_compiled_for_it() -> None:
    compiler = Counting()
    prices = {**PRICES, 2: PRICES[1]}
    engine = Engine(compiler=compiler, prices=prices, ledger_prices=dict.fromkeys((1, 2), LEDGER_1))
    ledger = Consortium(governed_genesis(genesis_contracts()), engine)
    ledger.carry("schedule_protocol", 2, ledger.maker.head.height + 6)
    compiler.sources.clear()
    while ledger.maker.head.next_version == 1:
        ledger.decide(ledger.transaction("omega", ("c0", "run", ())))
    assert len(compiler.sources) == CONTRACTS, "between two blocks"
    compiler.sources.clear()
    call_all(ledger)
    assert compiler.sources == []


LEDGER_1 = Engine().versions[1]


@pytest.fixture
def small_room(monkeypatch: pytest.MonkeyPatch) -> int:
    """Give the ledger room for three of the contracts."""
    each = compile_contract(source_of(0)).tokens + CONTRACT_TOKENS
    monkeypatch.setattr(code_room, "CODE_TOKENS_MAX", 3 * each)
    return each


def deploy(ledger: Consortium, number: int) -> str | None:
    """Decide to deploy a contract, and return the code with which it failed."""
    opened = ledger.system("alpha", "propose", "deploy", [f"c{number}", source_of(number), []], "")
    return opened.code or ledger.system("beta", "approve", opened.values[0]).code


def test_room_for_code_is_limited(small_room: int) -> None:
    ledger = Consortium(governed_genesis(genesis_contracts(2)))
    assert tokens_in_use(ledger.state) == 2 * small_room
    assert deploy(ledger, 2) is None
    assert tokens_in_use(ledger.state) == 3 * small_room
    assert deploy(ledger, 3) == "no_room_for_code"
    larger = ledger.system("alpha", "propose", "upgrade", ["c0", 2, source_of(0, 41), []], "")
    assert larger.code == "no_room_for_code"
    assert ledger.carry("upgrade", "c0", 2, source_of(0, 10), []).code is None
    assert tokens_in_use(ledger.state) < 3 * small_room
    assert ledger.carry("upgrade", "c0", 3, source_of(0), []).code is None


def test_freezing_makes_room_and_unfreezing_takes_it(small_room: int) -> None:
    ledger = Consortium(governed_genesis(genesis_contracts(3)))
    assert ledger.carry("freeze", "c0").code is None
    assert deploy(ledger, 3) is None
    assert ledger.system("alpha", "propose", "unfreeze", ["c0"], "").code == "no_room_for_code"
    assert ledger.carry("upgrade", "c0", 2, source_of(0, 90), []).code is None, "a frozen contract takes none"
    assert ledger.carry("upgrade", "c0", 3, source_of(0), []).code is None
    assert ledger.carry("freeze", "c1").code is None
    assert ledger.carry("unfreeze", "c0").code is None
    assert tokens_in_use(ledger.state) == 3 * small_room


def test_room_that_was_taken_while_a_decision_was_open_is_found_when_it_is_carried_out(small_room: int) -> None:
    ledger = Consortium(governed_genesis(genesis_contracts(2)))
    first = ledger.propose("alpha", "deploy", "c2", source_of(2), [])
    second = ledger.propose("alpha", "deploy", "c3", source_of(3), [])
    assert ledger.system("beta", "approve", first).code is None
    assert ledger.system("beta", "approve", second).code == "no_room_for_code"
    assert tokens_in_use(ledger.state) == 3 * small_room


def test_transactions_pay_for_compiling_what_is_frozen_and_views_of_clients_do_not() -> None:
    compiler = Counting()
    contracts = (*genesis_contracts(2), GenesisContract("asking", ASKING, ()))
    ledger = Consortium(governed_genesis(contracts), Engine(compiler=compiler, spare_tokens_max=1))
    ask = ("asking", "ask", ("c0",))
    before = ledger.decide(ledger.transaction("omega", ask))[0]
    free = ledger.maker.ledger.view("c0", "seen", [], None, 100_000)
    assert ledger.carry("freeze", "c0").code is None
    source = source_of(0)
    price = CURRENT.compile + len(source) * CURRENT.compile_per_byte + compile_contract(source).tokens * PRICE
    assert ledger.maker.ledger.view("c0", "seen", [], None, 100_000) == free
    compiler.sources.clear()
    paid = [ledger.decide(ledger.transaction("omega", ask))[0] for _ in range(3)]
    assert [receipt.values for receipt in paid] == [(7,)] * 3
    assert {receipt.gas_used for receipt in paid} == {before.gas_used + price}
    short = ledger.decide(ledger.transaction("omega", ask, gas=before.gas_used + price - 1))[0]
    assert short.code == "out_of_gas"
    restarted(ledger, Engine(compiler=compiler))
    assert ledger.decide(ledger.transaction("omega", ask))[0].gas_used == before.gas_used + price
    compiler.sources.clear()
    called = ledger.decide(ledger.transaction("omega", ("c0", "run", ()), gas=50_000))[0]
    assert (called.code, compiler.sources) == ("contract_frozen", []), "which costs no compiler"


def test_a_chain_maker_prepares_nothing_twice() -> None:
    compiler = Counting()
    maker = ChainMaker(governed_genesis(genesis_contracts()), runtime=Engine(compiler=compiler))
    assert len(compiler.sources) == CONTRACTS
    for _ in range(3):
        maker.decide(maker.transaction(("c1", "run", ()), member="omega.admin"))
    assert len(compiler.sources) == CONTRACTS
