"""Writes a pacs.002 status report from what the ledger says about a transfer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from lxml import etree

from gateway.iso20022.message import Agent, CreditTransfer, CreditTransferMessage

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pacs.002.001.10"
DETAIL_LENGTH_MAX: Final = 105

STATUSES: Final[Mapping[str, str]] = {
    "accepted": "ACSP",
    "paid_out": "ACSC",
    "returned": "ACSC",
    "rejected": "RJCT",
    "expired": "RJCT",
    "cancelled": "CANC",
}
"""State of a transfer on the ledger -> TxSts. A return is a payment of its own, so the first one stays settled."""

EXPIRED_REASON: Final = "AB05"
"""TimeoutCreditorAgent: the transfer was not paid out in time."""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What the report says. `reason` is an ISO code, `detail` free text beside it, such as a code of ours."""

    message_id: str
    created: str
    original_message_id: str
    original_message_name: str
    instruction_id: str | None
    end_to_end_id: str
    transaction_id: str | None
    uetr: str
    status: str
    reason: str | None
    detail: str | None
    instructing_bic: str | None
    instructed_bic: str | None


def status_of(state: str) -> str:
    """Return ISO's transaction status for a transfer's state; a state that is not known is a bug of ours."""
    return STATUSES[state]


def report_on(
    message: CreditTransferMessage,
    transfer: CreditTransfer,
    *,
    message_id: str,
    created: str,
    state: str,
    reason: str | None = None,
    detail: str | None = None,
) -> StatusReport:
    """Return the report on one transfer of a message; it goes back, so the agents change places."""
    return StatusReport(
        message_id=message_id,
        created=created,
        original_message_id=message.message_id,
        original_message_name=message.version,
        instruction_id=transfer.instruction_id,
        end_to_end_id=transfer.end_to_end_id,
        transaction_id=transfer.transaction_id,
        uetr=transfer.uetr,
        status=status_of(state),
        reason=reason or (EXPIRED_REASON if state == "expired" else None),
        detail=detail,
        instructing_bic=_bic(transfer.instructed_agent),
        instructed_bic=_bic(transfer.instructing_agent),
    )


def _bic(agent: Agent | None) -> str | None:
    return None if agent is None else agent.bic


def write(report: StatusReport) -> bytes:
    """Return the report as a document of pacs.002.001.10 in UTF-8."""
    root = etree.Element(_name("Document"), nsmap=cast(Any, {None: NAMESPACE}))  # None is the default namespace
    body = etree.SubElement(root, _name("FIToFIPmtStsRpt"))
    group = etree.SubElement(body, _name("GrpHdr"))
    _text(group, "MsgId", report.message_id)
    _text(group, "CreDtTm", report.created)
    info = etree.SubElement(body, _name("TxInfAndSts"))
    original = etree.SubElement(info, _name("OrgnlGrpInf"))
    _text(original, "OrgnlMsgId", report.original_message_id)
    _text(original, "OrgnlMsgNmId", report.original_message_name)
    _text(info, "OrgnlInstrId", report.instruction_id)
    _text(info, "OrgnlEndToEndId", report.end_to_end_id)
    _text(info, "OrgnlTxId", report.transaction_id)
    _text(info, "OrgnlUETR", report.uetr)
    _text(info, "TxSts", report.status)
    _reason(info, report)
    _agent(info, "InstgAgt", report.instructing_bic)
    _agent(info, "InstdAgt", report.instructed_bic)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _reason(parent: etree._Element, report: StatusReport) -> None:
    """Write why; a refusal that ISO has no code for carries the code of ours as narrative (NARR)."""
    if report.reason is None and report.detail is None:
        return
    element = etree.SubElement(parent, _name("StsRsnInf"))
    _text(etree.SubElement(element, _name("Rsn")), "Cd", report.reason or "NARR")
    if report.detail:
        _text(element, "AddtlInf", report.detail[:DETAIL_LENGTH_MAX])


def _agent(parent: etree._Element, name: str, bic: str | None) -> None:
    if bic is not None:
        agent = etree.SubElement(parent, _name(name))
        _text(etree.SubElement(agent, _name("FinInstnId")), "BICFI", bic)


def _text(parent: etree._Element, name: str, text: str | None) -> None:
    if text is not None:
        etree.SubElement(parent, _name(name)).text = text


def _name(local: str) -> str:
    return f"{{{NAMESPACE}}}{local}"
