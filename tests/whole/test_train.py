"""Whole trainings on a small random base: what is written, what is told, and that nothing beside the training changes it."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from lora_workbench.tests.whole.command import run, safetensors
from lora_workbench.trainer_core import train as train_room
from lora_workbench.trainer_core.events import read_events
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.settings import Settings, read_settings

Words = Callable[..., list[str]]


def settings(words: list[str]) -> Settings:
    return read_settings(words, "train")


def progress(job: Path) -> list[dict]:
    return [event for event in read_events(job) if event["kind"] == "progress"]


def test_plan_and_trainer_agree(words: Words, tmp_path: Path) -> None:
    """Two buckets of 3 and 2 pictures, twice each, in batches of 2: 3 + 2 batches an epoch, 3 steps of 2 batches."""
    chosen = words(max_train_steps=None, max_train_epochs=2, gradient_accumulation_steps=2)
    plan = json.loads(run("plan", *chosen, "--json").stdout)
    run("train", *chosen)
    metadata, _ = safetensors(tmp_path / "out" / "penny.safetensors")
    steps = [event["step"] for event in progress(tmp_path / "job")]
    assert plan["steps"] == 6 and steps == [1, 2, 3, 4, 5, 6]
    assert (metadata["ss_steps"], metadata["ss_epoch"], plan["epochs"]) == ("6", "2", 2)
    assert metadata["ss_num_batches_per_epoch"] == "5" == str(plan["batches_per_epoch"])
    assert metadata["ss_num_train_images"] == "10" and plan["images"] == 5
    assert plan["file_size_bytes"] == pytest.approx((tmp_path / "out" / "penny.safetensors").stat().st_size, rel=0.02)


def test_every_picture_is_seen_every_epoch(words: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int, int]] = []
    real = train_room._batch_loss

    def spy(run_, batch, epoch, step):
        seen.extend((epoch, draw.item, draw.copy) for draw in batch.draws)
        return real(run_, batch, epoch, step)

    monkeypatch.setattr(train_room, "_batch_loss", spy)
    train_room.train(settings(words(max_train_steps=None, max_train_epochs=3)))
    assert sorted(seen) == [(epoch, item, copy) for epoch in range(3) for item in range(5) for copy in range(2)]


def test_snapshots_have_kohyas_names_and_old_ones_go(words: Words, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "other-000001.safetensors").write_bytes(b"not ours")
    chosen = words(max_train_steps=None, max_train_epochs=4, save_every_n_epochs=1, save_last_n_epochs=2, save_precision="fp16")
    train_room.train(settings(chosen))
    assert sorted(path.name for path in out.iterdir()) == [
        "other-000001.safetensors",
        "penny-000002.safetensors",
        "penny-000003.safetensors",
        "penny.safetensors",
    ]
    again = train_room.train(settings([*chosen, f"--job_dir={tmp_path / 'job-2'}"]))
    assert again.name == "penny-2.safetensors"
    assert (out / "penny.safetensors").exists() and (out / "other-000001.safetensors").read_bytes() == b"not ours"


def test_same_seed_same_file_and_logs_or_samples_change_nothing(words: Words, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("penny, red hat --w 128 --h 128 --d 3 --s 2\n", encoding="utf-8")
    plain = train_room.train(settings(words(caption_tag_dropout_rate=0.3, network_dropout=0.2)))
    busy = train_room.train(
        settings(
            words(
                caption_tag_dropout_rate=0.3,
                network_dropout=0.2,
                output_name="busy",
                job_dir=tmp_path / "busy",
                sample_prompts=prompts,
                sample_every_n_steps=2,
                logging_dir=tmp_path / "logs",
                cache_latents_to_disk=True,
            )
        )
    )
    other = train_room.train(settings(words(seed=8, output_name="other", job_dir=tmp_path / "other")))
    assert safetensors(plain)[1] == safetensors(busy)[1]
    assert safetensors(plain)[1] != safetensors(other)[1]
    assert len(list((tmp_path / "out" / "sample").glob("busy_*.png"))) == 2
    assert list((tmp_path / "logs").rglob("events.out.tfevents.*"))


def test_steps_of_unequal_size_weigh_their_batches_equally(words: Words, tmp_path: Path) -> None:
    """The 5 batches of an epoch in steps of 5: the loss told is their mean, and one step is made."""
    train_room.train(settings(words(gradient_accumulation_steps=5, max_train_steps=1, shuffle_caption=None)))
    train_room.train(
        settings(
            words(
                gradient_accumulation_steps=1,
                max_train_steps=5,
                learning_rate=0.0,
                unet_lr="1e-30",
                shuffle_caption=None,
                output_name="single",
                job_dir=tmp_path / "single",
            )
        )
    )
    together = progress(tmp_path / "job")[0]["loss"]
    alone = [event["loss"] for event in progress(tmp_path / "single")]
    assert together == pytest.approx(sum(alone) / 5, rel=1e-3)


def test_a_nan_stops_the_run_and_keeps_the_last_save(words: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = train_room._batch_loss

    def spoilt(run_, batch, epoch, step):
        return real(run_, batch, epoch, step) * (math.nan if step == 3 else 1.0)

    monkeypatch.setattr(train_room, "_batch_loss", spoilt)
    with pytest.raises(
        UserError, match=r"step 4 \(epoch 1\) on .*\.png.*unet_lr 0\.001.*penny-step00000002.safetensors is the last"
    ):
        train_room.train(settings(words(save_every_n_steps=2)))
    assert [path.name for path in (tmp_path / "out").glob("*.safetensors")] == ["penny-step00000002.safetensors"]
    assert [event["kind"] for event in read_events(tmp_path / "job")][-1] == "error"


def test_a_rate_far_too_high_is_noticed_by_itself(words: Words, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a number|not finite"):
        train_room.train(settings(words(learning_rate=1e30, max_grad_norm=0, max_train_steps=10)))
    assert not (tmp_path / "out" / "penny.safetensors").exists()


def test_a_full_disk_loses_nothing(words: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lora_workbench.trainer_core import snapshots

    real = snapshots.save_lora

    def full(path: Path, *rest: object) -> None:
        if path.parent == tmp_path / "out":
            raise OSError(28, "No space left on device")
        real(path, *rest)

    monkeypatch.setattr(snapshots, "save_lora", full)
    saved = train_room.train(settings(words()))
    assert saved == tmp_path / "job" / "penny.safetensors"
    assert safetensors(saved)[0]["ss_steps"] == "5"
    assert any(event.get("code") == "saved-elsewhere" for event in read_events(tmp_path / "job"))


def test_network_weights_keep_their_strength(words: Words, tmp_path: Path) -> None:
    """A file with alpha 1 at rank 2 goes on in a run that asks for alpha 2: its own counts, or it acted twice as strongly."""
    first = train_room.train(settings(words()))
    more = words(
        network_weights=first,
        network_alpha=2,
        dim_from_weights=True,
        output_name="more",
        job_dir=tmp_path / "more",
        learning_rate=0,
        unet_lr="1e-30",
        max_train_steps=1,
    )
    second = train_room.train(settings(more))
    assert safetensors(second)[1] == safetensors(first)[1]
    assert safetensors(second)[0]["ss_network_alpha"] == "1.0"


def test_a_part_with_rate_zero_stays_at_zero(words: Words, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    tensors = load_file(train_room.train(settings(words(learning_rate=None, unet_lr="1e-3", text_encoder_lr=0))))
    ups = {name: abs(tensor).max() for name, tensor in tensors.items() if name.endswith("lora_up.weight")}
    assert all(value == 0 for name, value in ups.items() if name.startswith("lora_te_"))
    assert any(value > 0 for name, value in ups.items() if name.startswith("lora_unet_"))


def test_two_runs_into_one_folder_write_two_files(words: Words, tmp_path: Path) -> None:
    from lora_workbench.trainer_core.events import JobLock

    other = JobLock(tmp_path / "out" / ".penny.running")
    assert other.acquire()
    try:
        assert train_room.train(settings(words(max_train_steps=1))).name == "penny-2.safetensors"
    finally:
        other.release()


def test_stopping_keeps_what_was_learnt(words: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import signal

    real = train_room._batch_loss

    def interrupted(run_, batch, epoch, step):
        if step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return real(run_, batch, epoch, step)

    monkeypatch.setattr(train_room, "_batch_loss", interrupted)
    with pytest.raises(UserError, match="stopped after step 2; .*--resume"):
        train_room.train(settings(words()))
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == ["penny-step00000002-state", "penny-step00000002.safetensors"]
    monkeypatch.setattr(train_room, "_batch_loss", real)
    resumed = words(resume=out / "penny-step00000002-state", job_dir=tmp_path / "resumed")
    finished = train_room.train(settings(resumed))
    whole = train_room.train(settings(words(output_name="whole", job_dir=tmp_path / "whole")))
    assert safetensors(finished)[1] == safetensors(whole)[1]
