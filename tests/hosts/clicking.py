"""The page as a person uses it: by clicking in Chromium. It records what must not happen, and lets nothing out."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, Route

LOCAL = ("127.0.0.1", "localhost")
OUTSIDE = re.compile(r"^(?!(https?|wss?)://(127\.0\.0\.1|localhost)[:/])(https?|wss?):")


class Window:
    """A page with all that went wrong in it: errors of scripts, of the console, and requests to the outside."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        self.address = address
        self.wrong: list[str] = []
        self.outside: list[str] = []
        self._context = browser.new_context(viewport={"width": 1366, "height": 768}, **options)
        self._context.route(OUTSIDE, self._stop)  # what goes to the host never waits for this process
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error.stack or error}"))
        self.page.on("console", self._hear)

    def _stop(self, route: Route) -> None:
        self.outside.append(route.request.url)
        route.abort()

    def _hear(self, message: Any) -> None:
        source = message.location.get("url", "")
        if message.type == "error" and (urlsplit(source).hostname in LOCAL or not source):
            self.wrong.append(f"console: {message.text} ({source})")

    def forget(self) -> bool:
        """What the host's own page did at its start (gradio asks for fonts and a script) is none of ours; whether it did."""
        was = bool(self.wrong or self.outside)
        self.wrong.clear()
        self.outside.clear()
        return was

    def close(self) -> None:
        self._context.close()


class Workbench:
    """Our page in a window."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator("#lw-root")

    def open_in_host(self, window: Window) -> None:
        """Loads the host's page, and when that is at rest opens our tab."""
        self.page.goto(window.address, wait_until="load")
        self.page.locator("#txt2img_prompt textarea").wait_for(timeout=60_000)
        self.page.wait_for_timeout(500)
        while window.forget():  # a busy machine gets its own page ready later
            self.page.wait_for_timeout(500)
        self.show_tab()

    def show_tab(self) -> None:
        """The host's tab with the page, once it can be used."""
        self.page.locator("#tabs > .tab-nav > button", has_text="LoRA Workbench").click()
        self.root.locator(".lw-top").wait_for()

    def button(self, name: str | re.Pattern[str]) -> Locator:
        return self.root.get_by_role("button", name=name)

    def choose_folder(self, *names: str) -> None:
        """In the open picker: the root, then folder by folder, by clicking."""
        picker = self.root.get_by_role("dialog")
        picker.locator(".lw-roots").get_by_role("button", name=names[0], exact=True).click()
        for name in names[1:]:
            picker.get_by_role("option").filter(has=self.page.get_by_text(name, exact=True)).click()
        picker.get_by_role("button", name=re.compile(f"^Use {names[-1]}")).click()
        picker.wait_for(state="detached")

    def begin_project(self, name: str, *folder: str) -> None:
        self.button("Choose the folder …").click()
        self.choose_folder(*folder)
        self.root.get_by_label("Name").fill(name)
        self.button("Begin").click()
        self.root.locator("#lw-tab-tag").wait_for()

    def choose_base(self, label: str) -> None:
        base = self.root.locator("#lw-base")
        base.select_option(label=label)

    def go(self, tab: str) -> None:
        self.root.locator(f"#lw-tab-{tab}").click()
        self.root.locator(f"#lw-panel-{tab}").wait_for()

    def set_setting(self, name: str, value: str) -> None:
        """Looks for the setting among all, and writes its value."""
        self.root.locator("#lw-search").fill(name)
        field = self.root.locator(f"#lw-set-{name}")
        field.fill(value)
        self.root.locator("#lw-search").fill("")

    def train_button(self) -> Locator:
        """The button that trains, once the plan says how many steps that are and nothing is in the way."""
        return self.root.locator("#lw-train:not([aria-disabled])").filter(has_text=re.compile(r"\d+ steps"))
