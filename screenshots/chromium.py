"""A headless Chromium, told what to do by its DevTools protocol: for pictures, and for tests."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from websockets.asyncio.client import ClientConnection, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
PATIENCE: Final = 40.0
"""Seconds that anything may take."""

SHIFT: Final = 8


def chromium() -> str | None:
    """Return the path of a Chromium on this machine; None: there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class BrowserError(Exception):
    """The browser can't do what it was told, or not in time."""


class Chromium:
    """A browser of its own, with an empty profile; use it as an asynchronous context manager."""

    def __init__(self) -> None:
        self._exits = AsyncExitStack()
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}
        self._socket: ClientConnection | None = None

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            profile = exits.enter_context(
                tempfile.TemporaryDirectory(prefix="depthcli-", ignore_cleanup_errors=True)
            )
            address = await exits.enter_async_context(_running(Path(profile)))
            self._socket = await exits.enter_async_context(
                connect(address, max_size=None, proxy=None)
            )
            reading = asyncio.create_task(self._read(self._socket))
            exits.callback(reading.cancel)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(BrowserError):
            await self.tell("Browser.close")
        await self._exits.aclose()

    async def open(self, url: str, size: tuple[int, int], scale: float = 1) -> Page:
        """Open a page in a tab whose size is given in pixels, each of them drawn `scale` wide."""
        target = (await self.tell("Target.createTarget", url="about:blank"))["targetId"]
        attached = await self.tell("Target.attachToTarget", targetId=target, flatten=True)
        page = Page(self, target, attached["sessionId"], size)
        self._pages[attached["sessionId"]] = page
        await page.tell("Network.enable")
        await page.tell(
            "Emulation.setDeviceMetricsOverride",
            width=size[0],
            height=size[1],
            deviceScaleFactor=scale,
            mobile=False,
        )
        await page.tell("Page.navigate", url=url)
        await page.until("document.readyState === 'complete'")
        return page

    async def tell(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Return the answer to one command.

        Raises:
            BrowserError: it is an error, or there is none in time.
        """
        if self._socket is None:
            raise BrowserError("the browser isn't open")
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        command = {"id": number, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        await self._socket.send(json.dumps(command))
        try:
            said = await asyncio.wait_for(answer, PATIENCE)
        except TimeoutError as error:
            raise BrowserError(f"{method}: no answer") from error
        if "error" in said:
            raise BrowserError(f"{method}: {said['error']}")
        result: dict[str, Any] = said["result"]
        return result

    async def _read(self, socket: ClientConnection) -> None:
        async for message in socket:
            said = json.loads(message)
            page = self._pages.get(said.get("sessionId", ""))
            answer = self._answers.pop(said.get("id", 0), None)
            if answer is not None and not answer.done():
                answer.set_result(said)
            elif page is not None:
                page.hear(said.get("method", ""), said.get("params", {}))
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(BrowserError("the browser has ended"))


class Page:
    """A tab of the browser.

    Attributes:
        requests: the URLs that it asked for, also by WebSocket.
    """

    def __init__(self, browser: Chromium, target: str, session: str, size: tuple[int, int]) -> None:
        self._browser = browser
        self._target = target
        self._session = session
        self._size = size
        self.requests: list[str] = []

    def hear(self, event: str, told: dict[str, Any]) -> None:
        """Take note of what the browser tells of the tab."""
        if event == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif event == "Network.webSocketCreated":
            self.requests.append(told["url"])

    async def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a command for this tab."""
        return await self._browser.tell(method, self._session, **parameters)

    async def value(self, expression: str) -> Any:
        """Return what an expression is worth in the page."""
        answer = await self.tell(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until an expression is true in the page."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    if await self.value(expression):
                        return
                    await asyncio.sleep(0.1)
        except TimeoutError as error:
            raise BrowserError(f"it never was: {expression}") from error

    async def press(self, key: str) -> None:
        """Press a key that writes a character."""
        await self.tell("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        await self.tell("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def text(self) -> str:
        """Return what stands in the page's terminal, by marking and copying all of it."""
        right, bottom = self._size[0] - 1, self._size[1] - 1
        for kind, x, y in (
            ("mousePressed", 0, 0),
            ("mouseMoved", right, bottom),
            ("mouseReleased", right, bottom),
        ):
            await self.tell(
                "Input.dispatchMouseEvent",
                type=kind, x=x, y=y, button="left", buttons=1, clickCount=1, modifiers=SHIFT,
            )  # fmt: skip
        copied: str = await self.value(
            "(() => { const copied = new DataTransfer();"
            " const told = { clipboardData: copied, bubbles: true };"
            " document.querySelector('.xterm')?.dispatchEvent(new ClipboardEvent('copy', told));"
            " return copied.getData('text/plain'); })()"
        )
        return copied.replace("\xa0", " ")

    async def text_with(self, *words: str) -> str:
        """Return what stands in the page's terminal, once all of the words do."""
        text = ""
        try:
            async with asyncio.timeout(PATIENCE):
                while not all(word in text for word in words):
                    await asyncio.sleep(0.2)
                    text = await self.text()
        except TimeoutError as error:
            raise BrowserError(f"the terminal never showed {words}, but:\n{text}") from error
        return text

    async def picture(self) -> bytes:
        """Return what is seen, as PNG."""
        answer = await self.tell("Page.captureScreenshot", format="png")
        return base64.b64decode(answer["data"])

    async def close(self) -> None:
        """Close the tab."""
        await self._browser.tell("Target.closeTarget", targetId=self._target)


@asynccontextmanager
async def _running(profile: Path) -> AsyncIterator[str]:
    """Run the browser; give the address at which it takes commands."""
    program = chromium()
    if program is None:
        raise BrowserError(f"there is no Chromium here: none of {', '.join(NAMES)}")
    process = await asyncio.create_subprocess_exec(
        program,
        *FLAGS,
        f"--user-data-dir={profile}",
        "about:blank",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "HOME": str(profile)},
    )
    try:
        port = profile / "DevToolsActivePort"
        async with asyncio.timeout(PATIENCE):
            # Its two lines are the port and the path.
            while not port.exists() or "\n" not in (said := port.read_text()):
                if process.returncode is not None:
                    raise BrowserError(f"{program} ended with {process.returncode}")
                await asyncio.sleep(0.05)
        number, path = said.split("\n")[:2]
        yield f"ws://127.0.0.1:{number}{path}"
    except TimeoutError as error:
        raise BrowserError(f"{program} doesn't take commands") from error
    finally:
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
