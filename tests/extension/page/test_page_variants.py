"""Variants in the Pictures tab by clicking, painting and by keyboard: drawn, decided, taken back, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_page_frame import CONTRASTS, ENOUGH_CONTRAST
from variants_server import drawing, make_pictures

from lora_workbench.extension.workbench import Workbench
from lora_workbench.trainer_core.files import read_json
from lora_workbench.trainer_core.variants.review import review_folder

# The host's img2img in small: its element ids beside our page. A field that holds a picture has no input until it is cleared.
HOST = """() => {
  const add = (id, html) => {
    const one = document.createElement("div");
    [one.id, one.innerHTML] = [id, html];
    document.body.append(one);
    return one;
  };
  window.handed = {};
  const field = (id) => {
    const place = add(id, "<button aria-label=Clear></button>");
    place.firstChild.addEventListener("click", () => setTimeout(() => {
      const input = document.createElement("input");
      input.type = "file";
      input.addEventListener("change", async () => {
        const [file] = input.files;
        const image = await createImageBitmap(file);
        const canvas = new OffscreenCanvas(image.width, image.height);
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        const at = (x, y) => context.getImageData(x * image.width, y * image.height, 1, 1).data[0];
        window.handed[id] = [file.name, image.width, image.height, at(0.5, 0.5), at(0.02, 0.02)];
      });
      place.append(input);
    }, 100));
  };
  ["img2img_image", "img_inpaint_base", "img_inpaint_mask", "txt2img_controlnet_ControlNet-0_input_image"].forEach(field);
  add("img2img_prompt", "<textarea></textarea>");
  add("txt2img_prompt", "<textarea></textarea>");
  window.switch_to_img2img_tab = (number) => { window.went = number; };
  window.switch_to_img2img = () => { window.went = 0; };
  window.switch_to_txt2img = () => { window.went = "txt2img"; };
}"""


class Scene:
    """A page with the Variants open, on a server of its own."""

    def __init__(self, page: Any, bench: Workbench, folder: Path) -> None:
        self.page, self.bench, self.folder = page, bench, folder

    @property
    def review(self) -> Path:
        return review_folder(self.folder, data=self.bench.host.data)

    def states(self) -> list[str]:
        return self.page.eval_on_selector_all(".lw-variants-strip button", "all => all.map((one) => one.dataset.state)")

    def alt(self) -> str:
        return self.page.get_attribute(".lw-variants-picture", "alt")

    def choose(self, number: int, name: str) -> None:
        self.page.locator(f"#lw-variants-cell-{number}").click()
        self.page.wait_for_selector(f".lw-variants-name >> text={name}")

    def draw(self, count: int, told: str) -> None:
        self.page.fill("#lw-variants-count", str(count))
        self.page.click("#lw-variants-draw:not([aria-disabled])")
        self.page.wait_for_selector(f".lw-variants .lw-told >> text={told}")

    def painted(self) -> float:
        """The share of the mask that is painted."""
        return self.page.evaluate(
            """() => { const one = document.querySelector(".lw-mask-canvas");
              const { data } = one.getContext("2d").getImageData(0, 0, one.width, one.height);
              let sum = 0;
              for (let at = 3; at < data.length; at += 4) sum += data[at];
              return sum / 255 / one.width / one.height; }"""
        )

    def stroke(self, *points: tuple[float, float]) -> None:
        """Paints through points, as shares of the picture."""
        box = self.page.locator("#lw-mask-stage").bounding_box()
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=4)
        self.page.mouse.up()


Open = Callable[..., Scene]


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """`opened(scheme, language, width)` → a Scene; console errors and requests to the outside fail the test."""
    wrong: list[str] = []
    with ExitStack() as ends:

        def make(scheme: str = "light", language: str = "en", width: int = 1366) -> Scene:
            folder = make_pictures(tmp_path / "mia")
            address, bench = ends.enter_context(drawing(tmp_path / "data", folder, language))
            page = browser.new_page(viewport={"width": width, "height": 768}, locale="en-US", color_scheme=scheme)
            ends.callback(page.close)
            page.set_default_timeout(40_000)
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("console", lambda message: message.type == "error" and wrong.append(f"{message.text} {message.location}"))
            page.on("request", lambda one: one.url.startswith((address, "data:", "blob:")) or wrong.append(one.url))
            page.goto(address)
            page.click("#lw-pictures-variants")
            page.wait_for_selector("#lw-variants-cell-3")
            page.wait_for_selector(".lw-variants-name >> text=a.png")
            return Scene(page, bench, folder)

        yield make
    assert wrong == []


def test_drawn_and_decided_by_keyboard(opened: Open, until: Any) -> None:
    scene = opened()
    page, folder = scene.page, scene.folder
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    until(lambda: page.input_value("#lw-variants-prompt") == "mia, smile")
    until(lambda: page.inner_text("#lw-variants-draw") == "Draw 4 variants")
    scene.draw(3, "3 variants drawn: look through them.")
    until(lambda: scene.states() == ["waiting"] * 3)
    page.fill("#lw-variants-target", "5_more")
    page.focus("#lw-variants-stage")
    page.keyboard.press("a")
    page.wait_for_selector("text=In the dataset now: 5_more/a-v001.png")
    until(lambda: scene.alt() == "a-v002.png")
    page.keyboard.press("R")
    until(lambda: scene.alt() == "a-v003.png")
    page.keyboard.press("a")
    page.wait_for_selector("text=In the dataset now: 5_more/a-v003.png")
    until(lambda: scene.states() == ["accepted", "rejected", "accepted"])
    assert (folder / "5_more" / "a-v003.png").read_bytes() == (scene.review / "a-v003.png").read_bytes()
    assert (folder / "5_more" / "a-v003.txt").read_text(encoding="utf-8") == "mia, smile"
    assert read_json(folder / "provenance.json")["5_more/a-v003.png"]["source"] == "a.png"
    until(lambda: page.locator("[id^=lw-variants-cell-]").count() == 6)  # the dataset has them now
    loaded = "[...document.querySelectorAll('.lw-variants-shelf img')].every((one) => one.src && one.complete)"
    until(lambda: page.evaluate(loaded))  # what is asked for once it is taken out again would be missing
    page.keyboard.press("z")
    until(lambda: not (folder / "5_more" / "a-v003.png").exists())
    page.keyboard.press("z")
    until(lambda: scene.states() == ["accepted", "waiting", "waiting"])
    page.keyboard.press("Home")
    assert page.get_attribute("#lw-variants-accept", "aria-disabled") == "true"
    page.click("#lw-variants-take-back")
    until(lambda: not (folder / "5_more" / "a-v001.png").exists() and not (folder / "provenance.json").exists())
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    page.reload()
    page.wait_for_selector(".lw-variants-strip button")
    until(lambda: scene.states() == ["waiting"] * 3 and page.input_value("#lw-variants-count") == "3")


def test_what_was_changed_in_the_dataset_is_not_taken_back(opened: Open, until: Any) -> None:
    scene = opened()
    page = scene.page
    scene.draw(1, "1 variant drawn: look at it.")
    page.click("#lw-variants-accept:not([aria-disabled])")
    page.wait_for_selector("text=In the dataset now: a-v001.png")
    (scene.folder / "a-v001.txt").write_text("mine", encoding="utf-8")
    page.click("#lw-variants-undo")
    page.wait_for_selector("text=Left as it is: a-v001.png, its caption was changed since.")
    until(lambda: scene.states() == ["accepted"])
    assert (scene.folder / "a-v001.png").exists()


def test_a_painted_part_alone_is_drawn(opened: Open, until: Any) -> None:
    scene = opened()
    page = scene.page
    until(lambda: page.evaluate("document.querySelector('.lw-mask-canvas').width") == 256)
    assert page.is_hidden("#lw-variants-only-masked")
    scene.stroke((0.25, 0.5), (0.75, 0.5))
    until(lambda: page.inner_text("#lw-variants-draw") == "Draw the painted part anew, 4 times")
    line = scene.painted()
    page.reload()
    page.wait_for_selector(".lw-variants-name >> text=a.png")
    until(lambda: scene.painted() == pytest.approx(line, abs=0.001))
    assert 0.06 < line < 0.16  # half the width, 8 % of it high, in a picture that is twice as wide as high
    page.click("#lw-mask-erase")
    scene.stroke((0.5, 0.4), (0.5, 0.6))
    assert scene.painted() < line
    page.click("#lw-mask-undo")
    assert scene.painted() == pytest.approx(line, abs=0.001)
    page.click("#lw-mask-invert")
    assert scene.painted() == pytest.approx(1 - line, abs=0.01)
    page.click("#lw-mask-undo")
    page.click("#lw-mask-redo")
    assert scene.painted() > 0.8
    page.click("#lw-mask-clear")
    until(lambda: page.inner_text("#lw-variants-draw") == "Draw 4 variants")
    page.click("#lw-mask-undo")
    page.click("#lw-mask-undo")
    page.check("#lw-variants-only-masked")
    scene.choose(1, "b glaring.png")
    until(lambda: page.inner_text("#lw-variants-draw") == "Draw 4 variants")  # each picture has a mask of its own
    scene.choose(0, "a.png")
    until(lambda: scene.painted() > 0)
    scene.draw(1, "1 variant drawn")
    (kept,) = (scene.review / "masks").iterdir()
    with Image.open(kept) as image:
        mask = np.asarray(image)
        assert image.size == (256, 128) and mask[64, 128] == 255 and mask[10, 10] == 0
        assert (mask > 127).mean() == pytest.approx(line, abs=0.02)
    page.wait_for_selector(".lw-variants-stage >> text=painted part only")


def test_a_variant_is_drawn_over(opened: Open, until: Any) -> None:
    scene = opened()
    page = scene.page
    page.fill("#lw-variants-prompt", "mia, boots")
    scene.draw(1, "1 variant drawn")
    page.focus("#lw-variants-stage")
    page.keyboard.press("p")
    page.wait_for_selector(".lw-variants-name >> text=a-v001.png, a variant of a.png")
    until(lambda: page.evaluate("document.querySelector('.lw-mask-canvas').width") == 64)
    assert page.input_value("#lw-variants-prompt") == "mia, boots"
    scene.stroke((0.4, 0.5), (0.6, 0.5))
    until(lambda: page.inner_text("#lw-variants-draw") == "Draw the painted part anew")
    page.click("#lw-variants-draw")
    page.wait_for_selector(".lw-variants-stage >> text=drawn over a-v001.png")
    told = read_json(scene.review / "variants.json")["variants"]["a-v002.png"]
    assert (told["source"], told["over"], told["request"]["prompt"]) == ("a.png", "a-v001.png", "mia, boots")
    with Image.open(told["mask"]) as image:
        assert image.size == (64, 48)
    page.click("#lw-mask-original")
    page.wait_for_selector(".lw-variants-name:text-is('a.png')")
    until(lambda: page.inner_text("#lw-variants-draw") == "Draw 1 variant")


def test_a_mask_by_keyboard(opened: Open, until: Any) -> None:
    scene = opened()
    page = scene.page
    until(lambda: page.evaluate("document.querySelector('.lw-mask-canvas').width") == 256)
    page.focus("#lw-mask-stage")
    page.keyboard.press("Space")
    dab = scene.painted()
    assert 0.005 < dab < 0.03
    for _ in range(4):
        page.keyboard.press("]")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert scene.painted() > 2 * dab
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert scene.painted() == pytest.approx(dab, abs=0.001)
    page.keyboard.press("Delete")
    assert scene.painted() == 0


def test_a_mask_from_transparency_and_from_a_file(opened: Open, until: Any, tmp_path: Path) -> None:
    scene = opened()
    page = scene.page
    scene.choose(2, "c half.png")
    page.click("#lw-mask-from-alpha")
    until(lambda: 0.45 < scene.painted() < 0.55)
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 64, 16))
    mask.save(tmp_path / "mask.png")
    page.set_input_files("#lw-mask-file", str(tmp_path / "mask.png"))
    until(lambda: 0.2 < scene.painted() < 0.3)
    (tmp_path / "words.png").write_text("no picture", encoding="utf-8")
    page.set_input_files("#lw-mask-file", str(tmp_path / "words.png"))
    page.wait_for_selector("text=That file is no picture")
    scene.choose(0, "a.png")
    assert page.is_hidden("#lw-mask-from-alpha")


def test_what_keeps_it_from_drawing_is_said(opened: Open, until: Any) -> None:
    scene = opened()
    page = scene.page
    scene.choose(1, "b glaring.png")
    page.wait_for_selector("text=b glaring.png was drawn with CFG 12, as its PNG info says")
    scene.choose(3, "d bare.png")
    page.wait_for_selector("#lw-variants-draw-why >> text=d bare.png has no caption to draw by")
    page.fill("#lw-variants-prompt", "mia, boots")
    page.wait_for_selector("#lw-variants-draw:not([aria-disabled])")
    page.click("#lw-variants-caption")
    page.wait_for_selector("#lw-variants-draw[aria-disabled]")
    scene.choose(0, "a.png")
    page.fill("#lw-variants-denoise", "2")
    page.wait_for_selector("#lw-variants-draw-why >> text=First mend the field")
    page.fill("#lw-variants-denoise", "0.5")
    page.wait_for_selector("#lw-variants-draw:not([aria-disabled])")
    page.click(".lw-variants summary")
    page.fill("#lw-variants-cfg", "9")
    page.wait_for_selector("text=Above 7 colours glare")
    before = page.input_value("#lw-variants-seed")
    page.click("#lw-variants-new-seed")
    assert page.input_value("#lw-variants-seed") != before


def test_several_pictures_at_once_and_their_variants(opened: Open, until: Any, tmp_path: Path) -> None:
    scene = opened()
    page = scene.page
    page.click("#lw-variants-several")
    page.locator("#lw-variants-cell-1").click()
    page.wait_for_selector("text=A mask is of one picture")
    until(lambda: page.inner_text("#lw-variants-draw") == "Draw 8 variants")
    scene.draw(1, "2 variants drawn")
    until(lambda: scene.states() == ["waiting"] * 2)
    page.click("#lw-variants-several")
    scene.choose(1, "b glaring.png")
    until(lambda: scene.states() == ["waiting"] and scene.alt() == "b glaring-v001.png")
    page.click("#lw-variants-of-all")
    until(lambda: scene.states() == ["waiting"] * 2)
    other = make_pictures(tmp_path / "anna")  # its pictures have the same names, and the server doesn't know it yet
    held: list[Any] = []
    page.route("**/api/v1/project", lambda route: held.append(route), times=1)
    page.click("#lw-dataset")
    page.fill(".lw-picker input", str(other))
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Use anna").click()
    until(lambda: page.evaluate("1") and held)
    page.wait_for_timeout(300)  # whoever asked for its pictures now would be refused
    held[0].continue_()
    page.wait_for_selector(".lw-variants-name >> text=a.png")
    until(lambda: scene.states() == [])


def test_looked_through_while_others_are_drawn_and_stopped(opened: Open, until: Any) -> None:
    scene = opened()
    page = scene.page
    page.fill("#lw-variants-prompt", "mia, slowly")
    page.fill("#lw-variants-count", "30")
    page.click("#lw-variants-draw:not([aria-disabled])")
    page.wait_for_selector("#lw-variants-accept")
    page.click("#lw-variants-accept:not([aria-disabled])")
    page.wait_for_selector("text=In the dataset now: a-v001.png")
    page.click(".lw-variants .lw-tag-live >> text=Stop")
    page.wait_for_selector(".lw-variants .lw-told >> text=what is drawn stays")
    told = read_json(scene.review / "variants.json")["variants"]
    assert told["a-v001.png"]["state"] == "accepted"
    assert 0 < sum(one["state"] == "waiting" for one in told.values()) < 29


def test_other_tabs_lead_to_a_pictures_variants(opened: Open) -> None:
    scene = opened()
    page = scene.page
    page.click("#lw-pictures-report")
    page.wait_for_selector("#lw-pictures-look")
    page.click("#lw-tab-captions")
    page.locator(".lw-captions [role=option]").nth(2).click()
    page.click("#lw-edit-variants")
    page.wait_for_selector(".lw-variants-name >> text=c half.png")


def test_handed_over_to_the_host_with_its_mask(opened: Open, until: Any) -> None:
    scene = opened()
    page = scene.page
    assert page.is_hidden("#lw-mask-to-img2img")  # alone there is no host to hand it to
    scene.bench.host.sends = True
    page.evaluate("window.dispatchEvent(new Event('focus'))")  # the page asks anew what there is
    page.reload()
    page.wait_for_selector("#lw-mask-to-img2img")
    page.evaluate(HOST)
    until(lambda: page.evaluate("document.querySelector('.lw-mask-canvas').width") == 256)
    page.click("#lw-mask-to-inpaint")
    page.wait_for_selector("text=The host's img2img tab was not found")  # this small one has no place for it
    scene.stroke((0.4, 0.5), (0.6, 0.5))
    page.click("#lw-mask-to-inpaint")
    page.wait_for_selector("text=It is in the host's inpaint upload now")
    until(lambda: len(page.evaluate("window.handed")) == 2)
    handed = page.evaluate("window.handed")
    assert handed["img_inpaint_base"][:3] == ["a.png", 256, 128]
    assert handed["img_inpaint_mask"] == ["a-mask.png", 256, 128, 255, 0] and page.evaluate("window.went") == 4
    assert page.input_value("#img2img_prompt textarea") == "mia, smile"
    page.click("#lw-mask-to-controlnet")
    page.wait_for_selector("text=It is in ControlNet's first unit")
    assert page.evaluate("window.went") == "txt2img" and page.input_value("#txt2img_prompt textarea") == "mia, smile"
    page.evaluate("document.getElementById('txt2img_controlnet_ControlNet-0_input_image').remove()")
    page.click("#lw-mask-to-controlnet")
    page.wait_for_selector("text=ControlNet was not found in the host's txt2img tab")


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_all_can_be_read_and_nothing_sticks_out(opened: Open, scheme: str, width: int) -> None:
    scene = opened(scheme, width=width)
    page = scene.page
    scene.choose(1, "b glaring.png")
    scene.stroke((0.4, 0.5), (0.6, 0.5))
    scene.draw(2, "2 variants drawn")
    page.click(".lw-variants summary")
    page.wait_for_selector(".lw-variants-strip button >> nth=1")
    assert [one for one in page.evaluate(CONTRASTS) if one[0] < ENOUGH_CONTRAST] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_in_chinese_nothing_stays_english(opened: Open) -> None:
    scene = opened(language="zh_CN")
    page = scene.page
    scene.draw(1, "已画出 1 张变体")
    assert "接受" in page.inner_text("#lw-variants-accept")
    words = page.inner_text(".lw-variants-right").replace("a-v001.png", "").replace("a.png", "")
    assert not [one for one in ("Paint", "Undo", "variant", "waits", "Folder") if one in words], words
