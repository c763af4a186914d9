"""An iteration reads only what the gas that is left could pay for, but for two entries, and always finds the same."""

import pytest

from contracts.engine.scans import SCAN_PAGE, UNPAID_ENTRIES_MAX
from contracts.engine.testkit import Harness, MemoryState

ENTRIES = 40
LONG = 60_000
SOURCE = """
texts = Map(int, str)

@call
def put(n: int, length: int) -> None:
    texts[n] = "a" * length

@view
def found(limit: int) -> list[int]:
    return [len(text) for text in texts.values(limit=limit)]
"""


class Watched(MemoryState):
    """A state that counts the entries that were read by iterations."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: list[int] = []

    def scan(self, contract: str, start: bytes, end: bytes, limit: int, reverse: bool) -> list[tuple[bytes, bytes]]:
        entries = super().scan(contract, start, end, limit, reverse)
        self.pages.append(len(entries))
        return entries


def filled(length: int) -> tuple[Harness, Watched]:
    ledger, state = Harness(), Watched()
    ledger.state = state
    assert ledger.deploy("bank", SOURCE).code is None
    for number in range(ENTRIES):
        assert ledger.call("acme.alice", "bank", "put", number, length).code is None
    return ledger, state


@pytest.mark.parametrize("gas", [4_000, 9_000, 20_000, 60_000])
def test_little_gas_reads_little(gas: int) -> None:
    ledger, state = filled(LONG)
    assert ledger.view("bank", "found", ENTRIES, gas_limit=gas).code == "out_of_gas"
    paid = gas * 8 // LONG
    assert sum(state.pages) <= paid + UNPAID_ENTRIES_MAX


def test_much_gas_reads_in_large_pages_and_finds_the_same() -> None:
    ledger, state = filled(10)
    plenty = ledger.view("bank", "found", ENTRIES, gas_limit=10_000_000)
    assert max(state.pages) == SCAN_PAGE
    state.pages.clear()
    scarce = ledger.view("bank", "found", ENTRIES, gas_limit=plenty.gas_used + 100)
    assert max(state.pages) == UNPAID_ENTRIES_MAX
    assert scarce.value == plenty.value == [10] * ENTRIES


def test_what_a_scan_costs_does_not_depend_on_the_gas_that_is_left() -> None:
    source = """
entries = Map(int, int)

@call
def fill() -> None:
    for n in range(40):
        entries[n] = n

@call
def look() -> int:
    return len(entries.items(limit=40))
"""
    ledger = Harness()
    assert ledger.deploy("c", source).code is None
    assert ledger.call("acme.alice", "c", "fill").code is None
    used = ledger.call("acme.alice", "c", "look").gas_used
    exact = ledger.call("acme.alice", "c", "look", gas_limit=used)
    assert (exact.code, exact.gas_used) == (None, used)
