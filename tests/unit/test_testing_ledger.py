"""The test kit's ledger: calls, members, time, expected failures, transactions, moments, and what a failure shows."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallystick.testing import CallFailed, Contract, Ledger, WrongFailure

TOKEN = '''"""A token."""

Holding = Record(amount=int, note=Field(str, default=""))
balances = Map(str, int, default=0)
holdings = Map((str, int), Holding)
owner = Var(str)
Transfer = Event(sender=str, to=str, amount=int)


@init
def setup(supply: int, holder: str) -> None:
    require(supply > 0, "supply_not_positive")
    balances[holder] = supply
    owner.value = ctx.sender


@call
def transfer(to: str, amount: int) -> bool:
    require(amount > 0, "amount_not_positive")
    pay(to, amount)
    Transfer(sender=ctx.sender, to=to, amount=amount)
    return True


def pay(to: str, amount: int) -> None:
    require(balances[ctx.sender] >= amount, "insufficient_balance")
    balances[ctx.sender] -= amount
    balances[to] += amount


@call
def hold(number: int, amount: int) -> Holding:
    require("keeper" in ctx.roles, "role_missing")
    item = Holding(amount=amount)
    holdings[ctx.organisation, number] = item
    require(item.amount < 100, "too_much")
    return item


@call
def by(count: int) -> int:
    if count > 0:
        result = ctx.time + ctx.height * 0
    return result


@view
def balance_of(party: str) -> int:
    return balances[party]


@view
def now() -> int:
    return ctx.time
'''

SHOP = """
paid = Var(int, default=0)

@call
def sell(to: str, amount: int) -> bool:
    paid.value += amount
    return invoke("token", "transfer", to, amount)
"""


@pytest.fixture
def token(ledger: Ledger) -> Contract:
    return ledger.deploy("token", TOKEN, supply=1_000, holder="mint.admin", by="mint.admin")


def test_calls_views_and_names_of_arguments(ledger: Ledger, token: Contract) -> None:
    assert token.transfer("acme.alice", 5) is True
    assert token.by("mint.admin").transfer("acme.alice", amount=2)
    assert token.balance_of(party="acme.alice") == 7
    assert ledger["token"].balance_of("mint.admin") == 993
    assert ledger.last.gas_used > 0
    assert token.transfer.outcome("acme.alice", 0).code == "amount_not_positive"
    assert set(dir(token)) == {"by", "transfer", "hold", "balance_of", "now"}
    assert token["by"](1) == ledger.time
    with pytest.raises(
        AttributeError, match="no method transferr that can be called from outside; did you mean transf"
    ):
        token.transferr("x", 1)
    with pytest.raises(AttributeError, match="it has transfer, hold"):
        token.pay("x", 1)
    with pytest.raises(TypeError, match=r"token.transfer takes \(to, amount\), not \(\.\.\., sum=\)"):
        token.transfer("x", sum=1)
    with pytest.raises(KeyError, match="there is no contract bank"):
        ledger["bank"]


def test_maps_reach_a_contract_in_the_order_of_their_keys(ledger: Ledger) -> None:
    """As on a ledger, where arguments travel in their canonical encoding."""
    source = """
@view
def names(m: dict[str, int], more: list[dict[str, int]]) -> list[str]:
    return m.keys() + more[0].keys()
"""
    contract = ledger.deploy("names", source)
    assert contract.names({"b": 1, "a": 2}, [{"d": 1, "c": 2}]) == ["a", "b", "c", "d"]
    assert contract.names(more=[{"d": 1, "c": 2}], m={"b": 1, "a": 2}) == ["a", "b", "c", "d"]


def test_events_and_storage(ledger: Ledger, token: Contract) -> None:
    token.transfer("acme.alice", 5)
    token.transfer("acme.bob", 6)
    assert [event.fields["amount"] for event in ledger.find_events("Transfer")] == [5, 6]
    assert len(ledger.find_events("Transfer", "token", to="acme.bob")) == 1
    assert not ledger.find_events("Transfer", "shop")
    keeper = ledger.member("bank.kim", roles=["keeper", "teller"])
    assert token.by(keeper).hold(7, 9) == {"amount": 9, "note": ""}
    assert ledger.read("token", "holdings", "bank", 7) == {"amount": 9, "note": ""}
    assert ledger.read("token", "balances", "nobody.here") == 0
    assert ledger.read("token", "owner") == "mint.admin"
    assert ledger.entries("token", "holdings") == {("bank", 7): {"amount": 9, "note": ""}}
    assert list(ledger.entries("token", "balances")) == ["acme.alice", "acme.bob", "mint.admin"]
    with pytest.raises(KeyError, match="declares no storage balance; it has balances, holdings, owner"):
        ledger.read("token", "balance")
    with pytest.raises(TypeError, match=r"holdings has the key \(str, int\), not \(str\)"):
        ledger.read("token", "holdings", "bank")
    with pytest.raises(KeyError, match="holds nothing there"):
        ledger.read("token", "holdings", "bank", 8)


def test_a_failure_shows_the_call_the_lines_the_values_and_the_reads(tmp_path: Path) -> None:
    (tmp_path / "coins.py").write_text(TOKEN, encoding="utf-8")
    ledger = Ledger(root=tmp_path)
    token = ledger.deploy("token", "coins.py", 1_000, "mint.admin")
    token.by("mint.admin").transfer("acme.alice", 5)
    with pytest.raises(CallFailed) as caught:
        token.by("acme.alice").transfer("acme.bob", 50)
    assert str(caught.value).replace(str(tmp_path), "") == (
        "token.transfer(to='acme.bob', amount=50) by acme.alice failed: insufficient_balance\n"
        "\n"
        "/coins.py:20 in transfer\n"
        "  >   20 |     pay(to, amount)\n"
        "\n"
        "/coins.py:26 in pay\n"
        "      24 |\n"
        "      25 | def pay(to: str, amount: int) -> None:\n"
        '  >   26 |     require(balances[ctx.sender] >= amount, "insufficient_balance")\n'
        "      27 |     balances[ctx.sender] -= amount\n"
        "      28 |     balances[to] += amount\n"
        "  where\n"
        "    to = 'acme.bob'\n"
        "    amount = 50\n"
        "  read\n"
        "    balances['acme.alice'] = 5"
    )
    assert (caught.value.code, caught.value.line, caught.value.function) == ("insufficient_balance", 26, "pay")


def test_failures_of_every_kind_say_what_happened(ledger: Ledger, token: Contract) -> None:
    with ledger.fails("contract_error") as unbound:
        token["by"](0)
    assert (unbound.error.line, unbound.error.reason) == (44, "a name is used before it has a value")
    keeper = ledger.member("bank.kim", roles=["keeper"])
    with ledger.fails("too_much") as large:
        token.by(keeper).hold(1, 100)
    assert "item = Holding(amount=100, note='')" in str(large.error)
    with ledger.fails("out_of_gas") as gas:
        token.by("mint.admin", gas_limit=400).transfer("acme.bob", 1)
    assert gas.error.gas_used == 400
    with ledger.fails("invalid_arguments") as wrong:
        token.transfer("acme.bob", True)
    assert "amount: expected int, not bool True" in str(wrong.error)
    with ledger.fails("invalid_arguments") as few:
        token.transfer("acme.bob")
    assert "transfer(to: str, amount: int) -> bool: missing: amount" in str(few.error)
    with ledger.fails("contract_rejected") as refused:
        ledger.deploy("bad", "import os\n\n")
    assert "<bad>:1:1: no_import: everything that a contract may use is there without an import" in str(refused.error)
    assert "  1 | import os\n    | ^^^^^^" in str(refused.error)
    with ledger.fails("supply_not_positive") as at_start:
        ledger.deploy("other", TOKEN, 0, "mint.admin")
    assert at_start.error.function == "setup"
    with pytest.raises(KeyError):
        ledger["other"]


def test_expected_failures_are_exact(ledger: Ledger, token: Contract) -> None:
    with pytest.raises(WrongFailure, match=r"expected insufficient_balance, but token\.transfer"):
        with ledger.fails("insufficient_balance"):
            token.transfer("acme.bob", 0)
    with pytest.raises(WrongFailure, match="none failed"):
        with ledger.fails("insufficient_balance"):
            token.transfer("acme.bob", 1)
    with pytest.raises(ZeroDivisionError):
        with ledger.fails("insufficient_balance"):
            token.transfer("acme.bob", 1 // 0)


def test_roles_belong_to_members(ledger: Ledger, token: Contract) -> None:
    with ledger.fails("role_missing"):
        token.by("bank.kim").hold(1, 1)
    kim = ledger.member("bank.kim", roles=["keeper"])
    token.by(kim).hold(1, 1)
    ledger.member("bank.kim")
    with ledger.fails("role_missing"):
        token.by(kim).hold(1, 1)
    for wrong in ("kim", ".kim", "bank."):
        with pytest.raises(ValueError, match=r"organisation\.name"):
            ledger.member(wrong)
        with pytest.raises(ValueError, match=r"organisation\.name"):
            token.by(wrong)


def test_time_stands_still_until_it_is_moved(ledger: Ledger, token: Contract) -> None:
    start = ledger.time
    assert token.now() == token.now() == start
    ledger.advance(days=1, hours=2, milliseconds=3)
    assert token.now() == start + 26 * 3_600_000 + 3
    ledger.travel(datetime(2031, 1, 2, tzinfo=UTC))
    assert token["by"](1) == 1_925_078_400_000
    with pytest.raises(ValueError, match="time does not go back"):
        ledger.travel(start)
    with pytest.raises(ValueError, match="no time zone"):
        ledger.travel(datetime(2032, 1, 2))  # noqa: DTZ001


def test_contracts_call_each_other(ledger: Ledger, token: Contract) -> None:
    shop = ledger.deploy("shop", SHOP)
    token.transfer("contract:shop", 10)
    shop.by("acme.alice").sell("acme.bob", 4)
    assert token.balance_of("acme.bob") == 4
    with ledger.fails("insufficient_balance") as caught:
        shop.by("acme.alice").sell("acme.bob", 40)
    message = str(caught.error)
    assert "<shop>:7 in sell" in message
    assert "<token>:26 in pay" in message
    assert "balances['contract:shop'] = 6" in message
    assert ledger.read("shop", "paid") == 4


def test_a_transaction_happens_as_a_whole(ledger: Ledger, token: Contract) -> None:
    height = ledger.height
    with ledger.transaction():
        token.transfer("acme.alice", 1)
        token.transfer("acme.bob", 2)
    assert (ledger.height, len(ledger.events)) == (height + 1, 2)
    with ledger.fails("insufficient_balance"), ledger.transaction():
        token.transfer("acme.alice", 10)
        token.transfer("acme.bob", 10_000)
    assert (ledger.height, len(ledger.events), token.balance_of("acme.alice")) == (height + 1, 2, 1)
    with pytest.raises(RuntimeError, match="none of its calls had an effect"):
        with ledger.transaction():
            token.transfer("acme.alice", 10)
            token.transfer.outcome("acme.bob", 10_000)
    assert token.balance_of("acme.alice") == 1
    with pytest.raises(RuntimeError, match="do not nest"):
        with ledger.transaction(), ledger.transaction():
            pass


def test_moments_to_come_back_to(ledger: Ledger, token: Contract) -> None:
    first = ledger.snapshot()
    token.transfer("acme.alice", 1)
    second = ledger.snapshot()
    ledger.advance(days=1)
    token.transfer("acme.alice", 2)
    ledger.deploy("shop", SHOP)
    ledger.restore(second)
    assert (token.balance_of("acme.alice"), len(ledger.events)) == (1, 1)
    with pytest.raises(KeyError):
        ledger["shop"]
    with ledger.rehearsal():
        token.transfer("acme.alice", 5)
        assert token.balance_of("acme.alice") == 6
    assert token.balance_of("acme.alice") == 1
    ledger.restore(first)
    assert (token.balance_of("acme.alice"), len(ledger.events), ledger.height) == (0, 0, first.height)


NEXT = TOKEN.replace(
    "@view\ndef now", "@migrate\ndef grow(more: int) -> None:\n    balances[owner.value] += more\n\n\n@view\ndef now"
)


def test_new_versions_and_frozen_contracts(ledger: Ledger, token: Contract) -> None:
    ledger.upgrade("token", NEXT, more=50)
    assert token.balance_of("mint.admin") == 1_050
    with ledger.fails("incompatible_version") as smaller:
        ledger.upgrade("token", NEXT.replace("holdings", "holding"), 1)
    assert "upgrade of token from <token> failed" in str(smaller.error)
    with ledger.fails("unknown_contract"):
        ledger.upgrade("tokens", NEXT, 1)
    ledger.freeze("token")
    with ledger.fails("contract_frozen"):
        token.transfer("acme.bob", 1)
    assert token.balance_of("mint.admin") == 1_050
    ledger.freeze("token", False)
    token.by("mint.admin").transfer("acme.bob", 1)
    with pytest.raises(KeyError):
        ledger.freeze("tokens")
    with pytest.raises(TypeError, match=r"@migrate of token takes \(more\), not \(less=\)"):
        ledger.upgrade("token", NEXT, less=1)


def test_a_missing_file_is_a_missing_file(ledger: Ledger) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.py"):
        ledger.deploy("x", "nowhere.py")


def test_a_part_of_a_key_is_not_taken_by_its_number(ledger: Ledger) -> None:
    source = (
        "held = Map((str, int), bool)\n\n\n@call\ndef hold(number: int) -> None:\n"
        "    held[ctx.sender, number] = True\n\n\n"
        "@view\ndef numbers() -> list[int]:\n    return [key[1] for key in held.keys(limit=9)]\n"
    )
    held = ledger.deploy("held", source, by="acme.alice")
    held.hold(7)
    with pytest.raises(CallFailed) as caught:
        held.numbers()
    assert caught.value.reason == "a tuple is taken apart: a, b = pair, or for a, b in pairs"
    assert "key = ('acme.alice', 7)" in str(caught.value) and ".0 =" not in str(caught.value)
