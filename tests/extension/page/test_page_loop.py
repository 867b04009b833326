"""The loop in the Test tab by clicking and by keyboard: begun, decided, undone, gone on with, remembered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loop_server import looping

from lora_workbench.extension.workbench import Workbench


class Scene:
    """A page on a server of its own; console errors and requests to the outside are noted."""

    def __init__(self, address: str, bench: Workbench, page: Any) -> None:
        self.bench, self.page = bench, page
        self.wrong: list[str] = []
        page.set_default_timeout(40_000)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.wrong.append(message.text))
        page.on("request", lambda request: request.url.startswith(address) or self.wrong.append(request.url))
        # As who was at the loop last: the grids' section would ask for the plan of a grid that nobody has chosen yet.
        page.add_init_script("sessionStorage.setItem('lora_workbench.test-section', JSON.stringify('loop'))")
        page.goto(address)
        page.click("#lw-test-loop")

    @property
    def decided(self) -> list[str]:
        path = self.bench.host.data / "projects" / "penny" / "loop" / "decisions.txt"
        return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []

    def states(self) -> list[str]:
        return self.page.eval_on_selector_all(".lw-loop-strip button", "all => all.map((one) => one.dataset.state)")

    def begin(self) -> None:
        self.page.fill("#lw-loop-candidates", "4")
        self.page.click("#lw-loop-go:not([aria-disabled]) >> text=Begin the loop")
        self.page.wait_for_selector("text=4 wait for your decision.")


@pytest.fixture
def scene(browser: Any, tmp_path: Path) -> Iterator[Scene]:
    with looping(tmp_path / "data", tmp_path / "sets" / "mia") as (address, bench):
        page = browser.new_page(viewport={"width": 1366, "height": 768}, locale="en-US")
        made = Scene(address, bench, page)
        yield made
        page.close()
        assert made.wrong == []


def test_a_round_by_keyboard(scene: Scene, until: Any) -> None:
    page = scene.page
    page.wait_for_selector("text=Nothing has begun yet.")
    scene.begin()
    assert scene.states() == ["waiting"] * 4
    page.wait_for_selector("#lw-loop-go-why >> text=First accept or reject")
    assert page.get_attribute("#lw-loop-go", "aria-disabled") == "true"
    assert page.get_attribute(".lw-loop-picture", "alt") == "r01-001.png"
    page.focus("#lw-loop-go")  # which was pressed before
    page.keyboard.press("a")
    assert page.get_attribute(".lw-loop-picture", "alt") == "r01-002.png"
    page.keyboard.press("r")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("A")
    assert scene.states() == ["accepted", "rejected", "waiting", "accepted"]
    page.keyboard.press("z")
    assert page.get_attribute(".lw-loop-picture", "alt") == "r01-004.png"
    page.keyboard.press("r")
    assert page.get_attribute(".lw-loop-picture", "alt") == "r01-003.png"  # the one that still waits
    page.keyboard.press("r")
    until(lambda: scene.decided == [
        "accept r01-001.png", "reject r01-002.png", "accept r01-004.png", "undo r01-004.png", "reject r01-004.png",
        "reject r01-003.png",
    ])  # fmt: skip
    page.wait_for_selector("text=0 wait for your decision.")
    page.wait_for_selector(".lw-loop-rounds >> text=1 accepted")
    page.wait_for_selector("text=the next training has 2 pictures")
    page.click("#lw-loop-go:not([aria-disabled]) >> text=Go on with round 2")
    page.wait_for_selector(".lw-loop-rounds >> text=Round 2 · trained on 2 pictures")
    page.wait_for_selector("text=4 wait for your decision.")
    until(lambda: page.get_attribute(".lw-loop-picture", "alt") == "r02-001.png")
    page.reload()
    page.wait_for_selector(".lw-loop-rounds >> text=Round 2 · trained on 2 pictures")
    until(lambda: page.input_value("#lw-loop-candidates") == "4")


def test_the_mouse_and_what_is_left_over(scene: Scene, until: Any) -> None:
    page = scene.page
    scene.begin()
    page.locator(".lw-loop-strip button").nth(2).click()
    page.wait_for_selector(".lw-loop-words >> text=3 / 4 · waits · mia")
    assert "most like mia.png" in page.inner_text(".lw-loop-words")
    page.click("#lw-loop-accept")
    page.click("#lw-loop-undo")
    assert scene.states() == ["waiting"] * 4
    page.click("#lw-loop-accept")
    page.click("#lw-loop-next")
    until(lambda: scene.decided[-1:] == ["next"])
    page.fill("#lw-loop-rounds", "2")
    page.click("#lw-loop-by-tagger")
    page.wait_for_selector("#lw-loop-go-why >> text=tags that the tagger must see")
    page.click("#lw-loop-by-person")
    page.focus("#lw-loop-prompts")
    page.keyboard.type("rar")  # letters in a field are no decisions
    assert scene.decided[-1:] == ["next"]


def test_a_field_that_can_not_be_is_told(scene: Scene) -> None:
    page = scene.page
    page.fill("#lw-loop-rounds", "0")
    page.wait_for_selector("text=A number from 1 to 100.")
    page.wait_for_selector("#lw-loop-go-why >> text=First mend the field")
    page.fill("#lw-loop-rounds", "3")
    page.wait_for_selector("#lw-loop-go:not([aria-disabled])")


def test_what_can_not_be_decided_any_more_is_told(scene: Scene) -> None:
    page = scene.page
    scene.begin()
    folder = scene.bench.host.data / "projects" / "penny" / "loop"
    (folder / "loop.json").rename(folder / "gone.json")
    page.click("#lw-loop-accept")
    page.wait_for_selector("text=There is no loop in this project yet.")
    assert not (folder / "loop.json").exists(), "a refused decision makes no loop anew"
    scene.wrong = [one for one in scene.wrong if "404" not in one]


def test_a_candidate_goes_to_the_hosts_img2img(scene: Scene) -> None:
    """A page with the host's own element ids beside ours: the picture, its words, and ControlNet's name where that is."""
    page = scene.page
    page.evaluate(
        """() => {
          for (const id of ["img2img_image", "img2maskimg"]) {
            const place = document.createElement("div");
            place.id = id;
            place.innerHTML = "<input type=file>";
            place.firstChild.addEventListener("change", (event) => { window.handed = [id, event.target.files[0].name]; });
            document.body.append(place);
          }
          const prompt = document.createElement("div");
          prompt.id = "img2img_prompt";
          prompt.innerHTML = "<textarea></textarea>";
          document.body.append(prompt);
          window.switch_to_inpaint = () => { window.went = "inpaint"; };
        }"""
    )
    scene.begin()
    assert page.is_hidden("#lw-loop-img2img")  # alone there is no host to hand it to
    module = "[...document.scripts].find((one) => one.type === 'module').src.replace(/[^/]+$/, 'send_picture.js')"
    given = "{address: document.querySelector('.lw-loop-picture').src, name: 'a.png', words: 'mia, hat'}"
    send = f"async (place) => (await import({module})).sendPicture(place, {given})"
    assert "in the host's img2img tab now" in page.evaluate(send, "inpaint")
    assert page.evaluate("[window.handed, window.went]") == [["img2maskimg", "a.png"], "inpaint"]
    assert page.input_value("#img2img_prompt textarea") == "mia, hat"
    page.evaluate("() => { const one = document.createElement('div'); one.id = 'controlnet'; document.body.append(one); }")
    assert "ControlNet is there too" in page.evaluate(send, "img2img")
    page.evaluate("() => document.querySelector('#img2img_image').remove()")
    assert "was not found" in page.evaluate(send, "img2img")
