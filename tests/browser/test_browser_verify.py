"""The page that verifies proofs, in a real browser: every vector, every forgery, and not one request to anybody."""

import importlib.util
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from chromium import Page, find_chromium, opened

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "docs" / "verify"
PROOFS: Final = json.loads((ROOT / "tests" / "vectors" / "proofs.json").read_text())
needs_browser = pytest.mark.skipif(find_chromium() is None, reason="this machine has no Chromium")

SETTLED: Final = """new Promise((done) => {
    const look = () => {
        const verdict = document.getElementById("verdict");
        if (verdict.firstChild) done(verdict.innerText); else setTimeout(look, 2);
    };
    look();
})"""


def test_the_page_is_what_its_parts_make() -> None:
    spec = importlib.util.spec_from_file_location("build", FOLDER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert page == build.page(), "run docs/verify/build.py"
    assert "default-src 'none'" in page
    assert "unsafe" not in page
    assert "http://" not in page
    assert "https://" not in page


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with opened((FOLDER / "index.html").as_uri()) as found:
        yield found


async def verdict(page: Page, proof: bytes, folder: Path) -> tuple[str, Any]:
    """Return the verdict's text and, if it is good, the statement."""
    # The same path chosen again would be no change.
    path = folder / f"{len(list(folder.iterdir()))}.proof"
    path.write_bytes(proof)
    await page.evaluate("document.getElementById('verdict').replaceChildren()")
    await page.choose_file("#proof", path)
    text = await page.evaluate(SETTLED)
    if not text.startswith("Proven"):
        return text, None
    return text, json.loads(await page.evaluate("document.querySelector('#verdict pre').textContent"))


async def trust(page: Page, folder: Path) -> None:
    """Give the page the genesis and its hash."""
    path = folder / "genesis.msgpack"
    path.write_bytes(bytes.fromhex(PROOFS["genesis"]))
    await page.choose_file("#genesis", path)
    await page.evaluate(
        f"document.getElementById('hash').value = '{PROOFS['genesis_hash']}';"
        "document.getElementById('hash').dispatchEvent(new Event('input'))"
    )


@needs_browser
async def test_vectors_and_forgeries(page: Page, tmp_path: Path) -> None:
    await trust(page, tmp_path)
    for case in PROOFS["valid"]:
        text, statement = await verdict(page, bytes.fromhex(case["file"]), tmp_path)
        assert statement == case["proven"], (case["name"], text)
    for case in PROOFS["forged"]:
        text, _ = await verdict(page, bytes.fromhex(case["file"]), tmp_path)
        assert text.startswith("Not proven"), (case["name"], text)
    huge = b"\x97\x01\xabtransaction\xdd" + (600_000).to_bytes(4, "big") + b"\x90" * 600_004
    text, _ = await verdict(page, huge, tmp_path)
    assert "too many values" in text, text
    many = b"\x97\x01\xabtransaction\xdd" + (200_000).to_bytes(4, "big") + b"\xc0" * 200_000 + b"\xc0" * 4
    text, _ = await verdict(page, many, tmp_path)
    assert text.startswith("Not proven"), ("more parts than fit on a stack", text)
    requests = [
        event["params"]["request"]["url"] for event in page.events if event.get("method") == "Network.requestWillBeSent"
    ]
    assert [url for url in requests if not url.startswith("file:")] == []
    troubles = [event for event in page.events if event.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown")]
    assert troubles == []


@needs_browser
async def test_the_hash_alone(page: Page, tmp_path: Path) -> None:
    await page.evaluate(
        f"document.getElementById('hash').value = '{PROOFS['genesis_hash']}';"
        "document.getElementById('hash').dispatchEvent(new Event('input'))"
    )
    for case in PROOFS["valid"][:2]:
        text, statement = await verdict(page, bytes.fromhex(case["file"]), tmp_path)
        carried = "with the genesis" in case["name"]
        assert (statement == case["proven"]) is carried
        assert carried or (text.startswith("Not checked") and "give the genesis too" in text)


@needs_browser
async def test_what_is_chosen_wrongly_says_nothing_about_the_file(page: Page, tmp_path: Path) -> None:
    """The genesis as JSON, which nodes give to people, or a mistyped hash, is no forged proof."""
    proof = bytes.fromhex(PROOFS["valid"][0]["file"])
    for known in (PROOFS["genesis_hash"], ""):
        for number, content in enumerate((b'{"format": "tallystick-genesis/1"}', b"", proof)):
            file = tmp_path / f"genesis-{known[:1]}{number}"
            file.write_bytes(content)
            await page.choose_file("#genesis", file)
            await page.evaluate(f"document.getElementById('hash').value = '{known}'")
            text, _ = await verdict(page, proof, tmp_path)
            assert text.startswith("Not checked"), text
            assert "genesis.msgpack" in text
            assert "Believe nothing" not in text
    await trust(page, tmp_path)
    await page.evaluate("document.getElementById('hash').value = '12ab'")
    text, _ = await verdict(page, proof, tmp_path)
    assert text.startswith("Not checked"), text
    assert "64 hexadecimal digits" in text


@needs_browser
async def test_hostile_text_stays_text(page: Page, tmp_path: Path) -> None:
    await trust(page, tmp_path)
    await verdict(page, bytes.fromhex(PROOFS["valid"][0]["file"]), tmp_path)
    before = await page.evaluate("document.querySelectorAll('*').length")
    shown = await page.evaluate(
        "(() => { const script = document.createElement('script'); script.textContent = 'window.ran = 1';"
        "document.body.append(script); script.remove(); return window.ran === undefined; })()"
    )
    assert shown, "the page's policy lets no other script run"
    assert await page.evaluate("document.querySelectorAll('*').length") == before
