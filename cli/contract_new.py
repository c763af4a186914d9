"""`tally contract new`: a folder with a contract, its tests, and what pytest, mypy and editors need to know."""

import re
import sys
from collections.abc import Mapping
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

from chain.runtime import SYSTEM
from cli.errors import EXIT_USAGE, CliError

TEMPLATES: Final = ("token", "escrow", "registry")
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
"""Names that name a contract on the ledger as well as a Python file."""
RESERVED: Final = frozenset({SYSTEM})
WORD: Final = re.compile(r"\bsample\b|(?<=test_)sample\b")
COMMON: Final[Mapping[str, str]] = {
    "README.md": "README.md",
    "pyproject.toml": "pyproject.toml",
    "pyrightconfig.json": "pyrightconfig.json",
    "settings.json": ".vscode/settings.json",
    "gitignore": ".gitignore",
}
"""Files of every project, and where they go."""


@click.command()
@click.argument("name")
@click.option(
    "--template", type=click.Choice(TEMPLATES), default="token", show_default=True, help="What to begin with."
)
def new(name: str, template: str) -> None:
    """Make a folder NAME with a contract, tests that pass, and settings for editors."""
    if NAME.fullmatch(name) is None:
        raise CliError(f"{name!r} cannot name a contract: lower-case letters, digits and _, a letter first", EXIT_USAGE)
    if name in sys.stdlib_module_names:
        raise CliError(f"{name} is a module of Python, which the file would hide; choose another name", EXIT_USAGE)
    if name in RESERVED or find_spec(name) is not None:
        raise CliError(f"{name} is the ledger, or a package that the file would hide; choose another name", EXIT_USAGE)
    folder = Path(name)
    if folder.exists():
        raise CliError(f"{folder} exists already")
    for place, text in project(name, template).items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    click.echo(f"made {folder}: {name}.py, tests/test_{name}.py and settings for editors", err=True)
    click.echo(f"cd {folder} && tally contract test", err=True)


def project(name: str, template: str) -> dict[str, str]:
    """Return the files of a new project, by their place."""
    templates = files("cli") / "templates"
    found = {place: (templates / "common" / file).read_text(encoding="utf-8") for file, place in COMMON.items()}
    found[f"{name}.py"] = (templates / template / "sample.py").read_text(encoding="utf-8")
    found[f"tests/test_{name}.py"] = (templates / template / "test_sample.py").read_text(encoding="utf-8")
    renamed = {place: WORD.sub(name, text) for place, text in found.items()}
    stub = files("tallystick") / "contract_types" / "language.pyi"
    return {**renamed, "__builtins__.pyi": stub.read_text(encoding="utf-8")}
