"""Any bytes are either a message that passed every check, or raise Iso20022Error; shapes agree with the schema."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.iso20022.errors import Iso20022Error
from gateway.iso20022.pacs008 import read
from gateway.iso20022.rates import ledger_rate, source_of
from gateway.iso20022.values import Money, minor_digits

ROOT = Path(__file__).parents[2]
WAGE = (ROOT / "examples" / "wage" / "wage.xml").read_bytes()
DATA = ROOT.parent / "shared" / "data" / "iso20022"
NAMESPACE = "{urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08}"
SHAPE_CODES = {
    "element_missing",
    "element_repeated",
    "element_unexpected",
    "attribute_missing",
    "attribute_unexpected",
    "text_length",
    "text_unexpected",
}


@cache
def transfer_schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(DATA / "xsd" / "pacs.008.001.08.xsd"))


def outcome(document: bytes) -> str:
    """Return "read" or the code of the refusal; anything else escapes and fails the test."""
    try:
        message = read(document)
    except Iso20022Error as error:
        return error.code
    for transfer in message.transfers:
        assert transfer.settlement.minor_units > 0
        rate = ledger_rate(transfer)
        assert source_of(transfer).minor_units * rate.digits // 10**rate.scale == transfer.settlement.minor_units
    return "read"


@settings(deadline=None, derandomize=True)
@given(st.binary(max_size=400))
def test_any_bytes(document: bytes) -> None:
    assert outcome(document) != "read"


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(0, len(WAGE) - 1), st.binary(max_size=3), st.integers(0, 40))
def test_any_edit_of_a_message(at: int, inserted: bytes, removed: int) -> None:
    outcome(WAGE[:at] + inserted + WAGE[at + removed :])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.data())
def test_moved_elements_are_refused_exactly_when_the_schema_refuses_them(data: st.DataObject) -> None:
    if not DATA.is_dir():
        pytest.skip("the sample messages (../shared/data/iso20022) are absent")
    schema = transfer_schema()
    name = data.draw(st.sampled_from(["pacs.008.max.xml", "pacs.008.min.xml", "pacs.008_stp.max.xml"]))
    document = etree.parse(DATA / "messages" / name).getroot().find(f"{NAMESPACE}Document")
    assert document is not None
    places = (
        "FIToFICstmrCdtTrf",
        "GrpHdr",
        "CdtTrfTxInf",
        "PmtId",
        "Dbtr",
        "PstlAdr",
        "CdtrAgt",
        "CdtrAcct",
        "SttlmInf",
    )
    parents = [node for place in places for node in document.iter(f"{NAMESPACE}{place}") if len(node)]
    parent = data.draw(st.sampled_from(parents))
    if not _is_read(parent):
        return
    child = data.draw(st.sampled_from(list(parent)))
    match data.draw(st.sampled_from(["remove", "repeat", "move"])):
        case "remove":
            parent.remove(child)
        case "repeat":
            parent.insert(parent.index(child), etree.fromstring(etree.tostring(child)))
        case _:
            parent.remove(child)
            parent.insert(data.draw(st.integers(0, len(parent))), child)
    written = etree.tostring(document)
    valid = schema.validate(etree.fromstring(written))
    assert (outcome(written) in SHAPE_CODES) == (not valid), (outcome(written), schema.error_log)


def _is_read(node: etree._Element) -> bool:
    """Tell whether no part above this node is one that the gateway leaves unread."""
    unread = ("ThrdRmbrsmntAgt", "RmbrsmntAgt", "PrvsInstgAgt", "IntrmyAgt", "RltdRmtInf", "SttlmAcct", "RgltryRptg")
    names = [etree.QName(above).localname for above in [node, *node.iterancestors()]]
    inside_agent = etree.QName(node).localname == "PstlAdr" and "FinInstnId" in names
    return not inside_agent and not any(part in name for name in names for part in unread)


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 10**17), st.sampled_from(["EUR", "JPY", "BHD", "CLF"]))
def test_amounts_survive_writing(minor_units: int, currency: str) -> None:
    digits = minor_digits(currency, "")
    written = str(Money(minor_units, currency))
    assert written.endswith(f" {currency}")
    whole, _, fraction = written.removesuffix(f" {currency}").partition(".")
    assert len(fraction) == digits
    assert int(whole + fraction) == minor_units
