"""OneTrainer's and ai-toolkit's files, written from their documented names, become the same settings; the rest is named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.trainer_core.imports import import_text
from lora_workbench.trainer_core.problems import WordsError
from lora_workbench.trainer_core.settings import SettingsError, read_settings

ONE_TRAINER: dict[str, Any] = {
    "__version": 10, "training_method": "LORA", "model_type": "STABLE_DIFFUSION_15", "workspace_dir": "workspace/run",
    "base_model_name": "/models/nai.safetensors", "output_model_destination": "models/penny.safetensors",
    "output_dtype": "FLOAT_16", "output_model_format": "SAFETENSORS", "aspect_ratio_bucketing": True, "latent_caching": True,
    "learning_rate_scheduler": "COSINE_WITH_RESTARTS", "learning_rate": 3e-4, "learning_rate_warmup_steps": 100.0,
    "learning_rate_cycles": 3.0, "epochs": 12, "batch_size": 2, "gradient_accumulation_steps": 1, "ema": "GPU",
    "ema_decay": 0.99, "train_dtype": "BFLOAT_16", "resolution": "768", "loss_weight_fn": "MIN_SNR_GAMMA",
    "loss_weight_strength": 4.0, "huber_strength": 0.5, "offset_noise_weight": 0.05, "peft_type": "LORA", "lora_rank": 32,
    "lora_alpha": 16.0, "save_every": 2, "save_every_unit": "EPOCH", "sample_after": 10, "sample_after_unit": "MINUTE",
    "unet": {"train": True, "learning_rate": 2e-4, "gradient_checkpointing": True}, "text_encoder_layer_skip": 1,
    "text_encoder": {"train": True, "learning_rate": 5e-5}, "dropout_probability": 0.1, "a_new_thing": 7,
    "optimizer": {"optimizer": "PRODIGY", "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.01, "d_coef": 1.0,
                  "decouple": True, "growth_rate": None, "relative_step": False},
    "concepts": [
        {"path": "/sets/penny", "enabled": True, "type": "STANDARD", "balancing": 10.0, "balancing_strategy": "REPEATS",
         "text": {"prompt_source": "sample", "enable_tag_shuffling": True, "keep_tags_count": 2, "tag_dropout_enable": False},
         "image": {"enable_random_flip": True}},
        {"path": "/sets/other", "enabled": False},
    ],
    "samples": [{"enabled": True, "prompt": "penny, smile", "negative_prompt": "bad", "width": 512, "height": 768, "seed": 42,
                 "diffusion_steps": 20, "cfg_scale": 7.0}],
}  # fmt: skip
OF_ONE_TRAINER = {
    "pretrained_model_name_or_path": "/models/nai.safetensors", "output_dir": "models", "output_name": "penny",
    "save_precision": "fp16", "enable_bucket": True, "cache_latents": True, "lr_scheduler": "cosine_with_restarts",
    "lr_scheduler_num_cycles": 3, "learning_rate": 3e-4, "lr_warmup_steps": 100, "max_train_epochs": 12, "train_batch_size": 2,
    "gradient_accumulation_steps": 1, "ema_decay": 0.99, "mixed_precision": "bf16", "resolution": "768",
    "min_snr_gamma": 4.0, "noise_offset": 0.05, "network_dim": 32, "network_alpha": 16.0, "save_every_n_epochs": 2,
    "unet_lr": 2e-4, "text_encoder_lr": [5e-5], "gradient_checkpointing": True, "clip_skip": 2, "network_dropout": 0.1,
    "optimizer_type": "Prodigy", "optimizer_args": ["betas=0.9,0.99", "weight_decay=0.01", "d_coef=1.0", "decouple=True"],
    "train_data_dir": "/sets/penny", "dataset_repeats": 10, "caption_extension": ".txt", "shuffle_caption": True,
    "keep_tokens": 2, "flip_aug": True,
}  # fmt: skip
AI_TOOLKIT = """
---
job: extension
config:
  name: "penny_v1"
  process:
    - type: 'sd_trainer'
      training_folder: "output"
      trigger_word: "penny"
      network:
        type: "lora"
        linear: 16
        linear_alpha: 8
        conv: 4
      save: { dtype: float16, save_every: 250, max_step_saves_to_keep: 4 }
      datasets:
        - folder_path: "/sets/penny"   # comment
          caption_ext: "txt"
          caption_dropout_rate: 0.05
          shuffle_tokens: true
          cache_latents_to_disk: true
          num_repeats: 3
          flip_x: true
          resolution: [ 512, 768, 1024 ]
      train:
        batch_size: 1
        steps: 2000
        train_unet: true
        train_text_encoder: false
        gradient_checkpointing: true
        noise_scheduler: "ddpm"
        optimizer: "adamw8bit"
        optimizer_params: { weight_decay: 0.01 }
        lr: 1e-4
        skip_first_sample: true
        ema_config: { use_ema: true, ema_decay: 0.99 }
        dtype: bf16
        linear_timesteps: true
      model: { name_or_path: "stabilityai/stable-diffusion-xl-base-1.0", is_xl: true }
      sample:
        sample_every: 250
        width: 1024
        height: 768
        prompts:
          - "penny, smile"
        neg: "bad"
        seed: 42
        guidance_scale: 4
        sample_steps: 25
"""
OF_AI_TOOLKIT = {
    "pretrained_model_name_or_path": "stabilityai/stable-diffusion-xl-base-1.0", "output_dir": "output/penny_v1",
    "output_name": "penny_v1", "network_dim": 16, "network_alpha": 8.0, "network_args": ["conv_dim=4", "conv_alpha=4"],
    "save_precision": "fp16", "save_every_n_steps": 250, "save_last_n_steps": 750, "train_data_dir": "/sets/penny",
    "dataset_repeats": 3, "caption_extension": ".txt", "caption_dropout_rate": 0.05, "shuffle_caption": True, "flip_aug": True,
    "cache_latents_to_disk": True, "resolution": "1024", "enable_bucket": True, "train_batch_size": 1, "max_train_steps": 2000,
    "network_train_unet_only": True, "gradient_checkpointing": True, "optimizer_type": "AdamW8bit",
    "optimizer_args": ["weight_decay=0.01"], "learning_rate": 1e-4, "ema_decay": 0.99, "mixed_precision": "bf16",
    "sample_every_n_steps": 250,
}  # fmt: skip


def test_one_trainer() -> None:
    found = import_text(json.dumps(ONE_TRAINER), "penny.json")
    assert found.source == "settings of OneTrainer" and found.as_dict()["values"] == OF_ONE_TRAINER
    assert {one.name for one in found.left} == {"huber_strength", "a_new_thing"} and found.notes == []
    assert found.prompts == "penny, smile --n bad --w 512 --h 768 --d 42 --s 20 --l 7.0"
    preset = {"training_method": "LORA", "model_type": "STABLE_DIFFUSION_XL_10_BASE", "text_encoder": {"train": False},
              "text_encoder_2": {"train": False}, "learning_rate": 3e-4}  # fmt: skip
    small = import_text(json.dumps(preset))
    assert small.values["network_train_unet_only"] and small.values["max_train_epochs"] == 100, (
        "as OneTrainer's window shows it"
    )
    assert "epochs 100" in small.notes[0] and "give train_data_dir" in small.left[0].why


def test_ai_toolkit() -> None:
    found = import_text(AI_TOOLKIT)
    assert found.source == "settings of ai-toolkit" and found.as_dict()["values"] == OF_AI_TOOLKIT
    assert {one.name for one in found.left} == {"trigger_word", "train.linear_timesteps"}
    assert "It trains at 512, 768, 1024" in found.notes[0] and "may be a name on Hugging Face" in found.notes[1]
    assert found.prompts == "penny, smile --n bad --w 1024 --h 768 --d 42 --s 25 --l 4"


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        (json.dumps({**ONE_TRAINER, "training_method": "EMBEDDING"}), "a.json", "train by the method EMBEDDING"),
        (json.dumps({**ONE_TRAINER, "model_type": "FLUX_DEV_1"}), "a.json", "These settings are for FLUX_DEV_1"),
        (AI_TOOLKIT.replace("is_xl", "is_flux"), "", "These settings are for flux"),
        (AI_TOOLKIT.replace("sd_trainer", "slider"), "", "process is slider"),
        (AI_TOOLKIT.replace("job:", "job: ["), "", "It is not valid YAML"),
        ("a: 1\nb: [2]", "a.yml", "of which ai-toolkit's settings alone are read"),
    ],
)
def test_what_else_they_train_is_refused(text: str, name: str, told: str) -> None:
    with pytest.raises(WordsError, match=re.escape(told)) as error:
        import_text(text, name)
    assert "\n" not in str(error.value)


def test_given_as_a_config_file_they_are_told_to_be_imported(tmp_path: Path) -> None:
    for name, text, tool in (("a.json", json.dumps(ONE_TRAINER), "OneTrainer"), ("b.yaml", AI_TOOLKIT, "ai-toolkit")):
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(SettingsError) as error:
            read_settings(["--config_file", str(tmp_path / name)], "plan")
        assert str(error.value).startswith(f"config_file {name} has the settings of {tool}; `python -m trainer_core import`")
