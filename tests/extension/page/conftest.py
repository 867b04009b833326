"""A browser and a made-up server for the page's tests. Each test fails for console errors and requests to the outside."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from fake_server import Server, address, serve
from fake_world import World

_SLOW = """([path, after]) => {
  const { fetch } = window;
  window.fetch = async (address, ...more) => {
    const reply = await fetch(address, ...more);
    if (String(address).includes(path)) await new Promise((done) => setTimeout(done, after));
    return reply;
  };
}"""
SIZE = {"width": 1366, "height": 768}
PATIENCE = 40_000


class Pages:
    """Opens windows on a world and notes what must not happen in any of them."""

    def __init__(self, browser: Any, world: World) -> None:
        self.browser, self.world = browser, world
        self.server: Server = serve(world)
        self.wrong: list[str] = []
        self.expected: tuple[str, ...] = ()
        self.contexts: list[Any] = []

    @property
    def address(self) -> str:
        return address(self.server)

    def open(self, path: str = "/", wait: str = ".lw-brand", **options: Any) -> Any:
        """A new window of its own, as another person would have."""
        context = self.browser.new_context(viewport=SIZE, locale="en-US", **options)
        self.contexts.append(context)
        return self.window(context, path, wait)

    def window(self, context: Any, path: str = "/", wait: str = ".lw-brand") -> Any:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.wrong.append(f"page error: {error}"))
        page.on("console", lambda message: self._console(message))
        page.on("request", lambda request: self._request(request.url))
        page.goto(self.address + path)
        page.wait_for_selector(wait)
        return page

    def _console(self, message: Any) -> None:
        words = f"console: {message.text} {message.location.get('url', '')}"
        if message.type in ("error", "warning") and not any(one in words for one in self.expected):
            self.wrong.append(words)

    def _request(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.wrong.append(f"a request to the outside: {url}")

    def close(self) -> None:
        for context in self.contexts:
            context.close()
        self.world.closing = True
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def pages(browser: Any) -> Iterator[Callable[..., Pages]]:
    """`pages(**world)` → Pages on a new made-up world."""
    made: list[Pages] = []

    def make(**values: Any) -> Pages:
        made.append(Pages(browser, World(**values)))
        return made[-1]

    yield make
    for one in made:
        one.close()
    assert not [words for one in made for words in one.wrong]


@pytest.fixture
def quick() -> Callable[..., Any]:
    """`quick(open, seconds)` → the page, which `open` must have ready within so long; the best of several tries counts.

    What else the machine does is not the page's: where it has far more to do than cores, this is skipped by name.
    """

    def measure(open_it: Callable[[], Any], limit: float) -> Any:
        took = []
        for _ in range(4):
            page = open_it()
            took.append(page.evaluate("performance.now()") / 1000)
            if took[-1] <= limit:
                return page
        load = os.getloadavg()[0] / (os.cpu_count() or 1) if hasattr(os, "getloadavg") else 0
        if load > 2 and not os.environ.get("CI"):
            pytest.skip(f"a machine that is idle enough is missing (load {load:.1f} a core; opening took {min(took):.1f} s)")
        raise AssertionError(f"opening took {min(took):.2f} s, more than {limit} s")

    return measure


@pytest.fixture
def slow() -> Callable[[Any, str, int], None]:
    """`slow(page, path, milliseconds)` → answers of that path reach the page so much later than the server gave them."""
    return lambda page, path, milliseconds: page.evaluate(_SLOW, [path, milliseconds])


@pytest.fixture
def posted() -> Callable[[World, str], list[dict[str, Any]]]:
    """The bodies that were posted to a path."""
    return lambda world, path: [body for one, body in list(world.posts) if one == path]


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits until a condition holds."""

    def wait(condition: Callable[[], Any], seconds: float = 40) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.05)

    return wait
