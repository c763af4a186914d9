"""The price list of language version 1, and the meter that every run pays into.

One unit stands for at most 50 ns and 16 bytes on the reference machine in the worst case (benchmarks/gas_prices.py
measures it). The prices are part of the protocol: a change is a new language version, and this one stays for replay.
"""

from typing import Final

# Charged once for each place in the source, at entry of the function or of the loop turn that contains it.
FUNCTION: Final = 6
STATEMENT: Final = 1
OPERATOR: Final = 6
"""An operator, comparison or attribute that has no price of its own."""
SUBSCRIPT: Final = 8
PRODUCT: Final = 10
"""A multiplication, division or remainder."""
POWER: Final = 26
"""A power or a shift."""
BUILTIN: Final = 14
"""A built-in function or a method of a value, apart from what it charges by size."""
ELEMENT: Final = 2
"""An element of a list or map that is written out."""
LOOP: Final = 8
TURN: Final = 2
"""One turn of any loop, besides the price of its body."""
READ: Final = 80
"""Reading one storage entry, or testing whether it is there."""
WRITE: Final = 300
"""Writing or deleting one storage entry."""
SCAN: Final = 100
"""One ordered iteration over storage, besides what each entry costs."""
SCAN_ENTRY: Final = 60
EVENT: Final = 80
INVOKE: Final = 200
"""A call of another contract, besides what a call costs anyway."""
SHA256: Final = 30
MUL_DIV: Final = 24
INTEGER_TEXT: Final = 28
"""Turning an integer into decimal digits or back."""

# Charged by the engine around a run.
CALL: Final = 100
"""A call of a contract from outside or by `invoke`."""
SOURCE_PER_UNIT: Final = 64
"""Bytes of source that one unit loads, at every call."""
COMPILE_PER_BYTE: Final = 20
"""Scanning one byte of source, at deployment."""
COMPILE_PER_TOKEN: Final = 600
"""Checking and compiling one token of the source, at deployment."""

# Charged by size, before the work is done: how much one unit pays for.
CHARACTERS_PER_UNIT: Final = 4
"""Characters or bytes that are copied, made or written."""
COMPARED_PER_UNIT: Final = 64
"""Characters or bytes that are only looked at."""
SLOTS_PER_UNIT: Final = 2
"""List or map entries that are copied."""
SEARCHED_PER_UNIT: Final = 10
"""Characters in which a text is looked for."""
ITEM: Final = 3
"""Each element that is looked at one by one."""
COMPARED_ITEM: Final = 5
"""Each element that is compared with another one."""
CONTAINER: Final = 16
"""Each list, map or record that is compared or copied in or out, besides its elements."""
WIRE_ITEM: Final = 9
"""Each element, field or entry that is checked against a declared type and copied in or out of a run."""
STORED_PER_UNIT: Final = 8
"""Bytes of a stored value, argument, event or result."""
STORED_BYTE: Final = 4
"""Gas for each byte that a write leaves in the state, so that space is paid for."""
HASHED_PER_UNIT: Final = 8
EVENT_BYTES_PER_UNIT: Final = 2
"""Bytes of an event, which stays in the receipt for good."""
