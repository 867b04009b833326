"""Files of other tools, written from their documented names, become the same settings; what has no equivalent is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.trainer_core.imports import Imported, import_text
from lora_workbench.trainer_core.problems import WordsError
from lora_workbench.trainer_core.settings import Settings

GUI: dict[str, Any] = {
    "LoRA_type": "Standard", "model_list": "custom", "pretrained_model_name_or_path": "/models/nai.safetensors", "v2": False,
    "v_parameterization": False, "sdxl": False, "train_data_dir": "/sets/penny", "reg_data_dir": "", "output_dir": "/out",
    "output_name": "penny", "logging_dir": "", "max_resolution": "512,768", "learning_rate": 0.0001, "lr_scheduler": "cosine",
    "lr_warmup": 10, "train_batch_size": 2, "epoch": 8, "save_every_n_epochs": 1, "seed": "420", "cache_latents": True,
    "caption_extension": ".txt", "enable_bucket": True, "min_bucket_reso": 320, "max_bucket_reso": 960, "max_train_epochs": "",
    "max_train_steps": "", "lr_scheduler_num_cycles": "", "lr_scheduler_power": "", "optimizer": "AdamW8bit",
    "optimizer_args": '"weight_decay=0.1" "betas=0.9,0.99"', "max_grad_norm": 1, "mixed_precision": "fp16",
    "save_precision": "fp16", "num_cpu_threads_per_process": 2, "num_processes": 1, "gradient_checkpointing": False,
    "xformers": "xformers", "shuffle_caption": True, "save_state": False, "resume": "", "prior_loss_weight": 1.0,
    "color_aug": False, "flip_aug": True, "clip_skip": "2", "gradient_accumulation_steps": 1, "mem_eff_attn": False,
    "max_token_length": "225", "keep_tokens": "1", "bucket_no_upscale": True, "bucket_reso_steps": 64, "noise_offset_type":
    "Multires", "noise_offset": 0.05, "adaptive_noise_scale": 0, "multires_noise_iterations": 6, "multires_noise_discount": 0.3,
    "additional_parameters": "--min_snr_gamma=5 --sample_at_first", "min_snr_gamma": 0, "vae_batch_size": 0,
    "text_encoder_lr": 0.00005, "unet_lr": 0.0001, "network_dim": 32, "network_alpha": 16, "network_weights": "", "conv_dim": 1,
    "conv_alpha": 1, "rank_dropout": 0, "module_dropout": 0, "network_dropout": 0, "scale_weight_norms": 0,
    "down_lr_weight": "", "block_dims": "", "LyCORIS_preset": "full", "use_scalar": False, "sample_prompts":
    "penny, smile --w 512\npenny, hat", "sample_every_n_epochs": 1, "sample_sampler": "euler_a", "flux1_checkbox": False,
    "t5xxl": "", "guidance_scale": 3.5, "sdxl_no_half_vae": True, "max_timestep": 1000, "min_timestep": 0, "wandb_api_key": "",
    "weighted_captions": False, "full_bf16": False, "training_comment": "trigger: penny", "stop_text_encoder_training": 0,
    "save_as_bool": False, "dynamo_backend": "no", "huggingface_repo_id": "", "max_data_loader_n_workers": "0",
}  # fmt: skip
OF_GUI = {
    "pretrained_model_name_or_path": "/models/nai.safetensors", "train_data_dir": "/sets/penny", "output_dir": "/out",
    "output_name": "penny", "resolution": [512, 768], "learning_rate": 1e-4, "lr_scheduler": "cosine", "lr_warmup_steps": 0.1,
    "train_batch_size": 2, "max_train_epochs": 8, "save_every_n_epochs": 1, "seed": 420, "cache_latents": True,
    "caption_extension": ".txt", "enable_bucket": True, "min_bucket_reso": 320, "max_bucket_reso": 960,
    "optimizer_type": "AdamW8bit", "optimizer_args": ["weight_decay=0.1", "betas=0.9,0.99"], "mixed_precision": "fp16",
    "save_precision": "fp16", "xformers": True, "shuffle_caption": True, "flip_aug": True, "clip_skip": 2,
    "max_token_length": 225, "keep_tokens": 1, "bucket_no_upscale": True, "multires_noise_iterations": 6,
    "multires_noise_discount": 0.3, "min_snr_gamma": 5, "sample_at_first": True, "text_encoder_lr": [5e-5], "unet_lr": 1e-4,
    "network_dim": 32, "network_alpha": 16, "sample_every_n_epochs": 1, "sample_sampler": "euler_a",
    "max_timestep": 1000, "training_comment": "trigger: penny", "max_data_loader_n_workers": 0,
}  # fmt: skip
EASY = """
[[subsets]]
name = "subset 1"
num_repeats = 10
keep_tokens = 1
caption_extension = ".txt"
shuffle_caption = true
flip_aug = false
random_crop = true
is_reg = false
image_dir = "/sets/10_penny"

[train_mode]
train_mode = "lora"

[noise_args.args]
noise_offset = 0.05

[general_args.args]
pretrained_model_name_or_path = "/models/nai.safetensors"
mixed_precision = "bf16"
seed = 23
clip_skip = 2
xformers = true
max_token_length = 225
prior_loss_weight = 1.0
max_train_epochs = 2
sdxl = false

[general_args.dataset_args]
resolution = 768
batch_size = 2

[network_args.args]
network_dim = 8
network_alpha = 1.0
[network_args.args.network_args]
algo = "loha"
conv_dim = 4
conv_alpha = 1.0

[optimizer_args.args]
optimizer_type = "AdamW8bit"
lr_scheduler = "cosine"
learning_rate = 0.0001
lr_scheduler_num_cycles = 2
warmup_ratio = 0.05
[optimizer_args.args.optimizer_args]
weight_decay = 0.1
betas = "0.9,0.99"
decouple = "true"

[saving_args.args]
easy_name = "penny"
output_dir = "/out/${replace}"
output_name = "${replace}"
save_every_n_epochs = 1
tag_occurrence = true

[bucket_args.dataset_args]
enable_bucket = true
min_bucket_reso = 256
max_bucket_reso = 1024
bucket_reso_steps = 64
"""
OF_EASY = {
    "train_data_dir": "/sets/10_penny", "dataset_repeats": 10, "keep_tokens": 1, "caption_extension": ".txt",
    "shuffle_caption": True, "random_crop": True, "noise_offset": 0.05,
    "pretrained_model_name_or_path": "/models/nai.safetensors", "mixed_precision": "bf16", "seed": 23, "clip_skip": 2,
    "xformers": True, "max_token_length": 225, "max_train_epochs": 2, "resolution": 768, "train_batch_size": 2,
    "network_dim": 8, "network_alpha": 1, "network_module": "lycoris.kohya",
    "network_args": ["algo=loha", "conv_dim=4", "conv_alpha=1.0"], "optimizer_type": "AdamW8bit", "lr_scheduler": "cosine",
    "learning_rate": 1e-4, "lr_scheduler_num_cycles": 2, "lr_warmup_steps": 0.05,
    "optimizer_args": ["weight_decay=0.1", "betas=0.9,0.99", "decouple=True"], "output_dir": "/out/penny",
    "output_name": "penny", "save_every_n_epochs": 1, "enable_bucket": True, "min_bucket_reso": 256, "max_bucket_reso": 1024,
}  # fmt: skip
SECOND = '[[subsets]]\nnum_repeats = 3\nimage_dir = "/sets/reg"\nis_reg = true\n'
KOHYA = """
# a comment
[model]
pretrained_model_name_or_path = "/models/nai.safetensors"
[network]
network-dim = 16
network_args = ["conv_dim=4"]
unet_lr = 1e-4
text_encoder_lr = [5e-5, 1e-5]
resolution = "512,768"
fancy_setting = 3
dataset_config = "/sets/data.toml"
"""
DATASET = """
[general]
shuffle_caption = true
keep_tokens = 1
[[datasets]]
resolution = 512
batch_size = 4
enable_bucket = true
[[datasets.subsets]]
image_dir = "/sets/penny"
num_repeats = 4
caption_extension = ".txt"
"""


def settings(found: Imported) -> dict[str, Any]:
    """What a run would have: all settings with their plain meaning."""
    return Settings.of(**found.values).as_dict()


def left(found: Imported) -> dict[str, str]:
    return {one.name: one.why for one in found.left}


def gui(**changes: Any) -> Imported:
    return import_text(json.dumps({**GUI, **changes}))


def test_kohya_gui() -> None:
    found = gui()
    assert found.source == "settings of kohya_ss' GUI" and found.notes == []
    assert settings(found) == Settings.from_dict(OF_GUI).as_dict()
    assert set(left(found)) == {"max_data_loader_n_workers"} and "is ignored" in left(found)["max_data_loader_n_workers"]
    assert found.prompts == "penny, smile --w 512\npenny, hat"


def test_kohya_guis_unknown_names() -> None:
    found = gui(brand_new_field=3, min_snr_gama=4, stop_text_encoder_training=20, use_wandb=True, huggingface_repo_id="me/it")
    why = left(found)
    assert why["brand_new_field"].startswith("has no equivalent here") and "min_snr_gamma" in why["min_snr_gama"]
    assert "sd-scripts" in why["stop_text_encoder_training"]
    assert "Weights & Biases" in why["use_wandb"] and why["huggingface_repo_id"].startswith("is refused")
    assert settings(found) == settings(gui())


KINDS: dict[str, tuple[dict[str, Any], str, list[str] | None]] = {
    "Standard": ({}, "networks.lora", None),
    "LoCon of kohya": ({"LoRA_type": "Kohya LoCon", "conv_dim": 8, "conv_alpha": 4}, "networks.lora",
                       ["conv_dim=8", "conv_alpha=4"]),
    "blocks": ({"down_lr_weight": "1, 1,0.5", "rank_dropout": 0.1}, "networks.lora",
               ["down_lr_weight=1,1,0.5", "rank_dropout=0.1"]),
    "LoHa": ({"LoRA_type": "LyCORIS/LoHa", "conv_dim": 0, "use_tucker": True}, "lycoris.kohya",
             ["algo=loha", "preset=full", "conv_dim=0", "conv_alpha=1", "use_tucker=True"]),
    "LoKr": ({"LoRA_type": "LyCORIS/LoKr", "factor": 6, "decompose_both": True}, "lycoris.kohya",
             ["algo=lokr", "preset=full", "conv_dim=1", "conv_alpha=1", "factor=6", "decompose_both=True"]),
    "DyLoRA": ({"LoRA_type": "Kohya DyLoRA", "unit": 4, "conv_dim": 0}, "networks.dylora", ["unit=4"]),
    "LoKr in Tucker's form": ({"LoRA_type": "LyCORIS/LoKr", "use_tucker": True}, "lycoris.kohya",
                              ["algo=lokr", "preset=full", "conv_dim=1", "conv_alpha=1", "use_tucker=True"]),
    "sd-scripts' own LoKr": ({"LoRA_type": "Kohya LoKr", "conv_dim": 0, "factor": 8}, "lycoris.kohya",
                             ["algo=lokr", "preset=attn-mlp", "conv_dim=0", "factor=8"]),
    "iA3": ({"LoRA_type": "LyCORIS/iA3", "LyCORIS_preset": "ia3"}, "lycoris.kohya",
            ["algo=ia3", "preset=ia3", "conv_dim=1", "conv_alpha=1"]),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "module", "words"), KINDS.values(), ids=KINDS)
def test_kohya_guis_networks(changes: dict[str, Any], module: str, words: list[str] | None) -> None:
    found = gui(**changes)
    made = Settings.of(**found.values)
    given = list(made.network_args or ()) or None
    assert made.network_module == module and [one for one in given or [] if one != "conv_alpha=1"] == [
        one for one in words or [] if one != "conv_alpha=1"
    ]


def test_kohya_guis_rules() -> None:
    """What the window makes of fields that depend on others."""
    assert settings(gui(max_train_steps="1000"))["max_train_steps"] == 1000
    assert "epoch 8 does not" in gui(max_train_steps="1000").notes[0]
    assert gui(max_train_epochs="5").values["max_train_epochs"] == 5
    assert gui(lr_scheduler="cosine_with_restarts").values["lr_scheduler_num_cycles"] == 8
    assert gui(lr_warmup_steps=50).values["lr_warmup_steps"] == 50
    assert gui(text_encoder_lr=0).values["network_train_unet_only"] is True
    assert gui(unet_lr=0).values["network_train_text_encoder_only"] is True
    original = gui(noise_offset_type="Original").values
    assert original["noise_offset"] == 0.05 and "multires_noise_iterations" not in original
    assert "no_half_vae" in gui(sdxl=True).values
    assert "several GPUs" in left(gui(multi_gpu=True, num_processes=2))["num_processes"]
    assert "num_processes" not in left(gui(multi_gpu=False, num_processes=2))
    assert gui(xformers="sdpa").values["sdpa"] is True
    assert "LoRA-FA" in gui(LoRA_type="LoRA-FA").notes[0]
    assert "networks.lora is trained" in left(gui(LoRA_type="Flux1"))["LoRA_type"]
    assert "use_scalar" in gui(LoRA_type="LyCORIS/LoHa", use_scalar=True).left[-1].sentence()
    with pytest.raises(WordsError, match="Flux"):
        gui(flux1_checkbox=True)


def test_a_preset_holds_only_a_part_of_the_window() -> None:
    """What it doesn't name is what the window shows: without that, captions in .txt files would not be read."""
    part = import_text(json.dumps({"LoRA_type": "Standard", "epoch": 3, "network_dim": 8}))
    assert settings(part)["resolution"] == [512, 512] and part.values["caption_extension"] == ".txt"
    assert part.values["enable_bucket"] is True
    assert part.notes == [
        "What the window shows where a file says nothing is taken from it: "
        "resolution 512,512, caption_extension .txt, enable_bucket true."
    ]
    assert gui().notes == []


def test_settings_of_the_windows_other_tabs_are_told() -> None:
    model = {"learning_rate_te": 1e-6, "learning_rate": 1e-6, "max_resolution": "512,512", "epoch": 2}
    notes = import_text(json.dumps(model)).notes
    assert notes[0] == "These settings train a whole model; here a LoRA is trained with them."
    assert notes[1] == "learning_rate 1e-06 is one for a whole model: a LoRA wants about 1e-4."
    assert "learning_rate_te" not in left(gui(learning_rate_te=1e-6)) and gui(learning_rate_te=1e-6).notes == []
    with pytest.raises(WordsError, match="train an embedding; only LoRAs"):
        import_text(json.dumps({"token_string": "zxc", "max_resolution": "512,512", "epoch": 2}))


def test_what_the_window_begins_with_is_read_as_its_settings() -> None:
    """Its config.toml: the same names in sections, and some of its other tools, which are not the training's."""
    found = import_text(
        '[basic]\nepoch = 3\nmax_resolution = "768,768"\noptimizer = "Lion"\n[server]\nlisten = "0.0.0.0"\n'
        "[samples]\nsample_every_n_steps = 0\n[wd14_caption]\nbatch_size = 8\nthresh = 0.36\n"
    )
    assert found.values["optimizer_type"] == "Lion" and found.values["max_train_epochs"] == 3 and found.left == []


def test_values_that_can_not_be_are_told_with_what_counts_instead() -> None:
    assert left(gui(epoch="three", lr_warmup="some")) == {
        "epoch": "must be a number", "lr_warmup": "must be a number", **left(gui()),
    }  # fmt: skip
    assert left(gui(lr_scheduler="cosin"))["lr_scheduler"].endswith("did you mean cosine; constant counts")
    assert left(gui(bucket_reso_steps=1))["bucket_reso_steps"] == "must be at least 8, not 1; 64 counts"


def test_easy_scripts() -> None:
    found = import_text(EASY)
    assert found.source == "settings of LoRA_Easy_Training_Scripts" and found.left == [] and found.notes == []
    assert settings(found) == Settings.from_dict(OF_EASY).as_dict()


def test_easy_scripts_unknown_names() -> None:
    text = EASY.replace("seed = 23", "seed = 23\nfancy = 3\nfa = true").replace("random_crop", "sparkle = 2\nrandom_crop")
    text = text.replace('optimizer_type = "AdamW8bit"', 'optimizer_type = "LPFAdamW"')
    found = import_text(text)
    why = left(found)
    assert why["fancy"].startswith("has no equivalent") and why["sparkle of folder 1"] == "has no equivalent here"
    assert "LoRA-FA" in why["fa"] and "optimizer_type LPFAdamW is unknown" in why["optimizer_type"]
    expected = {name: value for name, value in OF_EASY.items() if name != "optimizer_type"}
    assert settings(found) == Settings.from_dict(expected).as_dict()


def test_folders_of_their_own_become_a_dataset_file(tmp_path: Path) -> None:
    from lora_workbench.trainer_core.imports.command import dataset_text

    found = import_text(SECOND + EASY)
    assert "train_data_dir" not in found.values and found.datasets is not None
    path = tmp_path / "data.toml"
    path.write_text(dataset_text(found), encoding="utf-8")
    made = Settings.of(**found.values, dataset_config=path)
    (dataset,) = made.dataset_tree["datasets"]
    assert dataset["batch_size"] == 2 and dataset["resolution"] == (768, 768)
    assert [(one["image_dir"], one.get("is_reg", False), one["num_repeats"]) for one in dataset["subsets"]] == [
        (Path("/sets/reg"), True, 3), (Path("/sets/10_penny"), False, 10),
    ]  # fmt: skip


def test_sd_scripts_config() -> None:
    found = import_text(KOHYA)
    assert left(found) == {"fancy_setting": "has no equivalent here"}
    assert found.values == {
        "pretrained_model_name_or_path": Path("/models/nai.safetensors"), "network_dim": 16, "network_args": ("conv_dim=4",),
        "unet_lr": 1e-4, "text_encoder_lr": (5e-5, 1e-5), "resolution": (512, 768), "dataset_config": Path("/sets/data.toml"),
    }  # fmt: skip


def test_sd_scripts_dataset() -> None:
    found = import_text(DATASET)
    assert found.values == {
        "train_data_dir": Path("/sets/penny"), "dataset_repeats": 4, "caption_extension": ".txt", "shuffle_caption": True,
        "keep_tokens": 1, "resolution": (512, 512), "train_batch_size": 4, "enable_bucket": True,
    }  # fmt: skip
    twice = import_text(DATASET + DATASET.partition("keep_tokens = 1")[2])
    assert twice.values == {} and twice.datasets is not None
    assert [one["batch_size"] for one in twice.datasets["datasets"]] == [4, 4]
    assert twice.datasets["general"] == {"shuffle_caption": True, "keep_tokens": 1}
    named = import_text(DATASET.replace("[general]", '[general]\nclass_tokens = "doll"'))
    assert named.datasets["datasets"][0]["subsets"][0]["class_tokens"] == "doll" and not named.left


def test_arguments_that_the_network_does_not_take_are_named() -> None:
    found = import_text('network_args = ["conv_alpha=2", "conv_dim=4", "factor=4", "nonsense"]\nnetwork_dim = 8')
    assert found.values["network_args"] == ("conv_alpha=2", "conv_dim=4")
    assert [one.value for one in found.left] == ["factor=4", "nonsense"]
