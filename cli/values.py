"""Arguments of contract calls on the command line."""

from collections.abc import Sequence
from typing import Any

from chain.json_values import JsonValueError, from_json, parse_json
from cli.errors import EXIT_USAGE, CliError


def parse_arguments(texts: Sequence[str]) -> list[Any]:
    """Return the values of command-line arguments: JSON in the form of docs/api.md, anything else is text.

    12 is an integer, true a boolean, null nothing, {"bytes": "00ff"} bytes, {"map": {...}} a map; acme is text, and
    text that looks like JSON is written in quotes: '"12"'.

    Raises:
        CliError: when an argument is JSON that stands for no contract value.
    """
    return [_parse(text) for text in texts]


def _parse(text: str) -> Any:
    try:
        document = parse_json(text)
    except ValueError:
        return text
    try:
        return from_json(document)
    except JsonValueError as error:
        raise CliError(f"argument {text}: {error}", EXIT_USAGE) from error
