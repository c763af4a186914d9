"""The published documents through the `tally` command on real nodes, each message on a fresh ledger."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster_support import free_base_port, tally

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
EPCIS = DATA / "epcis-event-hash"
ISO20022 = DATA / "iso20022"
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not DATA.is_dir(), reason="the published documents (../shared/data) are absent"),
]
MESSAGES = [
    "CBPR__p.8.1.1.a_pacs.008_AtoB.xml",
    "cbprplus_pacs008_2025.xml",
    "pacs.008.max.xml",
    "pacs.008.min.xml",
    "pacs.008_stp.max.xml",
    "pacs.008_stp.min.xml",
    "pacs008_credit_transfer_sample.xml",
]
VIOLATING = {
    "cbprplus_pacs008_sample_bic_mismatch.xml": "header_sender_mismatch",
    "cbprplus_pacs008_sample_xsd_issue.xml": "element_repeated",
    "pacs008_credit_transfer_sample__violates_pacs.008-R41_commodity_currency_XAU.xml": "currency_not_money",
}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Path]:
    """A fresh ledger of a single node: consensus has tests of its own."""
    folder = tmp_path / "ledger"
    try:
        tally("cluster", "up", "--nodes", "1", "--dir", str(folder), "--base-port", str(free_base_port(1)))
        yield folder
    finally:
        tally("cluster", "down", "--dir", str(folder), check=False)


def view(ledger: Path, *arguments: str) -> Any:
    return json.loads(tally("query", "view", *arguments, "--dir", str(ledger), "--json").stdout)["value"]


@pytest.mark.parametrize("name", MESSAGES)
def test_a_valid_message_is_accepted_on_a_fresh_ledger(ledger: Path, name: str) -> None:
    file = str(ISO20022 / "messages" / name)
    submit = ["iso20022", "submit", file, "--as", "hkwallet.ops", "--dir", str(ledger), "--json"]
    accepted = json.loads(tally(*submit, "--fit-corridor").stdout)
    assert [entry["status"] for entry in accepted] == ["succeeded"]
    assert accepted[0]["values"] == [True]
    transfer = view(ledger, "remittance", "transfer_of", json.dumps(accepted[0]["uetr"]))
    assert transfer["map"]["state"] == "accepted"
    again = json.loads(tally(*submit).stdout)
    assert again[0]["values"] == [False], "the same message again is a resend and moves nothing"


@pytest.mark.parametrize("name", VIOLATING)
def test_a_violating_message_is_refused_before_any_ledger_is_asked(tmp_path: Path, name: str) -> None:
    file = str(ISO20022 / "violating" / name)
    nowhere = ["--url", "http://127.0.0.1:1", "--dir", str(tmp_path)]
    refused = tally("iso20022", "submit", file, "--as", str(tmp_path / "party"), *nowhere, check=False)
    assert refused.returncode == 1
    assert VIOLATING[name] in refused.stderr


def test_every_epcis_document_gets_its_receipts(ledger: Path) -> None:
    from test_traceability_documents import OUTCOMES, REFUSED

    for name, outcomes in OUTCOMES.items():
        file = str(EPCIS / f"{name}.jsonld")
        done = tally("epcis", "capture", file, "--as", "brightvax.ops", "--dir", str(ledger), "--json", check=False)
        receipts = json.loads(done.stdout)
        assert [receipt["code"] for receipt in receipts] == [code for _, code in outcomes], name
        vectors = (EPCIS / f"{name}.hashes").read_text(encoding="utf-8").split()
        assert [receipt["event_hash"] for receipt in receipts if receipt["event_hash"]] == vectors, name
    for name, code in REFUSED.items():
        file = str(EPCIS / f"{name}.jsonld")
        done = tally("epcis", "capture", file, "--as", "brightvax.ops", "--dir", str(ledger), check=False)
        assert done.returncode == 1
        assert code in done.stderr
