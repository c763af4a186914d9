"""Every limit of the contract language, version 1. They are part of the protocol: a change is a new version."""

from typing import Final

LANGUAGE_VERSION: Final = 1
"""Version of the language, recorded with each contract."""

# The source, checked before any parser sees it.
SOURCE_BYTES_MAX: Final = 64 * 1024
"""Bytes of a source."""
LINE_LENGTH_MAX: Final = 120
"""Characters of a line of the source."""
INDENT_WIDTH: Final = 4
"""Spaces of one level of indentation."""
INDENT_LEVELS_MAX: Final = 10
"""Levels of indentation."""
BRACKET_DEPTH_MAX: Final = 12
"""Brackets inside each other."""
LINE_TOKENS_MAX: Final = 600
"""Tokens of one logical line, that is one statement with all its continuation lines."""
ELIF_MAX: Final = 30
"""Branches `elif` of one `if`."""
NAME_LENGTH_MAX: Final = 64
"""Characters of a name."""
NUMBER_DIGITS_MAX: Final = 78
"""Characters of a number in the source."""

# The program.
TREE_DEPTH_MAX: Final = 60
"""Depth of the syntax tree: blocks, and operators inside each other."""
CALL_CHAIN_MAX: Final = 24
"""Functions of one contract that can be active inside each other; with CALL_DEPTH_MAX this bounds the stack."""
PARAMETERS_MAX: Final = 32
"""Parameters of a function."""
FIELDS_MAX: Final = 64
"""Fields of a record or event."""
KEY_PARTS_MAX: Final = 4
"""Parts of a key."""
TYPE_DEPTH_MAX: Final = 8
"""Lists, maps and records inside each other in a type."""

# Values while a contract runs.
INTEGER_MAX: Final = 2**255 - 1
"""Greatest integer while a contract computes; what is stored, passed, emitted or returned fits 64 bits."""
INTEGER_MIN: Final = -(2**255)
"""Least integer while a contract computes."""
TEXT_LENGTH_MAX: Final = 64 * 1024
"""Characters of a text, or bytes of a byte string."""
LIST_LENGTH_MAX: Final = 65_536
"""Elements of a list, and numbers of a range."""
MAP_LENGTH_MAX: Final = 4_096
"""Entries of a map."""
NESTING_MAX: Final = 8
"""Lists, maps and records inside each other, wherever a value is compared, stored, passed, emitted or returned."""
SHIFT_MAX: Final = 256
"""Places of a shift."""
STRIP_CHARACTERS_MAX: Final = 32
"""Characters that `strip` is told to take away."""
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
"""Entries that one iteration over storage returns."""

# Calls between contracts.
CALL_DEPTH_MAX: Final = 8
"""Contracts that are active inside each other by `invoke`."""
