"""The report: complete, self-contained, honest about what is missed; and its loss curve."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from lora_workbench.demo.run import curve, report
from lora_workbench.demo.run.measures import missed_aims
from lora_workbench.demo.run.recipe import Recipe, load_recipe


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe()


def page(folder: Path, recipe: Recipe, **changes: object) -> str:
    picture = folder / "one.png"
    Image.new("RGB", (16, 16), "orange").save(picture)
    image = Image.open(picture)
    result = {
        "concept_before": 0.01,
        "concept_after": 0.97,
        "context_followed": 0.85,
        "without_tag": 0.05,
        "nearest_copy": 0.6,
        "train_cpu_seconds": 200.0,
        "total_seconds": 300.0,
        "loss_first": 0.1,
        "loss_last": 0.05,
        "lora": "zibbo.safetensors",
        "creature": "zibbo",
        "seed": 1,
        "control": False,
    }
    result |= changes
    result["missed"] = missed_aims(result, recipe.aims)
    plan = {
        "steps": 3,
        "epochs": 1,
        "batches_per_epoch": 3,
        "learning_rates": {"unet_lr": 0.001},
        "file_size_bytes": 4096,
        "problems": [{"severity": "note", "code": "x", "message": "A <b>note</b>.", "fix": ""}],
    }
    shown = report.Shown(
        captions={picture: "zibbo, <smile>"},
        regularization={picture: "1creature"},
        prompts=["zibbo, forest"],
        grid=[[image] * len(recipe.grid_strengths)],
        samples={"before": [image] * 9, "after": [image], "without_tag": [image]},
        losses=[0.3, 0.2, 0.1],
        plan=plan,
    )
    report.write_report(folder / "report.html", result, recipe, shown)
    return (folder / "report.html").read_text(encoding="utf-8")


def test_report_needs_nothing_but_itself(tmp_path: Path, recipe: Recipe) -> None:
    text = page(tmp_path, recipe)
    sources = re.findall(r'(?:src|href)="([^"]{0,40})', text)
    assert len(sources) == len(recipe.grid_strengths) + 3 + 1 + 1
    assert all(source.startswith("data:image/webp;base64,") for source in sources)
    assert not re.findall(r"url\(|@import|<script|<link", text)
    assert "prefers-color-scheme: dark" in text
    assert "$" not in re.sub(r"base64,[^\"]*", "", text)


def test_report_escapes_captions_and_notes(tmp_path: Path, recipe: Recipe) -> None:
    text = page(tmp_path, recipe)
    assert "zibbo, &lt;smile&gt;" in text and "<smile>" not in text
    assert "A &lt;b&gt;note&lt;/b&gt;." in text


def test_report_says_which_aims_are_met(tmp_path: Path, recipe: Recipe) -> None:
    good = page(tmp_path, recipe)
    assert good.count("✓ met") == len(recipe.aims) and "✗ missed" not in good
    assert "Every aim is met" in good
    bad = page(tmp_path, recipe, without_tag=0.5)
    assert bad.count("✗ missed") == 1 and "misses its aim in without_tag" in bad
    control = page(tmp_path, recipe, concept_after=0.2, control=True)
    assert "As it should, it misses concept_after" in control
    assert "can&#x27;t be trusted" in page(tmp_path, recipe, control=True)


def test_loss_curve_puts_losses_at_their_height() -> None:
    drawing = ElementTree.fromstring(curve.loss_curve([0.3, 0.2, 0.1]))
    points = [tuple(map(float, point.split(","))) for point in drawing.find("polyline").get("points").split()]
    assert [x for x, _ in points] == pytest.approx([curve.LEFT, (curve.LEFT + 708) / 2, 708])
    bottom, height = curve.HEIGHT - curve.BOTTOM, curve.HEIGHT - curve.TOP - curve.BOTTOM
    assert [y for _, y in points] == pytest.approx([bottom - height * loss / 0.4 for loss in (0.3, 0.2, 0.1)], abs=0.06)
    assert ElementTree.fromstring(curve.loss_curve([0.5])).find("polyline") is not None


def test_running_mean_takes_a_twentieth_to_either_side() -> None:
    losses = [float(number) for number in range(40)]
    means = curve.running_mean(losses)
    assert means[20] == pytest.approx(20)
    assert means[0] == pytest.approx((0 + 1 + 2) / 3)
    assert curve.running_mean([1.0, 5.0]) == [1.0, 5.0]
