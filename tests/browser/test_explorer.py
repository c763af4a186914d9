"""The explorer in a real browser: every page loads without a complaint, lives, is searched, typed at and narrowed."""

import hashlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import pytest_asyncio
from api_support import Api, serving
from explorer_browser import Page, chromium, find_chromium
from story_node import StoryNode

from api.access import ApiAccess
from api.context import ApiLimits
from api.server import ApiServer
from chain.transaction import Call

PROGRAM = find_chromium()
pytestmark = [
    pytest.mark.skipif(
        PROGRAM is None, reason="no Chromium on this machine; scripts/install_test_programs.sh installs it"
    ),
    pytest.mark.asyncio(loop_scope="module"),
]

ITEM = "https://id.gs1.org/01/09521234001010/21/2600001"
LOT = "https://id.gs1.org/01/09521234009009/10/AG2601"
UETR = "c963cfe0-afae-4a3b-b909-6a04e7d80068"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """A served ledger on which both stories were played."""
    node = StoryNode()
    for story in ("vaccine", "wage"):
        await node.play(story, tmp_path_factory.mktemp("secrets"))
    async with serving(node) as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(api: Api) -> AsyncIterator[Page]:
    """A page of one browser; each test opens what it needs."""
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        async with chromium(PROGRAM, Path(profile)) as browser, browser.page() as opened:
            yield opened


def pages() -> list[tuple[str, str]]:
    """Return the addresses of all kinds of pages and what each has to show."""
    item, lot = quote(ITEM, safe=""), quote(LOT, safe="")
    return [
        ("", "Transactions a minute"),
        ("blocks", "All blocks"),
        ("blocks/3", "Signed by"),
        ("transactions", "traceability.dispense"),
        ("transactions?sender=brightvax.ops", "Transactions found"),
        ("events?contract=remittance&name=Accepted", UETR),
        ("contracts", "remittance"),
        ("contracts/remittance", "conservation"),
        ("contracts/remittance/source", "AMOUNT_MAX"),
        ("contracts/remittance/views", "participant"),
        ("contracts/remittance/events", "PaidOut"),
        ("contracts/remittance/transactions", "remittance.quote"),
        ("contracts/remittance/state?prefix=accounts", "accounts · PHP"),
        ("contracts/remittance/versions", "in force"),
        ("organisations", "BrightVax"),
        ("organisations/brightvax", "brightvax.ops"),
        ("accounts/brightvax.ops", "Signed by it, or naming it"),
        (f"items/{item}", "recalled"),
        (f"items/{lot}", "Made in all7"),
        (f"transfers/{UETR}", "58,500.00 PHP"),
        ("words/HKD-PHP", "remittance.open_corridor"),
        ("network", "10,000,000 gas"),
        ("proposals", "Nothing was proposed yet"),
        ("search?q=brightvax", "organisation"),
        ("verify", "What you trust"),
        ("api", "/v1/transactions/{id}/proof"),
    ]


NAMELESS = """[...document.querySelectorAll('button, input, select, textarea, a')].filter((it) => !it.textContent.trim()
    && !it.getAttribute('aria-label') && !it.labels?.length && !it.title).map((it) => it.outerHTML)"""
"""Controls that a reader of the screen could not announce."""


@pytest.mark.parametrize("look", ["light", "dark", "narrow"])
async def test_every_page_loads_without_a_complaint(api: Api, page: Page, look: str) -> None:
    page.complaints.clear()
    page.requests.clear()
    await page.scheme("dark" if look == "dark" else "light")
    await page.size(390 if look == "narrow" else 1280, mobile=look == "narrow")
    for path, shown in pages():
        await page.open(f"{api.server.address}/#/{path}")
        text = await page.run("document.querySelector('main').textContent")
        assert shown.split(".")[0] in text, (path, text[:500])
        assert not page.complaints, (path, page.complaints)
        assert await page.run("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than the window"
        assert await page.run(NAMELESS) == [], path
        assert await page.run("[...document.querySelectorAll('table')].every((it) => it.querySelector('th[scope]'))")
        assert await page.run("document.querySelectorAll('h1').length") == 1, path
    hosts = {urlsplit(url).netloc for url in page.requests if url.startswith("http")}
    assert hosts == {urlsplit(api.server.address).netloc}, "nothing is asked of anybody else"
    await page.size(1280)


async def test_blocks_and_transactions_arrive_while_one_looks(api: Api, page: Page) -> None:
    await page.open(f"{api.server.address}/#/")
    await page.wait("document.querySelector('.live').dataset.on === 'true'")
    height = api.node.head().height
    assert isinstance(api.node, StoryNode)
    await api.node.call("clearbank.ops", Call("remittance", "open_currency", ("USD",)), 100_000)
    await page.wait(f"document.querySelector('tbody tr.fresh a')?.textContent === '{height + 1}'")
    await page.wait(f"document.querySelector('.tile dd').textContent.startsWith('{height + 1}')")
    await page.wait("document.querySelectorAll('tbody')[1].querySelector('tr.fresh')")
    await page.wait(f"document.querySelectorAll('.tile dd')[1].textContent.startsWith('{height + 1}')")


async def test_keys_alone_search_and_find(api: Api, page: Page) -> None:
    await page.open(f"{api.server.address}/#/")
    for text, target in (("hkwallet.o", "#/accounts/hkwallet.ops"), (UETR[:13], f"#/transfers/{UETR}")):
        await page.key("/")
        assert await page.run("document.activeElement.id") == "search"
        await page.type(text)
        await page.wait("document.querySelector('#suggestions:not([hidden]) li')")
        await page.key("ArrowDown")
        assert await page.run("document.querySelector('[aria-selected=true]').id") == "suggestion-0"
        await page.key("Enter")
        await page.wait(f"location.hash === {target!r}")
        assert await page.run("document.activeElement.id") != "search"
    await page.key("Escape")
    await page.wait("!document.querySelector('main[aria-busy]')")
    await page.key("g")
    await page.key("n")
    await page.wait("location.hash === '#/network'")


async def test_a_search_leads_to_the_only_thing_that_it_can_mean(api: Api, page: Page) -> None:
    transaction = (await api.get("/v1/transactions?limit=1")).json["transactions"][0]["id"]
    cases = {"7": "#/blocks/7", transaction: f"#/transactions/{transaction}", UETR: f"#/transfers/{UETR}"}
    cases["urn:epc:id:sgtin:9521234.000101.2600001"] = f"#/items/{quote(ITEM, safe='')}"
    for text, target in cases.items():
        await page.open(f"{api.server.address}/#/search?q={quote(text, safe='')}")
        if await page.run("location.hash.startsWith('#/search')"):
            await page.run("document.querySelector('main td a').click()")
        await page.wait(f"location.hash === {target!r}")


async def test_a_view_is_called_from_its_form(api: Api, page: Page) -> None:
    await page.open(f"{api.server.address}/#/contracts/remittance/views?view=balance")
    await page.run("document.querySelector('details[open] input[name=participant_id]').focus()")
    await page.type("ISWLPHMMXXX")
    await page.run("document.querySelector('details[open] input[name=currency]').focus()")
    await page.type("PHP")
    await page.key("Enter")
    await page.wait("document.querySelector('details[open] [aria-live]').textContent.includes('held')")
    page.complaints.clear()


async def test_what_the_ledger_holds_is_never_markup(api: Api, page: Page) -> None:
    page.complaints.clear()
    evil = "<img src=x onerror=document.title='taken'>"
    await page.open(f"{api.server.address}/#/words/{quote(evil, safe='')}")
    assert await page.run("document.querySelector('h1').textContent") == evil
    assert await page.run("document.querySelector('main img')") is None
    assert "taken" not in (await page.run("document.title"))[:5]


async def test_more_of_a_listing_comes_on_demand(api: Api, page: Page) -> None:
    await page.open(f"{api.server.address}/#/transactions")
    assert await page.run("document.querySelectorAll('main tbody tr').length") == 25
    await page.run("[...document.querySelectorAll('.pager button')].at(-1).click()")
    await page.wait("document.querySelectorAll('main tbody tr').length > 25")


async def test_the_theme_is_the_readers_choice_and_kept(api: Api, page: Page) -> None:
    await page.scheme("light")
    await page.open(f"{api.server.address}/#/")
    assert await page.run("document.documentElement.dataset.theme") == "light"
    await page.run("document.getElementById('theme').click()")
    assert await page.run("document.documentElement.dataset.theme") == "dark"
    await page.run("localStorage.removeItem('theme')")


async def test_what_is_not_there_is_said(api: Api, page: Page) -> None:
    for path, heading in (
        ("blocks/99999", "Not found"),
        ("nowhere", "No such page"),
        ("accounts/nobody.here", "Not found"),
    ):
        await page.open(f"{api.server.address}/#/{path}")
        assert await page.run("document.querySelector('h1').textContent") == heading


async def test_a_node_that_asks_who_reads_is_told(api: Api, page: Page) -> None:
    token = "a-token-that-nobody-guesses"
    access = ApiAccess((hashlib.sha256(token.encode()).digest(),))
    server = ApiServer(api.node, ApiLimits(), "127.0.0.1", 0, access)
    await server.start()
    try:
        await page.open(f"{server.address}/#/blocks/3")
        assert await page.run("document.querySelector('h1').textContent") == "This node asks who reads"
        await page.run("document.getElementById('token').focus()")
        await page.type(token)
        await page.key("Enter")
        await page.wait("document.querySelector('h1').textContent === 'Block 3'")
        await page.open(f"{server.address}/#/")
        await page.wait("document.querySelector('.live').dataset.on === 'true'")
    finally:
        await page.open(f"{api.server.address}/#/")
        await server.stop()
        page.complaints.clear()
