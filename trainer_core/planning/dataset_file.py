"""A dataset file with other options or repeats, written beside the old one, which stays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import free_name, write_atomically
from ..settings import Settings
from ..settings.toml_files import read_toml


def changed_dataset_file(settings: Settings, options: Mapping[str, Any], repeats: Mapping[Path, int]) -> Path:
    """Writes `settings.dataset_config` anew under a free name and returns it.

    options: {option: value, None takes it out}, for every folder. repeats: {folder: num_repeats}.
    """
    import tomli_w

    old: Path = settings.dataset_config
    tree = read_toml(old, "dataset_config")
    general = tree.setdefault("general", {})
    subsets = [subset for dataset in tree.get("datasets", ()) for subset in dataset.get("subsets", ())]
    for level in (*tree.get("datasets", ()), *subsets):
        for name in options:
            level.pop(name, None)
    for name, value in options.items():
        if value is None:
            general.pop(name, None)
        else:
            general[name] = value
    for subset in subsets:
        number = repeats.get(Path(subset["image_dir"]).expanduser())
        if number is not None:
            subset["num_repeats"] = number
    path = free_name(old.with_name(f"{old.stem}-fixed{old.suffix}"))
    write_atomically(path, tomli_w.dumps(tree))
    return path
