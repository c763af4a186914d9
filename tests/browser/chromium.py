"""Drives headless Chromium by its DevTools protocol, with nothing beyond what a node needs anyway."""

import asyncio
import base64
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

START_SECONDS: Final = 60.0
ANSWER_SECONDS: Final = 30.0
MESSAGE_BYTES_MAX: Final = 64 * 1024 * 1024


def find_chromium() -> str | None:
    """Return the browser's program, if this machine has one."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for path in map(shutil.which, names) if path), None)


class Page:
    """Owns the connection to one page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []
        """What the browser told unasked: requests, messages on the console, exceptions."""

    async def send(self, method: str, **params: Any) -> Any:
        """Give an order and return its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                message = json.loads((await self._socket.receive()).data)
                if message.get("id") == number:
                    assert "error" not in message, (method, message)
                    return message["result"]
                self.events.append(message)

    async def event(self, method: str) -> None:
        """Return once the browser has told of something."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while not any(event.get("method") == method for event in self.events):
                self.events.append(json.loads((await self._socket.receive()).data))

    async def evaluate(self, expression: str) -> Any:
        """Return what an expression in the page comes to, once it is there."""
        result = await self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def choose_file(self, selector: str, path: Path | None) -> None:
        """Choose a file, or none, in a file input."""
        document = await self.send("DOM.getDocument")
        found = await self.send("DOM.querySelector", nodeId=document["root"]["nodeId"], selector=selector)
        files = [] if path is None else [str(path)]
        await self.send("DOM.setFileInputFiles", files=files, nodeId=found["nodeId"])

    async def screenshot(self, path: Path, width: int, *, dark: bool, height: int = 1400) -> None:
        """Write what a window of this width shows."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.send("Emulation.setEmulatedMedia", features=scheme)
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.send("Emulation.setDeviceMetricsOverride", **metrics)
        shot = await self.send("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Page]:
    """Open a page in a browser of its own, which knows nothing and keeps nothing."""
    program = find_chromium()
    assert program is not None
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder:
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        where = [f"--user-data-dir={folder}", "--remote-debugging-port=0", "about:blank"]
        quiet = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(program, *options, *where, stdout=quiet, stderr=quiet)
        try:
            port = await _port(Path(folder) / "DevToolsActivePort")
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    targets = await answer.json()
                address = next(each["webSocketDebuggerUrl"] for each in targets if each["type"] == "page")
                async with session.ws_connect(address, max_msg_size=MESSAGE_BYTES_MAX) as socket:
                    page = Page(socket)
                    for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
                        await page.send(f"{domain}.enable")
                    page.events.clear()
                    await page.send("Page.navigate", url=url)
                    await page.event("Page.loadEventFired")
                    yield page
        finally:
            process.kill()
            await process.wait()


async def _port(path: Path) -> int:
    """Return the port that the browser listens on, once it has written it down."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            lines = path.read_text().splitlines() if path.exists() else []
            if lines:
                return int(lines[0])
            await asyncio.sleep(0.05)
