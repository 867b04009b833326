"""The Tag tab by clicking: tagging, its question, undo, a picture beside its tags, thousands of pictures, hostile names."""

from __future__ import annotations

from typing import Any

import pytest
from fake_world import EVIL

OPENS_WITHIN = 2.0


@pytest.fixture
def tag(pages: Any) -> Any:
    """`tag(**world)` → (world, page) with the Tag tab open."""

    def open_it(dataset: str = "/data/sets/penny", **values: Any) -> tuple[Any, Any]:
        own = pages(**values)
        own.expected = ("status of 404",)  # other tabs ask for what this made-up server has not
        own.world.projects["penny"].update(page="tag", dataset=dataset)
        return own.world, own.open(wait=".lw-cell")

    return open_it


def test_tagging_and_undoing(tag: Any, posted: Any, until: Any) -> None:
    world, page = tag(speed=3)
    page.wait_for_selector("#lw-tag:not([aria-disabled]) >> text=Tag 11 pictures")
    assert page.inner_text("#lw-captioned") == "31 have captions"
    page.fill("#lw-first", "penny, 1girl")
    page.fill("#lw-exclude", "simple background")
    page.click("#lw-tag")
    page.wait_for_selector("text=of 11 · 3 a second")
    page.wait_for_selector("text=11 pictures tagged.")
    page.wait_for_selector("text=42 of 42 have captions")
    (job,) = posted(world, "jobs")
    assert job["folder"] == "/data/sets/penny"
    assert job["options"] == {
        "model": "/models/wd-swinv2", "general": 0.35, "character": 0.85, "mcut": False, "mode": "if-empty",
        "first": ["penny", "1girl"], "exclude": ["simple background"],
    }  # fmt: skip
    page.wait_for_selector("#lw-tag-why >> text=All have captions")
    assert page.get_attribute("#lw-tag", "aria-disabled") == "true"
    page.wait_for_selector(".lw-undo >> text=Undo: what the tagger wrote in 11 files")
    page.click("#lw-undo")
    page.wait_for_selector("text=Undone: what the tagger wrote; 11 files are as before.")
    page.wait_for_selector(".lw-undo >> text=0007_smile.txt")
    page.wait_for_selector("#lw-tag >> text=Tag 11 pictures")
    page.wait_for_selector("#lw-undo[aria-disabled=true]")
    page.locator("#lw-panel-tag .lw-next button").click()
    page.wait_for_selector("#lw-panel-tag", state="hidden")


def test_a_tagger_is_fetched_by_its_name(tag: Any, posted: Any, until: Any) -> None:
    world, page = tag()
    page.wait_for_selector(".lw-tag-row")
    page.select_option("#lw-tagger", "wd-vit-tagger-v3")
    page.wait_for_selector("text=It is fetched from the Hugging Face hub when tagging begins.")
    page.wait_for_selector("#lw-detail >> text=The tagger has to be fetched first")
    page.wait_for_timeout(500)
    assert {body["model"] for body in posted(world, "tags/preview")} == {"/models/wd-swinv2"}, "it is not asked in vain"
    page.click("#lw-tag:not([aria-disabled])")
    page.wait_for_selector("text=11 pictures tagged.")
    assert posted(world, "jobs")[0]["options"]["model"] == "wd-vit-tagger-v3"
    page.wait_for_selector(".lw-tag-row")
    until(lambda: posted(world, "tags/preview")[-1]["model"] == "/models/taggers/wd-vit-tagger-v3")
    assert page.input_value("#lw-tagger") == "/models/taggers/wd-vit-tagger-v3"
    assert page.locator("text=It is fetched from the Hugging Face hub").is_hidden()


def test_the_demos_tagger_is_usual_for_the_demos_base_alone(tag: Any) -> None:
    toy = {"name": "toy_tagger (demo)", "path": "/demo/toy_tagger", "demo": True}
    world, page = tag()
    world.taggers = [toy]
    page.click("button[aria-label='Look for taggers again']")
    page.wait_for_function("document.querySelector('#lw-tagger').value === 'wd-vit-tagger-v3'")  # to be fetched
    page.wait_for_selector("#lw-toy-tagger", state="hidden")
    page.select_option("#lw-tagger", "/demo/toy_tagger")
    page.wait_for_selector("#lw-toy-tagger >> text=it knows the demo's creatures and nothing else")
    page.select_option("#lw-base", "/models/toy_base.safetensors")
    page.wait_for_selector("#lw-toy-tagger", state="hidden")


def test_without_a_first_tag_it_is_said_what_it_is_for(tag: Any) -> None:
    _, page = tag()
    page.wait_for_selector("#lw-first-lacking >> text=no word of a prompt calls it")
    page.fill("#lw-first", "penny")
    page.wait_for_selector("#lw-first-lacking", state="hidden")
    assert page.locator("#lw-exclude-lacking").is_hidden()


def test_overwriting_asks_in_place(tag: Any, posted: Any, until: Any) -> None:
    world, page = tag()
    page.check("#lw-mode-overwrite")
    page.click("#lw-tag >> text=Tag 42 pictures")
    page.wait_for_selector("text=Overwrite 31 captions")
    assert page.evaluate("document.activeElement.innerText") == "Keep them"
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert posted(world, "jobs") == []
    page.click("#lw-tag")
    page.get_by_role("button", name="Overwrite", exact=True).click()
    until(lambda: len(posted(world, "jobs")) == 1)
    assert posted(world, "jobs")[0]["options"]["mode"] == "overwrite"


def test_tagging_can_be_stopped(tag: Any) -> None:
    world, page = tag(speed=1)
    page.click("#lw-tag:not([aria-disabled])")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.wait_for_selector("text=Stopped and saved at step")
    assert [path.rpartition("/")[2] for path, _ in list(world.posts) if path.startswith("jobs")] == ["jobs", "stop"]


def test_a_picture_beside_its_tags(tag: Any, posted: Any, until: Any) -> None:
    world, page = tag()
    page.wait_for_selector(".lw-tag-row.lw-kept >> text=boots")
    assert "just over the threshold" in page.locator(".lw-tag-row", has_text="boots").inner_text()
    assert "just under it" in page.locator(".lw-tag-row", has_text="brown hair").inner_text()
    assert "caption: penny, smile, red boots" in page.inner_text("#lw-detail")
    bars = page.eval_on_selector_all(".lw-tag-fill", "bars => bars.map((bar) => bar.getBoundingClientRect().width)")
    assert bars[0] > bars[-1] > 0
    page.fill("#lw-general", "0.5")
    page.wait_for_selector(".lw-tag-row:not(.lw-kept) >> text=boots")
    until(lambda: posted(world, "tags/preview")[-1]["general"] == 0.5)
    page.fill("#lw-general", "2")
    page.wait_for_selector("text=A number above 0, up to 1.")
    until(lambda: world.projects["penny"]["tag"]["general"] == 0.5)


def test_hostile_names_and_captions_are_only_text(tag: Any, until: Any) -> None:
    _, page = tag()
    page.locator(".lw-cell").nth(1).click()
    until(lambda: f"caption: penny, {EVIL}" in page.inner_text("#lw-detail"))
    page.wait_for_selector("#lw-detail .lw-kept")
    assert EVIL + ".png" in page.inner_text("#lw-detail")
    assert page.locator(".lw-tag-name", has_text="onerror").inner_text() == EVIL
    page.focus(".lw-gallery")
    page.keyboard.press("Space")
    page.wait_for_selector(".lw-viewer >> text=onerror")
    page.keyboard.press("Escape")
    page.click("#lw-dataset")
    page.wait_for_selector(".lw-picker .lw-folder")
    page.keyboard.press("Backspace")
    page.wait_for_selector(".lw-folder >> text=<img src=x onerror=alert(1)>")
    assert page.evaluate("window.hacked") is None
    assert page.locator("#lw-root script").count() == 0


def test_five_thousand_pictures(tag: Any, quick: Any) -> None:

    def open_it() -> Any:
        _, page = tag("/data/sets/many")
        page.wait_for_function("document.querySelector('.lw-thumb')?.complete")
        return page

    page = quick(open_it, OPENS_WITHIN)
    assert page.locator(".lw-cell").count() < 150
    page.focus(".lw-gallery")
    page.keyboard.press("End")
    page.wait_for_selector("#lw-detail >> text=4999_smile.png")
    assert page.locator(".lw-cell").count() < 150
    page.evaluate("{ const shelf = document.querySelector('.lw-gallery'); shelf.scrollTop = shelf.scrollHeight / 2; }")
    page.wait_for_function("[...document.querySelectorAll('.lw-cell')].some((cell) => cell.title.startsWith('250'))")


def test_pictures_by_keyboard(tag: Any) -> None:
    _, page = tag()
    page.focus(".lw-gallery")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#lw-detail >> text=0002_smile.png")
    assert page.get_attribute(".lw-gallery", "aria-activedescendant") == "lw-cell-2"
    page.keyboard.press("Space")
    page.wait_for_selector(".lw-viewer >> text=3 / 42")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".lw-viewer >> text=4 / 42")
    page.keyboard.press("Escape")
    page.wait_for_selector("#lw-detail >> text=0003_smile.png")
    assert page.evaluate("document.activeElement.className") == "lw-gallery"


def test_an_empty_page_teaches(pages: Any) -> None:
    own = pages()
    own.world.projects["penny"].update(page="tag", dataset="")
    page = own.open(wait=".lw-teach")
    assert "First choose the folder" in page.inner_text("#lw-tag-why")
    page.get_by_role("button", name="Choose the folder …").click()
    page.wait_for_selector(".lw-picker")


def test_a_folder_that_is_gone_is_told(pages: Any) -> None:
    own = pages()
    own.expected = ("status of 400",)
    own.world.projects["penny"].update(page="tag", dataset="/data/gone")
    page = own.open(wait=".lw-tag-right .lw-error:not([hidden])")
    assert "/data/gone is missing" in page.inner_text(".lw-tag-right")
