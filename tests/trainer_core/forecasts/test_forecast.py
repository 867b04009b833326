"""The forecast in the plan: memory against the card, time from measured steps, disk against what is free."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.trainer_core.forecasts import forecast as room
from lora_workbench.trainer_core.forecasts.cards import GIBIBYTE, Card
from lora_workbench.trainer_core.forecasts.forecast import duration, step_times
from lora_workbench.trainer_core.forecasts.times import FILE, read_times
from lora_workbench.trainer_core.plan import Plan, make_plan
from lora_workbench.trainer_core.planning.fixes import fix
from lora_workbench.trainer_core.settings import Settings

Make = Callable[..., Plan]


@pytest.fixture
def plan(random_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """The plan of a sound run on a machine without a GPU; keyword arguments replace or add."""
    monkeypatch.setattr(room, "found_card", lambda: None)
    folder = tmp_path / "pictures" / "2_penny"
    folder.mkdir(parents=True)
    for number in range(3):
        Image.new("RGB", (128, 128), (40 * number, 0, 0)).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(f"penny, number {number}", encoding="utf-8")

    def make(**changes: object) -> Plan:
        values = {
            "pretrained_model_name_or_path": str(random_base), "train_data_dir": str(folder.parent), "resolution": "128",
            "caption_extension": ".txt", "output_dir": str(tmp_path / "out"), "network_dim": 4, "network_alpha": 4,
            "learning_rate": 1e-4, "max_train_steps": 60, "seed": 7, "data_dir": str(tmp_path / "data"), **changes,
        }  # fmt: skip
        return make_plan(Settings.of(**values))

    return make


def test_a_card_that_is_too_small_is_told_and_mended(plan: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"mixed_precision": "no", "train_batch_size": 3, "resolution": "256"}
    before = plan(**words)
    assert before.forecast.memory is not None and before.forecast.as_dict()["memory"]["card"] is None
    assert not [one for one in before.problems if one.code == "memory-above-card"]
    card = Card("Toy 1", GIBIBYTE + before.forecast.memory.peak * 2 // 3)
    monkeypatch.setattr(room, "found_card", lambda: card)
    tight = plan(**words)
    (problem,) = (one for one in tight.problems if one.code == "memory-above-card")
    assert problem.severity == "warning" and problem.fixable and "Toy 1" in problem.message
    assert problem.fix.startswith("Set ")
    told = tight.as_dict()["forecast"]["memory"]
    assert told["card"] == {"name": "Toy 1", "bytes": card.memory, "fits": False}
    assert told["lighter"][-1]["bytes"] + GIBIBYTE <= card.memory
    fixed = fix("memory-above-card", tight)
    mended = make_plan(fixed.settings)
    assert not [one for one in mended.problems if one.code == "memory-above-card"]
    assert mended.as_dict()["forecast"]["memory"]["card"]["fits"]


def test_a_large_model_without_a_gpu_is_told_of(plan: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not [one for one in plan().problems if one.code == "no-gpu"], "a small world's model does on a processor"
    monkeypatch.setattr(room, "_FOR_A_PROCESSOR", 1000)
    (problem,) = (one for one in plan().problems if one.code == "no-gpu")
    assert problem.severity == "warning" and "install.py doctor" in problem.fix
    monkeypatch.setattr(room, "found_card", lambda: Card("Toy 1", 6 * GIBIBYTE))
    assert not [one for one in plan().problems if one.code == "no-gpu"]


def test_a_card_that_nothing_helps_is_told_and_not_mended(plan: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "found_card", lambda: Card("Toy 0", GIBIBYTE + 1000))
    (problem,) = (one for one in plan().problems if one.code == "memory-above-card")
    assert not problem.fixable and ("even so" in problem.fix or "smaller base" in problem.fix)


def test_the_page_and_the_json_tell_the_same(plan: Make) -> None:
    made = plan()
    told = json.loads(json.dumps(made.as_dict()))["forecast"]
    assert told["memory"]["bytes"] == max(told["memory"]["training"], told["memory"]["encoding"])
    assert sum(told["memory"]["parts"].values()) == told["memory"]["training"]
    assert [one["gb"] for one in told["memory"]["cards"]] == [6, 8, 12, 16, 24] and told["memory"]["cards"][0]["fits"]
    assert told["lora_bytes"] == made.file_size_bytes
    assert told["disk_bytes"] == sum(told["disk"].values()) == made.file_size_bytes
    text = made.text()
    assert "Forecast" in text and "fits a GPU of 6 GB" in text and "not known yet" in text


def test_without_a_base_model_there_is_no_forecast(plan: Make) -> None:
    made = plan(pretrained_model_name_or_path=None)
    assert made.as_dict()["forecast"]["memory"] is None and "Forecast" not in made.text()


def test_time_is_that_of_measured_steps(plan: Make) -> None:
    made = plan()
    times = step_times(made, "cpu", kept=True)
    for seconds in (50.0, 2.0, 3.0, 2.5):  # the first warms up
        times.took(1, seconds)
    again = plan()
    told = again.as_dict()["forecast"]
    assert told["seconds"] == 2.5 * 60 and told["seconds_known"] == "measured" and "on 3 steps" in told["seconds_words"]
    assert "about 2 min for 60 steps, measured here on 3 steps" in again.text()
    assert plan(max_train_steps=120).forecast.time.seconds == 300


def test_time_of_other_settings_is_estimated_by_their_work(plan: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, made in enumerate((plan(), plan(train_batch_size=3))):
        times = step_times(made, "cpu", kept=True)
        for _ in range(4):
            times.took(1, 1.0 + number)
    twice = plan(train_batch_size=2, network_dim=8).forecast.time
    assert twice.known == "estimated" and twice.seconds == 60 * 1.0 * 2  # from the run with one picture
    assert "measured here" in twice.words
    assert plan(gradient_checkpointing=True).forecast.time.seconds is None  # another kind of step
    width = made.header.tensors["model.diffusion_model.input_blocks.0.0.weight"].shape[0]
    monkeypatch.setattr(room, "_USUAL_WIDTH", width)  # as if what was measured were another model's, narrower or wider
    assert plan().forecast.time.seconds is None


def test_a_measure_of_another_machine_or_card_counts_for_nothing(plan: Make, tmp_path: Path, monkeypatch) -> None:
    times = step_times(plan(), "GeForce A", kept=True)
    for _ in range(4):
        times.took(1, 1.0)
    assert plan().forecast.time.known == "measured"
    monkeypatch.setattr(room, "found_card", lambda: Card("GeForce B", 8 * GIBIBYTE))
    assert plan().forecast.time.seconds is None
    monkeypatch.setattr(room, "found_card", lambda: Card("GeForce A", 8 * GIBIBYTE))
    assert plan().forecast.time.known == "measured"
    monkeypatch.setattr(platform, "node", lambda: "elsewhere")
    assert plan().forecast.time.seconds is None


def test_what_is_no_measure_is_passed_over(plan: Make, tmp_path: Path) -> None:
    file = tmp_path / "data" / FILE
    file.parent.mkdir()
    for content in ("[", "{}", '[1, {"what": 3}]', '[{"what": {}, "machine": "a", "device": "cpu", "steps": 3}]'):
        file.write_text(content, encoding="utf-8")
        assert read_times(file.parent) == [] and plan().forecast.time.seconds is None
    silent = step_times(plan(), "cpu", kept=False)
    for _ in range(5):
        silent.took(1, 1.0)
    assert read_times(file.parent) == []


def test_disk_counts_states_and_caches(plan: Make) -> None:
    one = plan().forecast.disk
    more = plan(save_every_n_epochs=1, save_state=True, save_last_n_epochs=2, cache_latents_to_disk=True).forecast.disk
    assert one is not None and more is not None and one.states == one.caches == 0
    assert more.loras == 3 * one.loras
    numbers = more.states / 3
    assert numbers > 3 * one.loras * 0.8  # weights and two states of AdamW
    assert more.caches == 3 * (8 * 16 * 16 * 4 + 600)
    stages = [{"max_train_steps": 9}, {"max_train_steps": 9, "resolution": 64}, {"max_train_steps": 9}]
    staged = plan(max_train_steps=None, stages=stages, cache_latents_to_disk=True, flip_aug=True).forecast.disk
    assert staged is not None and staged.caches == 2 * (more.caches + 3 * (8 * 8 * 8 * 4 + 600))


def test_durations_read_well() -> None:
    assert [duration(one) for one in (0.2, 40, 89, 1080, 7500)] == ["1 s", "40 s", "89 s", "18 min", "2 h 5 min"]
