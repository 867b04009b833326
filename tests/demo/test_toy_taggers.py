"""The two shipped taggers: the WD taggers' interface, and that they recognise pictures that they were not trained on."""

from __future__ import annotations

import csv
import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lora_workbench.demo.world.creatures import base_creature, draw_context, named_creature, own_tags, render, tags_of, world

MODELS = Path(__file__).parents[2] / "demo" / "models"
FRESH = 7_000_000  # neither tagger was trained or measured on pictures of these numbers

pytestmark = pytest.mark.parametrize("name", ["toy_tagger", "toy_judge"])


@cache
def opened(name: str) -> object:
    """The folder's model in onnxruntime, on one thread."""
    onnxruntime = pytest.importorskip("onnxruntime")
    path = MODELS / name / "model.onnx"
    if not path.is_file():
        pytest.skip(f"demo/models/{name}/model.onnx is missing")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def rows(name: str) -> list[dict[str, str]]:
    """The folder's selected_tags.csv."""
    opened(name)  # skips where the folder is missing
    with (MODELS / name / "selected_tags.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def probabilities(name: str, images: list[Image.Image]) -> np.ndarray:
    """[pictures, tags], prepared here as WD taggers want it: 448 by 448, bicubic, BGR, 0 to 255."""
    big = [np.asarray(image.resize((448, 448), Image.Resampling.BICUBIC), dtype=np.float32)[:, :, ::-1] for image in images]
    return opened(name).run(None, {"input": np.stack(big)})[0]


@cache
def fresh() -> list[tuple[Image.Image, set[str]]]:
    """Twenty creatures of the base's world and ten of each held-back one, with what is true of them."""
    rng = random.Random("fresh pictures")
    creatures = [base_creature(FRESH + number) for number in range(20)]
    for held_back in world()["held_back"]:
        creatures += [named_creature(held_back, draw_context(rng), FRESH + number) for number in range(10)]
    return [(render(creature), set(tags_of(creature))) for creature in creatures]


def test_the_files_have_the_wd_taggers_interface(name: str) -> None:
    (given,), (result,) = opened(name).get_inputs(), opened(name).get_outputs()
    assert (given.name, given.type, given.shape[1:]) == ("input", "tensor(float)", [448, 448, 3])
    tags = rows(name)
    assert list(tags[0]) == ["tag_id", "name", "category", "count"]
    assert [row["name"] for row in tags if row["category"] == "9"] == ["general", "sensitive", "questionable", "explicit"]
    assert [row["category"] for row in tags[:4]] == ["9"] * 4
    assert [row["name"] for row in tags if row["category"] == "4"] == ["zibbo", "mirra"]
    assert {"1creature", "round_body", "top_hat", "star_body"} <= {row["name"] for row in tags if row["category"] == "0"}
    assert result.shape[1] == len(tags)
    chances = probabilities(name, [fresh()[0][0]])
    assert chances.shape == (1, len(tags)) and chances.min() >= 0 and chances.max() <= 1
    assert [row["name"] for row, chance in zip(tags[:4], chances[0], strict=False) if chance > 0.5] == ["general"]


def test_a_pictures_tags_do_not_depend_on_its_batch(name: str) -> None:
    images = [image for image, _ in fresh()[:5]]
    alone = np.concatenate([probabilities(name, [image]) for image in images])
    np.testing.assert_allclose(probabilities(name, images), alone, atol=1e-4)
    assert np.abs(alone[0] - alone[1]).max() > 0.5  # and pictures do differ


def test_fresh_pictures_are_recognised(name: str) -> None:
    tags = [row["name"].replace("_", " ") for row in rows(name)]
    seen = probabilities(name, [image for image, _ in fresh()]) > 0.5
    true = np.array([[tag in truth for tag in tags] for _, truth in fresh()])
    counted = [number for number, row in enumerate(rows(name)) if row["category"] != "9" and row["name"] != "1creature"]
    hits = (seen & true)[:, counted].sum()
    assert 2 * hits / (seen[:, counted].sum() + true[:, counted].sum()) >= 0.9


def test_held_back_creatures_are_not_seen_in_others(name: str) -> None:
    tags = [row["name"].replace("_", " ") for row in rows(name)]
    chances = probabilities(name, [image for image, _ in fresh()])
    for number, held_back in enumerate(world()["held_back"]):
        own = [tags.index(tag) for tag in (held_back, *own_tags(held_back))]
        its = range(20 + 10 * number, 30 + 10 * number)
        others = [i for i in range(len(chances)) if i not in its]
        assert chances[np.ix_(its, own)].mean() > 0.8
        assert chances[np.ix_(others, own)].mean() < 0.05
