"""Messages on a ledger: valid samples are accepted on a fresh one, violating ones never get there, the story runs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from test_remittance_world import ROLES, SOURCE, compiled_once

from chain.json_values import from_json
from contracts.engine.testkit import Harness
from gateway.iso20022.corridor import STEP_GAS, PlanStep, fit_corridor
from gateway.iso20022.errors import Iso20022Error
from gateway.iso20022.story import fill_travel_rule
from gateway.iso20022.submit import PreparedTransfer, prepare

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "iso20022"
STORY = ROOT / "examples" / "wage" / "story.json"
PAGE = ROOT / "docs" / "scenarios" / "remittance.md"
SECRET = b"\x07" * 32

# What a message becomes on the ledger: sender, receiver, currency, minor units.
ACCEPTED = {
    "CBPR__p.8.1.1.a_pacs.008_AtoB.xml": ("BRDEROBUXXX", "WBANRO22XXX", "RON", 1_200_000_000),
    "cbprplus_pacs008_2025.xml": ("BRDEROBUXXX", "WBANRO22XXX", "RON", 1_200_000_000),
    "pacs.008.max.xml": ("ABCDGBEFXXX", "PQRSUSNOXXX", "EUR", 100_000),
    "pacs.008.min.xml": ("YZABGBKLXXX", "NOPQUSTUXXX", "EUR", 100_000),
    "pacs.008_stp.max.xml": ("PQRSGB9AXXX", "EFGHUSUVXXX", "EUR", 100_000),
    "pacs.008_stp.min.xml": ("NOPQGBFGXXX", "CDEFUS01XXX", "EUR", 100_000),
    "pacs008_credit_transfer_sample.xml": ("FNTXDE2XXXX", "GLPBES2XXXX", "EUR", 75_000_000),
}
REFUSED = {
    "cbprplus_pacs008_sample_bic_mismatch.xml": "header_sender_mismatch",
    "cbprplus_pacs008_sample_xsd_issue.xml": "element_repeated",
    "pacs008_credit_transfer_sample__violates_pacs.008-R41_commodity_currency_XAU.xml": "currency_not_money",
}
samples = pytest.mark.skipif(not DATA.is_dir(), reason="the sample messages (../shared/data/iso20022) are absent")


@pytest.fixture
def ledger() -> Harness:
    harness = Harness(compiled_once())
    assert harness.deploy("remittance", SOURCE).code is None, harness.failure
    return harness


def carry_out(ledger: Harness, step: PlanStep) -> Any:
    roles = ROLES[step.member.partition(".")[0]]
    outcome = ledger.call(step.member, step.contract, step.method, *step.args, roles=roles, gas_limit=STEP_GAS)
    assert outcome.code is None, (step.method, outcome.code, ledger.failure)
    return outcome.value


def accept(ledger: Harness, transfer: PreparedTransfer) -> Any:
    gas = transfer.gas_limit
    call = (transfer.contract, transfer.method, *transfer.args)
    outcome = ledger.call("hkwallet.ops", *call, roles=ROLES["hkwallet"], gas_limit=gas)
    assert outcome.code is None, (outcome.code, ledger.failure)
    return outcome.value


@samples
@pytest.mark.parametrize("name", ACCEPTED)
def test_a_fitted_ledger_accepts(ledger: Harness, name: str) -> None:
    transfers = prepare((DATA / "messages" / name).read_bytes(), secret=SECRET)
    plan = fit_corridor(transfers)
    for step in plan:
        carry_out(ledger, step)
    assert accept(ledger, transfers[0]) is True
    terms = ledger.view("remittance", "transfer_of", transfers[0].uetr).value["terms"]
    found = (terms["sender"], terms["receiver"], terms["target_currency"], terms["target_amount"])
    assert found == ACCEPTED[name]
    for step in plan:
        assert carry_out(ledger, step) is False  # everything may be sent again
    assert accept(ledger, transfers[0]) is False


@samples
@pytest.mark.parametrize("name", REFUSED)
def test_a_violating_message_never_reaches_the_ledger(name: str) -> None:
    with pytest.raises(Iso20022Error) as caught:
        prepare((DATA / "violating" / name).read_bytes(), secret=SECRET)
    assert caught.value.code == REFUSED[name]


@samples
@pytest.mark.parametrize("name", ["pacs.008.max.xml", "pacs.008_stp.max.xml"])
def test_a_rate_beside_equal_currencies_is_noted(name: str) -> None:
    (transfer,) = prepare((DATA / "messages" / name).read_bytes(), secret=SECRET)
    assert transfer.notes == ("exchange rate ignored: both amounts are in the same currency",)


@samples
def test_another_message_under_the_same_uetr_is_refused(ledger: Harness) -> None:
    first, second = (
        prepare((DATA / "messages" / name).read_bytes(), secret=SECRET)
        for name in ("cbprplus_pacs008_2025.xml", "CBPR__p.8.1.1.a_pacs.008_AtoB.xml")
    )
    assert first[0].uetr == second[0].uetr
    for step in fit_corridor(first):
        carry_out(ledger, step)
    accept(ledger, first[0])
    outcome = ledger.call("hkwallet.ops", "remittance", "accept", *second[0].args, roles=ROLES["hkwallet"])
    assert outcome.code == "uetr_used"


def test_a_bank_on_both_sides_and_two_currencies(ledger: Harness) -> None:
    wage = (ROOT / "examples" / "wage" / "wage.xml").read_text(encoding="utf-8").replace("ISWLPHMMXXX", "HBWLHKHHXXX")
    transfers = prepare(wage.encode(), secret=SECRET)
    for step in fit_corridor(transfers):
        carry_out(ledger, step)
    assert accept(ledger, transfers[0]) is True


def test_the_story_ends_as_it_says(ledger: Harness) -> None:
    prepared: list[PreparedTransfer] = []
    refusals = 0
    for step in json.loads(STORY.read_text(encoding="utf-8"))["steps"]:
        if "iso20022" in step:
            new = prepare((STORY.parent / step["iso20022"]).read_bytes(), secret=SECRET)
            prepared += new
            calls = [(transfer.contract, transfer.method, transfer.args) for transfer in new]
        else:
            contract, method, args = step["call"]
            calls = [(contract, method, [from_json(value) for value in fill_travel_rule(args, prepared)])]
        for contract, method, args in calls:
            roles = ROLES[step["as"].partition(".")[0]]
            outcome = ledger.call(step["as"], contract, method, *args, roles=roles, gas_limit=STEP_GAS)
            assert (outcome.code or "ok") == step["expect"], (method, ledger.failure)
            refusals += outcome.code is not None
    assert refusals == 1
    assert ledger.view("remittance", "transfer_of", prepared[0].uetr).value["state"] == "paid_out"
    assert ledger.view("remittance", "conservation", "PHP").value == {
        "issued": 1_000_000_000,
        "held": 997_075_000,
        "locked": 0,
        "paid_out": 2_925_000,
        "difference": 0,
        "accounts": 2,
    }


def test_every_code_stands_in_the_manual() -> None:
    page = PAGE.read_text(encoding="utf-8")
    codes = set(re.findall(r'require\(.*"([a-z_]+)"\)', SOURCE))
    assert len(codes) > 40
    assert not [code for code in sorted(codes) if f"`{code}`" not in page]
    gateway = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "gateway" / "iso20022").glob("*.py"))
    refusals = set(re.findall(r'Iso20022Error\(\s*"([a-z_0-9]+)"', gateway))
    refusals |= {"header_sender_mismatch", "header_receiver_mismatch", "amount_invalid", "exchange_rate_invalid"}
    assert len(refusals) > 30
    assert not [code for code in sorted(refusals) if f"`{code}`" not in page]


def test_every_method_stands_in_the_manual() -> None:
    page = PAGE.read_text(encoding="utf-8")
    methods = re.findall(r"@(?:call|view)\ndef ([a-z_]+)", SOURCE)
    assert not [method for method in methods if f"`{method}" not in page]
