"""The sample messages: every valid pacs.008 is read, every violating one refused with the code that it deserves."""

from pathlib import Path

import pytest
from lxml import etree

from gateway.iso20022.errors import Iso20022Error
from gateway.iso20022.pacs002 import report_on, write
from gateway.iso20022.pacs008 import read

DATA = Path(__file__).parents[3] / "shared" / "data" / "iso20022"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the sample messages (../shared/data/iso20022) are absent")

ACCEPTED = {
    "CBPR__p.8.1.1.a_pacs.008_AtoB.xml": ("174c245f-2682-4291-ad67-2a41e530cd27", 1_200_000_000, "RON"),
    "cbprplus_pacs008_2025.xml": ("174c245f-2682-4291-ad67-2a41e530cd27", 1_200_000_000, "RON"),
    "pacs.008.max.xml": ("00000000-0000-4000-aba0-f03b25f59320", 100_000, "EUR"),
    "pacs.008.min.xml": ("00000000-0000-4000-9a9f-b231a317421a", 100_000, "EUR"),
    "pacs.008_stp.max.xml": ("00000000-0000-4000-98b3-a6bd56bbee53", 100_000, "EUR"),
    "pacs.008_stp.min.xml": ("00000000-0000-4000-8846-6adcda7c076d", 100_000, "EUR"),
    "pacs008_credit_transfer_sample.xml": ("a1b2c3d4-e5f6-4890-abcd-ef1234567890", 75_000_000, "EUR"),
}
VIOLATING = {
    "cbprplus_pacs008_sample_bic_mismatch.xml": ("header_sender_mismatch", "/AppHdr/Fr/FIId/FinInstnId/BICFI"),
    "cbprplus_pacs008_sample_xsd_issue.xml": (
        "element_repeated",
        "/Document/FIToFICstmrCdtTrf/CdtTrfTxInf[1]/CdtrAgt[2]",
    ),
    "pacs008_credit_transfer_sample__violates_pacs.008-R41_commodity_currency_XAU.xml": (
        "currency_not_money",
        "/Document/FIToFICstmrCdtTrf/CdtTrfTxInf[1]/IntrBkSttlmAmt/@Ccy",
    ),
}


def test_the_tables_are_complete() -> None:
    valid = {path.name for path in (DATA / "messages").iterdir() if b"FIToFICstmrCdtTrf" in path.read_bytes()}
    assert valid == set(ACCEPTED)
    assert {path.name for path in (DATA / "violating").iterdir()} == set(VIOLATING)


@pytest.mark.parametrize("name", ACCEPTED)
def test_reads(name: str) -> None:
    (transfer,) = read((DATA / "messages" / name).read_bytes()).transfers
    assert (transfer.uetr, transfer.settlement.minor_units, transfer.settlement.currency) == ACCEPTED[name]


@pytest.mark.parametrize("name", VIOLATING)
def test_refuses(name: str) -> None:
    with pytest.raises(Iso20022Error) as caught:
        read((DATA / "violating" / name).read_bytes())
    assert (caught.value.code, caught.value.path) == VIOLATING[name]


@pytest.mark.parametrize("name", ["pacs.002.max.xml", "pacs.004.min.xml", "pain.001.min.xml", "camt.054.min.xml"])
def test_other_messages_are_not_taken_for_a_transfer(name: str) -> None:
    with pytest.raises(Iso20022Error) as caught:
        read((DATA / "messages" / name).read_bytes())
    assert caught.value.code == "message_unknown"


@pytest.mark.parametrize("name", ACCEPTED)
@pytest.mark.parametrize(
    ("state", "reason"), [("accepted", None), ("paid_out", None), ("rejected", "AC04"), ("expired", None)]
)
def test_status_reports_fit_the_schema(name: str, state: str, reason: str | None) -> None:
    schema = etree.XMLSchema(etree.parse(DATA / "xsd" / "pacs.002.001.10.xsd"))
    message = read((DATA / "messages" / name).read_bytes())
    report = report_on(
        message,
        message.transfers[0],
        message_id="STATUS-1",
        created="2026-10-30T18:04:12+08:00",
        state=state,
        reason=reason,
        detail="as the ledger says",
    )
    document = etree.fromstring(write(report))
    assert schema.validate(document), schema.error_log


def test_the_wage_fits_the_schemas() -> None:
    wage = etree.parse(Path(__file__).parents[2] / "examples" / "wage" / "wage.xml").getroot()
    for part, schema in (("{*}AppHdr", "head.001.001.02.xsd"), ("{*}Document", "pacs.008.001.08.xsd")):
        element = wage.find(part)
        assert element is not None
        etree.XMLSchema(etree.parse(DATA / "xsd" / schema)).assertValid(element)
