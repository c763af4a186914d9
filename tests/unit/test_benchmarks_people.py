"""The parts of the benchmark of requests, pages and streams that can be checked without a cluster."""

import re
from pathlib import Path

from benchmarks.people import EXPLORER, explorer_size

ROOT = Path(__file__).resolve().parents[2]


def test_the_explorer_is_measured_whole_and_stays_small() -> None:
    size = explorer_size()
    assert size["files"] == len(list(EXPLORER.glob("*.*"))) > 20
    assert size["bytes"] == sum(path.stat().st_size for path in EXPLORER.iterdir())
    assert size["bytes_packed"] < 100_000, "a page of the explorer should open at once on a slow line"


def test_each_kind_of_page_is_measured() -> None:
    measured = (ROOT / "benchmarks" / "people_pages.py").read_text(encoding="utf-8")
    routes = set(re.findall(r'\["([a-z]+)[^"]*", \w+Page\]', (EXPLORER / "app.js").read_text(encoding="utf-8")))
    assert len(routes) > 10
    # A ledger of transfers has no items and no remittances.
    for name in routes - {"items", "transfers"}:
        assert f'"{name}' in measured, name
