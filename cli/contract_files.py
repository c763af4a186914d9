"""Contract files that commands are given: read as text, and refused with every problem that they have."""

from pathlib import Path

import click

from cli.errors import CliError
from contracts.engine.compiler import find_problems
from contracts.engine.problem_text import problems_text


def read_source(file: Path) -> str:
    """Return the text of a file.

    Raises:
        CliError: when it is not text in UTF-8, or cannot be read.
    """
    try:
        # Bytes, because universal newlines would hide carriage returns that the language refuses.
        return file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise CliError(
            f"{file} is not text in UTF-8: byte {error.start} is {file.read_bytes()[error.start]:#04x}"
        ) from error
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}") from error


def read_contract(file: Path) -> str:
    """Return the source of a contract.

    Raises:
        CliError: when it is none; its problems have been shown then.
    """
    source = read_source(file)
    problems = find_problems(source)
    if problems:
        click.echo(problems_text(str(file), source, problems), err=True)
        raise CliError(f"{file} is not a contract: {len(problems)} problem{'s' if len(problems) > 1 else ''}")
    return source
