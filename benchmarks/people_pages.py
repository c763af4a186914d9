"""How long pages of the explorer take until they show what they are opened for, each in a browser that knows nothing.

The moment is the first frame in which the page's title and content stand there and nothing of it is being loaded,
counted by the browser from the start of the navigation.
"""

import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from cli.cluster_layout import ClusterLayout

DRIVER: Final = Path(__file__).resolve().parent.parent / "tests" / "browser"
REPETITIONS: Final = 3
WAIT_SECONDS: Final = 60.0
ITEM: Final = "https://id.gs1.org/01/09521234001010/21/2600001"
UETR: Final = "c963cfe0-afae-4a3b-b909-6a04e7d80068"
"""Of the sample stories."""
WATCH: Final = """
(() => {
  const look = () => {
    const main = document.querySelector("main");
    if (main && main.querySelector("h1") && !main.hasAttribute("aria-busy")) window.usefulAt = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""


async def measure_pages(layout: ClusterLayout) -> dict[str, float]:
    """Return milliseconds by page, the best of several; nothing where there is no browser."""
    # The driver of the explorer's tests; it is no package.
    sys.path.append(str(DRIVER))
    driver: Any = importlib.import_module("explorer_browser")
    program = driver.find_chromium()
    if program is None:
        return {}
    api = layout.nodes[0].api
    found: dict[str, float] = {}
    for name, place in (await _places(api)).items():
        times = []
        for _ in range(REPETITIONS):
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
                async with driver.chromium(program, Path(profile)) as browser, browser.page() as page:
                    await page.send("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
                    await page.send("Page.navigate", url=f"{api}/#/{place}")
                    await page.wait("window.usefulAt", WAIT_SECONDS)
                    shown = await page.run("document.querySelector('main h1').innerText")
                    assert shown not in ("Not shown", "No such page"), f"{place}: {shown}"
                    times.append(float(await page.run("window.usefulAt")))
        found[name] = min(times)
    return found


async def _places(api: str) -> dict[str, str]:
    """Return the routes of pages by their names, with things of this ledger in them."""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{api}/v1/transactions?limit=1") as response:
            (transaction,) = (await response.json())["transactions"]
    lists = ("blocks", "transactions", "contracts", "events", "organisations", "network", "proposals", "verify", "api")
    return {
        "overview": "",
        **{name: name for name in lists},
        "block": f"blocks/{transaction['height']}",
        "transaction": f"transactions/{transaction['id']}",
        "contract": "contracts/transfer",
        "organisation": "organisations/brightvax",
        "account": "accounts/brightvax.ops",
        "item": f"items/{quote(ITEM, safe='')}",
        "transfer": f"transfers/{UETR}",
        "word": "words/account-7",
        "search": "search?q=account-7",
    }
