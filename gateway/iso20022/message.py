"""What a pacs.008 says, as plain values that have passed every check."""

from dataclasses import dataclass

from gateway.iso20022.values import Money, Rate


@dataclass(frozen=True, slots=True)
class Agent:
    """A financial institution as a message names it."""

    bic: str | None
    lei: str | None
    member_id: str | None

    @property
    def identity(self) -> str | None:
        """Return the name of this institution on the ledger: its BIC, else its LEI, else its clearing member id."""
        if self.bic is not None:
            return self.bic
        if self.lei is not None:
            return f"LEI:{self.lei}"
        return None if self.member_id is None else f"MMB:{self.member_id}"


@dataclass(frozen=True, slots=True)
class Party:
    """A customer. These facts are personal data: they leave the gateway only as a salted hash.

    `address` and `birth` hold pairs of ISO's element names and texts, in the order of the message.
    """

    name: str | None
    address: tuple[tuple[str, str], ...]
    lei: str | None
    any_bic: str | None
    other_ids: tuple[str, ...]
    birth: tuple[tuple[str, str], ...]
    country: str | None
    is_organisation: bool


@dataclass(frozen=True, slots=True)
class Account:
    """An account of a customer; `iban` tells whether `number` is one."""

    number: str
    iban: bool


@dataclass(frozen=True, slots=True)
class CreditTransfer:
    """One CdtTrfTxInf."""

    uetr: str
    end_to_end_id: str
    instruction_id: str | None
    transaction_id: str | None
    settlement: Money
    settlement_date: str | None
    instructed: Money | None
    rate: Rate | None
    charge_bearer: str
    charges: tuple[Money, ...]
    instructing_agent: Agent | None
    instructed_agent: Agent | None
    debtor_agent: Agent
    creditor_agent: Agent
    debtor: Party
    debtor_account: Account | None
    creditor: Party
    creditor_account: Account | None
    remittance: tuple[str, ...]
    quote_id: str | None


@dataclass(frozen=True, slots=True)
class CreditTransferMessage:
    """One pacs.008 with all its transfers."""

    version: str
    business_service: str | None
    message_id: str
    created: str
    transfers: tuple[CreditTransfer, ...]
