"""The demo's picture sets: balanced, without captions, and prompts that no training picture answers."""

from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.demo.world import pictures
from lora_workbench.demo.world.creatures import own_tags, world


def test_training_pictures_are_sixteen_different_pngs_alone(tmp_path: Path) -> None:
    remembered = pictures.make_training_pictures(tmp_path / "10_zibbo", "zibbo", 16, seed=3)
    files = sorted((tmp_path / "10_zibbo").iterdir())
    assert files == [one["path"] for one in remembered]
    assert [file.name for file in files] == [f"zibbo_{n:02d}.png" for n in range(1, 17)]
    opened = [Image.open(file) for file in files]
    assert {(image.mode, image.size) for image in opened} == {("RGB", (128, 128))}
    assert len({image.tobytes() for image in opened}) == 16
    assert len({frozenset(one["context"]) for one in remembered}) == 16


def test_every_context_tag_is_dealt_out_evenly(tmp_path: Path) -> None:
    remembered = pictures.make_training_pictures(tmp_path, "mirra", 18, seed=5)
    tags = [tag for one in remembered for tag in one["context"]]
    for kind in ("eyes", "mouth", "background"):  # always there, so 18 divide evenly by 3 and by 6
        choices = world()[kind]
        assert {tags.count(tag) for tag in choices} == {18 // len(choices)}
    assert {round(18 * 0.65 / 3)} == {tags.count(tag) for tag in world()["hat"]}


@pytest.mark.parametrize("name", ["zibbo", "mirra"])
def test_prompts_hold_the_activation_tag_and_unseen_combinations(name: str, tmp_path: Path) -> None:
    seen = [one["context"] for one in pictures.make_training_pictures(tmp_path, name, 16, seed=1)]
    # every prompt of a first draw is excluded in the second, which must then avoid it
    first = pictures.test_prompts(name, 32, seed=1, exclude=seen)
    second = pictures.test_prompts(name, 32, seed=1, exclude=[*seen, *(one["context"] for one in first)])
    combinations = [frozenset(one["context"]) for one in [*first, *second]]
    assert len(set(combinations)) == 64
    assert not set(combinations) & {frozenset(context) for context in seen}
    known = {tag for kind in world()["context_kinds"] for tag in world()[kind]}
    for one in first:
        tags = one["prompt"].split(", ")
        assert tags[0] == name and set(tags[1:]) == {"1creature", *one["context"]}
        assert set(one["context"]) <= known and not set(tags) & set(own_tags(name))


def test_true_renders_repeat_by_seed_and_are_no_training_pictures(tmp_path: Path) -> None:
    true = [image.tobytes() for image in pictures.true_renders("zibbo", 8, seed=1)]
    assert true == [image.tobytes() for image in pictures.true_renders("zibbo", 8, seed=1)]
    trained = [Image.open(one["path"]).tobytes() for one in pictures.make_training_pictures(tmp_path, "zibbo", 8, seed=1)]
    assert len(set(true) | set(trained)) == 16
