"""How much gas a call of the traceability contract may need, told from its arguments alone.

A transaction declares its gas before it runs, and a block is filled by declared gas, so an estimate must be enough
and not much more. The figures are measured prices of the contract (tests/unit/test_traceability_gas.py holds them to
it: every call there uses between a fifth and the whole of its estimate).
"""

from typing import Any, Final

CALL: Final = 20_000
"""Opening an event: its entry, counters, source and receipt."""
TEXT_CHARACTER: Final = 6
"""Keeping the event's text."""
ITEM: Final = 4_200
"""A change of one item: its state, the step before it, and what stands beside both."""
QUANTITY: Final = 8_000
"""A movement of one lot quantity."""
MADE_ITEM: Final = 1_500
"""What a new item costs on top: its lot and lineage."""
READING: Final = 400
"""One sensor reading held against the limits of one item."""
UNPACK_ALL: Final = 900_000
"""Emptying a container whose contents the event does not list."""
RECALL: Final = 260_000
"""The first descendants that a recall reaches at once, for each thing recalled."""
REGISTER: Final = 20_000


def gas_limit(method: str, args: list[Any]) -> int:
    """Return the gas limit to declare for a call."""
    if method == "register_party":
        return REGISTER
    if method == "declare_error":
        return CALL + TEXT_CHARACTER * len(args[-1]) + (ITEM + QUANTITY) * (len(args[4]) + 1)
    head = args[0]
    items = sum(len(arg) for arg in args[1:] if _is_list_of(arg, str))
    quantities = sum(len(arg) for arg in args[1:] if _is_list_of(arg, dict))
    total = CALL + TEXT_CHARACTER * len(head["text"].encode()) + (ITEM * (items + 1)) + QUANTITY * quantities
    total += READING * len(head["readings"]) * (items + quantities + 1)
    if method in ("commission", "transform"):
        total += MADE_ITEM * (items + quantities)
    if method in ("unpack", "dissociate") and items + quantities == 0:
        total += UNPACK_ALL
    if head["recall"]:
        total += RECALL * (items + quantities)
    return total


def _is_list_of(arg: Any, kind: type) -> bool:
    return isinstance(arg, list) and bool(arg) and isinstance(arg[0], kind)
