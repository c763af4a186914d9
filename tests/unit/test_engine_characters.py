"""Invisible characters stand nowhere in a source, over all planes and the same under every version of Unicode."""

import sys
import unicodedata
from itertools import pairwise

import pytest

from contracts.engine.characters import FORBIDDEN_CHARACTERS, FORBIDDEN_RANGES
from contracts.engine.compiler import find_problems

SOURCE = '"""{}"""\n\n\n@view\ndef f() -> str:\n    # {}\n    return "{}"\n'
PLACES = ((1, 4), (6, 7), (7, 13))
"""Line and column of each pair of braces."""
CATEGORIES = ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp")
IGNORABLE = (
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x61C, 0x61C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
"""Default_Ignorable_Code_Point of DerivedCoreProperties.txt; Python's unicodedata does not have it."""


def refused() -> set[int]:
    return {number for first, last in FORBIDDEN_RANGES for number in range(first, last + 1)}


def test_the_table_ascends_and_is_what_the_expression_finds() -> None:
    ends = [end for bounds in FORBIDDEN_RANGES for end in bounds]
    assert ends == sorted(ends)
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(FORBIDDEN_RANGES))
    found = FORBIDDEN_CHARACTERS.finditer("".join(map(chr, range(sys.maxunicode + 1))))
    assert {ord(match.group()) for match in found} == refused()


def test_the_table_is_what_this_version_of_unicode_says_as_far_as_it_reaches() -> None:
    wanted = {number for first, last in IGNORABLE for number in range(first, last + 1)} | {0x2800}
    wanted |= {number for number in range(sys.maxunicode + 1) if unicodedata.category(chr(number)) in CATEGORIES}
    wanted -= {ord("\n"), ord(" ")}
    assert wanted <= refused()
    # What is refused besides: what this version has not assigned yet, and the replacement characters.
    besides = {number for number in refused() - wanted if unicodedata.category(chr(number)) != "Cn"}
    assert besides == {0xFFFC, 0xFFFD}


@pytest.mark.parametrize("bounds", FORBIDDEN_RANGES, ids=lambda bounds: f"U+{bounds[0]:04X}")
def test_they_are_refused_in_docstrings_comments_and_text_at_their_place(bounds: tuple[int, int]) -> None:
    for number in bounds:
        for place, (line, column) in enumerate(PLACES):
            parts = ["", "", ""]
            parts[place] = chr(number)
            found = [(problem.rule, problem.line, problem.column) for problem in find_problems(SOURCE.format(*parts))]
            assert found == [("character", line, column)], hex(number)


def test_what_can_be_seen_may_stand_in_text() -> None:
    assert find_problems(SOURCE.format(*["\u00e4 \u4e2d \U0001f600 e\u0301 \u05d0"] * 3)) == []


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("X = 1\r\n", "this is a carriage return: save the file with line ends LF"),
        ("\ufeffX = 1\n", "this is a byte-order mark: save the file as UTF-8 without one"),
        ("X = 1 # \u200b\n", "remove this character, U+200B"),
    ],
)
def test_the_hint_names_what_nobody_sees(source: str, hint: str) -> None:
    assert [problem.hint for problem in find_problems(source)] == [hint]
