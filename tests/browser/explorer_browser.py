"""A headless Chromium, driven by its DevTools protocol: opens pages, types, runs scripts, hears every complaint."""

import asyncio
import base64
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
START_SECONDS: Final = 60.0
ANSWER_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.05
WAIT_SECONDS: Final = 20.0
PREFIX: Final = "DevTools listening on "
FLAGS: Final = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--hide-scrollbars",
    "--mute-audio",
    "--force-color-profile=srgb",
)
KEYS: Final = {"Enter": (13, "\r"), "Escape": (27, ""), "ArrowDown": (40, ""), "ArrowUp": (38, ""), "Tab": (9, "")}


def find_chromium() -> str | None:
    """Return the program, None where there is none."""
    return next((path for path in map(shutil.which, NAMES) if path is not None), None)


class PageGone(Exception):
    """The page was left before it answered."""


@dataclass
class Page:
    """One open page."""

    socket: aiohttp.ClientWebSocketResponse
    complaints: list[str] = field(default_factory=list)
    """Errors on the console, exceptions, and what the content security policy refused."""
    requests: list[str] = field(default_factory=list)
    """Addresses that the page has asked."""
    _answers: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _number: int = 0

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        await self.socket.send_json({"id": self._number, "method": method, "params": parameters})
        async with asyncio.timeout(ANSWER_SECONDS):
            result: dict[str, Any] = await answer
        return result

    async def listen(self) -> None:
        """Take in what the browser says until it closes."""
        async for message in self.socket:
            said = message.json()
            if "id" in said:
                answer = self._answers.pop(said["id"])
                if answer.done():
                    continue
                if "error" in said:
                    gone = "navigated or closed" in str(said["error"])
                    answer.set_exception((PageGone if gone else AssertionError)(said["error"]))
                else:
                    answer.set_result(said["result"])
            else:
                self._hear(said["method"], said["params"])

    def _hear(self, event: str, said: dict[str, Any]) -> None:
        if event == "Runtime.exceptionThrown":
            details = said["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif event == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
            self.complaints.append(" ".join(str(it.get("value", it.get("description"))) for it in said["args"]))
        elif event == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")
        elif event == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])

    async def run(self, script: str) -> Any:
        """Return the value of an expression; a promise is awaited."""
        answer = await self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    async def wait(self, condition: str, seconds: float | None = None) -> None:
        """Wait until a JavaScript expression holds."""
        try:
            async with asyncio.timeout(WAIT_SECONDS if seconds is None else seconds):
                while not await self._holds(condition):
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            shown = await self.run("document.body.innerText")
            raise AssertionError(f"never came true: {condition}\ncomplaints: {self.complaints}\n{shown}") from None

    async def _holds(self, condition: str) -> bool:
        try:
            return bool(await self.run(f"Boolean({condition})"))
        except PageGone:
            # Asked of a page that was just left: the next one is asked again.
            return False

    async def open(self, url: str) -> None:
        """Open an address, or go to another page of the explorer, and wait until it is shown."""
        await self.run(
            f"document.getElementById('main')?.setAttribute('aria-busy', 'true'),"
            f"location.href === {url!r} ? location.reload() : location.href = {url!r}, 1"
        )
        await self.wait("document.querySelector('main h1') && !document.querySelector('main[aria-busy]')")

    async def key(self, name: str) -> None:
        """Press and release a key."""
        code, text = KEYS[name] if name in KEYS else (ord(name.upper()), name)
        known = {"key": name, "windowsVirtualKeyCode": code}
        await self.send("Input.dispatchKeyEvent", type="keyDown", **known, **({"text": text} if text else {}))
        await self.send("Input.dispatchKeyEvent", type="keyUp", **known)

    async def type(self, text: str) -> None:
        """Type a text into whatever has the focus."""
        await self.send("Input.insertText", text=text)

    async def size(self, width: int, height: int = 900, *, mobile: bool = False) -> None:
        """Set the size of the window."""
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile
        )

    async def scheme(self, name: str) -> None:
        """Prefer light or dark."""
        await self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    async def picture(self, path: Path, *, whole: bool = True) -> None:
        """Write what is shown to a file."""
        answer = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))


@contextlib.asynccontextmanager
async def chromium(program: str, profile: Path) -> AsyncIterator["Browser"]:
    """Run a browser for as long as the context lasts."""
    # Its own sandbox refuses to work for root, as in most containers; the pages are our own.
    own = ["--no-sandbox"] if os.geteuid() == 0 else []
    process = await asyncio.create_subprocess_exec(
        program,
        *FLAGS,
        *own,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stderr is not None
        async with asyncio.timeout(START_SECONDS):
            while not (line := (await process.stderr.readline()).decode()).startswith(PREFIX):
                assert line, "the browser ended at its start"
        draining = asyncio.create_task(process.stderr.read())
        async with aiohttp.ClientSession() as session:
            yield Browser(session, line.removeprefix(PREFIX).split("/")[2])
        draining.cancel()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@dataclass
class Browser:
    """A running browser."""

    session: aiohttp.ClientSession
    address: str

    @contextlib.asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """Open an empty page and close it afterwards."""
        async with self.session.put(f"http://{self.address}/json/new?about:blank") as response:
            target = await response.json(content_type=None)
        async with self.session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            page = Page(socket)
            listening = asyncio.create_task(page.listen())
            try:
                for domain in ("Page", "Runtime", "Log", "Network"):
                    await page.send(f"{domain}.enable")
                await page.size(1280)
                yield page
            finally:
                listening.cancel()
        async with self.session.put(f"http://{self.address}/json/close/{target['id']}") as response:
            await response.read()
