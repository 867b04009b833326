"""Runs that go on: from a LoRA, whose rank, alpha and base count, and from the newest whole state of their name."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lora_workbench.benchmarks.same_run import TIMES, differing
from lora_workbench.tests.whole.command import safetensors
from lora_workbench.trainer_core import train as train_room
from lora_workbench.trainer_core.events import read_events
from lora_workbench.trainer_core.plan import make_plan
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.settings import read_settings

Words = Callable[..., list[str]]
STATES = {"max_train_steps": 3, "save_every_n_steps": 1, "save_state": True}


@pytest.fixture
def train(words: Words, tmp_path: Path) -> Callable[..., Path]:
    """Trains with changed words, each time in a job folder of its own."""
    runs = iter(range(100))
    return lambda **changes: train_room.train(
        read_settings(words(**{"job_dir": tmp_path / f"job-{next(runs)}", **changes}), "train")
    )


def problems(words: list[str]) -> dict[str, str]:
    return {one.code: f"{one.severity}: {one.message} {one.fix}" for one in make_plan(read_settings(words, "train")).problems}


def steps(job: Path) -> list[int]:
    return [event["step"] for event in read_events(job) if event["kind"] == "progress"]


def test_a_lora_that_is_trained_further(train: Callable[..., Path], words: Words, tmp_path: Path) -> None:
    parent = train(output_name="parent", max_train_steps=1, network_alpha=2)
    before = parent.read_bytes()
    found = problems(words(network_weights=parent, network_dim=4, network_alpha=2))
    assert "has rank 2, but network_dim is 4. Set network_dim to 2, or dim_from_weights." in found["network-weights-rank"]
    found = problems(words(network_weights=parent, network_alpha=1))
    assert "has alpha 2, but network_alpha is 1. Set network_alpha to 2, or dim_from_weights." in found["network-weights-alpha"]
    assert "networks.lora, rank 2, alpha 2" in found["network-weights-about"] and "network-weights-base" not in found
    with pytest.raises(UserError, match="has alpha 2, but network_alpha is 1"):
        train(network_weights=parent)

    child = train(network_weights=parent, dim_from_weights=True, max_train_steps=1)
    metadata, _ = safetensors(child)
    assert (metadata["ss_network_dim"], metadata["ss_network_alpha"]) == ("2", "2.0")
    assert metadata["ss_network_weights"] == "parent.safetensors"
    assert metadata["ss_network_weights_hash"] == hashlib.sha256(before).hexdigest()
    given = train(network_weights=parent, network_alpha=2, max_train_steps=1, output_name="given")
    assert safetensors(given)[1] == safetensors(child)[1], "the same alpha, whether adopted or given"
    assert parent.read_bytes() == before
    found = problems(words(output_name="parent", network_weights=parent, network_alpha=2, overwrite=True))
    assert "would overwrite" in found["input-overwritten"]


def test_loras_that_cannot_be_trained_further(train: Callable[..., Path], words: Words, tmp_path: Path) -> None:
    """Damaged ones, and names that the model hasn't: by the plan, among the rest. Numbers: before the model."""
    tensors = load_file(train(output_name="parent", max_train_steps=1))
    key = next(name for name in tensors if name.endswith("lora_up.weight"))

    def problem(content: dict[str, torch.Tensor], **more: object) -> dict[str, str]:
        save_file(content, tmp_path / "bad.safetensors")
        return problems(words(**{"network_weights": tmp_path / "bad.safetensors", **more}))

    missing = {name: one for name, one in tensors.items() if name != key}
    renamed = {name.replace("lora_te_", "lora_te1_"): one for name, one in tensors.items()}
    extra = {
        **tensors,
        **{name.replace("attentions_0_proj_in", "resnets_0_conv1"): one.clone() for name, one in tensors.items()},
    }
    for more in ({}, {"dim_from_weights": True}):
        assert "has no lora_up.weight" in problem(missing, **more)["network-weights"]
        found = problem(renamed, **more)
        assert (
            "it changes lora_te1_" in found["network-weights-family"]
            and "`python -m trainer_core convert`" in (found["network-weights-family"])
        )
    found = problem(extra)
    assert "which the network of these settings doesn't. Set dim_from_weights" in found["network-weights-kind"]
    found = problem(renamed, network_weights=None, base_weights=tmp_path / "bad.safetensors")
    assert "it changes lora_te1_" in found["base-weights"]
    problem({**tensors, key: torch.full_like(tensors[key], float("nan"))})
    with pytest.raises(UserError, match="holds numbers that are not finite in"):
        train(network_weights=tmp_path / "bad.safetensors")


def test_another_base_than_the_parents_is_told(
    train: Callable[..., Path], words: Words, random_base: Path, tmp_path: Path
) -> None:
    parent = train(output_name="parent", max_train_steps=1)
    (tmp_path / "other.safetensors").symlink_to(random_base)
    found = problems(words(network_weights=parent, pretrained_model_name_or_path=tmp_path / "other.safetensors"))
    assert found["network-weights-base"].startswith(f"warning: {parent} was trained on {random_base.name}")


def test_a_run_goes_on_by_itself(train: Callable[..., Path], words: Words, tmp_path: Path) -> None:
    """The same words begin a run, go on with it, and say when it is done."""
    out, auto = tmp_path / "out", {**STATES, "resume": "auto", "save_last_n_steps_state": 10}
    assert "begins anew" in problems(words(**auto))["resumed"]
    whole = safetensors(train(**auto, output_dir=tmp_path / "whole", job_dir=tmp_path / "a"))
    assert steps(tmp_path / "a") == [1, 2, 3]
    with pytest.raises(UserError, match="The run penny is done: .*its 3 steps"):
        train(**auto, output_dir=tmp_path / "whole")

    shorter = train(**{**auto, "max_train_steps": 2}).read_bytes()
    newest = out / "penny-state"
    assert str(newest) in problems(words(**auto))["resumed"]
    path = train(**auto, job_dir=tmp_path / "b")
    assert steps(tmp_path / "b") == [3] and path == out / "penny.safetensors"
    kept = {one.name for one in out.glob("penny-*.safetensors") if one.read_bytes() == shorter}
    assert kept & {"penny-step00000002.safetensors", "penny-000001.safetensors", "penny-000002.safetensors"}, "of 2 steps"
    assert safetensors(path)[1] == whole[1]


def test_a_lora_that_can_not_be_kept_keeps_nothing_from_being_saved(
    train: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where webui holds the file open."""
    auto = {**STATES, "resume": "auto"}
    train(**{**auto, "max_train_steps": 2})
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self.name == "penny.safetensors":
            raise PermissionError(13, "is in use")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    path = train(**auto, job_dir=tmp_path / "b")
    assert safetensors(path)[0]["ss_steps"] == "3"
    assert "can't stay as" in next(one["message"] for one in read_events(tmp_path / "b") if one.get("code") == "not-kept")


def test_a_damaged_state_gives_way_to_the_one_before(train: Callable[..., Path], words: Words, tmp_path: Path) -> None:
    whole = safetensors(train(**STATES))
    out = tmp_path / "out"
    (out / "penny.safetensors").unlink()
    shutil.rmtree(out / "penny-state")
    last = out / "penny-step00000002-state"
    damaged = last / "network.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    for number, given in enumerate(["auto", last]):
        found = problems(words(**STATES, resume=given))
        assert (
            f"The state in {last} is damaged" in found["state-damaged"]
            and "penny-step00000001-state (step 1)" in (found["state-damaged"])
        )
        assert str(out / "penny-step00000001-state") in found["resumed"] and "resume" not in found
        path = train(**STATES, resume=given, job_dir=tmp_path / f"resumed-{number}")
        assert safetensors(path)[1] == whole[1]
        assert steps(tmp_path / f"resumed-{number}") == [2, 3]
        (notice,) = [one["message"] for one in read_events(tmp_path / f"resumed-{number}") if one["kind"] == "warning"]
        assert f"The state in {last} is damaged" in notice and "penny-step00000001-state (step 1)" in notice
        path.unlink()
        shutil.rmtree(out / "penny-state")
        damaged.write_bytes(damaged.read_bytes()[:-100])
    text = (last / "train_state.json").read_text(encoding="utf-8")
    for broken in ("", "{", text.replace('"stretch"', '"x"'), text.replace('"step": 2', '"step": "2"')):
        (last / "train_state.json").write_text(broken, encoding="utf-8")
        for given in ("auto", last):
            found = problems(words(**STATES, resume=given))
            assert f"The state in {last} " in found["state-damaged"] and "penny-step00000001-state" in found["resumed"], broken
    (last / "train_state.json").write_text(text, encoding="utf-8")
    for folder in out.glob("*-state"):
        (folder / "optimizer.pt").write_bytes(b"")
    with pytest.raises(UserError, match=r"penny-step00000002-state is damaged"):
        train(**STATES, resume="auto")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"pretrained_model_name_or_path": None}, "its base model is"),
        ({"network_args": "conv_dim=2"}, "its network_args is"),
        ({"network_dim": 4}, "its network_dim is 2, here it is 4"),
        ({"network_alpha": 2}, "its network_alpha is 1.0, here it is 2.0"),
        ({"optimizer_type": "Lion"}, "its optimizer_type is AdamW, here it is Lion"),
        ({"seed": 8}, "its seed is 7, here it is 8"),
        ({"train_batch_size": 1}, "steps an epoch"),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_a_state_of_another_run_is_refused(
    train: Callable[..., Path], words: Words, random_base: Path, tmp_path: Path, changes: dict, sentence: str
) -> None:
    """Already by the plan, whether the state is given or found; and nothing is touched."""
    train(**{**STATES, "max_train_steps": 2})
    if "pretrained_model_name_or_path" in changes:
        changes = {"pretrained_model_name_or_path": another_base(random_base, tmp_path)}
    before = contents(tmp_path / "out")
    with pytest.raises(UserError, match=f"The plan has errors, nothing was trained: .*{sentence}"):
        train(**{**STATES, "resume": "auto", **changes})
    for resume in ("auto", tmp_path / "out" / "penny-step00000001-state"):
        found = problems(words(**{**STATES, "resume": resume, **changes}))
        assert found["resume"].startswith("error: The state in ") and sentence in found["resume"]
        assert "--network_weights" in found["resume"], "the mend"
    assert contents(tmp_path / "out") == before


def another_base(base: Path, folder: Path) -> Path:
    content = bytearray(base.read_bytes())
    content[-1] ^= 1
    path = folder / "other.safetensors"
    path.write_bytes(content)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_that_got_another_name_is_found_again(train: Callable[..., Path], words: Words, tmp_path: Path) -> None:
    """Its name was taken by a LoRA of another seed: the same command finds what it saved as penny-2, each time."""
    other = train(max_train_steps=1, seed=8)
    before = other.read_bytes()
    auto = {**STATES, "max_train_steps": 2, "resume": "auto"}
    assert train(**auto).name == "penny-2.safetensors"
    (tmp_path / "out" / "penny-2.safetensors").unlink()
    assert "penny-2-state" in problems(words(**auto))["resumed"]
    path = train(**auto, job_dir=tmp_path / "again")
    assert path.name == "penny-2.safetensors" and steps(tmp_path / "again") == [], "only the last LoRA was missing"
    assert "The run penny-2 is done" in problems(words(**auto))["resume"]
    given = problems(words(**{**auto, "resume": tmp_path / "out" / "penny-2-step00000001-state"}))
    assert "after step 1." in given["resumed"] and "output-renamed" not in given, "its own name, though penny is asked for"
    assert other.read_bytes() == before and not list((tmp_path / "out").glob("penny-3*"))


def test_a_state_goes_on_under_another_name_and_elsewhere(train: Callable[..., Path], words: Words, tmp_path: Path) -> None:
    """What it learns is the same to the bit, and nothing that the run saved before is touched."""
    out, more = tmp_path / "out", {**STATES, "save_last_n_steps": 1}
    whole_metadata, whole_tensors = safetensors(train(**STATES))
    state, before = out / "penny-step00000001-state", contents(out)
    found = problems(words(**more, resume=state, output_name="other"))
    assert f"goes on from {state}, after step 1, and saves as other in {out}: what it saved before stays" in found["resumed"]
    path = train(**more, resume=state, output_name="other", job_dir=tmp_path / "b")
    metadata, tensors = safetensors(path)
    assert path == out / "other.safetensors" and steps(tmp_path / "b") == [2, 3] and tensors == whole_tensors
    differ = {key for key in whole_metadata if metadata.get(key) != whole_metadata[key]}
    assert metadata["ss_output_name"] == "other" and differ <= {*TIMES, "ss_output_name", "modelspec.title"}
    assert contents(out).items() >= before.items(), "nor does save_last_n_steps take the other name's files away"

    taken = problems(words(**more, resume=state, output_name="other"))
    assert f"saves as other-2 in {out}:" in taken["resumed"] and f"There are files of other in {out}" in taken["output-renamed"]
    there = problems(words(**more, resume=state, output_name=None, output_dir=tmp_path / "there"))["resumed"]
    assert f"saves as penny in {tmp_path / 'there'}:" in there
    assert "The run other is done" in problems(words(**more, resume="auto", output_name="other"))["resume"]
    fresh = problems(words(**{**more, "max_train_steps": 4}, resume="auto", output_name="third"))["resumed"]
    assert "begins anew" in fresh and "Give " in fresh and "-state as resume to go on from that one, under this name." in fresh
    assert "Give " not in problems(words(**more, resume="auto", output_name="third", network_dim=4))["resumed"], "none fits"


def test_what_a_kill_kept_from_being_written_is_caught_up(train: Callable[..., Path], tmp_path: Path) -> None:
    """Killed between a state and its LoRA, and before the samples and the measure that were due then."""
    (tmp_path / "prompts.txt").write_text("penny --w 64 --h 64 --s 2", encoding="utf-8")
    more = {"sample_prompts": tmp_path / "prompts.txt", "sample_every_n_steps": 1, "validation_split": 0.2,
            "validate_every_n_steps": 1, "ema_decay": 0.9}  # fmt: skip
    whole = tmp_path / "whole"
    train(**STATES, **more, output_dir=whole)
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    later = [*out.glob("penny-step00000003*"), *out.glob("penny-state"), *out.glob("penny.*"), *out.glob("penny-ema.*")]
    missed = [*out.glob("penny-step00000002*.safetensors"), *out.glob("sample/*_00000[23]_*")]
    for path in (*later, *missed):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    train(**STATES, **more, resume="auto", job_dir=tmp_path / "resumed")
    assert steps(tmp_path / "resumed") == [3]
    measured = [one["step"] for one in read_events(tmp_path / "resumed") if one["kind"] == "validation"]
    assert measured == [2, 3]
    assert differing((whole, []), (out, [])) == []
