"""Wrong input: one clear sentence, the right exit status, and nothing of the user's lost."""

import os
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.benchmarks.make_checkpoint import make_checkpoint
from lora_workbench.tests.whole.command import run
from lora_workbench.trainer_core.events import hold_job

Words = Callable[..., list[str]]


def refusal(*words: str, status: int = 1) -> str:
    """The command's refusal: the last line of stderr; a traceback there would be a defect."""
    done = run("train", *words, status=status)
    assert "Traceback" not in done.stderr and "Traceback" not in done.stdout
    lines = done.stderr.strip().splitlines()
    assert lines, done.stdout
    return " ".join(lines)


def test_no_images(words: Words, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no picture" in refusal(*words(train_data_dir=empty)).lower()


def test_missing_folder(words: Words, tmp_path: Path) -> None:
    assert str(tmp_path / "nowhere") in refusal(*words(train_data_dir=tmp_path / "nowhere"))


def test_missing_model(words: Words, tmp_path: Path) -> None:
    assert f"There is no model at {tmp_path / 'no.safetensors'}" in refusal(
        *words(pretrained_model_name_or_path=tmp_path / "no.safetensors")
    )


def test_truncated_model(words: Words, random_base: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(random_base.read_bytes()[:1_000_000])
    assert "truncated" in refusal(*words(pretrained_model_name_or_path=cut))


class Hostile:
    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple:
        return (os.mkdir, (str(self.victim),))


@pytest.mark.parametrize("zipped", [True, False])
def test_hostile_checkpoint_is_never_run(words: Words, tmp_path: Path, zipped: bool) -> None:
    victim, path = tmp_path / "ran", tmp_path / "evil.ckpt"
    content = pickle.dumps({"state_dict": Hostile(victim)}, protocol=2)
    if zipped:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", content)
            archive.writestr("archive/version", "3\n")
    else:
        path.write_bytes(content)
    message = refusal(*words(pretrained_model_name_or_path=path))
    assert "evil.ckpt" in message and not victim.exists()


def test_relatives_that_are_not_trained_are_named(words: Words, tmp_path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    path = tmp_path / "xl.safetensors"
    names = {
        "conditioner.embedders.0.model.ln_final.weight": (1280,),
        "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": (768, 1280),
        "model.diffusion_model.label_emb.0.0.weight": (1536, 2560),
    }
    save_file({name: np.zeros(shape, np.float16) for name, shape in names.items()}, path)
    assert "is the refiner of Stable Diffusion XL" in refusal(*words(pretrained_model_name_or_path=path))


def test_settings_of_another_family_are_refused(words: Words) -> None:
    assert "v2 is given, but random_base.safetensors is a Stable Diffusion 1.x model." in refusal(*words(v2=True))


def test_misspelt_flags_are_all_named_with_their_neighbours(words: Words) -> None:
    message = refusal(*words(), "--netwrok_dim=8", "--unet_lrr=1e-4", status=2)
    assert "netwrok_dim" in message and "network_dim?" in message
    assert "unet_lrr" in message and "unet_lr?" in message


def test_unknown_optimizer_argument_is_found_before_the_model_is_read(words: Words, tmp_path: Path) -> None:
    message = refusal(*words(optimizer_type="Prodigy", learning_rate=1), "--optimizer_args", "d_coeff=2")
    assert "d_coeff" in message and "d_coef?" in message


def test_output_folder_that_is_a_file(words: Words, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("precious", encoding="utf-8")
    assert "taken" in refusal(*words(output_dir=tmp_path / "taken"))
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "precious"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc stands in for a read-only disk")
def test_read_only_output_folder(words: Words) -> None:
    assert "/proc/out" in refusal(*words(output_dir="/proc/out"))


def test_a_job_folder_in_use(words: Words, tmp_path: Path) -> None:
    lock = hold_job(tmp_path / "job")
    try:
        assert "Another run is working in" in refusal(*words())
    finally:
        lock.release()


def test_odd_pictures_and_captions_are_told_and_the_rest_is_planned(words: Words, pictures: Path) -> None:
    folder = pictures / "2_penny"
    Image.new("RGB", (1, 1)).save(folder / "tiny.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    (folder / "0.txt").write_bytes(b"")
    (folder / "1.txt").write_bytes("penny, 红色的帽子".encode("gbk"))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = run("plan", *words(job_dir=None))
    for name in ("tiny.png", "broken.jpg", "0.txt", "1.txt"):
        assert name in done.stdout, name
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_alpha_above_rank_is_a_warning_with_its_factor(words: Words) -> None:
    done = run("plan", *words(network_dim=4, network_alpha=8, job_dir=None))
    assert "2" in next(line for line in done.stdout.splitlines() if "alpha" in line.lower() and "above" in line.lower())


def test_a_diffusers_or_lora_file_as_base(words: Words, tmp_path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    path = tmp_path / "lora.safetensors"
    name = "lora_unet_mid_block_attentions_0_proj_in"
    save_file(
        {f"{name}.lora_down.weight": np.zeros((4, 64), np.float16), f"{name}.lora_up.weight": np.zeros((64, 4), np.float16)},
        path,
    )
    assert "LoRA" in refusal(*words(pretrained_model_name_or_path=path))


def test_an_unfinished_checkpoint(words: Words, tmp_path: Path) -> None:
    path = make_checkpoint(tmp_path / "base.safetensors", "toy")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert "truncated" in refusal(*words(pretrained_model_name_or_path=path))
