"""A change of prices is decided on the ledger: blocks follow it from its height on, and replay as they ran first."""

import dataclasses
from typing import Any, Final

import pytest
from chain_maker import MemorySource
from governed_chain import Consortium

from audit.auditor import run_audit
from audit.verdict import Outcome
from chain.ledger import Ledger, open_ledger
from chain.prices import LEDGER_PRICES, LedgerPrices
from chain.protocol import Activation, ProtocolUnknown, Schedule
from chain.receipt import Receipt
from chain.state_database import StateDatabase
from chain.storage import MemoryStore
from chain.transaction import verify_transaction
from chain.types import Height
from chain.validity import InvalidBlock
from contracts.engine.gas import CURRENT, Prices
from contracts.engine.runtime import Engine

DEARER: Final = Prices(**{name: 3 * price for name, price in dataclasses.asdict(CURRENT).items()})
BOTH: Final = {1: CURRENT, 2: DEARER}
LEDGER_BOTH: Final = {
    1: LEDGER_PRICES[1],
    2: LedgerPrices(**{name: 3 * price for name, price in dataclasses.asdict(LEDGER_PRICES[1]).items()}),
}
NOTICE: Final = 3
"""Blocks between a decision and its height in these tests."""


def both() -> Engine:
    return Engine(prices=BOTH, ledger_prices=LEDGER_BOTH)


def consortium() -> Consortium:
    return Consortium(runtime=both())


def schedule(ledger: Consortium, version: int = 2) -> Height:
    """Decide a change that begins after NOTICE more blocks, and return its height."""
    height = ledger.maker.head.height + 3 + NOTICE
    receipt = ledger.carry("schedule_protocol", version, height)
    assert receipt.code is None, receipt.code
    assert receipt.events[-1].fields == {"version": version, "height": height}
    return Height(height)


def add(ledger: Consortium) -> Receipt:
    """Decide a block with one call of the counter."""
    return ledger.decide(ledger.transaction("alpha", ("counter", "add", (1,))))[0]


def grown(ledger: Consortium, beyond: int = 3) -> tuple[Height, list[Receipt]]:
    """Decide a change, and blocks until some are beyond it; return its height and the receipts since the decision."""
    height = schedule(ledger)
    return height, [add(ledger) for _ in range(height - ledger.maker.head.height - 1 + beyond)]


def test_the_new_prices_hold_from_the_decided_height_on() -> None:
    ledger = consortium()
    height, receipts = grown(ledger)
    costs = {receipt.height: receipt.gas_used for receipt in receipts}
    old = {costs[each] for each in costs if each < height}
    new = {costs[each] for each in costs if each >= height}
    assert min(costs) < height <= max(costs) - 2
    assert len(old) == len(new) == 1
    assert max(old) < min(new) <= 3 * max(old)
    headers = [record.decoded_block().header for record in ledger.maker.records]
    assert [header.version for header in headers] == [1 if header.height < height else 2 for header in headers]


def test_calls_to_the_system_are_priced_by_the_same_list() -> None:
    ledger = consortium()
    before = ledger.system("alpha", "revoke_member", b"nobody").gas_used
    grown(ledger)
    assert ledger.system("alpha", "revoke_member", b"nobody").gas_used == 3 * before


@pytest.mark.parametrize("version", [0, 1, 2, 3])
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_a_block_of_any_other_version_is_invalid(beyond: int, version: int) -> None:
    ledger = consortium()
    height, _ = grown(ledger, beyond)
    maker = ledger.maker
    right = 2 if maker.head.height + 1 >= height else 1
    block = maker.block(ledger.transaction("alpha", ("counter", "add", (1,))), version=version)
    if version == right:
        maker.ledger.execute(block, verify_transaction)
        return
    with pytest.raises(InvalidBlock) as refusal:
        maker.ledger.execute(block, verify_transaction)
    assert (refusal.value.code, refusal.value.expected) == ("wrong_version", str(right))


def reopened(ledger: Consortium, runtime: Engine) -> Ledger:
    """Open the ledger in the same store anew, as a restarted node does."""
    return open_ledger(ledger.maker.genesis, StateDatabase(ledger.maker.ledger.database._store), runtime)


@pytest.mark.parametrize("beyond", [-2, -1, 0, 1])
def test_a_restart_on_either_side_changes_nothing(beyond: int) -> None:
    whole, restarted = consortium(), consortium()
    for ledger in (whole, restarted):
        grown(ledger, beyond)
    restarted.maker.ledger = reopened(restarted, both())
    assert restarted.maker.head == whole.maker.head
    for _ in range(4):
        assert add(whole) == add(restarted)
    assert restarted.maker.head == whole.maker.head
    assert restarted.maker.head.next_version == 2


def replayed(ledger: Consortium, runtime: Engine) -> Ledger:
    """Execute all blocks from genesis on in another ledger, and compare."""
    other = open_ledger(ledger.maker.genesis, StateDatabase(MemoryStore()), runtime)
    for record in ledger.maker.records:
        execution = other.execute(record.decoded_block(), verify_transaction)
        assert (execution.receipts, execution.result.encoded()) == (record.receipts, record.result)
        other.apply(execution)
    return other


def test_old_blocks_replay_with_old_prices_and_new_ones_with_new() -> None:
    ledger = consortium()
    grown(ledger)
    assert replayed(ledger, both()).head == ledger.maker.head


def test_an_audit_goes_across_the_change() -> None:
    ledger = consortium()
    height, _ = grown(ledger)
    verdict = run_audit(ledger.maker.source, runtime=both())
    assert (verdict.outcome, verdict.blocks) == (Outcome.OK, ledger.maker.head.height)
    prices = {1: CURRENT, 2: dataclasses.replace(DEARER, write=DEARER.write - 1)}
    cheaper = Engine(prices=prices, ledger_prices=LEDGER_BOTH)
    found = run_audit(ledger.maker.source, runtime=cheaper).first_mismatch
    assert found is not None
    assert (found.height, found.field) == (height, "receipt.gas_used")


def test_an_auditor_without_the_version_says_so_and_finds_no_difference() -> None:
    ledger = consortium()
    height, _ = grown(ledger)
    with pytest.raises(ProtocolUnknown, match=f"version 2 holds from height {height}, and this program knows 1 only"):
        run_audit(ledger.maker.source)
    shorter = MemorySource(ledger.maker.genesis.encoded(), ledger.maker.source.records[: height - 1])
    assert run_audit(shorter).outcome is Outcome.OK


def test_a_ledger_without_the_version_stops_with_the_block_before() -> None:
    ledger = consortium()
    height, _ = grown(ledger)
    old = open_ledger(ledger.maker.genesis, StateDatabase(MemoryStore()), Engine())
    with pytest.raises(ProtocolUnknown) as unknown:
        for record in ledger.maker.records:
            old.apply(old.execute(record.decoded_block(), verify_transaction))
    assert (unknown.value.version, unknown.value.height) == (2, height)
    assert old.head.height == height - 1
    # A newer release goes on in the same store.
    resumed = open_ledger(ledger.maker.genesis, StateDatabase(old.database._store), both())
    for record in ledger.maker.records[height - 1 :]:
        resumed.apply(resumed.execute(record.decoded_block(), verify_transaction))
    assert resumed.head == ledger.maker.head


def test_views_are_priced_by_the_block_whose_state_they_see() -> None:
    ledger = consortium()
    height = schedule(ledger)
    costs: dict[int, int] = {}
    while ledger.maker.head.height <= height:
        outcome = ledger.maker.ledger.view("counter", "current", [], None, 1_000_000)
        costs[ledger.maker.head.height] = outcome.gas_used
        add(ledger)
    assert costs[height] > costs[height - 1] == min(costs.values())


REFUSALS: Final[tuple[tuple[str, Any, Any, str], ...]] = (
    ("schedule_protocol", 1, 100, "not_the_next_version"),
    ("schedule_protocol", 3, 100, "not_the_next_version"),
    ("schedule_protocol", 0, 100, "not_the_next_version"),
    ("schedule_protocol", 2, 1, "height_passed"),
    ("schedule_protocol", 2, -5, "height_passed"),
    ("schedule_protocol", 2, "100", "invalid_arguments"),
    ("schedule_protocol", True, 100, "invalid_arguments"),
    ("cancel_protocol", 2, 100, "not_scheduled"),
)


@pytest.mark.parametrize(("action", "version", "height", "code"), REFUSALS)
def test_each_refusal_has_its_code(action: str, version: Any, height: Any, code: str) -> None:
    ledger = consortium()
    assert ledger.system("alpha", "propose", action, [version, height], "").code == code


def test_one_change_at_a_time() -> None:
    ledger = consortium()
    height = schedule(ledger)
    for version in (2, 3):
        args = [version, height + 50]
        assert ledger.system("beta", "propose", "schedule_protocol", args, "").code == "protocol_change_pending"
    assert ledger.system("beta", "propose", "cancel_protocol", [2, height + 1], "").code == "not_scheduled"


def test_a_decision_that_comes_too_late_changes_nothing() -> None:
    ledger = consortium()
    number = ledger.propose("alpha", "schedule_protocol", 2, ledger.maker.head.height + 3)
    ledger.system("beta", "approve", number)
    late = ledger.system("gamma", "approve", number)
    assert (late.height, late.code) == (ledger.maker.head.height, "height_passed")
    assert ledger.maker.head.next_version == 1


def test_a_change_can_be_taken_back_until_its_height_comes() -> None:
    ledger = consortium()
    height = schedule(ledger)
    number = ledger.propose("alpha", "cancel_protocol", 2, height)
    while ledger.maker.head.height < height - 2:
        add(ledger)
    receipt = ledger.system("beta", "approve", number)
    assert (receipt.height, receipt.code) == (height - 1, None)
    assert [event.name for event in receipt.events][-1] == "ProtocolCancelled"
    assert add(ledger).height == height
    assert ledger.maker.head.schedule == Schedule((Activation(Height(0), 1),))
    assert replayed(ledger, Engine()).head == ledger.maker.head
    assert grown(ledger)[0] > height


def test_a_change_that_has_begun_cannot_be_taken_back() -> None:
    ledger = consortium()
    height, _ = grown(ledger)
    assert ledger.system("alpha", "propose", "cancel_protocol", [2, height], "").code == "not_scheduled"
