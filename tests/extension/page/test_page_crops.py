"""What the sizes cut off the pictures, in the Train tab by clicking, and from there to the picture in Pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pictures_server import Answers, looking
from PIL import Image
from test_page_frame import CONTRASTS, ENOUGH_CONTRAST

from lora_workbench.trainer_core.guided_answers import answer
from lora_workbench.trainer_core.worker import plan_answer

Open = Callable[..., tuple[Any, list[dict[str, Any]]]]
COUNT = 70  # one page of 60, and ten more
# One size alone: buckets can't mend it, so it is for the user to crop.
SETTINGS = {"resolution": "128", "enable_bucket": True, "min_bucket_reso": 128, "max_bucket_reso": 128, "max_train_steps": 100}


class Plans(Answers):
    """The plan and its crops as the trainer's helper gives them; `asked`: the questions for crops."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def ask(self, what: str, *, patience: float = 0, **values: Any) -> Any:
        if what == "plan":
            return plan_answer(values)
        if what == "plan_crops":
            self.asked.append(values)
            return answer(what, values)
        return super().ask(what, patience=patience, **values)


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """`opened(**window)` → (page with the Train tab, questions for crops); console errors and outside requests fail it."""
    wrong: list[str] = []
    with ExitStack() as ends:

        def make(scheme: str = "light", language: str = "en", width: int = 1366, count: int = 3, **own: Any) -> Any:
            folder = tmp_path / "sets" / "1_penny"
            folder.mkdir(parents=True)
            for number in range(count):  # 240×120 loses half, 160×120 a quarter, squares nothing
                size = {0: (240, 120), 1: (160, 120)}.get(number, (120, 120))
                Image.new("RGB", size, (number, 90, 200)).save(folder / f"{number:02d}.png")
            address, bench = ends.enter_context(looking(tmp_path / "data", folder.parent, language))
            bench.plans = Plans()  # type: ignore[assignment]
            bench.projects.change({"page": "train", "settings": {**SETTINGS, **own}}, bench.rights)
            page = browser.new_page(viewport={"width": width, "height": 768}, locale="en-US", color_scheme=scheme)
            ends.callback(page.close)
            page.set_default_timeout(40_000)
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
            page.on("request", lambda request: request.url.startswith(address) or wrong.append(request.url))
            page.goto(address)
            page.wait_for_selector("#lw-plan-crops")
            return page, bench.plans.asked  # type: ignore[attr-defined]

        yield make
    assert wrong == []


def test_the_worst_come_first_and_a_press_leads_to_where_it_is_cut(opened: Open) -> None:
    page, asked = opened()
    assert asked == [], "nothing is asked before somebody opens it"
    page.click("[data-code=crop-loss] >> text=Show the crops")
    page.wait_for_selector("text=2 of 3 pictures lose something; what is shaded is not trained.")
    words = [one.replace("\n", " ") for one in page.locator(".lw-crops-words").all_inner_texts()]
    assert words == [
        "00.png 240×120 → 128×128 · 50 % cut off", "01.png 160×120 → 128×128 · 25 % cut off",
        "02.png 120×120 → 128×128 · 0 % cut off",
    ]  # fmt: skip
    whole, kept = (page.locator(f".lw-crops-{name}").first.bounding_box() for name in ("whole", "kept"))
    assert abs(whole["width"] / whole["height"] - 2) < 0.1
    assert abs((kept["x"] - whole["x"]) / whole["width"] - 0.25) < 0.02 and abs(kept["width"] / whole["width"] - 0.5) < 0.02
    page.locator(".lw-crops-open").nth(1).click()
    page.wait_for_selector(".lw-crop-name >> text=1_penny/01.png")
    assert page.get_attribute("#lw-tab-pictures", "aria-selected") == "true"
    page.focus(".lw-crop-stage")
    page.keyboard.press("Enter")
    assert [page.input_value(f"#lw-crop-{name}") for name in ("width", "height")] == ["80", "60"], "it can be cut, unlooked at"


def test_thousands_come_page_by_page_and_anew_when_sizes_change(opened: Open, until: Any) -> None:
    page, asked = opened(count=COUNT, enable_bucket=False)
    page.click("#lw-plan-crops summary")
    until(lambda: page.locator(".lw-crops-one").count() == 60)
    page.click("#lw-crops-more")
    until(lambda: page.locator(".lw-crops-one").count() == COUNT)
    assert page.locator("#lw-crops-more").is_hidden() and [one["start"] for one in asked] == [0, 60]
    page.fill("#lw-set-resolution", "64")
    page.wait_for_selector(".lw-crops-words >> text=240×120 → 64×64")
    assert page.locator(".lw-crops-one").count() == 60 and asked[-1]["start"] == 0


@pytest.mark.parametrize(
    ("scheme", "language", "width", "lost"), [("light", "en", 390, "50 % cut off"), ("dark", "zh_CN", 1366, "裁掉 50 %")]
)
def test_it_can_be_read_on_a_small_screen_in_the_dark_and_in_chinese(
    opened: Open, scheme: str, language: str, width: int, lost: str
) -> None:
    page, _ = opened(scheme, language, width)
    page.click("#lw-plan-crops summary")
    page.wait_for_selector(".lw-crops-one")
    assert lost in page.locator(".lw-crops-words").first.inner_text()
    assert [one for one in page.evaluate(CONTRASTS) if one[0] < ENOUGH_CONTRAST] == []
    assert page.evaluate("document.querySelector('#lw-plan-crops').scrollWidth <= document.documentElement.clientWidth")
