"""The Train tab by clicking: three clicks to a run, settings, the live plan, live runs, queue, history, export."""

from __future__ import annotations

import re
from typing import Any

import pytest

# At once, as a slow machine takes longer for each key than our page waits for the next one.
TYPE = """(all) => all.forEach((text) => {
  document.activeElement.value = text;
  document.activeElement.dispatchEvent(new Event("input", { bubbles: true }));
})"""


@pytest.fixture
def train(pages: Any, until: Any) -> Any:
    """`train(**world)` → (world, page) with the Train tab open and its plan there."""

    def open_it(path: str = "/", **values: Any) -> tuple[Any, Any]:
        own = pages(**values)
        page = own.open(path, wait="#lw-train:not([aria-disabled])")
        page.wait_for_selector("#lw-train >> text=Train · 1,040 steps")
        until(lambda: own.world.projects["penny"]["settings"])
        return own.world, page

    return open_it


def test_three_clicks_to_a_started_run(pages: Any, posted: Any) -> None:
    own = pages()
    own.world.projects["penny"]["page"] = "tag"
    page = own.open(wait=".lw-cell")
    page.click("#lw-tab-train")
    page.click("text=Simple settings (DAdaptAdam)")
    page.wait_for_selector("#lw-train >> text=Train · 1,000 steps")
    page.click("#lw-train")
    page.wait_for_selector("#lw-run >> text=running")
    (job,) = posted(own.world, "jobs")
    assert (job["kind"], job["project"]) == ("train", "penny")
    expected = {"optimizer_type": "DAdaptAdam", "network_alpha": 1, "train_data_dir": "/data/sets/penny"}
    assert {name: job["settings"][name] for name in expected} == expected
    assert "optimizer_args" not in job["settings"], "the preset before is gone, with all that nobody had changed"


def test_a_new_project_starts_with_its_preset_and_name(train: Any) -> None:
    world, page = train()
    assert page.input_value("#lw-set-network_dim") == "64"
    assert page.input_value("#lw-set-output_name") == "penny"
    assert world.projects["penny"]["settings"]["optimizer_args"] == ["decouple=True", "weight_decay=0.01"]


def test_numbers_take_an_exponent_and_show_none(train: Any, until: Any) -> None:
    world, page = train()
    page.fill("#lw-set-unet_lr", "1e-4")
    page.keyboard.press("Tab")
    assert page.input_value("#lw-set-unet_lr") == "0.0001"
    until(lambda: world.projects["penny"]["settings"]["unet_lr"] == 0.0001)
    row = page.locator("[data-name=unet_lr]")
    assert "lw-changed" in row.get_attribute("class")
    row.get_by_role("button", name="Back to the preset's 1").click()
    until(lambda: world.projects["penny"]["settings"]["unet_lr"] == 1)


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [
        ("network_dim", "many", "many is not a number"),
        ("network_dim", "2.5", "2.5 is not a whole number"),
        ("network_dim", "769", "At most 768."),
        ("learning_rate", "-1", "At least 0."),
        ("resolution", "big", "Write 512"),
    ],
)
def test_a_wrong_value_is_told_in_place_and_not_kept(train: Any, name: str, words: str, told: str) -> None:
    world, page = train()
    before = world.projects["penny"]["settings"].get(name)
    page.fill(f"#lw-set-{name}", words)
    page.wait_for_selector(f"[data-name={name}] >> text={told}")
    page.wait_for_timeout(600)
    assert world.projects["penny"]["settings"].get(name) == before
    assert page.get_attribute(f"#lw-set-{name}", "aria-invalid") == "true"


def test_the_plan_waits_until_typing_rests(train: Any, posted: Any, until: Any) -> None:
    world, page = train()
    before = len(posted(world, "plan"))
    page.focus("#lw-set-max_train_steps")
    page.evaluate(TYPE, ["2", "21", "210", "2100"])
    page.wait_for_selector("#lw-plan-sum >> text=42 pictures × 50 epochs = 2,100 steps")
    assert len(posted(world, "plan")) == before + 1
    page.evaluate("document.activeElement.dispatchEvent(new CompositionEvent('compositionstart', {bubbles: true}))")
    page.keyboard.type("0")
    page.wait_for_timeout(900)
    assert len(posted(world, "plan")) == before + 1
    page.evaluate("document.activeElement.dispatchEvent(new CompositionEvent('compositionend', {bubbles: true}))")
    page.wait_for_selector("#lw-train >> text=Train · 21,000 steps")


def test_the_plan_is_made_anew_when_a_run_ends(train: Any, posted: Any, until: Any) -> None:
    """Its files have the output name now, and a drawn set may be fresh."""
    world, page = train(speed=400)
    before = len(posted(world, "plan"))
    page.click("#lw-train")
    page.wait_for_selector("#lw-run >> text=done")
    until(lambda: len(posted(world, "plan")) == before + 1)


def test_buckets_size_and_what_is_not_trained(train: Any) -> None:
    _, page = train()
    widths = page.eval_on_selector_all(".lw-bucket-bar", "bars => bars.map((bar) => bar.getBoundingClientRect().width)")
    assert widths[0] > widths[1] > widths[2] > 0
    assert re.sub(r"\s+", " ", page.inner_text(".lw-buckets")) == "512×768 24 640×576 11 448×832 7"
    assert "37.9 MB" in page.inner_text(".lw-facts")
    page.click("text=1 file is not trained")
    assert "g.gif: it is animated (3 pictures)" in page.inner_text(".lw-ignored")


def test_problems_are_lines_with_their_mend(pages: Any) -> None:
    own = pages()
    own.world.problems = [
        {"severity": "error", "code": "bad-size", "message": "network_args holds nonsense.", "fix": "Take it out."},
        {"severity": "warning", "code": "caption-missing", "message": "2 files lack a caption.", "fix": "Tag them."},
        {"severity": "warning", "code": "reg-seed", "message": "Drawn with seed 7, this run has 8.", "fix": "Draw them anew."},
    ]
    page = own.open(wait=".lw-problem")
    assert page.get_attribute("#lw-train", "aria-disabled") == "true"
    assert page.inner_text("#lw-start-why") == "One problem in the plan has to be mended first."
    page.click("#lw-train", force=True)
    page.wait_for_timeout(300)
    assert not [path for path, _ in own.world.posts if path == "jobs"]
    page.get_by_role("button", name="To the setting").click()
    assert page.evaluate("document.activeElement.id") == "lw-set-network_args"
    page.get_by_role("button", name="To Tag").click()
    page.wait_for_selector("#lw-panel-tag")
    page.click("#lw-tab-train")
    page.get_by_role("button", name="To Reg images").click()
    page.wait_for_selector("#lw-panel-reg")


def test_without_pictures_or_base_it_says_so(pages: Any, until: Any) -> None:
    own = pages()
    own.world.projects["penny"].update(dataset="", base_model="")
    page = own.open(wait="#lw-start-why:not([hidden])")
    assert page.inner_text("#lw-start-why") == "First choose the folder with your pictures, at the top."
    page.locator(".lw-problem", has_text="No base model yet").get_by_role("button").click()
    assert page.evaluate("document.activeElement.id") == "lw-base"
    page.select_option("#lw-base", label="toy_base")
    until(lambda: own.world.projects["penny"]["base_model"] == "/models/toy_base.safetensors")


def test_conflicting_settings_are_disabled_with_the_reason(train: Any) -> None:
    _, page = train()
    page.click("text=Advanced")
    page.check("#lw-set-network_train_unet_only")
    other = page.locator("#lw-set-network_train_text_encoder_only")
    assert other.is_disabled()
    told = page.inner_text("[data-name=network_train_text_encoder_only] .lw-why")
    assert told == "Not together with UNet only (network_train_unet_only); take that out first."
    page.uncheck("#lw-set-network_train_unet_only")
    assert other.is_enabled()
    assert page.locator("#lw-set-dataset_config").is_enabled()


def test_help_and_search(train: Any) -> None:
    _, page = train()
    page.hover("[data-name=network_dim] .lw-set-label")
    page.wait_for_selector("#lw-set-network_dim-help >> text=How much it can learn; 4 to 64.")
    page.wait_for_function("getComputedStyle(document.getElementById('lw-set-network_dim-help')).visibility === 'visible'")
    assert "1 to 768" in page.inner_text("#lw-set-network_dim-help")
    assert page.locator("#lw-set-network_args").count() == 0
    page.fill("#lw-search", "network argum")
    page.wait_for_selector("#lw-set-network_args")
    assert page.locator(".lw-settings .lw-set").count() == 1
    page.fill("#lw-search", "no such setting")
    page.wait_for_selector("text=No setting has these words.")


def test_a_setting_that_does_nothing_says_why_and_acts_again_when_it_does(train: Any) -> None:
    _, page = train()
    page.wait_for_selector("#lw-set-max_train_steps:enabled")
    page.fill("#lw-set-max_train_epochs", "3")
    page.wait_for_selector("#lw-set-max_train_steps:disabled")
    assert page.inner_text("#lw-set-max_train_steps-why") == "max_train_epochs is given in its place."
    page.fill("#lw-set-max_train_epochs", "")
    page.wait_for_selector("#lw-set-max_train_steps:enabled")
    assert page.is_hidden("#lw-set-max_train_steps-why")


def test_a_run_is_followed_live_and_nothing_moves_under_the_hands(train: Any) -> None:
    world, page = train(speed=40)
    page.click("#lw-train")
    page.wait_for_selector("#lw-figures >> text=of 1,040 steps")
    page.focus("#lw-set-seed")
    page.keyboard.type("4", delay=10)
    first = page.inner_text("#lw-figures")
    place = page.locator("#lw-set-seed").bounding_box()
    page.wait_for_function("(before) => document.getElementById('lw-figures').innerText !== before", arg=first)
    page.wait_for_selector(".lw-sample >> nth=2")
    page.keyboard.type("20")
    assert page.input_value("#lw-set-seed") == "420"
    assert page.locator("#lw-set-seed").bounding_box() == place
    assert len(page.get_attribute(".lw-curve-smooth", "d")) > 100
    assert float(page.get_attribute(".lw-curve-band", "height")) > 5
    assert page.locator(".lw-curve-validation circle").count() == 2
    assert "validation 0.24 at step 42" in page.inner_text(".lw-curve-now")
    for words in ("left", "epoch", "loss", "GPU 3.9 GB", "it/s"):
        assert words in page.inner_text("#lw-figures")
    assert "UNet" in page.inner_text(".lw-rates")
    assert re.search(r"training \d+ % · .* left", page.inner_text(".lw-pill"))
    world.samples_share = 0.42  # between two steps
    page.wait_for_selector("#lw-figures >> text=samples 42 %")
    page.wait_for_selector(".lw-pill >> text=samples 42 %")
    world.samples_share = None
    page.wait_for_selector(".lw-pill >> text=left")


def test_pause_save_stop_and_end_after_a_question(train: Any, until: Any) -> None:
    world, page = train(speed=5)
    page.click("#lw-train")
    job = lambda: next(iter(world.jobs.values()))  # noqa: E731
    page.get_by_role("button", name="Save now").click()
    page.wait_for_selector("text=It saves after this step.")
    page.get_by_role("button", name="Pause").click()
    page.wait_for_selector(".lw-pill >> text=paused at")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_selector("#lw-run[data-state=running]")
    page.get_by_role("button", name="End at once …").click()
    page.get_by_role("button", name="Let it go on").click()
    assert job()["state"] == "running"
    page.wait_for_function("document.activeElement.textContent === 'End at once …'")  # where the question came from
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement.textContent === 'End at once …'")
    page.get_by_role("button", name="Stop and save").click()
    page.wait_for_selector("#lw-run >> text=Stopped and saved at step")
    page.get_by_role("button", name="Resume").first.click()
    until(lambda: len(world.jobs) == 2)
    page.wait_for_selector("#lw-run[data-state=running]")
    page.get_by_role("button", name="End at once …").click()
    page.get_by_role("button", name="End it at once").click()
    page.wait_for_selector("#lw-run[data-state=failed] [role=alert] >> text=It was ended at once")
    assert "/log" in page.get_attribute("#lw-run a", "href")


def test_the_queue_in_its_order(train: Any, until: Any) -> None:
    world, page = train(speed=3)
    page.click("#lw-train")
    page.wait_for_selector("#lw-train >> text=Add to queue · 1,040 steps")
    page.click("#lw-train")
    page.wait_for_selector("#lw-queue li")
    page.fill("#lw-set-max_train_steps", "7")
    page.wait_for_selector("#lw-train >> text=Add to queue · 7 steps")
    page.click("#lw-train")
    page.wait_for_selector("#lw-queue li >> nth=1")
    page.wait_for_selector(".lw-pill >> text=2 queued")
    third = list(world.jobs)[2]
    page.locator("#lw-queue li").nth(1).get_by_role("button", name="First").click()
    page.wait_for_selector(f"#lw-queue li:first-child[data-id='{third}']")
    assert world.waiting()[0] == third
    page.locator("#lw-queue li").nth(1).get_by_role("button", name="Take out").click()
    page.wait_for_function("document.querySelectorAll('#lw-queue li').length === 1")
    assert list(world.jobs)[1:] == [third]


def test_old_runs_give_their_settings_back(train: Any, posted: Any, until: Any) -> None:
    world, page = train(speed=5000)
    page.fill("#lw-set-network_dim", "8")
    until(lambda: posted(world, "plan")[-1]["settings"]["network_dim"] == 8)
    page.click("#lw-train:not([aria-disabled])")
    page.wait_for_selector("#lw-run[data-state=done]")
    page.fill("#lw-set-network_dim", "16")
    page.fill("#lw-set-seed", "1")
    page.click("text=Runs before · 1")
    page.get_by_role("button", name="Load these settings").click()
    page.wait_for_selector("text=The settings of penny are in the form now.")
    assert (page.input_value("#lw-set-network_dim"), page.input_value("#lw-set-seed")) == ("8", "")
    until(lambda: world.projects["penny"]["settings"].get("network_dim") == 8)
    assert "seed" not in world.projects["penny"]["settings"]
    page.locator("#lw-history").get_by_role("button", name="Start again").click()
    until(lambda: len(world.jobs) == 2)
    page.wait_for_selector("text=Runs before · 2")
    page.locator("#lw-history").get_by_role("button", name="Remove").first.click()
    page.locator("#lw-history").get_by_role("button", name="Remove").nth(1).click()
    until(lambda: len(world.jobs) == 1)


EXPORTS = [("TOML", "penny.toml"), ("bash", "penny.sh"), ("PowerShell", "penny.ps1"), ("Notebook", "penny.ipynb")]


@pytest.mark.parametrize(("kind", "name"), EXPORTS)
def test_export(train: Any, kind: str, name: str) -> None:
    _, page = train()
    page.click("text=Export …")
    page.get_by_role("button", name=kind).click()
    page.wait_for_selector(f"text={name}")
    assert "network_dim = 64" in page.input_value(".lw-export-text")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a file").click()
    assert download.value.suggested_filename == name


def test_a_finished_lora_goes_to_txt2img(train: Any) -> None:
    world, page = train("/host", speed=5000)
    world.projects["penny"]["tag"]["first"] = ["penny"]
    page.reload()
    page.wait_for_selector("#lw-train:not([aria-disabled])")
    page.fill("#txt2img_prompt textarea", "a beach")
    page.evaluate("window.heard = 0")
    page.evaluate("document.getElementById('txt2img_prompt').addEventListener('input', () => (window.heard += 1))")
    page.click("#lw-train")
    page.get_by_role("button", name="Send to txt2img").click()
    assert page.input_value("#txt2img_prompt textarea") == "a beach, penny, <lora:penny:1>"
    assert page.evaluate("[window.heard, window.switched]") == [1, 1]


def test_a_finished_lora_says_how_it_is_used_and_what_comes_next(train: Any) -> None:
    world, page = train(speed=5000)
    world.projects["penny"]["tag"]["first"] = ["penny"]
    page.reload()
    assert page.locator("#lw-use-prompt").is_hidden()
    page.click("#lw-train:not([aria-disabled])")
    page.wait_for_selector(".lw-use >> text=Put it into the folder models/Lora of your webui")
    assert page.input_value("#lw-use-prompt") == "penny, <lora:penny:1>"
    page.click("text=Test it →")
    page.wait_for_selector("#lw-panel-test")


def test_when_all_is_done(train: Any, until: Any) -> None:
    world, page = train(speed=3)
    page.click("#lw-train")
    page.select_option("#lw-when-done", "command")
    page.fill("#lw-command", "notify done")
    page.keyboard.press("Tab")
    until(lambda: (world.options["when_done"], world.options["command"]) == ("command", "notify done"))
    world.rights = {"restricted": True, "hide_folders": False}
    page.reload()
    page.wait_for_selector("#lw-when-done:disabled")
    assert "--enable-insecure-extension-access" in page.inner_text(".lw-queue-part")


def test_sample_prompts_have_an_example(train: Any, until: Any) -> None:
    world, page = train()
    page.click("text=Sample pictures: no prompts yet")
    page.get_by_role("button", name="Use an example").click()
    until(lambda: "1girl" in world.projects["penny"]["prompts"])
    until(lambda: world.projects["penny"]["settings"].get("sample_every_n_epochs") == 1)
    page.wait_for_selector("text=Sample pictures · 1 prompt")
    assert "--w 512 --h 512" in page.input_value("#lw-prompts")


def test_the_example_of_sample_prompts_has_the_projects_words_and_size(train: Any, until: Any) -> None:
    world, page = train()
    world.projects["penny"]["settings"] = {"resolution": "1024,768"}
    world.projects["penny"].update(reg={"class_word": "1boy"}, tag={**world.projects["penny"]["tag"], "first": ["penny"]})
    page.reload()
    page.click("text=Sample pictures: no prompts yet")
    page.get_by_role("button", name="Use an example").click()
    until(lambda: world.projects["penny"]["prompts"] == "penny, 1boy, smile --w 1024 --h 768 --s 20 --l 7 --d 420")


def test_samples_are_enlarged_by_keyboard(train: Any) -> None:
    _, page = train(speed=400)
    page.click("#lw-train")
    page.wait_for_selector(".lw-sample >> nth=2")
    page.locator(".lw-sample button").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.wait_for_selector(".lw-viewer >> text=epoch 1")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".lw-viewer >> text=epoch 2")
    page.keyboard.press("Escape")
    page.wait_for_selector(".lw-viewer", state="detached")
    assert page.evaluate("document.activeElement.className") == "lw-sample-open"


def test_an_answer_that_comes_after_newer_events_is_not_believed(train: Any) -> None:
    """The run has ended, and the page knows it, before the answer to its start arrives."""
    _, page = train(speed=5000)

    def late(route: Any) -> None:
        answer = route.fetch()
        page.wait_for_selector("#lw-run[data-state=done]")
        route.fulfill(response=answer)

    page.route("**/api/v1/jobs", late)
    page.click("#lw-train")
    page.wait_for_selector("#lw-train:not([aria-busy])")
    page.wait_for_timeout(500)
    assert page.get_attribute("#lw-run", "data-state") == "done"
    assert "idle" in page.inner_text(".lw-pill")
