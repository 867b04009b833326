"""Metadata against that of a file which kohya's sd-scripts wrote with the same settings."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from lora_workbench.trainer_core.dataset.items import Dataset, Fit, Item, Subset, SubsetOptions
from lora_workbench.trainer_core.networks.metadata import MINIMUM, at_save, training_metadata
from lora_workbench.trainer_core.settings import Settings

KOHYAS = json.loads((Path(__file__).parents[2] / "data" / "metadata_sd15_example.json").read_text())
OPTIONS = SubsetOptions(shuffle_caption=True, keep_tokens=1)
SUBSET = Subset(0, 0, Path("/d/10_sks"), "10_sks", 10, False, "sks", OPTIONS)
REG = Subset(1, 0, Path("/r/1_person"), "1_person", 1, True, "person", OPTIONS)
# three portrait, two square and three landscape pictures; the mean of |bucket's ratio - picture's ratio| is by hand
SIZES = [((192, 320), (200, 300))] * 3 + [((256, 256), (256, 256))] * 2 + [((320, 192), (300, 200))] * 3
AR_ERROR = 3 / 8 * (abs(192 / 320 - 200 / 300) + abs(320 / 192 - 300 / 200))
BUCKETS = [
    {"resolution": [192, 320], "count": 30},
    {"resolution": [256, 256], "count": 20},
    {"resolution": [320, 192], "count": 30},
]


def settings(**changes: object) -> Settings:
    return Settings.of(
        **{
            "pretrained_model_name_or_path": "/models/sd15_rand.safetensors",
            "train_data_dir": "/d",
            "output_dir": "/o",
            "resolution": "256",
            "output_name": "smoke",
            "network_dim": 16,
            "network_alpha": 8,
            "clip_skip": 2,
            "learning_rate": 1e-4,
            "unet_lr": 1e-4,
            "text_encoder_lr": [5e-5],
            "max_token_length": 225,
            "cache_latents": True,
            "min_snr_gamma": 5,
            "seed": 420,
            "lr_scheduler": "cosine_with_restarts",
            **changes,
        }
    )


def plan(reg: int = 0) -> SimpleNamespace:
    items = [
        Item(number, Path(f"{number}.png"), SUBSET, size, Fit(bucket, bucket, (0, 0)), "sks style, night", 10)
        for number, (bucket, size) in enumerate(SIZES)
    ]
    items += [
        Item(8 + number, Path("r.png"), REG, (256, 256), Fit((256, 256), (256, 256), (0, 0)), "person", 40)
        for number in range(reg)
    ]
    subsets = (SUBSET, REG) if reg else (SUBSET,)
    dataset = Dataset(0, (256, 256), 1, True, 128, 384, 64, False, None, subsets)
    training_set = SimpleNamespace(datasets=(dataset,), subsets=subsets, items=tuple(items), validation=(), processes=1)
    return SimpleNamespace(training_set=training_set, stages=(None,), steps=3, epochs=1, batches_per_epoch=80)


def metadata(chosen: Settings | None = None, of_plan: SimpleNamespace | None = None, **more: object) -> dict[str, str]:
    import torch

    options = {
        "started_at": 1795331762.5144014,
        "session_id": 2030932223,
        "seed": 420,
        "output_name": "smoke",
        "model_hashes": (KOHYAS["ss_sd_model_hash"], KOHYAS["ss_new_sd_model_hash"]),
        "optimizer": torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))]),
        "tags_of": lambda item: item.caption.split(", "),
        **more,
    }
    return training_metadata(chosen or settings(), of_plan or plan(), **options)


def test_every_key_and_string_is_kohyas() -> None:
    ours = at_save(metadata(), finished_at=1795331945.746476, epoch=1, step=3)
    # added when the file is written: sshs_*; ours beside kohya's folder keys: ss_datasets
    assert set(KOHYAS) - set(ours) == {"sshs_model_hash", "sshs_legacy_hash"} and set(ours) - set(KOHYAS) == {"ss_datasets"}
    own = {"modelspec.implementation_version", "ss_sd_scripts_commit_hash", "ss_tag_frequency", "ss_bucket_info", "ss_datasets"}
    by_clock = {"modelspec.date", "ss_training_started_at"}  # local time; the same moment, with as many digits in every file
    assert float(ours["ss_training_started_at"]) == pytest.approx(float(KOHYAS["ss_training_started_at"]), abs=1e-6)
    different = {key for key, value in ours.items() if value != KOHYAS.get(key)}
    assert different - by_clock - {"ss_bucket_info"} == own - {"ss_bucket_info"}
    assert all(isinstance(value, str) for value in ours.values())
    assert json.loads(ours["ss_tag_frequency"]) == {"10_sks": {"sks style": 8, "night": 8}}
    info = json.loads(ours["ss_bucket_info"])
    assert info["buckets"] == {str(number): bucket for number, bucket in enumerate(BUCKETS)}
    assert info["mean_img_ar_error"] == pytest.approx(AR_ERROR)
    assert info["buckets"] == json.loads(KOHYAS["ss_bucket_info"])["buckets"]
    assert ours["modelspec.date"] == datetime.datetime.fromtimestamp(1795331945).isoformat()


def test_dataset_config_keys_are_there_too() -> None:
    (dataset,) = json.loads(metadata(of_plan=plan(reg=2))["ss_datasets"])
    assert (dataset["num_train_images"], dataset["num_reg_images"]) == (80, 80)
    assert dataset["resolution"] == [256, 256] and dataset["batch_size_per_device"] == 1
    train, reg = dataset["subsets"]
    assert (train["image_dir"], train["img_count"], train["num_repeats"], train["is_reg"]) == ("10_sks", 8, 10, False)
    assert (reg["class_tokens"], reg["img_count"], reg["is_reg"], reg["keep_tokens"]) == ("person", 2, True, 1)


def test_reg_pictures_are_counted_and_listed_but_their_tags_are_not() -> None:
    ours = metadata(of_plan=plan(reg=2))
    assert ours["ss_num_reg_images"] == "80" and ours["ss_num_train_images"] == "80"
    assert json.loads(ours["ss_reg_dataset_dirs"]) == {"1_person": {"n_repeats": 1, "img_count": 2}}
    assert json.loads(ours["ss_tag_frequency"]).keys() == {"10_sks"}


def test_network_args_vae_optimizer_args_and_spec() -> None:
    ours = metadata(
        settings(
            network_args=["conv_dim=8", "rank_dropout=0.1"],
            optimizer_args=["weight_decay=0.1"],
            vae="/v/own.vae.safetensors",
            gradient_accumulation_steps=4,
            metadata_author="me",
            metadata_trigger_phrase="sks",
            min_timestep=100,
        ),
        vae_hashes=("cc", "dd"),
    )
    assert json.loads(ours["ss_network_args"]) == {"conv_dim": "8", "conv_alpha": "1.0", "rank_dropout": "0.1"}
    assert ours["ss_optimizer"] == "torch.optim.adamw.AdamW(weight_decay=0.1)"
    assert (ours["ss_vae_name"], ours["ss_vae_hash"], ours["ss_new_vae_hash"]) == ("own.vae.safetensors", "cc", "dd")
    assert ours["ss_total_batch_size"] == "4"
    assert (ours["modelspec.author"], ours["modelspec.trigger_phrase"], ours["modelspec.timestep_range"]) == (
        "me",
        "sks",
        "100,1000",
    )
    assert ours["modelspec.title"] == "smoke" and metadata(settings(metadata_title="T"))["modelspec.title"] == "T"


def test_rank_and_alpha_are_those_that_the_network_took_from_a_file() -> None:
    def module(rank: int, alpha: float, kernel: int) -> SimpleNamespace:
        return SimpleNamespace(rank=rank, alpha=alpha, target=SimpleNamespace(kernel=kernel))

    network = SimpleNamespace(loras={"a": module(32, 4.0, 1), "b": module(6, 3.0, 3)})
    ours = metadata(settings(dim_from_weights=True, network_weights="a"), network=network)
    assert (ours["ss_network_dim"], ours["ss_network_alpha"]) == ("32", "4.0")
    assert json.loads(ours["ss_network_args"]) == {"conv_dim": "6", "conv_alpha": "3.0"}
    unset = Settings.of(pretrained_model_name_or_path="a", train_data_dir="d", output_dir="o", network_alpha=0)
    assert metadata(unset)["ss_network_dim"] == "4" and metadata(unset)["ss_network_alpha"] == "4.0"


def test_no_metadata_keeps_what_programs_need() -> None:
    ours = metadata(settings(no_metadata=True, network_args=["conv_dim=8"]))
    assert ours.keys() == set(MINIMUM)
    assert at_save(ours, finished_at=1.0, epoch=1, step=1) == ours
