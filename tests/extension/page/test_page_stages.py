"""Stages in the Train tab: divided, changed, reordered and put together again by clicking, and shown by the plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def scene(pages: Callable[..., Any]) -> tuple[Any, Any]:
    """The Train tab with the stages open, and the made-up world behind it."""
    opened = pages()
    opened.world.projects["penny"]["settings"] = {"max_train_steps": 84, "train_batch_size": 1, "unet_lr": 0.001}
    page = opened.open(wait="#lw-plan-sum:not(:empty)")
    page.click("#lw-stages summary")
    return page, opened.world


def settings(world: Any) -> dict[str, Any]:
    return world.projects["penny"]["settings"]


def lines(page: Any) -> list[str]:
    return page.eval_on_selector_all("#lw-plan-stages li", "all => all.map((one) => one.textContent)")


def test_a_run_is_divided_and_the_plan_shows_its_stages(scene: tuple[Any, Any], until: Any) -> None:
    page, world = scene
    assert page.inner_text("#lw-stages summary") == "Stages: one" and page.is_hidden("#lw-plan-stages")
    page.click("#lw-stage-add")
    until(lambda: settings(world).get("stages"))
    assert settings(world)["stages"] == [{"max_train_steps": 84}, {"max_train_epochs": 2, "lr_scheduler": "cosine"}]
    assert "max_train_steps" not in settings(world), "each stage has a length of its own"
    until(lambda: len(lines(page)) == 2)
    assert lines(page) == [
        "steps 1 to 84 · epochs 1 to 2 · AdamW, constant · UNet 1, text encoder 1",
        "steps 85 to 168 · epochs 3 to 4 · AdamW, cosine · UNet 1, text encoder 1",
    ]
    assert page.inner_text("#lw-plan-sum") == "168 steps in 4 epochs of 2 stages"
    two = {"steps": 36, "epochs": 4, "images": 9, "batches_per_epoch": 9, "subsets": [{"images": 9, "repeats": 1}]}
    two["subsets"].append({"images": 9, "copies": 9, "is_reg": True})
    sum_of = "async (plan) => (await import('/lora_workbench/page/plan_view.js')).sumOf(plan, {num_processes: 2})"
    assert page.evaluate(sum_of, two) == "9 pictures + 9 reg pictures ÷ 2 → 9 an epoch × 4 epochs = 36 steps"
    changed = page.eval_on_selector_all("#lw-stages .lw-changed", "all => all.map((one) => one.dataset.name)")
    assert changed == ["max_train_steps", "max_train_epochs", "lr_scheduler"]

    page.fill("#lw-stage-2-unet_lr", "2e-4")
    page.select_option("#lw-stage-1-lr_scheduler", "linear")
    page.fill("#lw-stage-2-max_train_steps", "10")
    page.fill("#lw-stage-2-more", "optimizer_type=Lion\nmin_snr_gamma=5")
    first, second = {"max_train_steps": 84, "lr_scheduler": "linear"}, {
        "max_train_steps": 10, "lr_scheduler": "cosine", "unet_lr": 0.0002, "optimizer_type": "Lion", "min_snr_gamma": "5",
    }  # fmt: skip
    until(lambda: settings(world)["stages"] == [first, second])
    until(lambda: "steps 85 to 94 · epochs 3 to 3 · AdamW, cosine · UNet 0.0002, text encoder 1" in lines(page))


def test_a_line_that_is_no_setting_is_told_in_place(scene: tuple[Any, Any], until: Any) -> None:
    page, world = scene
    page.click("#lw-stage-add")
    page.fill("#lw-stage-2-more", "optimizer_type Lion")
    until(lambda: "Write each line as name=value, not optimizer_type Lion." in page.inner_text("#lw-stages"))
    assert page.get_attribute("#lw-stage-2-more", "aria-invalid") == "true"
    until(lambda: "stages" in settings(world))
    assert "optimizer_type Lion" not in str(settings(world)["stages"])


def test_stages_are_moved_and_a_last_one_is_the_run_again(scene: tuple[Any, Any], until: Any) -> None:
    page, world = scene
    for _ in range(2):
        page.click("#lw-stage-add")
    page.fill("#lw-stage-3-unet_lr", "0.5")
    until(lambda: len(lines(page)) == 3)
    assert page.is_disabled(".lw-stage:nth-child(1) [aria-label=Earlier]")
    assert page.is_disabled(".lw-stage:nth-child(3) [aria-label=Later]")
    page.click(".lw-stage:nth-child(3) [aria-label=Earlier]")
    until(lambda: [one.get("unet_lr") for one in settings(world)["stages"]] == [None, 0.5, None])
    assert page.input_value("#lw-stage-2-unet_lr") == "0.5" and page.input_value("#lw-stage-3-unet_lr") == ""

    page.click(".lw-stage:nth-child(3) [aria-label='Remove this stage']")
    page.click(".lw-stage:nth-child(1) [aria-label='Remove this stage']")
    until(lambda: "stages" not in settings(world))
    assert settings(world)["max_train_epochs"] == 2 and settings(world)["unet_lr"] == 0.5
    assert settings(world)["lr_scheduler"] == "cosine"
    assert page.inner_text("#lw-stages summary") == "Stages: one"
    until(lambda: page.is_hidden("#lw-plan-stages"))
