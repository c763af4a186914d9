"""How commands print: JSON for programs, aligned tables for people."""

import json
from collections.abc import Sequence
from typing import Any

import click

from cli.colours import heading


def print_json(value: Any) -> None:
    """Print a value as JSON on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows aligned under their header; cells may have colours."""
    widths = [max(len(click.unstyle(row[column])) for row in (header, *rows)) for column in range(len(header))]
    first, *others = [_line(row, widths) for row in (header, *rows)]
    return "\n".join([heading(first), *others])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (width - len(click.unstyle(cell))) for cell, width in zip(row, widths, strict=True)]
    return "  ".join(padded).rstrip()
