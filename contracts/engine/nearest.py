"""Finds the name that an author probably meant: one slip of the fingers away from the one that is written.

It runs for whatever is deployed, before anything is refused, so that it looks at each candidate once and at nothing but
its ends: linear in the text of all names.
"""

from collections.abc import Iterable
from typing import Final

LETTERS_MIN: Final = 3
"""Shorter names are all alike."""


def suggestion(name: str, candidates: Iterable[str]) -> str:
    """Return what to add to a hint about an unknown name: the nearest one, if there is one."""
    near = [candidate for candidate in candidates if is_near(name, candidate)]
    return f"; did you mean {min(near)}?" if near else ""


def is_near(name: str, candidate: str) -> bool:
    """Tell whether one letter too many, too few, wrong, or two in the wrong order make the difference, or capitals."""
    shorter, longer = sorted((name, candidate), key=len)
    if len(shorter) < LETTERS_MIN or len(longer) > len(shorter) + 1:
        return False
    if name.lower() == candidate.lower():
        return True
    at = next((place for place, letter in enumerate(shorter) if longer[place] != letter), len(shorter))
    if len(longer) > len(shorter):
        return longer[at + 1 :] == shorter[at:]
    swapped = shorter[at + 1 : at + 2] + shorter[at]
    return longer[at + 1 :] == shorter[at + 1 :] or longer[at:] == swapped + shorter[at + 2 :]
