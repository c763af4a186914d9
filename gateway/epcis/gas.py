"""How much gas a call of the traceability contract may need, told from its arguments alone.

A transaction declares its gas before it runs, and a block is filled by declared gas, so an estimate must be enough
and not much more. The figures are measured prices of the contract with a fifth added for what the arguments do not
tell, such as what stood in an item before (tests/unit/test_traceability_gas.py holds them to it).
"""

from typing import Any, Final

CALL: Final = 31_000
"""Opening an event: its entry, counters, source, receipt, and a container that comes into being."""
TEXT_BYTE: Final = 6
"""Keeping the event's text."""
ITEM: Final[dict[str, int]] = {
    "commission": 12_000,
    "decommission": 13_200,
    "transform": 17_800,
    "observe": 12_600,
    "pack": 9_800,
    "trade": 8_700,
}
"""A change of one item: its state, the step before it, and what stands beside both."""
ITEM_OTHERWISE: Final = 8_200
IDENTIFIER_CHARACTER: Final = 16
"""An identifier stands in several keys, each longer with it."""
QUANTITY: Final[dict[str, int]] = {"commission": 16_000, "transform": 24_500}
"""A movement of one lot quantity."""
QUANTITY_OTHERWISE: Final = 13_100
READING: Final = 400
"""One sensor reading held against the limits of one item or lot."""
EVERYTHING: Final = 1_880_000
"""Emptying a container, or freeing a thing of its devices, where the event does not list them."""
RECALL: Final = 188_000
"""The first descendants that a recall reaches at once."""
RECALLED: Final = 25_000
"""Each thing that is recalled."""
ERROR: Final = 93_000
ERROR_TEXT_BYTE: Final = 233
"""Putting back what an event changed; its text tells best how many items and quantities those are."""
GAS_MAX: Final = 10_000_000
"""What one transaction may declare (genesis parameter transaction_gas_max)."""
REGISTER: Final = 16_000


def gas_limit(method: str, args: list[Any]) -> int:
    """Return the gas limit to declare for a call."""
    if method == "register_party":
        return REGISTER
    if method == "declare_error":
        return ERROR + ERROR_TEXT_BYTE * len(args[-1].encode())
    head = args[0]
    names = [name for arg in args[1:] if isinstance(arg, list) for name in arg if isinstance(name, str)]
    names += [arg for arg in args[1:] if isinstance(arg, str)]
    quantities = sum(1 for arg in args[1:] if isinstance(arg, list) for entry in arg if isinstance(entry, dict))
    total = CALL + TEXT_BYTE * len(head["text"].encode())
    total += ITEM.get(method, ITEM_OTHERWISE) * len(names) + IDENTIFIER_CHARACTER * sum(map(len, names))
    total += QUANTITY.get(method, QUANTITY_OTHERWISE) * quantities
    total += READING * len(head["readings"]) * (len(names) + quantities + 1)
    total += 8 * len(head["place"]) * len(names)
    if method in ("unpack", "dissociate") and not any(args[2:]):
        total += EVERYTHING
    if head["recall"]:
        total += RECALL + RECALLED * (len(names) + quantities)
    return total
