"""A small form and two presets, as the server describes them."""

from __future__ import annotations

from typing import Any


def setting(name: str, label: str, kind: str, default: Any, level: str = "basic", **more: Any) -> dict[str, Any]:
    plain = {"help": f"What {label.lower()} does, in one sentence.", "choices": [], "minimum": None, "maximum": None}
    return {
        "name": name,
        "label": label,
        "kind": kind,
        "default": default,
        "level": level,
        "unit": "",
        "conflicts": [],
        **plain,
        **more,
    }


FORM = {
    "groups": [
        {
            "name": "Images",
            "settings": [
                setting("resolution", "Resolution", "size", None, unit="px", minimum=64),
                setting("dataset_repeats", "Repeats", "int", 1, minimum=1),
                setting("dataset_config", "Dataset file (TOML)", "path", None, "advanced"),
            ],
        },
        {
            "name": "Network",
            "settings": [
                setting("network_dim", "Rank", "int", None, minimum=1, maximum=768, help="How much it can learn; 4 to 64."),
                setting("network_alpha", "Alpha", "float", 1.0, minimum=0),
                setting("network_train_unet_only", "UNet only", "flag", False, "advanced",
                        conflicts=["network_train_text_encoder_only"]),
                setting("network_train_text_encoder_only", "Text encoder only", "flag", False, "advanced"),
                setting("network_args", "Network arguments", "strings", None, "all"),
            ],
        },
        {
            "name": "Optimizer and learning rate",
            "settings": [
                setting("optimizer_type", "Optimizer", "str", "", choices=["AdamW", "Prodigy", "DAdaptAdam", "Lion"]),
                setting("optimizer_args", "Optimizer arguments", "strings", None, "advanced"),
                setting("learning_rate", "Learning rate", "float", 2e-6, minimum=0),
                setting("unet_lr", "UNet rate", "float", None, minimum=0),
                setting("text_encoder_lr", "Text encoder rate", "floats", None, minimum=0),
                setting("lr_scheduler", "Scheduler", "str", "constant", "all", choices=["constant", "linear", "cosine"]),
            ],
        },
        {
            "name": "Training",
            "settings": [
                setting("max_train_epochs", "Epochs", "int", None, minimum=1, unit="epochs"),
                setting("max_train_steps", "Steps", "int", 1600, minimum=1, unit="steps"),
                setting("train_batch_size", "Batch size", "int", 1, minimum=1, unit="pictures"),
                setting("seed", "Seed", "int", None, minimum=0),
            ],
        },
        {
            "name": "Saving",
            "settings": [
                setting("output_dir", "Output folder", "path", None, "advanced"),
                setting("output_name", "File name", "str", None),
                setting("save_every_n_epochs", "Save every", "int", None, minimum=1, unit="epochs"),
            ],
        },
    ],
    "presets": [
        {"name": "new_project", "title": "New project (Prodigy)", "description": "Finds its own learning rate.",
         "settings": {"resolution": "512", "network_dim": 64, "network_alpha": 64, "learning_rate": 1.0, "unet_lr": 1.0,
                      "text_encoder_lr": 1.0, "max_train_steps": 1040, "train_batch_size": 1, "optimizer_type": "Prodigy",
                      "optimizer_args": ["decouple=True", "weight_decay=0.01"], "save_every_n_epochs": 1}},
        {"name": "simple", "title": "Simple settings (DAdaptAdam)", "description": "Damped by alpha 1; about 1000 steps.",
         "settings": {"resolution": "512", "network_dim": 64, "network_alpha": 1, "learning_rate": 1.0,
                      "max_train_steps": 1000, "train_batch_size": 1, "optimizer_type": "DAdaptAdam"}},
    ],
}  # fmt: skip
