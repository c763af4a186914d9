"""Checks the types of contracts with mypy in its strict mode; what it says of a translation holds for the contract."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from contracts.engine.errors import Rejected
from tallystick.contract_types.translation import Translation, translate

STUB: Final = Path(__file__).with_name("language.pyi")
OPTIONS: Final = (
    "--strict",
    "--no-warn-return-any",  # what invoke returns is checked when it is used
    "--config-file=",
    "--cache-dir=/dev/null",
    "--no-site-packages",
    "--no-error-summary",
    "--show-column-numbers",
    "--output=json",
)
TIMEOUT_SECONDS: Final = 300
READABLE: Final = (
    (re.compile(r"\b_language\."), ""),
    (re.compile(r"\b_Storage\b"), "Map"),
    (re.compile(r"\b_Counters?\b"), "Counter"),
    (re.compile(r"\b_condition\b"), "require"),
    (re.compile(r'("__call__" of )?"_Replace(\w+)"'), r'"\2.replace"'),
)
"""Names of the translation in mypy's messages, and what authors call them."""


class NoTypeChecker(Exception):
    """mypy is not installed, or could not do its work; says what it said."""


def type_problems(sources: Mapping[str, str]) -> dict[str, list[Rejected]]:
    """Return what is wrong with the types of contracts, by the names that they are given under.

    Raises:
        Rejected: when one is no contract; check the rules of the language first.
        NoTypeChecker: when there is no mypy, or it failed.
    """
    if find_spec("mypy") is None:
        raise NoTypeChecker("mypy is missing; install it with: pip install 'tallystick[authors]'")
    with TemporaryDirectory(prefix="tally-types-") as folder:
        stub = Path(folder, "contract_language.pyi")
        stub.write_bytes(STUB.read_bytes())
        translations = {
            f"contract_{number}.py": (name, translate(source, stub.stem))
            for number, (name, source) in enumerate(sources.items())
        }
        for file, (_, translation) in translations.items():
            Path(folder, file).write_text(translation.text, encoding="utf-8")
        output = _run_mypy(folder, sorted(translations))
    found: dict[str, list[Rejected]] = {name: [] for name in sources}
    for line in output.splitlines():
        message = json.loads(line)
        if message["severity"] == "error":
            name, translation = translations[message["file"]]
            found[name].append(_problem(message, translation))
    return found


def _run_mypy(folder: str, files: list[str]) -> str:
    command = [sys.executable, "-m", "mypy", *OPTIONS, *files]
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise NoTypeChecker(f"mypy did not finish within {TIMEOUT_SECONDS} seconds") from error
    if done.returncode not in (0, 1) or done.stderr:
        raise NoTypeChecker(f"mypy failed: {(done.stderr or done.stdout).strip()[:1000]}")
    return done.stdout


def _problem(message: Mapping[str, object], translation: Translation) -> Rejected:
    line, column = message["line"], message["column"]
    assert isinstance(line, int)
    assert isinstance(column, int)
    text = str(message["message"])
    for name, written in translation.names.items():
        text = text.replace(name, written)
    for pattern, readable in READABLE:
        text = pattern.sub(readable, text)
    return Rejected(line, translation.column(line, column + 1), f"type-{message['code']}", text)
