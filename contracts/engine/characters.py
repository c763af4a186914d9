"""The characters that stand nowhere in a source, text and comments included: whoever reads it must see all of it.

They are a table of our own and not Python's: each version of Python knows another version of Unicode, and what may be
deployed must not depend on it. As of Unicode 15.1 the table holds the control characters but the line feed (Cc), format
characters (Cf), surrogates (Cs), spaces but the common one (Zs), line and paragraph separators (Zl, Zp), all that has
the property Default_Ignorable_Code_Point, which programs draw as nothing, and U+2800, a blank that counts as a symbol.
"""

import re
from typing import Final

FORBIDDEN_RANGES: Final = (
    (0x0000, 0x0009),
    (0x000B, 0x001F),
    (0x007F, 0x00A0),
    (0x00AD, 0x00AD),  # soft hyphen
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x0600, 0x0605),  # Arabic number signs
    (0x061C, 0x061C),  # Arabic letter mark
    (0x06DD, 0x06DD),  # Arabic end of ayah
    (0x070F, 0x070F),  # Syriac abbreviation mark
    (0x0890, 0x0891),  # Arabic pound and piastre marks above
    (0x08E2, 0x08E2),  # Arabic disputed end of ayah
    (0x115F, 0x1160),  # Hangul fillers
    (0x1680, 0x1680),  # Ogham space
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian variation selectors and vowel separator
    (0x2000, 0x200F),  # spaces, joiners, marks of direction
    (0x2028, 0x202F),  # separators, embeddings and overrides of direction, narrow no-break space
    (0x205F, 0x206F),  # mathematical space, invisible operators, isolates of direction
    (0x2800, 0x2800),  # Braille pattern blank
    (0x3000, 0x3000),  # ideographic space
    (0x3164, 0x3164),  # Hangul filler
    (0xD800, 0xDFFF),  # surrogates
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFEFF, 0xFEFF),  # byte-order mark
    (0xFFA0, 0xFFA0),  # half-width Hangul filler
    (0xFFF0, 0xFFFF),  # ignorable, annotation, replacement and no characters
    (0x110BD, 0x110BD),  # Kaithi number sign
    (0x110CD, 0x110CD),  # Kaithi number sign above
    (0x13430, 0x1343F),  # Egyptian hieroglyph joiners
    (0x1BCA0, 0x1BCA3),  # shorthand format controls
    (0x1D173, 0x1D17A),  # musical beams and slurs
    (0xE0000, 0xE0FFF),  # tags, more variation selectors, ignorable
)
"""First and last code point of each range, ascending; no two ranges touch."""

FORBIDDEN_CHARACTERS: Final = re.compile(
    "[" + "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in FORBIDDEN_RANGES) + "]"
)

HINTS: Final = {
    "\t": "indent with four spaces",
    "\r": "this is a carriage return: save the file with line ends LF",
    "\ufeff": "this is a byte-order mark: save the file as UTF-8 without one",
}


def forbidden_hint(character: str) -> str:
    """Return what to do about a character that stands nowhere; its number, because nobody can see it."""
    return HINTS.get(character, f"remove this character, U+{ord(character):04X}")
