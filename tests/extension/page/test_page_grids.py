"""The Test tab by clicking and by keys, on the real API: from a training to a grid, from a cell to the next run in Train."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.grid_scene import Answers, draw, make_run
from lora_workbench.trainer_core.events import EventLog, hold_job

sys.path.insert(0, str(Path(__file__).parent))
from caption_server import make_folder, serving

SIZE = {"width": 1366, "height": 768}
EVIL = "<img src=x onerror=window.hacked=1>"
CELL = ".lw-test-cell[data-cell='e2/te0.5/unet0.5/p1']"
CAPTIONS = {"a": "penny, boots", "b": "penny, hat", "c": "penny, boots, hat"}
PLAN = {"steps": 8, "epochs": 2, "batches_per_epoch": 4, "images": 3, "buckets": [], "subsets": [], "problems": []}
OVERFLOWS = """() => [...document.querySelectorAll('.lw-test-options, .lw-test-options *, .lw-test-choice')]
  .filter((one) => !one.matches("input, textarea, select") && one.clientWidth)
  .filter((one) => one.scrollWidth > one.clientWidth + 1).length"""
TWICE = """() => [...document.querySelectorAll('[id]')].map(({ id }) => id).filter((id, at, all) => all.indexOf(id) !== at)"""
READ = """async (address) => {
  const image = Object.assign(new Image(), { src: address });
  await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
  canvas.getContext('2d').drawImage(image, 0, 0);
  return [...canvas.getContext('2d').getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""
IN_SIGHT = """(cell) => {
  const [own, place] = [cell, '.lw-test-grids'].map((one) => document.querySelector(one).getBoundingClientRect());
  return own.top >= place.top && own.bottom <= place.bottom + 1;
}"""


class Scene:
    """An open window on the tab with the server's parts behind it."""

    def __init__(self, page: Any, bench: Workbench, answers: Answers) -> None:
        self.page, self.bench, self.answers = page, bench, answers

    def drawn(self, kind: str = "grid") -> list[str]:
        """Waits for the job that the page asked for, does it, and waits for the page to say so; the cells' ids."""
        for _ in range(200):
            found = next((one for one in self.bench.jobs.refresh() if one.kind == kind and one.state == "queued"), None)
            if found:
                break
            self.page.wait_for_timeout(50)
        assert found, "the page asked for no job"
        ids = draw(found.job["options"]) if kind == "grid" else []
        lock = hold_job(found.folder)
        self.bench.jobs.change(found, started=time.time() - 100)
        events = EventLog(found.folder)
        events.write("start", total=len(ids))
        for share, left, words in [(0.0, None, "The first of"), (0.25, 9.0, "9 s left")]:  # within the first batch
            told = {"step": 0, "steps": max(1, len(ids)), "share": share, "seconds_left": left, "picture": None}
            events.write("progress", **told)
            self.page.wait_for_selector(f".lw-test .lw-tag-live:visible >> text={words}")
        assert self.page.get_attribute(".lw-test .lw-tag-live:visible [role=progressbar]", "aria-valuenow") == "25"
        events.write("progress", step=len(ids), steps=len(ids), share=1.0, seconds_left=0.0, picture="")
        events.write("done", summary=f"{len(ids)} pictures drawn, 0 were there: grid.html", path=None)
        events.close()
        lock.release()
        self.page.wait_for_selector(f".lw-test .lw-told:visible >> text={len(ids)} pictures drawn")
        return ids

    def use(self, **options: Any) -> None:
        self.bench.projects.change({"test": options}, self.bench.rights)

    def label(self, words: str) -> None:
        self.page.wait_for_selector(f"#lw-test-make:not([aria-disabled]) >> text={words}")


@pytest.fixture
def scene(browser: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    options = getattr(request, "param", {})
    wrong: list[str] = []
    folder = make_folder(tmp_path / "data" / "sets" / "penny", CAPTIONS)
    with serving(tmp_path / "data", folder, options.get("language", "en")) as (address, bench):
        answers = Answers({"plan": {**PLAN, "output_name": "penny"}, **options.get("made_up", {})})
        bench.plans = bench.thumbs = bench.tagger = answers  # type: ignore[assignment]
        bench.projects.change({"page": "test", "tag": {"first": ["penny"]}}, bench.rights)
        if options.get("trained", True):
            make_run(bench)
        context = browser.new_context(viewport=SIZE, locale="en-US")
        page = context.new_page()
        page.set_default_timeout(40_000)
        page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
        page.on("console", lambda one: one.type == "error" and "400" not in one.text and wrong.append(one.text))
        page.goto(address)
        page.wait_for_selector("#lw-panel-test")
        yield Scene(page, bench, answers)
        context.close()
    assert not wrong


def test_from_a_training_to_the_next_run(scene: Scene) -> None:
    page = scene.page
    scene.label("Make 65 pictures")  # 3 snapshots × 4 strengths × 5 prompts, and the base's 5
    page.fill("#lw-test-strength", "0.5 1")
    scene.label("Make 35 pictures")
    page.click("#lw-test-make")
    ids = scene.drawn()
    assert len(ids) == 35
    page.wait_for_selector(f"{CELL} img[src]")
    heads = page.locator(".lw-test-grids table").first.locator("thead th").all_inner_texts()
    assert heads == ["", "base, without LoRA", "e1", "e2", "e3"]
    assert page.locator(f"{CELL} + .lw-test-numbers").inner_text() == "drift 3 %"
    assert "help for the eye, not judges" in page.inner_text(".lw-test-table")
    page.click(CELL)
    page.wait_for_selector("#lw-test-chosen >> text=e2 · te 0.5 · unet 0.5 · prompt 1")
    page.wait_for_selector("text=The UNet had to be lowered to 0.5: overfit; lower unet_lr (times 0.5).")
    page.wait_for_selector("text=e2 is better than e3: training went on too long")
    assert page.inner_text("#lw-test-changes") == (
        "→ unet_lr 0.0001 → 0.00005 · text_encoder_lr 0.00005 → 0.000025 · max_train_epochs 3 → 2 · keep penny-000002"
    )
    assert page.evaluate(OVERFLOWS) == 0
    last = CELL.replace("p1", "p5")
    page.click(last)  # at the bottom, where what is said of it takes the room
    page.wait_for_selector("#lw-test-chosen >> text=prompt 5")
    page.wait_for_function(IN_SIGHT, arg=last)
    page.keyboard.press("Space")
    page.wait_for_selector(".lw-viewer >> text=/prompt 5 · drift 3 % · penny, /")
    page.keyboard.press("Escape")
    page.click(CELL)
    page.wait_for_selector("#lw-test-chosen >> text=prompt 1")
    assert page.evaluate(TWICE) == []  # a label of another section would lead to a hidden field
    files = sorted(Path(scene.bench.jobs.refresh()[-1].job["settings"]["output_dir"]).glob("*.safetensors"))
    page.check("#lw-test-delete")
    page.click("#lw-test-next")
    page.wait_for_selector("text=Delete these files for good: penny-000001.safetensors, penny.safetensors?")
    assert page.evaluate("document.activeElement.innerText") == "Keep them"
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert all(path.is_file() for path in files) and page.is_visible("#lw-panel-test")
    page.click("#lw-test-next")
    page.get_by_role("button", name="Delete them").click()
    page.wait_for_selector("#lw-panel-train")
    assert [path.name for path in files if path.is_file()] == ["penny-000002.safetensors"]
    page.wait_for_selector("#lw-set-unet_lr")
    assert page.input_value("#lw-set-unet_lr") == "0.00005"
    assert page.input_value("#lw-set-max_train_epochs") == "2"
    page.reload()  # where the settings came from is still said
    page.wait_for_selector("#lw-set-unet_lr")
    assert "From e2 · te 0.5 · unet 0.5 · prompt 1 of penny: unet_lr 0.0001 → 0.00005" in page.inner_text("#lw-next-run")
    kept = scene.bench.projects.current()
    assert kept and kept["settings"]["text_encoder_lr"] == 2.5e-5 and kept["base_model"].endswith("base.safetensors")
    page.wait_for_selector("#lw-train:not([aria-disabled]) >> text=8 steps")


def test_no_grid_is_planned_with_files_that_are_being_deleted(scene: Scene, slow: Callable[..., None]) -> None:
    page = scene.page
    scene.use(strength=[0.5, 1.0])
    page.reload()
    scene.label("Make 35 pictures")
    page.click("#lw-test-make")
    scene.drawn()
    page.click(CELL)
    page.wait_for_selector("#lw-test-chosen >> text=e2 · te 0.5 · unet 0.5 · prompt 1")
    slow(page, "test/keep", 1500)
    page.check("#lw-test-delete")
    page.click("#lw-test-next")
    page.get_by_role("button", name="Delete them").click()
    page.fill("#lw-test-strength", "0.5")  # or a job ends, in another window: the grid is to be planned anew
    page.wait_for_selector("#lw-panel-train")
    assert len(list(Path(scene.bench.jobs.refresh()[-1].job["settings"]["output_dir"]).glob("*.safetensors"))) == 1
    page.click("#lw-tab-test")
    scene.label("Show these 10 pictures")  # of the one that is left, and the base's; all are drawn


def test_by_keyboard_alone(scene: Scene) -> None:
    page = scene.page
    scene.use(strength=[0.5, 1.0], suites=[], prompts=f"penny, smile\npenny, {EVIL}")
    page.reload()
    scene.label("Make 14 pictures")
    page.click("#lw-test-make")
    scene.drawn()
    page.wait_for_selector(f"{CELL} img[src]")
    assert EVIL in page.inner_text(".lw-test-grids") and page.evaluate("window.hacked") is None
    page.focus(".lw-test-cell[tabindex='0']")
    here = "document.activeElement.dataset.cell"
    assert page.evaluate(here) == "base/p1"
    for key, expected in [("ArrowRight", "e1/te0.5/unet0.5/p1"), ("ArrowRight", "e2/te0.5/unet0.5/p1"),
                          ("ArrowDown", "e2/te0.5/unet0.5/p2"), ("ArrowDown", "e2/te1.0/unet1.0/p1"),
                          ("ArrowUp", "e2/te0.5/unet0.5/p2")]:  # fmt: skip
        page.keyboard.press(key)
        assert page.evaluate(here) == expected
    width = page.locator(CELL).bounding_box()["width"]
    page.keyboard.press("+")
    assert page.locator(CELL).bounding_box()["width"] > width
    page.keyboard.press("Space")
    page.wait_for_selector(".lw-viewer >> text=e2 · te 0.5 · unet 0.5 · prompt 2 · drift 3 %")
    own = page.get_attribute(".lw-viewer-picture", "src")
    page.keyboard.down("b")
    page.wait_for_selector(".lw-viewer >> text=the base's picture in the place of e2")
    base = page.get_attribute(".lw-viewer-picture", "src")
    page.keyboard.up("b")
    page.wait_for_selector(".lw-viewer >> text=/e2 · te 0.5 · unet 0.5 · prompt 2/")
    assert base != own == page.get_attribute(".lw-viewer-picture", "src")
    page.keyboard.down("d")
    page.wait_for_selector(".lw-viewer >> text=what e2 · te 0.5 · unet 0.5 · prompt 2 has otherwise than the base")
    page.wait_for_selector(".lw-viewer-picture[src^='data:image/png']")
    both = [page.evaluate(READ, one) for one in (own, base)]
    shown = page.evaluate(READ, page.get_attribute(".lw-viewer-picture", "src"))
    assert shown == [min(255, 3 * abs(one - other)) for one, other in zip(*both, strict=True)] != [0, 0, 0]
    page.keyboard.up("d")
    page.wait_for_function("own => document.querySelector('.lw-viewer-picture').getAttribute('src') === own", arg=own)
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(".lw-viewer >> text=e1 · te 0.5 · unet 0.5 · prompt 2")
    page.keyboard.press("c")
    page.wait_for_selector("#lw-test-chosen >> text=e1 · te 0.5 · unet 0.5 · prompt 2")
    assert page.evaluate(here) == "e1/te0.5/unet0.5/p2"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("#lw-test-chosen >> text=e2 · te 0.5 · unet 0.5 · prompt 2")
    page.reload()  # the grid is there again
    page.wait_for_selector(f"{CELL} img[src]")
    page.wait_for_selector("#lw-test-make >> text=Show these 14 pictures")


def test_what_varies(scene: Scene) -> None:
    page = scene.page
    scene.label("Make 65 pictures")
    page.click("#lw-test-way-parts")
    scene.label("Make 130 pictures")  # of the last snapshot alone: 5 × 5 strengths × 5 prompts, and the base's 5
    chips = page.locator(".lw-test-chip[aria-pressed=true]").all_inner_texts()
    assert chips == ["last"]
    page.locator(".lw-test-chip", has_text="e2").click()
    scene.label("Make 255 pictures")
    page.click("#lw-test-way-together")
    page.fill("#lw-test-strength", "1, 2")
    page.fill("#lw-test-seeds", "1 2 3")
    scene.label("Make 75 pictures")
    page.fill("#lw-test-strength", "0.5-1.5 (+0.25), 0-1 [2]")  # webui's ranges: 0.5 0.75 1 1.25 1.5, and 0
    page.fill("#lw-test-seeds", "1-2")
    scene.label("Make 130 pictures")
    assert (scene.bench.projects.current() or {})["test"]["strength"] == [0.5, 0.75, 1, 1.25, 1.5, 0]
    page.fill("#lw-test-strength", "1, 2")
    page.fill("#lw-test-seeds", "1.5")
    page.wait_for_selector("text=Whole numbers from 0 to 9000000000000000.")
    page.fill("#lw-test-seeds", "4")
    page.locator(".lw-test-suites input").first.uncheck()
    page.wait_for_selector("#lw-test-make-why >> text=There are no prompts: tick a list of prompts, or write one.")
    assert page.get_attribute("#lw-test-make", "aria-disabled") == "true"
    page.fill("#lw-test-prompts", "penny, smile --n hat")
    scene.label("Make 5 pictures")
    page.locator(".lw-test-more summary").click()
    page.select_option("#lw-test-columns", "checkpoints")
    page.wait_for_selector("#lw-test-make-why >> text=checkpoints has one value only")
    page.select_option("#lw-test-columns", "sampler")
    page.select_option("#lw-test-more-samplers", "DDIM")
    scene.label("Make 10 pictures")
    assert "DDIM" not in page.locator("#lw-test-more-samplers option").all_inner_texts()
    page.select_option("#lw-test-more-samplers", "Heun")
    scene.label("Make 15 pictures")
    page.get_by_role("button", name="take Heun out").click()
    page.fill("#lw-test-more-steps", "25, 30-40 (+10)")
    page.fill("#lw-test-clip-skip", "1 2")
    scene.label("Make 80 pictures")  # 2 samplers × 4 numbers of steps × 2 clip skips, each of 5
    page.fill("#lw-test-clip-skip", "")
    page.fill("#lw-test-more-steps", "")
    page.get_by_role("button", name="take DDIM out").click()
    page.wait_for_selector("#lw-test-make-why >> text=sampler has one value only")
    page.select_option("#lw-test-columns", "checkpoints")
    page.wait_for_selector("#lw-test-make-why >> text=checkpoints has one value only")
    kept = scene.bench.projects.current()
    assert kept and kept["test"]["snapshots"] == ["penny.safetensors", "penny-000002.safetensors"]
    assert kept["test"]["strength"] == [1, 2] and kept["test"]["seeds"] == [4] and kept["test"]["columns"] == "checkpoints"
    assert page.evaluate(OVERFLOWS) == 0


def test_lists_of_prompts(scene: Scene) -> None:
    page = scene.page
    page.click("#lw-suite-new")
    page.fill("#lw-suite-name", "red hats")
    page.fill("#lw-suite-text", "SUBJECT, red hat\nSUBJECT, top hat")
    page.click("#lw-suite-save")
    page.locator("label", has_text="red hats (2)").click()
    page.locator("label", has_text="First look (5)").click()
    scene.label("Make 26 pictures")
    page.locator(".lw-radio", has_text="red hats").get_by_role("button", name="edit").click()
    page.fill("#lw-suite-text", "SUBJECT, red hat")
    page.click("#lw-suite-save")
    scene.label("Make 13 pictures")
    page.locator(".lw-radio", has_text="First look").get_by_role("button", name="edit").click()
    assert "SUBJECT, full body" in page.input_value("#lw-suite-text")
    page.fill("#lw-suite-text", "SUBJECT")
    page.click("#lw-suite-save")
    page.wait_for_selector("label >> text=First look (1)")
    page.locator(".lw-radio", has_text="First look").get_by_role("button", name="edit").click()
    page.get_by_role("button", name="Take back …").click()
    page.get_by_role("button", name="Take back", exact=True).click()
    page.wait_for_selector("label >> text=First look (5)")


@pytest.mark.parametrize(
    "scene",
    [{"made_up": {"whose_fault": {"pictures": [], "likeness_among": 0.5, "tags": []}}}],
    indirect=True,
)
def test_whose_fault_leads_to_the_captions(scene: Scene) -> None:
    page = scene.page
    folder = scene.bench.host.data / "sets" / "penny"
    likes = [{"path": str(folder / "a.png"), "likeness": 0.912, "caption": "penny, boots"}]
    stuck = {"tag": "boots", "score": 0.81, "captions": 2, "seen": 3, "of": 3, "in_base": False}
    pictures = [str(folder / f"{name}.png") for name in "abc"]
    scene.answers.made_up["whose_fault"].update(pictures=likes, tags=[{**stuck, "pictures": pictures}])
    scene.use(strength=[0.5, 1.0], suites=[], prompts="penny, smile")
    page.reload()
    scene.label("Make 7 pictures")
    page.click("#lw-test-make")
    scene.drawn()
    page.click(".lw-test-cell[data-cell='e2/te0.5/unet0.5']")
    page.click("#lw-test-whose")
    page.wait_for_selector("#lw-test-fault >> text=0.91")
    assert "the tagger is 81 % sure" in page.inner_text("#lw-test-fault")
    page.wait_for_function("() => document.querySelector('#lw-test-fault img')?.naturalWidth > 0")
    page.get_by_role("button", name="boots: in 2 of 3 captions").click()
    page.wait_for_selector("#lw-panel-captions")
    page.wait_for_function("() => document.querySelector('#lw-filter-count')?.textContent === '2 of 3'")
    assert page.input_value("#lw-filter") == 'has:"boots"'
    page.click("#lw-tab-test")
    page.get_by_role("button", name="seen in 3 pictures").click()  # those that don't name it
    page.wait_for_function("() => document.querySelector('#lw-filter-count')?.textContent === '1 of 3'")
    page.wait_for_selector(".lw-captions .lw-cell[title='b.png']")


def test_webuis_plot_is_there_to_copy(scene: Scene) -> None:
    page = scene.page
    scene.use(strength=[0.5, 1.0], suites=[], prompts="penny, smile")
    page.reload()
    scene.label("Make 7 pictures")
    page.click("#lw-test-make")
    scene.drawn()
    page.locator("summary", has_text="X/Y/Z").click()
    assert "X values  smile, smile <lora:penny-000001:te=0.5:unet=0.5>" in page.input_value("#lw-test-plot")
    page.locator("details", has=page.locator("#lw-test-plot")).get_by_role("button", name="Copy").click()
    page.wait_for_selector("text=/Copied|press Ctrl/")


def test_what_the_base_knows(scene: Scene) -> None:
    page = scene.page
    page.click("#lw-test-prior")
    page.wait_for_selector("#lw-prior-make[aria-disabled]")
    assert "First choose a base model" in page.inner_text("#lw-prior-make-why")
    base = scene.bench.host.data / "models" / "base.safetensors"
    scene.bench.projects.change({"base_model": str(base)}, scene.bench.rights)
    page.reload()
    page.fill("#lw-test-prior-count", "2")
    page.click("#lw-prior-make:not([aria-disabled]) >> text=Make 2 pictures")
    for _ in range(100):
        job = next((one for one in scene.bench.jobs.refresh() if one.kind == "prior"), None)
        if job:
            break
        page.wait_for_timeout(50)
    assert job and job.job["options"]["activation"] == "penny"
    out = Path(job.job["options"]["out"])
    out.mkdir(parents=True)
    for number in (1, 2):
        (out / f"{number:04d}.png").write_bytes((scene.bench.host.data / "sets" / "penny" / "a.png").read_bytes())
    scene.drawn("prior")
    page.wait_for_selector("text=What the base draws for: penny")
    assert page.locator(".lw-prior-shelf img").count() == 2
    page.locator(".lw-prior-shelf button").first.focus()
    page.keyboard.press("Space")
    page.wait_for_selector(".lw-viewer >> text=1 / 2")


@pytest.mark.parametrize("scene", [{"trained": False}], indirect=True)
def test_without_a_training_the_page_teaches(scene: Scene) -> None:
    page = scene.page
    page.wait_for_selector("text=Here pictures show what a LoRA learnt. First train one.")
    page.wait_for_selector("#lw-test-make-why >> text=There is no LoRA to look at")
    page.get_by_role("button", name="To Train").click()
    page.wait_for_selector("#lw-panel-train")
    assert not page.locator("#lw-panel-test").is_visible()
