"""Reads a pacs.008, with or without a business application header, in an envelope or bare.

The order of the checks is the order of the reasons that a sender gets: readable XML, the right message, its shape, the
header against the message, and only then single values and what they say together.
"""

from fractions import Fraction
from typing import Final

from gateway.iso20022 import values
from gateway.iso20022.errors import Iso20022Error
from gateway.iso20022.message import Account, Agent, CreditTransfer, CreditTransferMessage, Party
from gateway.iso20022.pacs008_shape import DOCUMENT, HEADER
from gateway.iso20022.rates import check_rate
from gateway.iso20022.shape import check
from gateway.iso20022.values import Money
from gateway.iso20022.xml import Node, parse

NAMESPACE_PREFIX: Final = "urn:iso:std:iso:20022:tech:xsd:"
VERSIONS: Final = frozenset({"pacs.008.001.08"})
HEADER_VERSIONS: Final = frozenset({"head.001.001.01", "head.001.001.02"})
TRANSFERS_MAX: Final = 200
ENVELOPE_DEPTH_MAX: Final = 4

QUOTE_WORD: Final = "/QUOTE/"
"""Before the id of the exchange quote in InstrForNxtAgt/InstrInf; pacs.008 has no element of its own for it."""

_BODY: Final = "/Document/FIToFICstmrCdtTrf"


def read(document: bytes) -> CreditTransferMessage:
    """Return what a pacs.008 says.

    Raises:
        Iso20022Error: at the first check that fails; its code, path and message say which and where.
    """
    found = _locate(parse(document))
    body, header, version = _check_frame(found)
    group = body.child("GrpHdr")
    assert group is not None  # the shape was checked
    nodes = body.all("CdtTrfTxInf")
    if header is not None:
        _check_header(header, version, group, nodes)
    if len(nodes) > TRANSFERS_MAX:
        raise Iso20022Error("document_too_large", _BODY, f"{len(nodes)} transfers exceed {TRANSFERS_MAX}")
    values.iso_time(_text(group, "CreDtTm"), f"{_BODY}/GrpHdr/CreDtTm")
    transfers = tuple(_transfer(node, group, f"{_BODY}/CdtTrfTxInf[{at}]") for at, node in enumerate(nodes, 1))
    _check_totals(group, transfers)
    return CreditTransferMessage(
        version=version,
        business_service=header.text_at("BizSvc") if header is not None else None,
        message_id=_text(group, "MsgId"),
        created=_text(group, "CreDtTm"),
        transfers=transfers,
    )


def _locate(root: Node) -> list[Node]:
    """Return the ISO elements that an envelope of whatever name holds, or the bare document itself."""
    level = [root]
    for _ in range(ENVELOPE_DEPTH_MAX):
        found = [node for node in level if node.namespace.startswith(NAMESPACE_PREFIX)]
        if found:
            return found
        level = [child for node in level for child in node.children]
    raise Iso20022Error("message_unknown", f"/{root.name}", "this holds no ISO 20022 message")


def _check_frame(found: list[Node]) -> tuple[Node, Node | None, str]:
    documents = [node for node in found if node.name == "Document"]
    headers = [node for node in found if node.name == "AppHdr"]
    if len(documents) != 1 or len(headers) > 1 or len(documents) + len(headers) != len(found):
        names = ", ".join(node.name for node in found)
        raise Iso20022Error("message_unknown", "/", f"one Document and at most one AppHdr are expected, not {names}")
    version = documents[0].namespace.removeprefix(NAMESPACE_PREFIX)
    if not version.startswith("pacs.008."):
        raise Iso20022Error("message_unknown", "/Document", f"{version!r} is no pacs.008")
    if version not in VERSIONS:
        raise Iso20022Error("version_unsupported", "/Document", f"{version} is not among {', '.join(sorted(VERSIONS))}")
    check(documents[0], DOCUMENT, "/Document")
    header = headers[0] if headers else None
    if header is not None:
        kind = header.namespace.removeprefix(NAMESPACE_PREFIX)
        if kind not in HEADER_VERSIONS:
            known = ", ".join(sorted(HEADER_VERSIONS))
            raise Iso20022Error("version_unsupported", "/AppHdr", f"{kind} is not among {known}")
        check(header, HEADER, "/AppHdr")
    return documents[0].children[0], header, version


def _check_header(header: Node, version: str, group: Node, nodes: list[Node]) -> None:
    """Compare the header with the message: who sends, who receives, and which message it is."""
    declared = header.text_at("MsgDefIdr")
    if declared != version:
        raise Iso20022Error("header_message_mismatch", "/AppHdr/MsgDefIdr", f"{declared!r}, but this is {version}")
    sides = (
        ("Fr", "InstgAgt", "header_sender_mismatch"),
        ("To", "InstdAgt", "header_receiver_mismatch"),
    )
    for place, agent, code in sides:
        path = f"/AppHdr/{place}/FIId/FinInstnId/BICFI"
        stated = header.text_at(place, "FIId", "FinInstnId", "BICFI")
        if stated is None:
            continue  # a header may name its parties without a BIC; then there is nothing to compare
        expected = values.bic(stated, path)
        for node in nodes:
            text = node.text_at(agent, "FinInstnId", "BICFI") or group.text_at(agent, "FinInstnId", "BICFI")
            if text is not None and values.bic(text, f"{_BODY}/{agent}") != expected:
                raise Iso20022Error(code, path, f"the header names {stated}, the message's {agent} is {text}")


def _check_totals(group: Node, transfers: tuple[CreditTransfer, ...]) -> None:
    path = f"{_BODY}/GrpHdr"
    count = _text(group, "NbOfTxs")
    if not (count.isascii() and count.isdigit()) or int(count) != len(transfers):
        message = f"{count} are announced, {len(transfers)} stand here"
        raise Iso20022Error("transaction_count", f"{path}/NbOfTxs", message)
    total = sum((transfer.settlement.major() for transfer in transfers), Fraction(0))
    announced = group.text_at("CtrlSum")
    if announced is not None and values.decimal_sum(announced, f"{path}/CtrlSum") != total:
        raise Iso20022Error("control_sum", f"{path}/CtrlSum", f"{announced} is not the sum of the amounts")
    stated = group.child("TtlIntrBkSttlmAmt")
    if stated is not None:
        money = values.money(stated, f"{path}/TtlIntrBkSttlmAmt")
        if money.major() != total or any(transfer.settlement.currency != money.currency for transfer in transfers):
            message = f"{stated.text} {money.currency} is not the sum of the amounts"
            raise Iso20022Error("control_sum", f"{path}/TtlIntrBkSttlmAmt", message)
    seen: set[str] = set()
    for at, transfer in enumerate(transfers, 1):
        if transfer.uetr in seen:
            message = f"{transfer.uetr} stands here twice"
            raise Iso20022Error("uetr_repeated", f"{_BODY}/CdtTrfTxInf[{at}]/PmtId/UETR", message)
        seen.add(transfer.uetr)


def _transfer(node: Node, group: Node, path: str) -> CreditTransfer:
    uetr = node.text_at("PmtId", "UETR")
    if uetr is None:
        raise Iso20022Error("uetr_missing", f"{path}/PmtId/UETR", "a transfer is known by its UETR, which is missing")
    date = node.text_at("IntrBkSttlmDt") or group.text_at("IntrBkSttlmDt")
    rate = node.text_at("XchgRate")
    transfer = CreditTransfer(
        uetr=values.uetr(uetr, f"{path}/PmtId/UETR"),
        end_to_end_id=_text(node, "PmtId", "EndToEndId"),
        instruction_id=node.text_at("PmtId", "InstrId"),
        transaction_id=node.text_at("PmtId", "TxId"),
        settlement=values.money(_child(node, "IntrBkSttlmAmt"), f"{path}/IntrBkSttlmAmt"),
        settlement_date=None if date is None else values.iso_date(date, f"{path}/IntrBkSttlmDt"),
        instructed=_money(node.child("InstdAmt"), f"{path}/InstdAmt"),
        rate=None if rate is None else values.rate(rate, f"{path}/XchgRate"),
        charge_bearer=values.charge_bearer(_text(node, "ChrgBr"), f"{path}/ChrgBr"),
        charges=tuple(_charge(charge, f"{path}/ChrgsInf[{at}]") for at, charge in enumerate(node.all("ChrgsInf"), 1)),
        instructing_agent=_agent(node.child("InstgAgt") or group.child("InstgAgt"), f"{path}/InstgAgt"),
        instructed_agent=_agent(node.child("InstdAgt") or group.child("InstdAgt"), f"{path}/InstdAgt"),
        debtor_agent=_read_agent(_child(node, "DbtrAgt"), f"{path}/DbtrAgt"),
        creditor_agent=_read_agent(_child(node, "CdtrAgt"), f"{path}/CdtrAgt"),
        debtor=_party(_child(node, "Dbtr"), f"{path}/Dbtr"),
        debtor_account=_account(node.child("DbtrAcct"), f"{path}/DbtrAcct"),
        creditor=_party(_child(node, "Cdtr"), f"{path}/Cdtr"),
        creditor_account=_account(node.child("CdtrAcct"), f"{path}/CdtrAcct"),
        remittance=tuple(line.text for info in node.all("RmtInf") for line in info.all("Ustrd")),
        quote_id=_quote_id(node),
    )
    check_rate(transfer, path)
    return transfer


def _money(node: Node | None, path: str) -> Money | None:
    return None if node is None else values.money(node, path)


def _charge(node: Node, path: str) -> Money:
    """Return one charge; zero is what an agent writes that took nothing."""
    amount = _child(node, "Amt")
    return values.money(amount, f"{path}/Amt", zero_allowed=True)


def _agent(node: Node | None, path: str) -> Agent | None:
    return None if node is None else _read_agent(node, path)


def _read_agent(node: Node, path: str) -> Agent:
    where = ("FinInstnId",)
    bic = node.text_at(*where, "BICFI")
    lei = node.text_at(*where, "LEI")
    return Agent(
        bic=None if bic is None else values.bic(bic, f"{path}/FinInstnId/BICFI"),
        lei=None if lei is None else values.lei(lei, f"{path}/FinInstnId/LEI"),
        member_id=node.text_at(*where, "ClrSysMmbId", "MmbId"),
    )


def _party(node: Node, path: str) -> Party:
    organisation = node.find("Id", "OrgId")
    person = node.find("Id", "PrvtId")
    identified = organisation or person
    lei = organisation.text_at("LEI") if organisation else None
    any_bic = organisation.text_at("AnyBIC") if organisation else None
    address = node.child("PstlAdr")
    birth = person.child("DtAndPlcOfBirth") if person else None
    return Party(
        name=node.text_at("Nm"),
        address=_pairs(address),
        lei=None if lei is None else values.lei(lei, f"{path}/Id/OrgId/LEI"),
        any_bic=None if any_bic is None else values.bic(any_bic, f"{path}/Id/OrgId/AnyBIC"),
        other_ids=tuple(_text(other, "Id") for other in identified.all("Othr")) if identified else (),
        birth=_pairs(birth),
        country=node.text_at("CtryOfRes"),
        is_organisation=organisation is not None,
    )


def _pairs(node: Node | None) -> tuple[tuple[str, str], ...]:
    return () if node is None else tuple((leaf.name, leaf.text) for leaf in node.children if not leaf.children)


def _account(node: Node | None, path: str) -> Account | None:
    if node is None:
        return None
    number = node.text_at("Id", "IBAN")
    if number is not None:
        return Account(values.iban(number, f"{path}/Id/IBAN"), iban=True)
    return Account(_text(node, "Id", "Othr", "Id"), iban=False)


def _quote_id(node: Node) -> str | None:
    for instruction in node.all("InstrForNxtAgt"):
        text = instruction.text_at("InstrInf") or ""
        if text.startswith(QUOTE_WORD) and len(text) > len(QUOTE_WORD):
            return text.removeprefix(QUOTE_WORD)
    return None


def _child(node: Node, name: str) -> Node:
    child = node.child(name)
    assert child is not None, name  # the shape was checked
    return child


def _text(node: Node, *names: str) -> str:
    text = node.text_at(*names)
    assert text is not None, names  # the shape was checked
    return text
