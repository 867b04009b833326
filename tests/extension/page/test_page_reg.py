"""The Reg images tab by clicking: sets made, refreshed and stopped, one's own folder, what is remembered, hostile names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fake_world import EVIL
from reg_server import drawing, make_pictures
from test_page_frame import CONTRASTS, ENOUGH_CONTRAST

from lora_workbench.extension.workbench import Workbench

CAPTIONS = {"a": "penny, smile", "b": "penny, red boots", "c": "", "d": f"penny, {EVIL}"}
NAME = "<img src=x onerror=window.hacked=1>"


SHOWN = {"becomes": "nothing", "seeds": "index", "sampler": "Euler a", "schedule": "Karras", "steps": "30", "seed": "7"}


class Scene:
    """A page on a server of its own; console errors and requests to the outside are noted."""

    def __init__(self, address: str, bench: Workbench, folder: Path, page: Any) -> None:
        self.address, self.bench, self.folder, self.page = address, bench, folder, page
        self.wrong: list[str] = []
        page.set_default_timeout(40_000)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.wrong.append(message.text))
        page.on("request", lambda request: request.url.startswith(address) or self.wrong.append(request.url))

    def open(self) -> None:
        self.page.goto(self.address)
        self.page.wait_for_selector("#lw-panel-reg")

    @property
    def project(self) -> dict[str, Any]:
        project = self.bench.projects.current()
        assert project is not None
        return project

    def chips(self) -> list[str]:
        return self.page.locator(".lw-reg-chip").all_inner_texts()

    def make(self, label: str) -> None:
        self.page.locator("#lw-reg-make:not([aria-disabled])", has_text=label).click()

    def root(self, way: str = "matched") -> Path:
        return self.bench.host.data / "projects" / "penny" / "reg" / way


@pytest.fixture
def scene(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """`scene(captions, **project)` → a Scene with the tab open."""
    with ExitStack() as ends:
        made: list[Scene] = []

        def make(
            captions: dict[str, str] = CAPTIONS, *, pace: float = 0.01, fail: int = 0, scheme: str = "light", **project: Any
        ) -> Scene:
            folder = make_pictures(tmp_path / "sets" / "penny", captions)
            settings = {"training_comment": f"pace={pace} fail={fail}"}
            address, bench = ends.enter_context(drawing(tmp_path / "data", folder, settings, **project))
            page = browser.new_page(viewport={"width": 1366, "height": 768}, locale="en-US", color_scheme=scheme)
            ends.callback(page.close)
            made.append(Scene(address, bench, folder, page))
            made[-1].open()
            return made[-1]

        yield make
    assert [words for one in made for words in one.wrong] == []


def test_a_matched_set_and_the_way_to_the_training(scene: Any, until: Any) -> None:
    one = scene()
    page = one.page
    page.wait_for_selector("#lw-reg-why >> text=First give the class word")
    assert page.get_attribute("#lw-reg-make", "aria-disabled") == "true"
    page.fill("#lw-reg-class", "1girl")
    page.wait_for_selector("#lw-reg-make:not([aria-disabled]) >> text=Make 3 pictures")
    assert one.chips() == ["3 needed", "0 fresh", "3 to be made", "1 without a caption"]
    assert page.get_attribute("#lw-reg-activation", "placeholder") == "found: penny"
    until(lambda: page.locator(".lw-reg-pair", has_text="not made yet").count() == 3)
    assert "c.png" in page.inner_text(".lw-reg-sum .lw-problem")
    one.make("Make 3 pictures")
    page.wait_for_selector("text=3 pictures drawn.")
    page.wait_for_selector("#lw-reg-use >> text=The training uses these pictures.")
    page.wait_for_selector("#lw-reg-chip-fresh >> text=3 fresh")
    page.wait_for_selector("#lw-reg-why >> text=All are there")
    pair = page.locator(".lw-reg-pair", has_text="a.png")
    until(lambda: page.locator(".lw-reg-pair img[src]").count() == 7)
    assert "reg%2Fmatched%2F1_reg" in pair.locator("img").nth(1).get_attribute("src")
    until(lambda: one.project["settings"].get("reg_data_dir") == str(one.root()))
    assert (one.root() / "1_reg" / "a.txt").read_text(encoding="utf-8") == "1girl, smile"
    page.locator("#lw-panel-reg .lw-next button", has_text="Train").click()
    page.wait_for_selector("#lw-panel-train")


def test_what_is_stale_is_told_and_drawn_anew(scene: Any, until: Any) -> None:
    one = scene(reg={"class_word": "1girl"})
    page = one.page
    one.make("Make 3 pictures")
    page.wait_for_selector("#lw-reg-chip-fresh >> text=3 fresh")
    (one.folder / "b.txt").write_text("penny, hat", encoding="utf-8")
    page.click("#lw-tab-tag")
    page.click("#lw-tab-reg")
    one.make("Make 1 picture")
    page.wait_for_selector("text=1 pictures drawn.")
    page.fill("#lw-reg-seed", "8")
    page.wait_for_selector("#lw-reg-chip-stale >> text=3 stale (seed)")
    assert one.chips() == ["3 needed", "0 fresh", "3 stale (seed)", "1 without a caption"]
    assert page.locator("#lw-reg-make").get_attribute("aria-disabled") == "true"
    before = page.locator(".lw-reg-pair img").nth(1).get_attribute("src")
    page.fill("#lw-reg-cfg", "9")
    page.wait_for_selector("text=CFG outside 5 to 7")
    page.wait_for_selector(".lw-reg-pair >> text=stale: seed, CFG")
    page.click("#lw-reg-renew:not([aria-disabled]) >> text=Draw 3 stale ones anew")
    page.wait_for_selector("#lw-reg-chip-fresh >> text=3 fresh")
    until(lambda: page.locator(".lw-reg-pair img").nth(1).get_attribute("src") != before)
    until(lambda: one.project["settings"]["seed"] == 8 and one.project["reg"]["cfg"] == 9)


def test_class_pictures_come_one_by_one_and_can_be_stopped(scene: Any) -> None:
    one = scene(reg={"class_word": "1girl", "way": "class", "count": 40}, pace=0.5)
    page = one.page
    page.fill("#lw-reg-tags", "smile, outdoors")
    one.make("Make 40 pictures")
    page.wait_for_selector(".lw-reg-newest:not([hidden])")
    assert "name=00" in page.get_attribute(".lw-reg-newest", "src")
    assert page.get_attribute("#lw-reg-make", "aria-disabled") == "true"
    page.wait_for_selector("text=/[1-9] of 40 · .* a second · 1 s left/")
    page.wait_for_selector(".lw-pill >> text=drawing")
    page.wait_for_selector("#lw-reg-use >> text=The training uses them once they are finished.")
    page.click("#lw-tab-train")
    page.wait_for_selector("#lw-start-reg >> text=a training that is added now goes without them")
    page.click("#lw-tab-reg")
    page.click("#lw-reg-stop")
    page.wait_for_selector("text=/Stopped after [0-9]+ of 40 pictures/")
    page.wait_for_selector("#lw-reg-make:not([aria-disabled]) >> text=/Make [0-9]+ pictures/")
    texts = [path.read_text(encoding="utf-8") for path in (one.root("class") / "1_reg").glob("*.txt")]
    assert texts and set(texts) == {"1girl, smile, outdoors"}
    assert one.project["settings"].get("reg_data_dir") is None, "half a set is taken by nobody unasked"
    page.click("#lw-reg-take")
    page.wait_for_selector("#lw-reg-use >> text=The training uses these pictures.")


def test_my_folder_is_what_the_training_takes(scene: Any, until: Any, tmp_path: Path) -> None:
    mine = make_pictures(tmp_path / "mine", {"x": "1girl", "y": ""})
    one = scene(reg={"class_word": "1girl"})
    page = one.page
    page.check("#lw-reg-way-folder")
    page.fill("#lw-reg-folder", str(mine))
    page.press("#lw-reg-folder", "Enter")
    page.wait_for_selector("#lw-reg-cell-1")
    page.wait_for_selector("text=2 pictures in your folder")
    until(lambda: one.project["settings"].get("reg_data_dir") == str(mine))
    assert page.locator("#lw-reg-make").is_hidden() and page.locator("#lw-reg-class").is_hidden()
    page.click("#lw-reg-leave")
    until(lambda: "reg_data_dir" not in one.project["settings"])
    page.click("#lw-reg-take")
    until(lambda: one.project["settings"].get("reg_data_dir") == str(mine))
    page.reload()
    page.wait_for_selector("#lw-reg-cell-1")
    assert page.is_checked("#lw-reg-way-folder") and page.input_value("#lw-reg-folder") == str(mine)
    page.check("#lw-reg-way-matched")
    page.wait_for_selector("#lw-reg-use >> text=The training uses other ones: …/")
    page.wait_for_selector("#lw-reg-make:not([aria-disabled]) >> text=Make 3 pictures")


def test_a_reload_changes_nothing_and_finds_the_running_job(scene: Any, until: Any) -> None:
    one = scene(reg={"class_word": "1girl"}, pace=1)
    page = one.page
    page.select_option("#lw-reg-becomes", "nothing")
    page.wait_for_selector("#lw-reg-class", state="hidden")
    page.select_option("#lw-reg-seeds", "index")
    assert page.locator("#lw-reg-schedule").is_hidden(), "DDIM has none"
    page.select_option("#lw-reg-sampler", "Euler a")
    page.select_option("#lw-reg-schedule", "Karras")
    page.fill("#lw-reg-negative", "hat")
    one.make("Make 3 pictures")
    page.wait_for_selector(".lw-reg-live:not([hidden])")
    page.click("#lw-tab-train")
    page.reload()
    page.wait_for_selector(".lw-pill >> text=drawing")
    # the tab isn't opened meanwhile: a finished set is taken all the same
    until(lambda: one.project["settings"].get("reg_data_dir") == str(one.root()))
    page.click("#lw-tab-reg")
    page.wait_for_selector("#lw-reg-chip-fresh >> text=3 fresh")
    assert {name: page.input_value(f"#lw-reg-{name}") for name in SHOWN} == SHOWN
    page.click("#lw-reg-leave")
    until(lambda: "reg_data_dir" not in one.project["settings"])
    page.reload()
    page.wait_for_selector("#lw-reg-take")
    page.wait_for_timeout(1500)
    assert "reg_data_dir" not in one.project["settings"], "it is taken once, and what the user decided stays"


def test_numbers_and_the_chosen_states(scene: Any, until: Any) -> None:
    one = scene(reg={"class_word": "1girl"})
    page = one.page
    page.wait_for_selector("#lw-reg-chip-missing")
    (one.folder / "torn.png").write_bytes(b"half a pict")
    page.fill("#lw-reg-steps", "0")
    page.wait_for_selector("text=A whole number from 2 to 1000.")
    page.fill("#lw-reg-steps", "12")
    page.wait_for_selector("text=A whole number from 2 to 1000.", state="hidden")
    until(lambda: one.project["reg"]["steps"] == 12)
    page.wait_for_selector("text=Not trained, so they get none: torn.png.")
    page.click("#lw-reg-chip-without_caption")
    until(lambda: page.locator(".lw-reg-pair").count() == 1)
    assert "c.png" in page.inner_text(".lw-reg-pairs")
    page.click("#lw-reg-chip-without_caption")
    until(lambda: page.locator(".lw-reg-pair").count() == 4)
    page.focus(".lw-reg-pairs")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.wait_for_selector(".lw-viewer >> text=b.png · training picture")
    assert page.inner_text(".lw-viewer-words").endswith("training picture"), "the other picture's caption is not its own"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.classList.contains('lw-reg-pairs')")
    page.click(".lw-reg-note summary")
    page.wait_for_selector("text=It does not line up noise with the training")
    page.locator(".lw-reg-sum button", has_text="To Tag").click()
    page.wait_for_selector("#lw-panel-tag")


def test_another_project_has_a_set_of_its_own(scene: Any) -> None:
    one = scene(reg={"class_word": "1girl"})
    page = one.page
    page.wait_for_selector("#lw-reg-make >> text=Make 3 pictures")
    page.locator(".lw-project").click()
    page.fill("#lw-new-project", "anna")
    page.get_by_role("button", name="New project").click()
    page.wait_for_selector("#lw-panel-pictures")
    page.click("#lw-tab-reg")
    page.wait_for_selector("#lw-reg-why >> text=First choose the folder with your pictures")
    assert page.locator(".lw-reg-pair:visible").count() == 0 and page.input_value("#lw-reg-class") == ""
    page.locator(".lw-project").click()
    page.get_by_role("button", name="penny", exact=True).click()
    page.wait_for_selector("#lw-reg-make:not([aria-disabled]) >> text=Make 3 pictures")
    assert page.input_value("#lw-reg-class") == "1girl"


def test_what_keeps_a_set_from_being_made_is_told(scene: Any) -> None:
    one = scene({"a": "smile", "b": "hat"}, reg={"class_word": "1girl"})
    one.page.wait_for_selector(".lw-reg-right .lw-error >> text=The captions begin with no common tag")
    assert "see there" in one.page.inner_text("#lw-reg-why")
    one.wrong.clear()  # the browser notes the refused request
    one.page.fill("#lw-reg-activation", "hat")
    one.page.wait_for_selector("#lw-reg-make:not([aria-disabled]) >> text=Make 2 pictures")


def test_a_failure_stays_in_sight_with_its_log(scene: Any, until: Any) -> None:
    one = scene(reg={"class_word": "1girl"}, fail=2)
    one.make("Make 3 pictures")
    one.page.wait_for_selector(".lw-reg-run >> text=The cat sat on the keyboard.")
    one.page.wait_for_selector("#lw-reg-make:not([aria-disabled]) >> text=Make 2 pictures")
    one.page.reload()
    one.page.wait_for_selector(".lw-reg-run >> text=The cat sat on the keyboard.")
    assert "/log" in one.page.get_attribute(".lw-reg-run a", "href")
    assert "reg_data_dir" not in one.project["settings"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(scene: Any, scheme: str) -> None:
    one = scene(reg={"class_word": "1girl"}, scheme=scheme)
    one.make("Make 3 pictures")
    one.page.wait_for_selector("#lw-reg-chip-fresh >> text=3 fresh")
    pale = [text for text in one.page.evaluate(CONTRASTS) if text[0] < ENOUGH_CONTRAST]
    (one.folder / "a.txt").write_text("penny, hat", encoding="utf-8")
    one.page.fill("#lw-reg-seed", "8")
    one.page.click(".lw-reg-note summary")
    one.page.wait_for_selector("#lw-reg-chip-stale")
    pale += [text for text in one.page.evaluate(CONTRASTS) if text[0] < ENOUGH_CONTRAST]
    assert pale == []


def test_hostile_names_and_captions_are_only_text(scene: Any) -> None:
    one = scene({NAME: f"penny, {EVIL}", "b": f"penny, {EVIL}"}, reg={"class_word": EVIL})
    one.make("Make 2 pictures")
    one.page.wait_for_selector("#lw-reg-chip-fresh >> text=2 fresh")
    assert NAME in one.page.inner_text(".lw-reg-pairs")
    one.page.focus(".lw-reg-pairs")
    one.page.keyboard.press("Space")
    one.page.wait_for_selector(".lw-viewer >> text=onerror")
    assert one.page.evaluate("window.hacked") is None and one.page.locator("#lw-root script").count() == 0


def test_hundreds_of_pictures_are_few_elements(scene: Any) -> None:
    one = scene({f"{number:04d}": "penny, smile" for number in range(600)}, reg={"class_word": "1girl"})
    one.page.wait_for_selector("#lw-reg-make >> text=Make 600 pictures")
    assert one.page.locator(".lw-reg-pair").count() < 60
    one.page.focus(".lw-reg-pairs")
    one.page.keyboard.press("End")
    one.page.wait_for_selector(".lw-reg-pair >> text=0599.png")
    assert one.page.locator(".lw-reg-pair").count() < 60
