"""The one error that a message raises: a stable code of ours, the place in the message, and ISO's reason code."""

from typing import Final

ISO_REASONS: Final = {
    "document_not_xml": "FF01",
    "element_missing": "FF01",
    "element_unexpected": "FF01",
    "element_repeated": "FF01",
    "text_length": "FF01",
    "currency_unknown": "AM11",
    "currency_not_money": "AM03",
    "amount_invalid": "AM12",
    "amount_digits": "AM12",
    "amount_minor_units": "AM12",
    "amount_too_large": "AM12",
    "amount_zero": "AM01",
    "control_sum": "AM16",
    "transaction_count": "AM19",
    "uetr_repeated": "AM05",
    "iban_invalid": "AC01",
    "bic_invalid": "RC01",
    "agent_unidentified": "RC01",
    "header_sender_mismatch": "RC01",
    "header_receiver_mismatch": "RC01",
}
"""ExternalStatusReason1Code for the refusals that have one; a code that is missing here has no counterpart."""


class Iso20022Error(ValueError):
    """A message that is refused; nothing was sent to the ledger."""

    def __init__(self, code: str, path: str, message: str) -> None:
        super().__init__(f"{path}: {message} ({code})")
        self.code = code
        self.path = path
        self.message = message

    @property
    def iso_reason(self) -> str | None:
        """Return the ISO 20022 reason code that says the same, or None where ISO has none."""
        return ISO_REASONS.get(self.code)
