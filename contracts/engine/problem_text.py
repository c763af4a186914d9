"""Shows authors where a source breaks a rule: the place, the rule, the line with a mark under it, and the way out."""

import re
from collections.abc import Sequence
from typing import Any, Final

from contracts.engine.errors import Rejected

WORD: Final = re.compile(r"\w+|\S")
SHOWN_MAX: Final = 160
"""Characters of a line that are shown; contracts have shorter ones, other files may be dropped on us."""


def problem_text(label: str, source: str, problem: Rejected) -> str:
    """Return a problem in lines for people, in the form that editors and terminals turn into links."""
    head = f"{label}:{problem.line}:{problem.column}: {problem.rule}: {problem.hint}"
    lines = source.split("\n")
    if not 1 <= problem.line <= len(lines):
        return head
    text = lines[problem.line - 1][:SHOWN_MAX].rstrip("\r")
    column = min(problem.column - 1, len(text))
    word = WORD.match(text, column)
    # A tab before the place stays one, so that the mark stands below it.
    before = "".join(character if character == "\t" else " " for character in text[:column])
    number = str(problem.line)
    return "\n".join(
        (
            head,
            f"  {number} | {text}".rstrip(),
            f"  {' ' * len(number)} | {before}{'^' * (len(word.group()) if word else 1)}",
        )
    )


def problems_text(label: str, source: str, problems: Sequence[Rejected]) -> str:
    """Return all problems of a source for people, in the order of the lines."""
    return "\n\n".join(problem_text(label, source, problem) for problem in in_order(problems))


def problems_json(problems: Sequence[Rejected]) -> list[dict[str, Any]]:
    """Return all problems of a source for programs, in the order of the lines."""
    return [
        {"line": problem.line, "column": problem.column, "rule": problem.rule, "advice": problem.hint}
        for problem in in_order(problems)
    ]


def in_order(problems: Sequence[Rejected]) -> list[Rejected]:
    """Return problems in the order of their places."""
    return sorted(problems, key=lambda problem: (problem.line, problem.column))
