"""From a pacs.008 to calls of the remittance contract: what the institution's member signs, one call a transfer."""

from dataclasses import dataclass
from typing import Any, Final

from gateway.iso20022.errors import Iso20022Error
from gateway.iso20022.message import Agent, CreditTransfer, CreditTransferMessage
from gateway.iso20022.pacs008 import read
from gateway.iso20022.rates import notes_of, source_of
from gateway.iso20022.travel_rule import TravelRule, commit, sender_reference
from gateway.iso20022.values import Money

CONTRACT: Final = "remittance"
ACCEPT_GAS: Final = 40_000
"""Gas limit of an acceptance: about half of it is used, nearly half of that for the bytes of the call."""


@dataclass(frozen=True, slots=True)
class PreparedTransfer:
    """One transfer, ready to be signed, beside what the gateway keeps of it.

    `sender` and `receiver` are the institutions' names on the ledger, `travel_rule` is for the recipient's gateway.
    """

    uetr: str
    contract: str
    method: str
    args: list[Any]
    gas_limit: int
    summary: str
    notes: tuple[str, ...]
    message: CreditTransferMessage
    transfer: CreditTransfer
    sender: str
    receiver: str
    source: Money
    target: Money
    quote_id: str
    travel_rule: TravelRule


def prepare(document: bytes, *, secret: bytes, quote_id: str | None = None) -> list[PreparedTransfer]:
    """Return the calls that put the transfers of a pacs.008 on the ledger, in the order of the message.

    `secret` is the gateway's own (travel_rule.load_secret): with the same secret the same document gives the same
    calls, so submitting it again is a resend. The exchange quote is `quote_id`, else the one that the message names,
    else the one that `fit_corridor` makes up for this UETR.

    Raises:
        Iso20022Error: at the first check that the message fails.
    """
    message = read(document)
    at_document = "/Document/FIToFICstmrCdtTrf/CdtTrfTxInf"
    return [
        _prepare(message, transfer, secret, quote_id, f"{at_document}[{at}]")
        for at, transfer in enumerate(message.transfers, 1)
    ]


def made_up_quote_id(uetr: str) -> str:
    """Return the id of the quote that is made for one transfer where nobody agreed on one before."""
    return f"fit-{uetr}"


def _prepare(
    message: CreditTransferMessage, transfer: CreditTransfer, secret: bytes, quote_id: str | None, path: str
) -> PreparedTransfer:
    sender = _institution(transfer.debtor_agent, transfer.instructing_agent, f"{path}/DbtrAgt")
    receiver = _institution(transfer.creditor_agent, transfer.instructed_agent, f"{path}/CdtrAgt")
    source = source_of(transfer)
    target = transfer.settlement
    quote = quote_id or transfer.quote_id or made_up_quote_id(transfer.uetr)
    travel_rule = commit(transfer, secret)
    arrives = "" if source == target else f", arriving as {target}"
    return PreparedTransfer(
        uetr=transfer.uetr,
        contract=CONTRACT,
        method="accept",
        args=[
            transfer.uetr,
            {
                "quote": quote,
                "sender": sender,
                "receiver": receiver,
                "source_currency": source.currency,
                "source_amount": source.minor_units,
                "target_currency": target.currency,
                "target_amount": target.minor_units,
                "charge_bearer": transfer.charge_bearer,
                "sender_reference": sender_reference(transfer, secret),
                "travel_rule": travel_rule.digest,
            },
        ],
        gas_limit=ACCEPT_GAS,
        summary=f"{source} from {sender} to {receiver}{arrives}",
        notes=notes_of(transfer),
        message=message,
        transfer=transfer,
        sender=sender,
        receiver=receiver,
        source=source,
        target=target,
        quote_id=quote,
        travel_rule=travel_rule,
    )


def _institution(customer_side: Agent, messaging_side: Agent | None, path: str) -> str:
    """Return the institution of a customer; where it is not identified, the agent that sent or gets the message is."""
    identity = customer_side.identity or (messaging_side.identity if messaging_side is not None else None)
    if identity is None:
        raise Iso20022Error("agent_unidentified", path, "neither BIC nor LEI nor clearing member id names this agent")
    return identity
