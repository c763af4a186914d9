"""Colours for people: good is green, bad is red, doubtful is yellow, headings are bold.

Whoever prints with `click.echo` has them taken out where the output is no terminal. `colour_choice` says when there are
to be none at all: https://no-color.org.
"""

from collections.abc import Mapping

import click


def good(text: str) -> str:
    """Return text for what is as it should be."""
    return click.style(text, fg="green")


def bad(text: str) -> str:
    """Return text for what failed or is wrong."""
    return click.style(text, fg="red")


def doubtful(text: str) -> str:
    """Return text for what somebody should look at."""
    return click.style(text, fg="yellow")


def heading(text: str) -> str:
    """Return text that stands above other text."""
    return click.style(text, bold=True)


def colour_choice(environ: Mapping[str, str]) -> bool | None:
    """Return False where the user wants no colours, None where it depends on whether the output is a terminal."""
    return False if environ.get("NO_COLOR") or environ.get("TERM") == "dumb" else None
