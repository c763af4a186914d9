"""The header of a new block is put together in one place: what one caller forgot would split a network."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("api", "assembly", "audit", "benchmarks", "chain", "cli", "consensus", "network", "tallystick")
MAKERS = {"chain/block.py", "chain/next_block.py"}
"""The first one reads headers, the second one makes them."""
WITHOUT_A_LEDGER = {"consensus/simulation/twins/bench.py"}
"""Searches schedules of consensus alone, over blocks without any transaction."""


def calls_of_header(source: str) -> int:
    """Return how often a program makes a header of fields."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return sum(isinstance(call.func, ast.Name) and call.func.id == "Header" for call in calls)


def test_what_is_looked_for_is_found() -> None:
    assert calls_of_header("make_block(Header(1, *links), [])") == 1
    assert calls_of_header("CertifiedHeader(1)") == 0


def test_headers_are_made_in_one_place() -> None:
    files = {path.relative_to(ROOT).as_posix(): path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    makers = {name for name, path in files.items() if calls_of_header(path.read_text(encoding="utf-8"))}
    assert makers == MAKERS | WITHOUT_A_LEDGER
