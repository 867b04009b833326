"""Advice, mends, forecasts, the glossary and symptoms, by clicking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_guide import FIXABLE

GIGABYTES = {"weights": 2, "network": 0.1, "optimizer": 0.5, "gradients": 0.1, "activations": 2.9}
MEMORY = {
    "bytes": 5_600_000_000, "training": 5_600_000_000, "encoding": 900_000_000, "drawing": 0, "reserve": 1 << 30,
    "parts": {name: int(size * 1e9) for name, size in GIGABYTES.items()}, "card": None, "lighter": [],
    "cards": [{"gb": gb, "fits": gb >= 8} for gb in (6, 8, 12, 16, 24)],
}  # fmt: skip
FORECAST = {"memory": MEMORY, "seconds": 1080, "seconds_known": "measured", "disk_bytes": 1_200_000_000}
SMALL = {"name": "GTX 1050", "bytes": 4 << 30, "fits": False}
LIGHTER = [{"settings": {"train_batch_size": 1, "gradient_checkpointing": True}, "cost": "time", "bytes": 2_000_000_000}]


@pytest.fixture
def train(pages: Any, until: Any) -> Any:
    """`train(**attributes of the world)` → (world, page) with the Train tab open and its preset in place."""

    def open_it(*, language: str = "en", **values: Any) -> tuple[Any, Any]:
        own = pages(language=language)
        for name, value in values.items():
            setattr(own.world, name, value)
        own.expected = ("400 (Bad Request)",)
        page = own.open(wait="#lw-train:not([aria-disabled])")
        until(lambda: own.world.projects["penny"]["settings"])
        return own.world, page

    return open_it


def settings(world: Any) -> dict[str, Any]:
    return world.projects["penny"]["settings"]


def test_three_answers_bring_values_with_reasons(train: Any, posted: Any, until: Any) -> None:
    world, page = train(cards=({"name": "RTX 3060", "gb": 12},))
    assert page.locator("#lw-advice-all").is_hidden(), "nothing is advised before the first question is answered"
    assert page.inner_text("#lw-ask-vram option >> nth=1") == "RTX 3060 · 12 GB"
    page.select_option("#lw-ask-kind", "character")
    page.select_option("#lw-ask-difficulty", "B")
    page.select_option("#lw-ask-vram", "6")
    page.wait_for_selector("#lw-advice-sum >> text=5 values · 2 as advised · 3 to take")
    said = {"kind": "character", "difficulty": "B", "vram": 6}
    assert posted(world, "advice")[-1]["answers"] == said
    assert posted(world, "advice")[-1]["settings"]["train_data_dir"] == "/data/sets/penny"
    until(lambda: settings(world).get("subject_difficulty") == "B" and world.projects["penny"]["advice"]["vram"] == 6)
    assert settings(world)["network_dim"] == 64, "nothing is set before it is taken"
    beside = page.inner_text("[data-name=network_dim] .lw-advised")
    assert beside.startswith("advice: 16 · rank 16: 42 pictures (guide l. 276)")
    assert page.inner_text("[data-name=optimizer_type] .lw-advised") == "✔ it finds its rate (guide l. 498)"
    assert page.inner_text(".lw-advice-notices li") == "Taken as character."


def test_all_are_taken_and_taken_back(train: Any, until: Any) -> None:
    world, page = train()
    before = dict(settings(world))
    page.select_option("#lw-ask-kind", "character")
    page.click("#lw-advice-all >> text=Take 3 values")
    until(lambda: settings(world)["network_dim"] == 32 and settings(world)["max_train_steps"] == 1000)
    assert page.input_value("#lw-set-network_dim") == "32"
    page.wait_for_selector("#lw-train >> text=1,000 steps")
    page.reload()
    page.wait_for_selector("#lw-advice-sum >> text=4 values · 4 as advised")
    page.select_option("#lw-ask-difficulty", "A")
    page.click("#lw-advice-all >> text=Take 2 values")
    until(lambda: settings(world)["network_dim"] == 8)
    page.fill("#lw-set-network_alpha", "4")
    page.click("#lw-advice-undo")
    page.wait_for_selector("#lw-advice >> text=Changed by hand since and left as they are: network_alpha.")
    until(lambda: settings(world)["network_dim"] == 32)
    kept = {**before, "network_dim": 32, "network_alpha": 4, "max_train_steps": 1000}
    assert settings(world) == {**kept, "subject_kind": "character", "subject_difficulty": "A"}


def test_what_was_changed_by_hand_is_taken_one_by_one_only(train: Any, until: Any) -> None:
    world, page = train()
    page.fill("#lw-set-network_dim", "24")
    page.select_option("#lw-ask-kind", "character")
    page.wait_for_selector("#lw-advice-sum >> text=2 to take · 1 changed by hand, which stay")
    line = page.locator("[data-name=network_dim] .lw-advised")
    assert line.inner_text().startswith("changed by hand, so it stays · advice: 32")
    page.click("#lw-advice-all")
    until(lambda: settings(world)["network_alpha"] == 32)
    page.wait_for_timeout(400)
    assert settings(world)["network_dim"] == 24
    line.get_by_role("button", name="Set network_dim to 32").click()
    until(lambda: settings(world)["network_dim"] == 32)
    page.click("#lw-advice-undo")
    until(lambda: settings(world)["network_dim"] == 24)
    assert settings(world)["network_alpha"] == 32, "the last taking alone is taken back"


def test_every_value_is_listed_with_its_reason(train: Any, until: Any) -> None:
    world, page = train()
    page.select_option("#lw-ask-kind", "style")
    assert not page.is_visible("#lw-ask-difficulty"), "a style has no class"
    page.click("text=Every value with its reason")
    row = page.locator("#lw-advice-values [data-name=max_train_steps]")
    assert row.locator(".lw-advice-value").inner_text() == "max_train_steps 1040 → 1000"
    row.get_by_role("button").click()
    until(lambda: settings(world)["max_train_steps"] == 1000)
    assert settings(world)["network_dim"] == 64


def test_what_keeps_advice_away_is_told_in_place(train: Any) -> None:
    world, page = train(refuse_advice="The dataset is empty.")
    page.select_option("#lw-ask-kind", "style")
    page.wait_for_selector("#lw-advice [role=alert] >> text=The dataset is empty.")
    assert settings(world)["network_dim"] == 64, "nothing was taken"


def test_a_problem_is_mended_and_the_mend_taken_back(train: Any, posted: Any, until: Any) -> None:
    world, page = train(problems=[dict(FIXABLE)])
    page.locator("[data-code=rank-wasted]").get_by_role("button", name="Mend").click()
    page.wait_for_selector("#lw-mended >> text=Changed network_dim 64 → 16.")
    page.wait_for_selector("[data-code=rank-wasted]", state="detached")
    until(lambda: settings(world)["network_dim"] == 16)
    assert page.input_value("#lw-set-network_dim") == "16"
    page.click("#lw-mend-undo")
    until(lambda: settings(world)["network_dim"] == 64)
    assert not page.is_visible("#lw-mended") and not posted(world, "plan/unfix")


def test_a_mend_of_files_asks_for_the_plan_anew(train: Any, posted: Any) -> None:
    world, page = train(problems=[{**FIXABLE, "code": "wrong-folder", "message": "The pictures lie too deep."}])
    page.locator("[data-code=wrong-folder]").get_by_role("button", name="Mend").click()
    page.wait_for_selector("[data-code=wrong-folder]", state="detached")
    page.click("#lw-mend-undo")
    page.wait_for_selector("[data-code=wrong-folder]")
    (body,) = posted(world, "plan/unfix")
    assert (body["what"], body["number"]) == ("moves", 0)


def test_what_a_mend_refuses_is_told(train: Any) -> None:
    world, page = train(problems=[{**FIXABLE, "code": "stubborn"}])
    page.locator("[data-code=stubborn]").get_by_role("button", name="Mend").click()
    page.wait_for_selector("text=stubborn can't be mended by itself.")
    assert page.is_visible("[data-code=stubborn]") and settings(world)["network_dim"] == 64


def test_memory_time_and_disk(train: Any) -> None:
    _, page = train(forecast=FORECAST)
    words = "memory 5.2 GiB: a card of 8 GB is enough · about 18 min · 1.2 GB on the disk"
    assert page.inner_text("#lw-forecast-sum") == words
    assert page.get_attribute("#lw-forecast-bar", "aria-label") == words
    assert page.inner_text(".lw-forecast-legend li >> nth=4") == "pictures in work 2.7 GiB"
    widths = page.eval_on_selector_all(".lw-forecast-bar .lw-forecast-part", "all => all.map((one) => one.offsetWidth)")
    assert len(widths) == 6 and widths[4] > widths[0] > widths[5] > widths[2] > widths[1] > 0
    assert page.locator(".lw-too-small").all_inner_texts() == ["6 GB"]


def test_a_run_that_is_too_large_is_made_to_fit(train: Any, until: Any) -> None:
    too_large = {"severity": "warning", "code": "memory-above-card", "message": "Too much for GTX 1050.", "fix": ""}
    memory = {**MEMORY, "card": SMALL, "lighter": LIGHTER, "encoding": 7_000_000_000, "bytes": 7_000_000_000}
    world, page = train(forecast={**FORECAST, "memory": memory, "seconds": None}, problems=[too_large])
    told = page.inner_text("#lw-forecast-sum")
    assert told.startswith("memory 6.5 GiB: too much for GTX 1050, 4 GiB; a card of 8 GB is needed · time known after")
    assert page.get_attribute("#lw-forecast-bar", "data-mood") == "bad"
    assert page.inner_text(".lw-forecast-legend li >> nth=5") == "while pictures are encoded 1.3 GiB"
    assert page.locator(".lw-forecast-found.lw-too-small").inner_text() == "4 GB"
    page.locator("[data-code=memory-above-card]").get_by_role("button", name="Mend").click()
    page.wait_for_selector("#lw-mended >> text=Changed train_batch_size 1 → 1, gradient_checkpointing none → on.")
    until(lambda: settings(world).get("gradient_checkpointing") is True)
    page.click("#lw-mend-undo")
    until(lambda: "gradient_checkpointing" not in settings(world))


def test_the_glossary_by_mouse_keyboard_and_tap(train: Any) -> None:
    _, page = train()
    rank = page.locator("label[for=lw-set-network_dim] .lw-term")
    epochs = page.locator("label[for=lw-set-max_train_epochs] .lw-term")
    rank.hover()
    assert page.inner_text("#lw-gloss") == "rank How much a LoRA can hold."
    page.mouse.move(5, 5)
    page.wait_for_selector("#lw-gloss", state="hidden")
    page.focus("#lw-search")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "lw-term":
            break
    described = page.evaluate("document.activeElement.getAttribute('aria-describedby')")
    assert described == "lw-gloss" and page.is_visible("#lw-gloss")
    page.keyboard.press("Escape")
    assert page.is_hidden("#lw-gloss")
    epochs.click()
    assert page.inner_text("#lw-gloss").startswith("epoch")
    assert page.evaluate("document.activeElement.id") != "lw-set-max_train_epochs", "the field was not meant"
    page.click("#lw-plan-sum")
    assert page.is_hidden("#lw-gloss")
    page.set_viewport_size({"width": 420, "height": 800})
    rank.scroll_into_view_if_needed()
    rank.dispatch_event("pointerover", {"pointerType": "touch"})
    assert page.is_hidden("#lw-gloss")
    rank.click()
    box = page.locator("#lw-gloss").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 420


def test_a_setting_whose_label_has_no_term_has_it_at_its_name(train: Any) -> None:
    _, page = train()
    rank = page.locator("label[for=lw-set-network_dim] .lw-term")
    assert rank.inner_text() == "Rank"
    page.evaluate("""() => import('/lora_workbench/page/glossary.js').then((one) => {
        window.label = one.settingLabel({label: '维度', name: 'network_dim'}).map((node) => node.outerHTML ?? node).join('|');
    })""")
    assert page.evaluate("window.label") == '维度| |<button type="button" class="lw-term"><code>network_dim</code></button>'


def test_from_a_symptom_to_the_next_run(pages: Any, posted: Any, until: Any) -> None:
    own = pages()
    world = own.world
    world.projects["penny"].update(page="test", settings={"network_dim": 4, "output_name": "penny"})
    page = own.open(wait="#lw-test-symptoms")
    page.click("#lw-test-symptoms")
    page.click("text=Pure noise.")
    page.wait_for_selector("#lw-symptom-values >> text=unet_lr 0.0001 → 0.0000125")
    assert posted(world, "symptoms/next")[-1] == {"code": "noise-blocks", "run": "run-1"}
    assert "The rate was too high. (guide l. 475)" in page.inner_text("#lw-symptom-values")
    assert page.inner_text("#lw-symptom-advice") == "Rest."
    page.click("text=Copies.")
    page.wait_for_selector("text=No setting mends this; see below what does.")
    assert page.is_hidden("#lw-symptom-next")

    page.select_option("#lw-symptom-run", "")
    page.click("text=Nothing is learnt.")
    page.wait_for_selector("#lw-symptom-values >> text=unet_lr none → 0.0000125")
    with page.expect_download() as download:
        page.click("#lw-symptom-save")
    saved = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert download.value.suggested_filename == "penny.toml"
    assert {"network_dim = 4", "unet_lr = 1.25e-05", 'train_data_dir = "/data/sets/penny"'} <= set(saved)

    page.select_option("#lw-symptom-run", "run-1")
    page.wait_for_selector("#lw-symptom-values >> text=unet_lr 0.0001 → 0.0000125")
    page.click("#lw-symptom-next")
    page.wait_for_selector("#lw-next-run >> text=From old run, after “Nothing is learnt.”: unet_lr 0.0001 → 0.0000125")
    until(lambda: settings(world).get("unet_lr") == 0.0000125)
    assert settings(world)["network_dim"] == 8 and page.input_value("#lw-set-network_dim") == "8"

    older = "const right = document.querySelector('.lw-train .lw-right'); const run = document.createElement('div');"
    page.evaluate(f"{{ {older} run.style.cssText = 'flex: none; height: 3000px'; right.append(run); right.scrollTop = 2000; }}")
    in_sight = "document.getElementById('lw-next-run').getBoundingClientRect().top >= 0"
    assert not page.evaluate(in_sight)
    page.click("#lw-tab-test")
    page.click("#lw-symptom-next")
    page.wait_for_function(in_sight)


def test_a_base_model_that_suits_the_look_is_offered_and_taken(train: Any, until: Any, posted: Any) -> None:
    world, page = train()
    page.wait_for_selector("#lw-bases-chosen >> text=knows Danbooru's tags · clip skip 2")
    assert page.locator(".lw-bases-list").is_hidden(), "nothing is recommended before somebody says how it looks"
    page.select_option("#lw-ask-looks", "drawn")
    page.wait_for_selector(".lw-bases-list >> text=Most mixes come from it. (guide l. 380)")
    assert page.inner_text("#lw-bases-chosen .lw-sign >> nth=0").startswith("⚠")
    assert "It doesn't suit it." in page.inner_text("#lw-bases-chosen")
    lines = page.locator(".lw-bases-list li")
    assert lines.nth(1).inner_text() == "Newer than the guide, and none here: Pony."
    page.click(".lw-bases-list >> text=Use anime")
    until(lambda: world.projects["penny"]["base_model"] == "/models/anime.safetensors")
    page.wait_for_selector(".lw-bases-list >> text=✔ anime")
    assert "It doesn't suit it." not in page.inner_text("#lw-bases-chosen")
    page.select_option("#lw-ask-kind", "character")
    page.wait_for_selector("#lw-advice-sum >> text=values")
    assert posted(world, "advice")[-1]["answers"]["looks"] == "drawn"
    page.reload()
    page.wait_for_selector(".lw-bases-list >> text=✔ anime")
    assert page.input_value("#lw-ask-looks") == "drawn"
