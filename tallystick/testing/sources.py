"""Where the contracts of a test come from: a file that the author names, or a text in the test itself."""

from pathlib import Path

from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a contract and what to call it in reports."""

    text: str
    label: str
    """The path as an author would type it, or the contract's name in angle brackets."""
    path: Path | None
    """None for a contract that has no file."""


def load_source(name: str, source: str | Path, root: Path) -> Source:
    """Return the source of a contract: `source` is a path, or the program itself, which has several lines.

    Raises:
        FileNotFoundError: when there is no such file.
        UnicodeDecodeError: when the file is not text in UTF-8.
    """
    if isinstance(source, str) and "\n" in source:
        return Source(source, f"<{name}>", None)
    path = root / source
    text = path.read_bytes().decode("utf-8")
    return Source(text, label_of(path), path)


def label_of(path: Path) -> str:
    """Return a path relative to the working folder if it lies below it."""
    resolved, here = path.resolve(), Path.cwd()
    return str(resolved.relative_to(here)) if resolved.is_relative_to(here) else str(resolved)
