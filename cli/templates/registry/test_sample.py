"""Tests of the sample contract. Run: tally contract test"""

import pytest

from tallystick.testing import Contract, Ledger
from tallystick.testing.properties import explore

OFFICE, ALICE, BOB = "office.clerk", "acme.alice", "bolt.bob"
DIGEST = bytes(32)


@pytest.fixture
def sample(ledger: Ledger) -> Contract:
    ledger.member(OFFICE, roles=["registrar"])
    ledger.member(ALICE)
    ledger.member(BOB)
    return ledger.deploy("sample", "sample.py").by(OFFICE)


def test_a_thing_is_entered_and_passed_on(ledger: Ledger, sample: Contract) -> None:
    sample.enter("lot 7", owner=ALICE, digest=DIGEST)
    ledger.advance(days=1)
    sample.by(ALICE).pass_on("lot 7", owner=BOB)
    assert sample.entry_of("lot 7")["owner"] == BOB
    assert [change["owner"] for change in sample.history_of("lot 7", 0)] == [ALICE, BOB]
    assert [change["by"] for change in sample.history_of("lot 7", 1)] == [ALICE]
    assert [event.name for event in ledger.events] == ["Entered", "Passed"]


def test_only_a_registrar_enters_and_only_the_owner_passes_on(ledger: Ledger, sample: Contract) -> None:
    with ledger.fails("role_missing"):
        sample.by(ALICE).enter("lot 7", ALICE, DIGEST)
    sample.enter("lot 7", ALICE, DIGEST)
    with ledger.fails("not_the_owner"):
        sample.pass_on("lot 7", BOB)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": ""}, "name_malformed"),
        ({"name": "lot 7"}, "entry_exists"),
        ({"owner": ""}, "owner_malformed"),
        ({"digest": b"short"}, "digest_malformed"),
    ],
)
def test_wrong_entries_are_refused(ledger: Ledger, sample: Contract, change: dict[str, object], code: str) -> None:
    sample.enter("lot 7", ALICE, DIGEST)
    with ledger.fails(code):
        sample.enter(**{"name": "lot 8", "owner": ALICE, "digest": DIGEST, **change})
    assert sample.entry_of("lot 8") is None


def test_what_is_unknown_cannot_be_passed_on(ledger: Ledger, sample: Contract) -> None:
    with ledger.fails("entry_unknown"):
        sample.by(ALICE).pass_on("lot 9", BOB)


def test_the_history_ends_with_the_owner(ledger: Ledger, sample: Contract) -> None:
    """Whoever calls whatever in whichever order, the last change of a thing names its owner."""

    def history_is_complete() -> None:
        changes = ledger.entries("sample", "changes")
        for name, entry in ledger.entries("sample", "entries").items():
            assert changes[name, entry["changes"]]["owner"] == entry["owner"]

    explore(ledger, invariants=[history_is_complete], stories=25, may_never_succeed=["pass_on"])
