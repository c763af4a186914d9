"""Fills in what a written story cannot know: the hash that a gateway's secret gives to a message's personal data."""

from collections.abc import Iterable
from typing import Any

from gateway.iso20022.submit import PreparedTransfer


class UnknownTransferError(ValueError):
    """A story speaks of a transfer that none of its messages has brought."""


def fill_travel_rule(args: list[Any], prepared: Iterable[PreparedTransfer]) -> list[Any]:
    """Return JSON arguments in which each {"travel_rule": UETR} has become the hash of that transfer, as JSON bytes.

    Raises:
        UnknownTransferError: when no prepared transfer has this UETR.
    """
    digests = {transfer.uetr: transfer.travel_rule.digest for transfer in prepared}
    return [_filled(value, digests) for value in args]


def _filled(value: Any, digests: dict[str, bytes]) -> Any:
    if not isinstance(value, dict) or value.keys() != {"travel_rule"}:
        return value
    uetr = value["travel_rule"]
    if uetr not in digests:
        raise UnknownTransferError(f"no message of this story has brought {uetr}")
    return {"bytes": digests[uetr].hex()}
