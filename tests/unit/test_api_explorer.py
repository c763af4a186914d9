"""How the explorer's files are served: complete, compressed, cached by their content, under a strict policy."""

import gzip
import re
from pathlib import Path

import pytest
from api_fake_node import FakeNode
from api_support import serving

from api.explorer_files import POLICY, load_files

FOLDER = Path(__file__).parents[2] / "api" / "explorer"
BYTES_MAX = 250_000


async def test_the_frame_and_all_files_are_served_as_they_are() -> None:
    async with serving(FakeNode()) as api:
        index = await api.get("/", headers={"Accept-Encoding": "identity"})
        assert index.body == (FOLDER / "index.html").read_bytes()
        for path in FOLDER.iterdir():
            answer = await api.get(f"/explorer/{path.name}", headers={"Accept-Encoding": "identity"})
            assert answer.body == path.read_bytes(), path.name
            assert answer.headers["Content-Security-Policy"] == POLICY
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_files_are_compressed_for_who_takes_that_and_asked_for_once() -> None:
    async with serving(FakeNode()) as api:
        async with api.session.get(f"{api.server.address}/explorer/app.js") as response:
            assert response.headers["Content-Encoding"] == "gzip"
            assert int(response.headers["Content-Length"]) == len(
                gzip.compress((FOLDER / "app.js").read_bytes(), mtime=0)
            )
            etag = response.headers["ETag"]
        again = await api.get("/explorer/app.js", headers={"If-None-Match": etag})
        assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("name", ["nothing.js", "..%2fserver.py", "index.html%00", "__init__.py"])
async def test_nothing_else_is_served(name: str) -> None:
    async with serving(FakeNode()) as api:
        await api.problem("GET", f"/explorer/{name}", "not_found")


def test_the_explorer_is_small_and_asks_nobody_else() -> None:
    files = load_files()
    assert sum(len(file.content) for file in files.values()) < BYTES_MAX
    for path in FOLDER.iterdir():
        text = path.read_text(encoding="utf-8")
        assert not re.search(
            r"(?:src|href)=\"(?:https?:)?//|url\((?!#)|@import|import\s*\(|eval\(|innerHTML|outerHTML", text
        ), path
        assert not re.search(r"<[^>]+\son\w+=|<style|style=\"", text), f"{path} holds inline script or style"


def test_every_module_that_is_imported_exists_and_every_file_is_used() -> None:
    used = {"index.html", "icon.svg", "style.css", "parts.css", "app.js"}
    for path in FOLDER.glob("*.js"):
        named = set(re.findall(r'from "\./([\w.]+)"', path.read_text(encoding="utf-8")))
        assert named <= {file.name for file in FOLDER.iterdir()}, path.name
        used |= named
    assert used == {file.name for file in FOLDER.iterdir()}


def test_the_explorer_verifies_by_the_published_verifier() -> None:
    published = Path(__file__).parents[2] / "docs" / "verify" / "verify.js"
    assert (FOLDER / "verify.js").read_bytes() == published.read_bytes(), "cp docs/verify/verify.js api/explorer/"
