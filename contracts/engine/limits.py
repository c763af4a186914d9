"""Every limit of the contract language, version 1. They are part of the protocol: a change is a new version."""

from typing import Final

LANGUAGE_VERSION: Final = 1

# The source, checked before any parser sees it.
SOURCE_BYTES_MAX: Final = 64 * 1024
LINE_LENGTH_MAX: Final = 120
INDENT_WIDTH: Final = 4
INDENT_LEVELS_MAX: Final = 10
BRACKET_DEPTH_MAX: Final = 12
LINE_TOKENS_MAX: Final = 600
"""Tokens of one logical line, that is one statement with all its continuation lines."""
ELIF_MAX: Final = 30
NAME_LENGTH_MAX: Final = 64
NUMBER_DIGITS_MAX: Final = 78

# The program.
TREE_DEPTH_MAX: Final = 60
CALL_CHAIN_MAX: Final = 24
"""Functions of one contract that can be active inside each other; with CALL_DEPTH_MAX this bounds the stack."""
PARAMETERS_MAX: Final = 32
FIELDS_MAX: Final = 64
KEY_PARTS_MAX: Final = 4
TYPE_DEPTH_MAX: Final = 8

# Values while a contract runs.
INTEGER_MAX: Final = 2**255 - 1
INTEGER_MIN: Final = -(2**255)
TEXT_LENGTH_MAX: Final = 64 * 1024
"""Characters of a text, or bytes of a byte string."""
LIST_LENGTH_MAX: Final = 65_536
MAP_LENGTH_MAX: Final = 4_096
NESTING_MAX: Final = 8
"""Lists, maps and records inside each other, wherever a value is compared, stored, passed, emitted or returned."""
SHIFT_MAX: Final = 256
STRIP_CHARACTERS_MAX: Final = 32
PLACES_MAX: Final = 76
"""Decimal places of an amount: ten to that power is the largest that fits an integer."""
COMPOUND_BITS_MAX: Final = 65_536
"""Bits of the powers that `compound_rate` computes before it rounds."""

# Values that leave a run.
VALUE_BYTES_MAX: Final = 64 * 1024
"""Size of one stored value, one event, or the result of a call."""
VIEW_BYTES_MAX: Final = 1024 * 1024
"""Size of the result of a view."""
SCAN_ENTRIES_MAX: Final = 1_000

# Calls between contracts.
CALL_DEPTH_MAX: Final = 8
