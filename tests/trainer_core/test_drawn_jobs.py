"""Jobs that draw, as webui starts them, in this process: what their events say, how they stop, and what stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from lora_workbench.trainer_core import job as job_command
from lora_workbench.trainer_core.commands import main
from lora_workbench.trainer_core.events import JobLock, read_events
from lora_workbench.trainer_core.files import file_sha256
from lora_workbench.trainer_core.generate.folder_lock import LOCK
from lora_workbench.trainer_core.problems import UserError, WordsError
from lora_workbench.trainer_core.requests import ask

Job = Callable[..., Path]


@pytest.fixture
def settings(tmp_path: Path, random_base: Path) -> dict[str, Any]:
    """A training of four small captioned pictures."""
    folder = tmp_path / "pictures" / "1_penny"
    folder.mkdir(parents=True)
    for number in range(4):
        Image.new("RGB", (64, 64), (60 * number, 90, 30)).save(folder / f"p{number}.png")
        (folder / f"p{number}.txt").write_text(f"penny, number {number}", encoding="utf-8")
    return {
        "pretrained_model_name_or_path": str(random_base), "train_data_dir": str(folder.parent), "resolution": "64",
        "caption_extension": ".txt", "seed": 42, "reg_data_dir": str(tmp_path / "reg"), "output_dir": str(tmp_path / "out"),
    }  # fmt: skip


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """Writes job.json into <data>/jobs/<name>; `run` below does it."""

    def make(name: str, **content: Any) -> Path:
        folder = tmp_path / "webui" / "jobs" / name
        folder.mkdir(parents=True)
        (folder / "job.json").write_text(json.dumps(content), encoding="utf-8")
        return folder

    return make


def run(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """{kind: its events} of the job once it has ended."""
    assert job_command.main([str(folder)]) == 0
    return told(folder)


def told(folder: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for event in read_events(folder):
        found.setdefault(event["kind"], []).append(event)
    return found


REG = {"class_word": "doll", "steps": 2, "batch_size": 2}


def test_a_set_of_regularization_pictures(job: Job, settings: dict[str, Any]) -> None:
    events = run(job("one", kind="reg", settings=settings, options=REG))
    folder = Path(settings["reg_data_dir"]) / "1_doll"
    assert events["start"][0]["total"] == 4
    read, *batches = events["progress"]  # the model is read, nothing is drawn yet
    assert (read["step"], read["steps"], read["share"], read["seconds_left"], read["picture"]) == (0, 4, 0, None, None)
    assert [(one["step"], one["steps"], one["share"]) for one in batches] == [(2, 4, 0.5), (4, 4, 1)]
    assert all(Path(one["picture"]).parent == folder and Path(one["picture"]).is_file() for one in batches)
    done = events["done"][0]
    assert (done["made"], done["kept"], done["set"], done["folder"]) == (4, 0, "matched", str(folder))
    assert len(list(folder.glob("p*.png"))) == 4 and "4 pictures drawn into" in done["summary"]
    again = run(job("two", kind="reg", settings=settings, options={**REG, "count": 9, "tags": ["of", "another kind"]}))
    assert again["start"][0]["total"] == 0 and (again["done"][0]["made"], again["done"][0]["kept"]) == (0, 4)


def test_a_stop_between_two_batches_keeps_what_was_drawn(
    job: Job, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lora_workbench.trainer_core.reg import draw

    folder, whole = job("one", kind="reg", settings=settings, options={**REG, "batch_size": 1}), draw.save_batch

    def asked_meanwhile(*words: Any) -> int:
        made = whole(*words)
        if (Path(settings["reg_data_dir"]) / "1_doll" / "p1.png").is_file():
            ask(folder, "stop")
        return made

    monkeypatch.setattr(draw, "save_batch", asked_meanwhile)
    events = run(folder)
    assert events["stopped"][0]["step"] == 2 and "2 of 4 pictures" in events["stopped"][0]["message"] and "done" not in events
    monkeypatch.setattr(draw, "save_batch", whole)
    before = {path.name: file_sha256(path) for path in (Path(settings["reg_data_dir"]) / "1_doll").glob("*.png")}
    goes_on = run(job("two", kind="reg", settings=settings, options=REG))["done"][0]
    assert (goes_on["made"], goes_on["kept"]) == (2, 2)
    assert before == {name: file_sha256(Path(settings["reg_data_dir"]) / "1_doll" / name) for name in before}


@pytest.mark.parametrize("kind", ["reg", "prior", "grid", "variants"])
def test_time_goes_on_within_a_batch_and_so_does_a_stop(
    job: Job, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, kind: str, tmp_path: Path
) -> None:
    """A batch takes minutes where there is no GPU: the share grows at each step, and a stop doesn't wait for its end."""
    from lora_workbench.trainer_core.generate import telling

    monkeypatch.setattr(telling, "_SAID_EVERY", 0.0)
    heed = telling.ToldInJob._heed

    def asked_late(told: Any, total: int) -> None:
        if len(seen := [one for one in read_events(folder) if one["kind"] == "progress"]) == 4:
            assert seen[-1]["step"] == 0
            ask(folder, "stop")
        heed(told, total)

    monkeypatch.setattr(telling.ToldInJob, "_heed", asked_late)
    steps = {"steps": 8, "batch_size": 4}
    options = {
        "reg": {**REG, **steps},
        "prior": {**steps, "activation": "penny", "count": 4},
        "variants": {**steps, "pictures": ["p0.png"], "count": 4},
        "grid": {**steps, "prompt": ["a", "b"], "seeds": [1, 2], "width": 64, "height": 64},
    }[kind]
    places = {"dataset": str(Path(settings["train_data_dir"]) / "1_penny"), "review": str(tmp_path / "review")}
    if kind == "grid":
        name = "lora_unet_mid_block_attentions_0_proj_in.lora_"
        save_file({f"{name}{way}.weight": torch.zeros(1, 1) for way in ("down", "up")}, tmp_path / "x.safetensors")
        options |= {"loras": [str(tmp_path / "x.safetensors")]}  # the base's four pictures come first
    folder = job("one", kind=kind, settings=settings, options=options, **(places if kind == "variants" else {}))
    events = run(folder)
    shares = [one["share"] for one in events["progress"]]
    assert shares == sorted(set(shares)) and shares[0] == 0 and 0 < shares[-1] < 1
    assert events["progress"][0]["seconds_left"] is None and events["progress"][-1]["seconds_left"] >= 0
    assert "Stopped after 0 of" in events["stopped"][0]["message"] and "done" not in events


def test_a_stop_before_the_model_is_loaded(job: Job, settings: dict[str, Any]) -> None:
    folder = job("one", kind="prior", settings=settings, options={"activation": "penny"})
    ask(folder, "stop")
    assert run(folder)["stopped"][0]["step"] == 0 and not (folder / "prior").exists()


def test_the_prior_check(job: Job, settings: dict[str, Any], tmp_path: Path) -> None:
    folder = job(
        "one", kind="prior", settings=settings,
        options={"activation": "penny (toy)", "count": 3, "steps": 2, "seed": 5, "batch_size": 2},
    )  # fmt: skip
    done = run(folder)["done"][0]
    pictures = [Path(one) for one in done["pictures"]]
    assert done["made"] == 3 and {path.parent for path in pictures} == {folder / "prior"}
    infotexts = [Image.open(path).info["parameters"] for path in pictures]
    assert all(text.startswith("penny \\(toy\\)\nSteps: 2, Sampler: Euler a") for text in infotexts)
    assert [f"Seed: {5 + number}," in text for number, text in enumerate(infotexts)] == [True] * 3
    with Image.open(done["sheet"]) as sheet:
        assert sheet.width > 3 * 64 and sheet.height > 64
    assert "'penny (toy)' alone" in done["look_for"] and done["summary"] == f"3 pictures drawn: {folder / 'prior'}"


def test_the_prior_check_as_a_command_draws_only_what_is_missing(
    settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["prior", *(f"--{name}={value}" for name, value in settings.items()), "--activation=penny", "--count=2"]
    assert main([*words, "--steps=2", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["made"] == 2 and first["folder"] == str(tmp_path / "out" / "prior" / "penny")
    (tmp_path / "out" / "prior" / "penny" / "0002.png").write_bytes(b"half a pict")
    assert main([*words, "--steps=2"]) == 0
    said = capsys.readouterr().out
    assert "1 picture drawn" in said and "1 were there" in said and "the tag is free" in said
    assert main([*words, "--steps=3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["made"] == 2


def test_two_runs_in_one_folder_are_kept_apart(job: Job, settings: dict[str, Any]) -> None:
    folder = Path(settings["reg_data_dir"]) / "1_doll"
    lock = JobLock(folder / LOCK)
    assert lock.acquire()
    try:
        with pytest.raises(UserError, match="Another run is drawing into"):
            run(job("one", kind="reg", settings=settings, options=REG))
    finally:
        lock.release(remove=True)
    assert not list(folder.iterdir())
    for name in (".p0.png.a1b2c3d4.tmp", ".notes.tmp"):  # a killed run's, and somebody's own
        (folder / name).write_bytes(b"half")
    assert run(job("two", kind="reg", settings=settings, options=REG))["done"][0]["made"] == 4
    assert [path.name for path in folder.glob(".*")] == [".notes.tmp"]


def test_what_another_run_drew_since_the_look_is_not_taken_for_the_users(settings: dict[str, Any]) -> None:
    from lora_workbench.trainer_core.generate.telling import Told
    from lora_workbench.trainer_core.reg.command import draw_set
    from lora_workbench.trainer_core.reg.find import find_set
    from lora_workbench.trainer_core.reg.words import read_options
    from lora_workbench.trainer_core.settings import Settings

    early, late = (find_set(Settings.from_dict(settings), read_options(REG)) for _ in range(2))
    assert draw_set(early, Told())[0] == 4
    assert draw_set(late, Told())[0] == 0
    found = find_set(Settings.from_dict(settings), read_options(REG))
    assert len(found.work.kept) == 4 and not found.work.foreign


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"kind": "reg"}, "no settings"),
        ({"kind": "reg", "settings": {}, "options": 3}, "options must be a JSON object"),
        ({"kind": "reg", "settings": {}, "options": {"class_word": "doll"}}, "no base model"),
        ({"kind": "reg", "settings": {}, "options": {"class_word": "doll", "help": True}}, "help is not an option"),
        ({"kind": "reg", "settings": {}, "options": {"class_word": "doll", "quux": 3}}, "quux is not an option"),
        ({"kind": "reg", "settings": {}, "options": {"class_word": "doll", "steps": [1, {}]}}, "steps must be"),
        ({"kind": "reg", "settings": {}, "options": {}}, "reg needs --class_word"),
        ({"kind": "grid", "options": {"runs": ["--help"]}}, "There is no LoRA --help.safetensors"),
        ({"kind": "grid", "options": {}}, "grid needs a LoRA"),
        ({"kind": "grid", "options": {"runs": ["x"], "te": ["a"]}}, "'a' is no number, and no range such as 0.5-1.5(+0.25)"),
        ({"kind": "grid", "options": {"runs": ["x"], "choose": "e8"}}, "chooses nothing"),
        ({"kind": "prior", "settings": {}, "options": {}}, "prior needs --activation"),
        ({"kind": "prior", "settings": {}, "options": {"activation": "a"}}, "no base model"),
        ({"kind": "prior", "settings": {}, "options": {"activation": "a", "count": 0}}, "0 is not 1 or more"),
        ({"kind": "prior", "settings": {}, "options": {"activation": "a", "seed": -1}}, "seed -1"),
    ],
)
def test_what_is_wrong_is_one_sentence(job: Job, content: dict[str, Any], said: str) -> None:
    folder = job("one", **content)
    with pytest.raises((UserError, WordsError)):
        job_command.main([str(folder)])
    (error,) = told(folder)["error"]
    assert said in error["message"] and "should not have" not in error["message"] and len(error["message"].splitlines()) == 1


def test_a_full_disk_ends_the_prior_check_with_a_sentence(
    job: Job, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from lora_workbench.trainer_core.prior import command as prior

    whole = prior.save_png

    def full(path: Path, *words: Any) -> None:
        if path.name == "0002.png":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        whole(path, *words)

    monkeypatch.setattr(prior, "save_png", full)
    folder = job("one", kind="prior", settings=settings, options={"activation": "penny", "count": 3, "steps": 2})
    with pytest.raises(UserError, match="No space left on device.*stay; the same again goes on"):
        run(folder)
    assert [path.name for path in (folder / "prior").iterdir()] == ["0001.png"]
