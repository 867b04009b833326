"""Two people at the same captions, and a line that breaks while one is written: no tag of anybody's is lost."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from caption_server import make_folder, serving

EDIT = "**/captions/edit"


class Scene:
    """The folder, and windows on its captions, each as another person has it."""

    def __init__(self, browser: Any, address: str, folder: Path) -> None:
        self.browser, self.address, self.folder = browser, address, folder

    def window(self) -> Any:
        page = self.browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-US").new_page()
        page.set_default_timeout(40_000)
        page.goto(self.address)
        page.click(".lw-cell[title='a.png']")
        page.wait_for_selector("#lw-edit .lw-chip-name >> text=penny")
        return page

    def wait_text(self, page: Any, expected: str) -> None:
        path = self.folder / "a.txt"
        for _ in range(240):
            if path.read_text(encoding="utf-8") == expected:
                return
            page.wait_for_timeout(50)
        assert path.read_text(encoding="utf-8") == expected


@pytest.fixture
def scene(browser: Any, tmp_path: Path) -> Iterator[Scene]:
    folder = make_folder(tmp_path / "sets" / "penny", {"a": "penny, smile, boots", "b": "penny"})
    before = len(browser.contexts)
    with serving(tmp_path / "data", folder) as (address, _):
        yield Scene(browser, address, folder)
        for context in browser.contexts[before:]:
            context.close()


def add(page: Any, tag: str) -> None:
    page.fill("#lw-edit input", tag)
    page.press("#lw-edit input", "Enter")


def test_what_two_people_write_is_put_together(scene: Scene) -> None:
    one, other = scene.window(), scene.window()
    add(one, "hat")
    scene.wait_text(one, "penny, smile, boots, hat")
    other.click("#lw-edit .lw-chip:has-text('smile') button[aria-label*='smile']")
    add(other, "scarf")
    scene.wait_text(other, "penny, boots, scarf, hat")
    shown = "[...document.querySelectorAll('.lw-chip-name')].map((one) => one.textContent).join()"
    other.wait_for_function(f"() => {shown} === 'penny,boots,scarf,hat'")  # a function: the page's policy forbids eval
    assert not other.locator("#lw-edit .lw-error").is_visible()


def test_a_line_that_breaks_keeps_what_is_written(scene: Scene) -> None:
    page = scene.window()
    page.route(EDIT, lambda route: route.abort("connectionrefused"))
    add(page, "hat")
    page.wait_for_selector("#lw-edit >> text=a.png is saved as soon as it does")
    add(page, "scarf")
    page.click(".lw-cell[title='b.png']")
    page.unroute(EDIT)
    scene.wait_text(page, "penny, smile, boots, hat, scarf")


def test_an_answer_that_was_lost_is_no_conflict(scene: Scene) -> None:
    page = scene.window()
    seen: list[int] = []

    def lost(route: Any) -> None:
        seen.append(1)
        if len(seen) == 1:
            route.fetch()  # it arrives, and its answer does not
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(EDIT, lost)
    add(page, "hat")
    scene.wait_text(page, "penny, smile, boots, hat")
    page.wait_for_selector("#lw-edit >> text=saved as soon as it does")
    page.wait_for_selector("#lw-edit >> text=saved as soon as it does", state="hidden")
    assert len(seen) >= 2 and not page.locator("#lw-edit .lw-error").is_visible()
    assert page.locator(".lw-chip-name").all_text_contents() == ["penny", "smile", "boots", "hat"]
