"""What a training is asked for while it runs: carried out, told, and without any trace in what is learnt."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lora_workbench.tests.whole.command import safetensors
from lora_workbench.trainer_core import train as train_room
from lora_workbench.trainer_core.endings import Stopped
from lora_workbench.trainer_core.events import read_events
from lora_workbench.trainer_core.requests import ask, asked, taken
from lora_workbench.trainer_core.settings import Settings, read_settings

Words = Callable[..., list[str]]
DRAWING = {"caption_tag_dropout_rate": 0.3, "network_dropout": 0.2, "flip_aug": True, "noise_offset": 0.1}


def settings(words: list[str]) -> Settings:
    return read_settings(words, "train")


def during(monkeypatch: pytest.MonkeyPatch, acts: dict[int, Callable[[], None]]) -> None:
    """Calls what `acts` has for a step while that step (counted from 0) is computed."""
    real = train_room._batch_loss

    def spy(run_, batch, epoch, step):
        acts.pop(step, lambda: None)()
        return real(run_, batch, epoch, step)

    monkeypatch.setattr(train_room, "_batch_loss", spy)


def until(holds: Callable[[], bool]) -> None:
    while not holds():
        time.sleep(0.05)


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.txt"
    path.write_text("penny --w 64 --h 64 --d 3 --s 2\nhat --w 64 --h 64 --d 3 --s 2\n", encoding="utf-8")
    return path


def test_saves_samples_and_pauses_change_nothing(
    words: Words, prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, out = tmp_path / "busy", tmp_path / "out"
    plain = train_room.train(settings(words(**DRAWING, max_train_steps=6)))

    def pause() -> None:
        ask(job, "pause")
        threading.Thread(target=save_while_paused).start()

    def save_while_paused() -> None:
        until(lambda: any(event["kind"] == "paused" for event in read_events(job)))
        ask(job, "save")
        until(lambda: "save" not in asked(job))
        taken(job, "pause")

    during(monkeypatch, {0: lambda: ask(job, "save"), 1: lambda: ask(job, "sample"), 2: pause, 5: lambda: ask(job, "sample")})
    busy = train_room.train(
        settings(words(**DRAWING, max_train_steps=6, output_name="busy", job_dir=job, sample_prompts=prompts))
    )
    assert safetensors(busy)[1] == safetensors(plain)[1]
    assert asked(job) == frozenset()

    told = [event for event in read_events(job) if event["kind"] not in ("caching", "drawing", "progress", "start")]
    assert [(event["kind"], event.get("step")) for event in told] == [
        ("saved", 1), ("sample", 2), ("sample", 2), ("paused", 3), ("saved", 3), ("continued", 3), ("sample", 6), ("sample", 6),
        ("saved", 6), ("done", None),
    ]  # fmt: skip
    saved = [event for event in told if event["kind"] == "saved"]
    assert [event["state"] for event in saved] == [
        str(out / "busy-step00000001-state"), str(out / "busy-step00000003-state"), None,
    ]  # fmt: skip
    assert all(Path(event["path"]).is_file() for event in saved) and Path(saved[0]["state"]).is_dir()
    samples = [event for event in told if event["kind"] == "sample"]
    assert [(event["epoch"], event["prompt"]) for event in samples] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert all(Path(event["path"]).name.startswith("busy_00000") for event in samples)
    for event in read_events(job):
        if event["kind"] == "progress":
            assert 50e6 < event["memory"]["ram"] < 100e9
            assert (event["memory"]["gpu"] is None) == (not torch.cuda.is_available())


def test_a_stop_saves_all_and_goes_on_from_there(words: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job, out = tmp_path / "job", tmp_path / "out"

    def pause_and_stop() -> None:
        ask(job, "pause")
        threading.Timer(0.5, ask, (job, "stop")).start()

    during(monkeypatch, {1: pause_and_stop})
    with pytest.raises(Stopped, match="stopped after step 2; .*--resume"):
        train_room.train(settings(words(**DRAWING)))
    last = list(read_events(job))[-1]
    assert (last["kind"], last["step"], last["state"]) == ("stopped", 2, str(out / "penny-step00000002-state"))
    assert last["path"] == str(out / "penny-step00000002.safetensors") and asked(job) == frozenset()
    assert not [event for event in read_events(job) if event["kind"] == "error"]
    resumed = train_room.train(settings(words(**DRAWING, resume=last["state"], job_dir=tmp_path / "resumed")))
    whole = train_room.train(settings(words(**DRAWING, output_name="whole", job_dir=tmp_path / "whole")))
    assert safetensors(resumed)[1] == safetensors(whole)[1]


@pytest.fixture
def while_saving(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """`while_saving(act)` → `act` is called as each sample picture is saved."""
    from lora_workbench.trainer_core.generate import during_training

    def put(act: Callable[[], None]) -> None:
        def save(*given: object) -> None:
            act()
            real(*given)  # type: ignore[arg-type]

        real = during_training.save_png
        monkeypatch.setattr(during_training, "save_png", save)

    return put


def test_a_stop_does_not_wait_for_all_samples(
    words: Words, prompts: Path, tmp_path: Path, while_saving: Callable[[Callable[[], None]], None]
) -> None:
    job = tmp_path / "job"
    prompts.write_text("penny --w 64 --h 64 --s 2\nhat --w 128 --h 64 --s 2\n", encoding="utf-8")  # a batch each
    while_saving(lambda: ask(job, "stop"))
    with pytest.raises(Stopped, match="stopped after step 1;"):
        train_room.train(settings(words(**DRAWING, sample_prompts=prompts, sample_every_n_steps=1)))
    told = list(read_events(job))
    assert [event["prompt"] for event in told if event["kind"] == "sample"] == [0]
    assert [event["share"] for event in told if event["kind"] == "drawing"][0] == 0
    assert [event["code"] for event in told if event["kind"] == "warning"] == []
    state = told[-1]["state"]
    resumed = train_room.train(settings(words(**DRAWING, resume=state, job_dir=tmp_path / "resumed")))
    whole = train_room.train(settings(words(**DRAWING, output_name="whole", job_dir=tmp_path / "whole")))
    assert safetensors(resumed)[1] == safetensors(whole)[1]


def test_samples_that_were_drawn_stay_where_others_can_not_be(
    words: Words, prompts: Path, tmp_path: Path, while_saving: Callable[[Callable[[], None]], None], capsys: Any
) -> None:
    job, saved = tmp_path / "job", []

    def fill() -> None:
        saved.append(1)
        if len(saved) > 1:
            raise OSError(28, "No space left on device")

    while_saving(fill)
    assert train_room.train(settings(words(max_train_steps=2, sample_prompts=prompts, sample_every_n_steps=2))).is_file()
    told = list(read_events(job))
    (sample,) = [event for event in told if event["kind"] == "sample"]
    assert Path(sample["path"]).is_file()
    (warning,) = [event for event in told if event["kind"] == "warning"]
    assert "The samples after step 2 are not all drawn: " in warning["message"]
    assert [event["share"] for event in told if event["kind"] == "drawing"][-1] == 1
    assert f"1 sample picture drawn after step 2: {tmp_path / 'out' / 'sample'}" in capsys.readouterr().out


def test_a_stop_while_the_pictures_are_read(words: Words, tmp_path: Path) -> None:
    ask(tmp_path / "job", "stop")
    with pytest.raises(Stopped, match="before its first step"):
        train_room.train(settings(words()))
    last = list(read_events(tmp_path / "job"))[-1]
    assert (last["kind"], last["step"], last["path"], last["state"]) == ("stopped", 0, None, None)
    assert not list((tmp_path / "out").glob("*"))


def test_samples_without_prompts_or_with_broken_ones_are_a_warning(
    words: Words, prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = tmp_path / "job"
    during(monkeypatch, {0: lambda: ask(job, "sample")})
    train_room.train(settings(words(max_train_steps=2)))
    assert [event["code"] for event in read_events(job) if event["kind"] == "warning"] == ["no-sample-prompts"]

    def spoil() -> None:
        prompts.write_text("penny --zz 3\n", encoding="utf-8")
        ask(tmp_path / "second", "sample")

    during(monkeypatch, {0: spoil})
    chosen = words(max_train_steps=2, job_dir=tmp_path / "second", sample_prompts=prompts, output_name="second")
    assert train_room.train(settings(chosen)).is_file()
    (warning,) = [event for event in read_events(tmp_path / "second") if event["kind"] == "warning"]
    assert warning["code"] == "sample-failed" and "--zz 3 is not an option" in warning["message"]


def test_what_was_asked_for_is_never_taken_away(words: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step 2 is saved by interval and by request: save_last_n_steps keeps it, and takes step 4's with its state away."""
    job, out = tmp_path / "job", tmp_path / "out"
    during(monkeypatch, {1: lambda: ask(job, "save")})
    train_room.train(settings(words(max_train_steps=7, save_every_n_steps=2, save_last_n_steps=1, save_state=True)))
    assert sorted(path.name for path in out.iterdir()) == [
        "penny-state", "penny-step00000002-state", "penny-step00000002.safetensors", "penny-step00000006-state",
        "penny-step00000006.safetensors", "penny.safetensors",
    ]  # fmt: skip


def test_a_disk_that_takes_no_state_costs_a_warning(words: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lora_workbench.trainer_core import snapshots

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(snapshots, "save_state", full)
    chosen = words(max_train_steps=4, save_every_n_steps=2, save_last_n_steps=1, save_state=True)
    assert train_room.train(settings(chosen)).is_file()
    told = list(read_events(tmp_path / "job"))
    assert [event["state"] for event in told if event["kind"] == "saved"] == [None, None]
    assert {event["code"] for event in told if event["kind"] == "warning"} == {"state-not-saved"}
