"""Reading pacs.008: what is accepted, what is refused, with which code, where, and in which order."""

from pathlib import Path

import pytest

from gateway.iso20022.errors import Iso20022Error
from gateway.iso20022.pacs008 import read
from gateway.iso20022.values import Money, Rate

WAGE = (Path(__file__).parents[2] / "examples" / "wage" / "wage.xml").read_text(encoding="utf-8")
ENVELOPE = "urn:example:business-envelope"
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"


def changed(old: str, new: str, count: int = 1) -> bytes:
    """Return the wage message with a text replaced; the text must be there."""
    assert old in WAGE
    return WAGE.replace(old, new, count).encode()


def refusal(document: bytes) -> Iso20022Error:
    with pytest.raises(Iso20022Error) as caught:
        read(document)
    return caught.value


def test_reads_every_field() -> None:
    message = read(WAGE.encode())
    assert message.version == "pacs.008.001.08"
    assert message.message_id == "HBWL-20261030-000417"
    (transfer,) = message.transfers
    assert transfer.uetr == "c963cfe0-afae-4a3b-b909-6a04e7d80068"
    assert transfer.end_to_end_id == "WAGE-2026-10-A7731"
    assert transfer.settlement == Money(5850000, "PHP")
    assert transfer.instructed == Money(800000, "HKD")
    assert transfer.rate == Rate(73125, 4)
    assert transfer.charge_bearer == "DEBT"
    assert transfer.debtor_agent.bic == "HBWLHKHHXXX"
    assert transfer.creditor_agent.lei == "984500B64M9T0C5RZ186"
    assert transfer.debtor.name == "Analyn Dela Cruz Ramos"
    assert ("TwnNm", "Hong Kong") in transfer.debtor.address
    assert transfer.debtor.birth[0] == ("BirthDt", "1991-04-17")
    assert transfer.creditor_account is not None and transfer.creditor_account.number == "63-917-5550-2284"
    assert transfer.quote_id == "HKDPHP-20261030-1"


def test_reads_a_bare_document() -> None:
    start, end = WAGE.index("<Document"), WAGE.index("</Document>") + len("</Document>")
    assert read(WAGE[start:end].encode()).transfers == read(WAGE.encode()).transfers


def test_reads_several_transfers() -> None:
    start, end = WAGE.index("<CdtTrfTxInf>"), WAGE.index("</CdtTrfTxInf>") + len("</CdtTrfTxInf>")
    first = WAGE[start:end]
    second = first.replace("c963cfe0", "d963cfe0")
    document = WAGE.replace(first, first + second).replace("<NbOfTxs>1<", "<NbOfTxs>2<")
    assert [transfer.uetr[:8] for transfer in read(document.encode()).transfers] == ["c963cfe0", "d963cfe0"]
    summed = document.replace(
        "<SttlmInf>", '<CtrlSum>117000</CtrlSum><TtlIntrBkSttlmAmt Ccy="PHP">117000.00</TtlIntrBkSttlmAmt><SttlmInf>'
    )
    assert len(read(summed.encode()).transfers) == 2
    assert refusal(summed.replace("<CtrlSum>117000<", "<CtrlSum>117001<").encode()).code == "control_sum"
    assert refusal(summed.replace(">117000.00<", ">116000.00<").encode()).code == "control_sum"
    assert (
        refusal(WAGE.replace(first, first + first).replace("<NbOfTxs>1<", "<NbOfTxs>2<").encode()).code
        == "uetr_repeated"
    )


def test_agents_of_the_group_header_count() -> None:
    agent = "<InstgAgt><FinInstnId><BICFI>HBWLHKHHXXX</BICFI></FinInstnId></InstgAgt>"
    moved = WAGE.replace(agent, "").replace("</SttlmInf>", "</SttlmInf>" + agent)
    assert read(moved.encode()).transfers[0].instructing_agent is not None
    assert refusal(moved.replace(agent, agent.replace("HBWL", "XXXX")).encode()).code == "header_sender_mismatch"


def test_short_and_long_bic_are_the_same() -> None:
    read(changed("<InstgAgt><FinInstnId><BICFI>HBWLHKHHXXX<", "<InstgAgt><FinInstnId><BICFI>HBWLHKHH<"))


VALUES = [
    ("<UETR>c963", "<UETR>C963", "uetr_invalid"),
    ("-4a3b-b909", "-1a3b-b909", "uetr_invalid"),
    ("-4a3b-b909", "-4a3b-7909", "uetr_invalid"),
    ("<UETR>c963cfe0-afae-4a3b-b909-6a04e7d80068</UETR>", "", "uetr_missing"),
    ("<EndToEndId>WAGE-2026-10-A7731</EndToEndId>", "", "element_missing"),
    (">WAGE-2026-10-A7731<", "><", "text_length"),
    (">WAGE-2026-10-A7731<", ">" + "x" * 36 + "<", "text_length"),
    ('Ccy="PHP">58500.00', 'Ccy="PHP">58500.005', "amount_minor_units"),
    ('Ccy="PHP">58500.00', 'Ccy="JPY">58500.00', "amount_minor_units"),
    ('Ccy="PHP">58500.00', 'Ccy="PHP">0.00', "amount_zero"),
    ('Ccy="PHP">58500.00', 'Ccy="PHP">-1.00', "amount_invalid"),
    ('Ccy="PHP">58500.00', 'Ccy="PHP">1e3', "amount_invalid"),
    ('Ccy="PHP">58500.00', 'Ccy="PHP">.', "amount_invalid"),
    ('Ccy="PHP">58500.00', 'Ccy="PHP">1234567890123456789', "amount_digits"),
    ('Ccy="PHP">58500.00', 'Ccy="PHP">1.000001', "amount_digits"),
    ('Ccy="PHP">58500.00', 'Ccy="PHP">123456789012345678', "amount_too_large"),
    ('Ccy="PHP">58500.00', 'Ccy="QQQ">58500.00', "currency_unknown"),
    ('Ccy="PHP">58500.00', 'Ccy="XAG">58500', "currency_not_money"),
    ('Ccy="PHP">58500.00', 'Ccy="XXX">58500', "currency_not_money"),
    ('IntrBkSttlmAmt Ccy="PHP"', "IntrBkSttlmAmt", "attribute_missing"),
    ('IntrBkSttlmAmt Ccy="PHP"', 'IntrBkSttlmAmt Ccy="PHP" x="1"', "attribute_unexpected"),
    ("7.3125", "0", "exchange_rate_invalid"),
    ("7.3125", "7.31250000001", "exchange_rate_invalid"),
    ("7.3125", "8.3125", "exchange_rate_disagrees"),
    ("<XchgRate>7.3125</XchgRate>", "", "exchange_rate_missing"),
    ("<ChrgBr>DEBT", "<ChrgBr>OUR", "charge_bearer_unknown"),
    ("<DbtrAgt><FinInstnId><BICFI>HBWLHKHHXXX", "<DbtrAgt><FinInstnId><BICFI>HBWL1KHHXXX", "bic_invalid"),
    ("<DbtrAgt><FinInstnId><BICFI>HBWLHKHHXXX", "<DbtrAgt><FinInstnId><BICFI>HBWLHKHHXX", "bic_invalid"),
    ("<LEI>9845007F", "<LEI>9845008F", "lei_invalid"),
    ("<Othr><Id>852-6100-4471-09</Id></Othr>", "<IBAN>GB29UVWX34567845678902</IBAN>", "iban_invalid"),
    ("<Othr><Id>852-6100-4471-09</Id></Othr>", "<IBAN>gb29UVWX34567845678901</IBAN>", "iban_invalid"),
    ("<IntrBkSttlmDt>2026-10-30", "<IntrBkSttlmDt>2026-02-30", "date_invalid"),
    ("<CreDtTm>2026-10-30T", "<CreDtTm>2026-10-30 ", "date_invalid"),
    ("<NbOfTxs>1<", "<NbOfTxs>2<", "transaction_count"),
    ("<NbOfTxs>1<", "<NbOfTxs>one<", "transaction_count"),
]


@pytest.mark.parametrize(("old", "new", "code"), VALUES)
def test_refuses_a_wrong_value(old: str, new: str, code: str) -> None:
    assert refusal(changed(old, new)).code == code


def test_accepts_an_iban_with_a_right_checksum() -> None:
    document = changed("<Othr><Id>852-6100-4471-09</Id></Othr>", "<IBAN>GB29UVWX34567845678901</IBAN>")
    account = read(document).transfers[0].debtor_account
    assert account is not None and account.iban


SHAPES = [
    ("<ChrgBr>DEBT</ChrgBr>", "", "element_missing"),
    ("<ChrgBr>DEBT</ChrgBr>", "<ChrgBr>DEBT</ChrgBr><ChrgBr>DEBT</ChrgBr>", "element_repeated"),
    ("<ChrgBr>DEBT</ChrgBr>", "<Surprise/><ChrgBr>DEBT</ChrgBr>", "element_missing"),
    ("<RmtInf>", "<Surprise/><RmtInf>", "element_unexpected"),
    ("<RmtInf>", "<Purp><Cd>SALA</Cd></Purp><RmtInf>", None),
    ("</RmtInf>", "</RmtInf><Purp><Cd>SALA</Cd></Purp>", "element_unexpected"),
    ("<ChrgBr>DEBT</ChrgBr>", '<ChrgBr xmlns="urn:other">DEBT</ChrgBr>', "element_missing"),
    ("<Nm>Teresita Ramos</Nm>", "<Nm><b>Teresita</b></Nm>", "element_unexpected"),
    ("<Nm>Teresita Ramos</Nm>", "<Nm>Teresita Ramos</Nm>loose", "text_unexpected"),
    ("<Nm>Teresita Ramos</Nm>", "<Nm>" + "x" * 141 + "</Nm>", "text_length"),
    ("<PrvtId>", "<OrgId/><PrvtId>", "element_unexpected"),
    ("<Othr><Id>852-6100-4471-09</Id></Othr>", "", "element_missing"),
    ("</CdtTrfTxInf>", "</CdtTrfTxInf><GrpHdr/>", "element_unexpected"),
    (f'<Document xmlns="{NAMESPACE}">', f'<Document xmlns="{NAMESPACE}" extra="1">', "attribute_unexpected"),
    ("<MsgDefIdr>pacs.008.001.08</MsgDefIdr>", "", "element_missing"),
]


@pytest.mark.parametrize(("old", "new", "code"), SHAPES)
def test_refuses_a_wrong_shape(old: str, new: str, code: str | None) -> None:
    if code is None:
        read(changed(old, new))
    else:
        assert refusal(changed(old, new)).code == code


FRAMES = [
    ("pacs.008.001.08</MsgDefIdr>", "pacs.009.001.08</MsgDefIdr>", "header_message_mismatch"),
    ("<Fr><FIId><FinInstnId><BICFI>HBWL", "<Fr><FIId><FinInstnId><BICFI>OTHR", "header_sender_mismatch"),
    ("<To><FIId><FinInstnId><BICFI>ISWL", "<To><FIId><FinInstnId><BICFI>OTHR", "header_receiver_mismatch"),
    ("head.001.001.02", "head.001.001.99", "version_unsupported"),
    (NAMESPACE, "urn:iso:std:iso:20022:tech:xsd:pacs.008.001.02", "version_unsupported"),
    (NAMESPACE, "urn:iso:std:iso:20022:tech:xsd:camt.054.001.08", "message_unknown"),
    (NAMESPACE, "urn:example:something", "message_unknown"),
    ("</Document>", f'</Document><Document xmlns="{NAMESPACE}"/>', "message_unknown"),
]


@pytest.mark.parametrize(("old", "new", "code"), FRAMES)
def test_refuses_a_wrong_frame(old: str, new: str, code: str) -> None:
    assert refusal(changed(old, new)).code == code


def test_shape_is_refused_before_header_and_header_before_values() -> None:
    wrong_value = WAGE.replace('Ccy="PHP">58500.00', 'Ccy="XAU">58500')
    wrong_header = wrong_value.replace("<Fr><FIId><FinInstnId><BICFI>HBWL", "<Fr><FIId><FinInstnId><BICFI>OTHR")
    wrong_shape = wrong_header.replace("<ChrgBr>DEBT</ChrgBr>", "")
    assert refusal(wrong_shape.encode()).code == "element_missing"
    assert refusal(wrong_header.encode()).code == "header_sender_mismatch"
    assert refusal(wrong_value.encode()).code == "currency_not_money"


def test_an_error_says_where_and_in_iso_words() -> None:
    error = refusal(changed('Ccy="PHP">58500.00', 'Ccy="XAU">58500'))
    assert error.path == "/Document/FIToFICstmrCdtTrf/CdtTrfTxInf[1]/IntrBkSttlmAmt/@Ccy"
    assert error.iso_reason == "AM03"
    assert "Gold" in error.message
