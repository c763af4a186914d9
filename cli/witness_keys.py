"""The option with which commands that read signed heads are given keys of witnesses."""

from collections.abc import Callable
from typing import Any

import click

from chain.checkpoint import NoteError, WitnessKey, parse_witness_key


def witness_option(text: str) -> Callable[[Any], Any]:
    """Return the option `--witness`, repeatable: a key in the form of C2SP, as `tally witness` prints its own."""
    return click.option("--witness", "witnesses", multiple=True, callback=_keys, metavar="NAME+ID+KEY", help=text)


def _keys(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[WitnessKey, ...]:
    try:
        return tuple(map(parse_witness_key, values))
    except NoteError as error:
        raise click.BadParameter(str(error), context, option) from error
