"""Captions' text states: the same kept as made anew, named on disk by all that they depend on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lora_workbench.tests.trainer_core.preparing import prepared_run
from lora_workbench.trainer_core.dataset.caption_states import CaptionStates
from lora_workbench.trainer_core.dataset.tensor_files import TensorFiles
from lora_workbench.trainer_core.generate.prompt import encode_prompt
from lora_workbench.trainer_core.models.checkpoint import Model, load_model

CAPTIONS = ["penny, red hat", "", "moon"]


@pytest.fixture(scope="module")
def model(tiny_sdxl: Path) -> Model:
    return load_model(tiny_sdxl, parts=("text_encoder", "text_encoder_2"))


def states_of(model: Model, **changes: object) -> CaptionStates:
    options = {"max_token_length": 150, "clip_skip": None, "trained": False, "device": torch.device("cpu"), **changes}
    return CaptionStates(model, **options)


def test_kept_states_are_those_made_anew(model: Model, tmp_path: Path) -> None:
    anew = states_of(model).of(CAPTIONS)
    kept = states_of(model)
    kept.keep(CAPTIONS, TensorFiles(tmp_path, "text state"), "key")
    assert torch.allclose(kept.of(CAPTIONS).states, anew.states, atol=1e-5)
    assert torch.allclose(kept.of(CAPTIONS).pooled, anew.pooled, atol=1e-5)
    assert not kept.of(CAPTIONS).states.requires_grad and anew.states.shape == (3, 152, 192)


def test_weights_are_read_where_they_are_asked_for(model: Model, tmp_path: Path) -> None:
    plain, heavy = "a red hat", "a (red hat:1.3)"
    weighted = states_of(model, weighted=True)
    states = weighted.of([plain, heavy]).states
    assert torch.allclose(states[:1], states_of(model).of([plain]).states, atol=1e-5)
    with torch.no_grad():
        drawn = encode_prompt(model, heavy, 1).states  # one chunk, as drawing has it
    first = states_of(model, weighted=True, max_token_length=None).of([heavy]).states
    assert torch.allclose(first, drawn, atol=1e-5) and not torch.allclose(states[:1], states[1:], atol=1e-2)
    files = TensorFiles(tmp_path, "text state")
    states_of(model).keep([heavy], files, "key")
    weighted.keep([heavy], files, "key")  # not what was kept without weights
    assert torch.allclose(weighted.of([heavy]).states, states[1:], atol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_run_reads_weights_where_its_settings_say_so(random_base: Path, tmp_path: Path, weighted: bool) -> None:
    ready = prepared_run(random_base, tmp_path, weighted_captions=weighted)
    ready.events.close()
    with torch.no_grad():
        plain, heavy = (ready.run.text.of([caption]).states for caption in ("a red hat", "a (red hat:1)"))
    assert torch.allclose(plain, heavy, atol=1e-6) is weighted


def test_what_is_on_disk_is_not_made_again_and_what_is_damaged_is(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    real = CaptionStates._encode
    monkeypatch.setattr(CaptionStates, "_encode", lambda self, captions: made.extend(captions) or real(self, captions))

    def keep(**changes: object) -> CaptionStates:
        made.clear()
        states = states_of(model, **changes)
        states.keep(CAPTIONS, TensorFiles(tmp_path, "text state"), "key")
        return states

    first = keep()
    assert made == CAPTIONS
    second = keep()
    assert made == [] and torch.equal(second.of(CAPTIONS).states, first.of(CAPTIONS).states)
    keep(max_token_length=75)
    assert made == CAPTIONS
    keep(clip_skip=2)
    assert made == CAPTIONS
    for path in tmp_path.rglob("*.safetensors"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    third = keep()
    assert made == CAPTIONS and all("is damaged and is made again" in notice for notice in third.notices)
    assert len(third.notices) == 3


def test_other_encoders_are_not_taken_for_these(model: Model, tmp_path: Path) -> None:
    files = TensorFiles(tmp_path, "text state")
    for key in ("one", "two", "one"):
        states_of(model).keep(["penny"], files, key)
    assert len(list(tmp_path.rglob("*.safetensors"))) == 2


def test_gradients_go_into_encoders_that_are_trained(model: Model) -> None:
    weight = model.text_encoder_2.encoder.layers[0].mlp.fc1.weight
    weight.requires_grad_(True)
    try:
        assert states_of(model, trained=True).of(["penny"]).pooled.requires_grad
        assert not states_of(model, trained=False).of(["penny"]).pooled.requires_grad
    finally:
        weight.requires_grad_(False)
