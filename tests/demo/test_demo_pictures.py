"""The demo's material: regularization prompts without the creature, and a control that really parts tag and picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.demo.run import pictures, workflow
from lora_workbench.demo.run.recipe import Job, load_recipe
from lora_workbench.demo.world.creatures import own_tags, world


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path, "zibbo", 1, False)


def fake_draw(prompts: list[str], first_seed: int) -> list[Image.Image]:
    return [Image.new("RGB", (8, 8), (number, 0, 0)) for number in range(len(prompts))]


def test_regularization_never_names_a_held_back_creature(job: Job) -> None:
    captions = pictures.make_regularization(job, load_recipe(), fake_draw)
    held_back = {*world()["held_back"], *own_tags("zibbo"), *own_tags("mirra")}
    tags = [caption.split(", ") for caption in captions.values()]
    assert len(tags) == load_recipe().regularization_pictures
    assert not held_back & {tag for one in tags for tag in one}
    with_body = [one for one in tags if set(one) & set(world()["body"])]
    assert len(with_body) == len(tags) // 2
    for path, caption in captions.items():
        assert path.with_suffix(".txt").read_text(encoding="utf-8").strip() == caption


def test_control_keeps_all_captions_but_parts_tag_and_creature(job: Job) -> None:
    folder = job.out / "10_zibbo"
    captions = {folder / f"{number}.png": f"zibbo, 1creature, tag {number}" for number in range(16)}
    regularization = {folder / f"r{number}.png": f"1creature, tag {number}" for number in range(32)}
    moved, moved_reg = pictures.shuffle_captions(captions, regularization, seed=1)
    assert list(moved) == list(captions) and list(moved_reg) == list(regularization)
    assert sorted([*moved.values(), *moved_reg.values()]) == sorted([*captions.values(), *regularization.values()])
    named = sum("zibbo" in caption for caption in moved.values())
    assert named < 10, "a third of the creature's pictures should keep its name"
    assert sum(moved[path] == captions[path] for path in captions) < 4
    for path, caption in {**moved, **moved_reg}.items():
        assert path.with_suffix(".txt").read_text(encoding="utf-8").strip() == caption


def test_tests_ask_for_what_was_not_trained(job: Job) -> None:
    recipe = load_recipe()
    remembered = pictures.make_pictures(job, recipe)
    assert len(remembered) == 16 and not list(pictures.training_folder(job, recipe).glob("*.txt"))
    tests = workflow._tests(job, recipe, [one["context"] for one in remembered])
    trained = {frozenset(one["context"]) for one in remembered}
    assert len(tests.prompts) == 32 and not trained & {frozenset(context) for context in tests.context}
    for prompt, plain, context in zip(tests.prompts, tests.plain, tests.context, strict=True):
        assert prompt == f"zibbo, {plain}" and plain == ", ".join(["1creature", *context])
