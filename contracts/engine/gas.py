"""The price lists of the engine, one for each version of the protocol that it knows.

One unit stands for at most 50 ns and 16 bytes on the reference machine in the worst case (benchmarks/gas_prices.py
measures it). A list that a released network has used never changes, so that old blocks replay with old prices; other
prices are another version of the protocol.
"""

from collections.abc import Mapping
from typing import Final

from chain.protocol import PROTOCOL_VERSION
from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class Prices:
    """What everything costs, in units of gas, or how much of it one unit pays for."""

    # Charged once for each place in the source, at entry of the function or of the loop turn that contains it.
    function: int
    """A function that is entered."""
    statement: int
    """A statement, a parameter, a step of `and`, `or`, `not` or `if ... else`, an argument."""
    operator: int
    """An operator, comparison or attribute that has no price of its own."""
    integer_comparison: int
    """A comparison of what is an integer for certain, as the source shows."""
    text_comparison: int
    """Comparing two texts or byte strings, besides the operator and their size."""
    membership: int
    """A test by `in` or `not in`, besides what is looked at; in a Map it is a read."""
    subscript: int
    """An element of a list or map, a character: read, set or deleted."""
    slice: int
    """A slice of a list, text or byte string, besides what it copies."""
    product: int
    """A multiplication, division or remainder."""
    power: int
    """A power or a shift."""
    builtin: int
    """A built-in function or a method of a value, apart from what it charges by size."""
    literal: int
    """A list that is written out, or a constant that is a list and used, besides its elements."""
    literal_element: int
    """An element of such a list."""
    literal_map: int
    """A map that is written out, besides its entries."""
    element: int
    """A key, a value or a part of a map, key or f-string that is written out; what a comprehension adds each turn."""
    loop: int
    """A loop or comprehension that begins."""
    turn: int
    """One turn of any loop, besides the price of its body."""
    read: int
    """Reading one storage entry, or testing whether it is there."""
    write: int
    """Writing or deleting one storage entry."""
    scan: int
    """One ordered iteration over storage, besides what each entry costs."""
    scan_entry: int
    """Each entry that an iteration may return, by its limit."""
    event: int
    """An event, besides its size."""
    invoke: int
    """A call of another contract, besides what a call costs anyway."""
    sha256: int
    """A digest, besides the size of the data."""
    mul_div: int
    """A multiplication and division that rounds."""
    integer_text: int
    """Turning an integer into decimal digits, or a field of an f-string into text."""
    wide_integer_text: int
    """Turning an integer beyond 64 bits into decimal digits, besides integer_text."""
    text_integer: int
    """Turning decimal digits into an integer."""
    fixed_point: int
    """A division of integers that rounds, besides mul_div."""
    compound_rate: int
    """A power of a rate, besides the size of the power."""
    amount_text: int
    """Turning an amount into decimal text or back."""
    calendar: int
    """Turning a time into its parts or back, or adding months."""
    time_text: int
    """Turning a time into text or back."""
    signature: int
    """Checking a signature, besides hashing the message."""

    # Charged by the engine around a run.
    call: int
    """A call of a contract from outside or by `invoke`."""
    source_per_unit: int
    """Bytes of source that one unit loads, at every call."""
    compile: int
    """A source that is checked and compiled, at deployment, besides its size."""
    compile_per_byte: int
    """Scanning one byte of source, at deployment."""
    compile_per_token: int
    """Checking and compiling one token of the source, at deployment."""

    # Charged by size, before the work is done: how much one unit pays for.
    characters_per_unit: int
    """Characters or bytes that are copied, made or written."""
    compared_per_unit: int
    """Characters or bytes that are only looked at."""
    slots_per_unit: int
    """List or map entries that are copied."""
    searched_per_unit: int
    """Characters in which a text is looked for."""
    item: int
    """Each element that is looked at one by one."""
    compared_item: int
    """Each element that is compared with another one."""
    container: int
    """Each list, map or record that is compared, searched, joined or copied in or out, besides its elements."""
    wire_item: int
    """Each element, field or entry that is checked against a declared type and copied in or out of a run."""
    stored_per_unit: int
    """Bytes of a stored value, argument, event or result."""
    stored_byte: int
    """Gas for each byte that a write leaves in the state, so that space is paid for."""
    hashed_per_unit: int
    """Bytes that are hashed."""
    compounded_per_unit: int
    """Bits of the power of a rate."""
    compounded_per_square: int
    """Bits of the power of a rate: one unit for the square of how many of these there are."""
    event_bytes_per_unit: int
    """Bytes of an event, which stays in the receipt for good."""


FIRST: Final = Prices(
    function=6,
    statement=1,
    operator=6,
    integer_comparison=1,
    text_comparison=8,
    membership=20,
    subscript=8,
    slice=36,
    product=10,
    power=26,
    builtin=20,
    literal=5,
    literal_element=1,
    literal_map=14,
    element=2,
    loop=8,
    turn=2,
    read=220,
    write=420,
    scan=320,
    scan_entry=108,
    event=80,
    invoke=200,
    sha256=30,
    mul_div=24,
    integer_text=12,
    wide_integer_text=24,
    text_integer=40,
    fixed_point=40,
    compound_rate=48,
    amount_text=70,
    calendar=120,
    time_text=200,
    signature=2400,
    call=100,
    source_per_unit=64,
    compile=8_000,
    compile_per_byte=44,
    compile_per_token=600,
    characters_per_unit=4,
    compared_per_unit=64,
    slots_per_unit=2,
    searched_per_unit=10,
    item=3,
    compared_item=5,
    container=22,
    wire_item=9,
    stored_per_unit=8,
    stored_byte=4,
    hashed_per_unit=8,
    compounded_per_unit=8,
    compounded_per_square=512,
    event_bytes_per_unit=2,
)

PRICES: Final[Mapping[int, Prices]] = {1: FIRST}
"""Protocol version -> its list."""

CURRENT: Final = PRICES[PROTOCOL_VERSION]
"""The list for a network that starts now; for whoever compiles a contract without a block."""
