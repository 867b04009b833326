"""Whole trainings on tiny models of Stable Diffusion 2.x and XL: the same loop, the same promises."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lora_workbench.benchmarks.make_checkpoint import make_checkpoint
from lora_workbench.tests.trainer_core.networks.making import lora_shapes
from lora_workbench.tests.whole.command import run, safetensors
from lora_workbench.trainer_core import train as train_room
from lora_workbench.trainer_core.events import read_events
from lora_workbench.trainer_core.plan import make_plan
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.settings import Settings, SettingsError, read_settings

Words = Callable[..., list[str]]
FAMILIES = ("tiny_sd2", "tiny_sdxl")


def settings(words: list[str]) -> Settings:
    return read_settings(words, "train")


@pytest.fixture
def family_words(words: Words, request: pytest.FixtureRequest) -> Callable[..., list[str]]:
    """The words of a small training on one of the FAMILIES."""

    def make(name: str, **changes: object) -> list[str]:
        base = request.getfixturevalue(name)
        return words(**{"pretrained_model_name_or_path": base, "max_train_steps": 3, "shuffle_caption": None, **changes})

    return make


@pytest.mark.parametrize("name", FAMILIES)
def test_trains_saves_loads_and_is_the_same_again(name: str, family_words: Words, tmp_path: Path) -> None:
    """Two runs write the same tensors; the file leaves no key over when it is put on the model, and changes what it says."""
    import torch
    from safetensors.torch import load_file

    from lora_workbench.trainer_core.models.checkpoint import load_model
    from lora_workbench.trainer_core.models.text import encode_all, tokenize
    from lora_workbench.trainer_core.networks.apply import applied

    options = {"network_args": "conv_dim=2", "gradient_checkpointing": True}
    first = train_room.train(settings(family_words(name, **options)))
    again = train_room.train(settings(family_words(name, output_name="again", job_dir=tmp_path / "again", **options)))
    assert safetensors(first)[1] == safetensors(again)[1]
    assert make_plan(settings(family_words(name, **options))).forecast.lora_bytes == pytest.approx(first.stat().st_size, abs=20)
    starts = {"tiny_sd2": {"lora_te", "lora_unet"}, "tiny_sdxl": {"lora_te1", "lora_te2", "lora_unet"}}[name]
    tensors = load_file(first)
    assert {"_".join(key.split("_")[:2]) for key in tensors} == starts
    assert all(
        any(key.startswith(start) and "lora_up" in key and bool(t.any()) for key, t in tensors.items()) for start in starts
    )

    model = load_model(family_words(name)[0].partition("=")[2])
    ids = tokenize(model.tokenizer, ["penny"])
    with torch.no_grad():
        before = encode_all(model, ids)
        with applied(model, [(first, 1.0, 1.0)]):  # refuses a file with modules that the model hasn't
            during = encode_all(model, ids)
        after = encode_all(model, ids)
    assert not torch.equal(before.states, during.states) and torch.equal(before.states, after.states)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_resumed_run_equals_one_that_was_never_stopped(name: str, family_words: Words, tmp_path: Path) -> None:
    whole = train_room.train(settings(family_words(name, save_every_n_steps=2, save_state=True)))
    state = tmp_path / "out" / "penny-step00000002-state"
    resumed = family_words(name, resume=state, job_dir=tmp_path / "resumed", output_dir=tmp_path / "out2")
    assert safetensors(train_room.train(settings(resumed)))[1] == safetensors(whole)[1]


@pytest.mark.parametrize("name", FAMILIES)
def test_samples_change_nothing_of_the_training(name: str, family_words: Words, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("(penny:1.2), red hat --w 64 --h 64 --d 3 --s 2\nmoon --w 96 --h 64 --s 2 --n blue\n", encoding="utf-8")
    plain = train_room.train(settings(family_words(name)))
    busy = train_room.train(
        settings(
            family_words(name, output_name="busy", job_dir=tmp_path / "busy", sample_prompts=prompts, sample_at_first=True)
        )
    )
    assert safetensors(plain)[1] == safetensors(busy)[1]
    assert len(list((tmp_path / "out" / "sample").glob("busy_*.png"))) == 2


def test_what_a_file_says_of_itself(family_words: Words, tmp_path: Path) -> None:
    xl = safetensors(train_room.train(settings(family_words("tiny_sdxl"))))[0]
    two = settings(family_words("tiny_sd2", v_parameterization=True, job_dir=tmp_path / "two", output_name="two"))
    sd2 = safetensors(train_room.train(two))[0]
    assert (xl["ss_base_model_version"], xl["ss_v2"], xl["modelspec.prediction_type"]) == ("sdxl_base_v1-0", "False", "epsilon")
    assert xl["modelspec.architecture"] == "stable-diffusion-xl-v1-base/lora"
    assert (sd2["ss_base_model_version"], sd2["ss_v2"], sd2["modelspec.prediction_type"]) == ("sd_v2_v", "True", "v")
    assert sd2["modelspec.architecture"] == "stable-diffusion-v2-768-v/lora"


def test_a_marked_file_is_trained_as_it_says(words: Words, tmp_path: Path) -> None:
    """NoobAI's marks: velocity, to the end of pure noise; the loss is another than that of the same weights without them."""
    marked = make_checkpoint(tmp_path / "v.safetensors", "tiny_sdxl", dtype="fp32", marks=("v_pred", "ztsnr"))
    common = {"max_train_steps": 1, "network_train_unet_only": True, "pretrained_model_name_or_path": marked}
    plan = run("plan", *words(job_dir=None, **common)).stdout
    assert "predicts velocity, to the very end of pure noise" in plan and "known from the file's mark v_pred" in plan
    metadata = safetensors(train_room.train(settings(words(**common))))[0]
    assert (metadata["ss_zero_terminal_snr"], metadata["modelspec.prediction_type"]) == ("True", "v")


@pytest.mark.parametrize("name", FAMILIES)
def test_cached_captions_give_the_same_loss_and_let_the_encoders_go(
    name: str, family_words: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cached in memory, on disk and from the disk: as without; nothing encodes text the second time from the disk."""
    from lora_workbench.trainer_core.dataset import caption_states

    prompts = tmp_path / "prompts.txt"
    prompts.write_text("penny --w 64 --h 64 --s 2\n", encoding="utf-8")
    more = {"network_train_unet_only": True, "sample_prompts": prompts, "sample_every_n_steps": 3}
    loss = {}
    for kind in ("plain", "cache_text_encoder_outputs", "cache_text_encoder_outputs_to_disk", "again"):
        flag = {kind if kind != "again" else "cache_text_encoder_outputs_to_disk": True} if kind != "plain" else {}
        if kind == "again":
            monkeypatch.setattr(caption_states, "encode_all", None)
        train_room.train(settings(family_words(name, output_name=kind, job_dir=tmp_path / kind, **more, **flag)))
        loss[kind] = [event["loss"] for event in read_events(tmp_path / kind) if event["kind"] == "progress"]
    assert loss["cache_text_encoder_outputs"] == pytest.approx(loss["plain"], rel=1e-4)
    assert loss["cache_text_encoder_outputs_to_disk"] == loss["again"] == loss["cache_text_encoder_outputs"]
    assert len(list((tmp_path / "out" / "sample").glob("*.png"))) == 4


def test_two_rates_for_two_text_encoders(family_words: Words, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    chosen = [*family_words("tiny_sdxl", learning_rate=None, unet_lr="1e-3"), "--text_encoder_lr", "1e-3", "0"]
    tensors = load_file(train_room.train(settings(chosen)))
    moved = {start: any(bool(t.any()) for key, t in tensors.items() if key.startswith(start) and "lora_up" in key)
             for start in ("lora_te1", "lora_te2", "lora_unet")}  # fmt: skip
    assert moved == {"lora_te1": True, "lora_te2": False, "lora_unet": True}


def refused(more: list[str], words: list[str]) -> str:
    """The sentence with which a training is refused before anything is loaded."""
    with pytest.raises((UserError, SettingsError)) as error:
        train_room.train(settings([*words, *more]))
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "more", "sentence"),
    [
        ("tiny_sdxl", ["--v2"], "v2 is given, but tiny_sdxl.safetensors is a Stable Diffusion XL model"),
        ("random_base", ["--v2"], "v2 is given, but random_base.safetensors is a Stable Diffusion 1.x model"),
        ("tiny_sd2", ["--text_encoder_lr", "1e-3", "1e-4"], "2 rates, but Stable Diffusion 2.x has one text encoder"),
        ("tiny_sdxl", ["--bucket_reso_steps=8"], "sizes for Stable Diffusion XL are multiples of 32"),
    ],
)
def test_what_a_family_cannot_be_asked_is_refused_in_one_sentence(
    name: str, more: list[str], sentence: str, family_words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lora_workbench.trainer_core.models import checkpoint

    monkeypatch.setattr(checkpoint, "load_part", None)  # nothing of the model is loaded
    assert sentence in refused(more, family_words(name))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("caption_dropout_rate", 0.1),
        ("caption_dropout_every_n_epochs", 2),
        ("shuffle_caption", True),
        ("token_warmup_step", 10),
        ("caption_tag_dropout_rate", 0.1),
        ("enable_wildcard", True),
    ],
)
def test_what_excludes_cached_captions_is_refused_by_name(setting: str, value: object, family_words: Words) -> None:
    with pytest.raises(SettingsError, match=f"^{setting} can't be given with cache_text_encoder_outputs"):
        settings(family_words("tiny_sdxl", cache_text_encoder_outputs=True, **{setting: value}))
    assert getattr(settings(family_words("tiny_sdxl", **{setting: value})), setting) == value
    kept = settings(family_words("tiny_sdxl", cache_text_encoder_outputs_to_disk=True))
    assert kept.cache_text_encoder_outputs and kept.network_train_unet_only
    assert any("text encoders are not trained" in notice.message for notice in kept.notices)


def test_plan_and_file_agree_on_the_size(family_words: Words, tmp_path: Path) -> None:
    chosen = family_words("tiny_sdxl")
    plan = json.loads(run("plan", *chosen, "--json").stdout)
    path = train_room.train(settings(chosen))
    assert plan["file_size_bytes"] == pytest.approx(path.stat().st_size, rel=0.02)


@pytest.mark.parametrize("flag", ["fp8_base", "int8_base"])
def test_a_base_in_8_bits_trains_nearly_the_same_and_the_same_again(flag: str, family_words: Words, tmp_path: Path) -> None:
    common = {"gradient_checkpointing": True, "cache_text_encoder_outputs": True}
    losses = {}
    for name, more in (("plain", {}), (flag, {flag: True}), ("again", {flag: True})):
        path = train_room.train(
            settings(family_words("tiny_sdxl", output_name=name, job_dir=tmp_path / name, **common, **more))
        )
        losses[name] = [event["loss"] for event in read_events(tmp_path / name) if event["kind"] == "progress"]
        digest = safetensors(path)[1]
    assert losses[flag] != losses["plain"] and losses[flag] == pytest.approx(losses["plain"], rel=0.05)
    assert losses["again"] == losses[flag] and digest == safetensors(tmp_path / "out" / f"{flag}.safetensors")[1]


def test_merged_loras_are_in_captions_that_are_kept(family_words: Words, tmp_path: Path) -> None:
    """With base_weights the captions are another model's: as when nothing is kept, and not those kept without them."""
    first = train_room.train(settings(family_words("tiny_sdxl", learning_rate="1e-2")))
    common = {"network_train_unet_only": True, "base_weights": first, "base_weights_multiplier": 4}
    losses = {}
    for name, more in (("anew", {}), ("kept", {"cache_text_encoder_outputs_to_disk": True})):
        before = {"cache_text_encoder_outputs_to_disk": True, "output_name": f"before_{name}", "job_dir": tmp_path / f"b{name}"}
        train_room.train(settings(family_words("tiny_sdxl", **before)))
        chosen = family_words("tiny_sdxl", output_name=name, job_dir=tmp_path / name, **common, **more)
        train_room.train(settings(chosen))
        losses[name] = [event["loss"] for event in read_events(tmp_path / name) if event["kind"] == "progress"]
    without = [event["loss"] for event in read_events(tmp_path / "banew") if event["kind"] == "progress"]
    assert losses["kept"] == pytest.approx(losses["anew"], rel=1e-4)
    assert losses["kept"] != pytest.approx(without, rel=1e-4)


@pytest.mark.parametrize("name", ["full_fp16", "full_bf16"])
def test_weights_stay_in_full_precision_where_half_of_it_is_asked_for(name: str) -> None:
    """It would break Prodigy, and many scripts have it: the run goes on without, and says so."""
    settings = Settings.of(**{name: True, "mixed_precision": name[5:], "optimizer_type": "Prodigy", "learning_rate": 1.0})
    assert [one.message.split(":")[0] for one in settings.notices if one.code == "setting-ignored"] == [f"{name} is ignored"]


@pytest.mark.parametrize(("on", "other"), [("tiny_sdxl", "tiny_sd2"), ("tiny_sd2", "tiny_sdxl"), ("random_base", "tiny_sdxl")])
def test_a_lora_of_another_family_is_refused_before_the_model_is_loaded(
    on: str, other: str, family_words: Words, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    from lora_workbench.trainer_core.models.header import read_header
    from lora_workbench.trainer_core.networks.targets import lora_targets

    shapes = {
        name: shape
        for one in lora_targets(read_header(request.getfixturevalue(other)))
        for name, shape in lora_shapes(one, 2).items()
    }
    save_file({name: np.zeros(shape, np.float32) for name, shape in shapes.items()}, tmp_path / "other.safetensors")
    assert "other.safetensors is a LoRA for another kind of model than" in refused(
        [f"--network_weights={tmp_path / 'other.safetensors'}"], family_words(on)
    )
