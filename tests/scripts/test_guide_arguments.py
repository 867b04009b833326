"""The guide's two scripts: what their command lines mean here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lora_workbench.tests.scripts.expand import powershell_commands
from lora_workbench.trainer_core.settings import Settings, read_settings

HERE = Path(__file__).parent
COMMON = {
    "network_module": "networks.lora",
    "caption_extension": ".txt",
    "shuffle_caption": True,
    "prior_loss_weight": 1.0,
    "resolution": (512, 512),
    "enable_bucket": True,
    "min_bucket_reso": 320,
    "learning_rate": 1e-4,
    "unet_lr": 1e-4,
    "text_encoder_lr": (5e-5,),
    "mixed_precision": "fp16",
    "save_precision": "fp16",
    "xformers": True,
    "save_model_as": "safetensors",
    "clip_skip": 2,
    "seed": 420,
    "flip_aug": True,
    "optimizer_type": "AdamW8bit",
    "lr_scheduler": "cosine_with_restarts",
    "lr_scheduler_num_cycles": 1,
    "gradient_accumulation_steps": 1,
}
WINDOWS = {
    "keep_tokens": 1,
    "max_bucket_reso": 960,
    "train_batch_size": 1,
    "max_train_epochs": 8,
    "save_every_n_epochs": 1,
    "network_dim": 128,
    "network_alpha": 128.0,
    "max_token_length": 225,
    "cache_latents": True,
    "noise_offset": 0.0,
    "output_name": None,
    "color_aug": False,
    "use_8bit_adam": False,
}
LINUX = {
    "keep_tokens": 0,
    "max_bucket_reso": 768,
    "train_batch_size": 2,
    "max_train_epochs": 6,
    "save_every_n_epochs": 2,
    "network_dim": 160,
    "network_alpha": 160.0,
    "max_token_length": 150,
    "cache_latents": False,
    "noise_offset": None,
    "output_name": "penny_last_e6_n160",
    "color_aug": True,
    "face_crop_aug_range": (2.0, 4.0),
    "training_comment": "LORA:penny",
}


def check(settings: Settings, expected: dict[str, object]) -> None:
    assert {name: getattr(settings, name) for name in expected} == expected


def windows_words() -> list[str]:
    activate, launch = powershell_commands((HERE / "guide_windows.ps1").read_text(encoding="utf-8"))
    assert activate == [r".\venv\Scripts\activate"]
    assert launch[:5] == ["accelerate", "launch", "--num_cpu_threads_per_process", "8", "train_network.py"]
    return launch[5:]


def test_windows_script() -> None:
    settings = read_settings(windows_words(), "train_network.py")
    check(settings, {**COMMON, **WINDOWS})
    assert settings.pretrained_model_name_or_path == Path(r"X:\SD\voldy\models\Stable-diffusion\animefull-final-pruned.ckpt")
    assert settings.reg_data_dir == Path(r"X:\SD\training\reg")
    assert settings.notices == ()


def test_powershell_writes_numbers_as_it_does() -> None:
    words = windows_words()
    assert "--text_encoder_lr=5E-05" in words
    assert "--noise_offset=0" in words
    assert "--learning_rate=0.0001" in words


def test_a_backtick_without_a_space_is_noticed() -> None:
    text = (HERE / "guide_windows.ps1").read_text(encoding="utf-8").replace("--keep_tokens=1 `", "--keep_tokens=1`")
    with pytest.raises(ValueError, match="backtick"):
        powershell_commands(text)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not to be had")
def test_linux_script(tmp_path: Path) -> None:
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "activate").write_text("accelerate() { printf '%s\\0' \"$@\" > words; }\n", encoding="utf-8")
    text = (HERE / "guide_linux.sh").read_text(encoding="utf-8").replace("/mnt/DATA/AI/sd-scripts", str(tmp_path))
    (tmp_path / "run.sh").write_text(text, encoding="utf-8")
    subprocess.run(["bash", "run.sh"], cwd=tmp_path, check=True, timeout=30)
    words = (tmp_path / "words").read_text(encoding="utf-8").split("\0")[:-1]
    assert words[:4] == ["launch", "--num_cpu_threads_per_process", "8", "train_network.py"]
    settings = read_settings(words[4:], "train_network.py")
    check(settings, {**COMMON, **LINUX})
    assert settings.train_data_dir == tmp_path / "SETS" / "penny"
    assert [notice.code for notice in settings.notices] == ["setting-replaced"]
    assert "use_8bit_adam" in settings.notices[0].message
