"""Every program and command that the documentation shows is executed by some test, which is named here."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHOWN = re.compile(r"^```(\w+)", re.MULTILINE)
PLAIN = {"text"}
"""Output, shapes and formulas, which cannot be executed."""

EXECUTED = {
    "README.md": "cluster/test_readme.py",
    "docs/first-hour.md": "cluster/test_readme.py",
    "docs/cli.md": "unit/test_cli_profile.py",
    "docs/sdk.md": "unit/test_sdk_manual.py",
    "docs/indexer.md": "unit/test_follower_index.py",
    "docs/contracts/lifecycle.md": "unit/test_lifecycle_manual.py",
    "docs/contracts/rejections.md": "unit/test_manual_rejections.py",
    "docs/contracts/testing.md": "unit/test_manual_testing.py",
    "docs/contracts/editors.md": "unit/test_manual_editors.py",
}
CONTRACTS = "unit/test_manual_contracts.py"
"""Executes all other pages of the contracts' manual."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_shows_is_executed(page: Path) -> None:
    kinds = set(SHOWN.findall(page.read_text(encoding="utf-8"))) - PLAIN
    if kinds:
        name = str(page.relative_to(ROOT))
        test = EXECUTED.get(name) or (CONTRACTS if name.startswith("docs/contracts/") else None)
        assert test is not None, f"{name} shows {', '.join(sorted(kinds))}, and no test executes it"
        text = (ROOT / "tests" / test).read_text(encoding="utf-8")
        assert page.name in text or 'FOLDER.glob("*.md")' in text, f"{test} does not read {page.name}"
