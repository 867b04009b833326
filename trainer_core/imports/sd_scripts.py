"""kohya's own files: the TOML of --config_file (ours too), and the TOML of --dataset_config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..settings.stages import NAME as STAGES
from .datasets import take_folders
from .result import Imported


def import_config(content: Mapping[str, Any]) -> Imported:
    """A file of --config_file: names and values, whose sections mean nothing."""
    found = Imported("a settings file of sd-scripts")
    _take(content, found)
    return found


def import_dataset(content: Mapping[str, Any]) -> Imported:
    """A file of --dataset_config: [general], [[datasets]] and [[datasets.subsets]]."""
    found = Imported("a dataset file of sd-scripts")
    datasets = content.get("datasets")
    tables = [one for one in datasets if isinstance(one, Mapping)] if isinstance(datasets, list) else []
    general = content.get("general")
    general = dict(general) if isinstance(general, Mapping) else {}
    for name, value in content.items():
        if name not in ("general", "datasets"):
            found.leave(name, "" if isinstance(value, (dict, list)) else value, "is no part of a dataset file")
    if len(tables) == 1:
        own = {name: value for name, value in tables[0].items() if name != "subsets"}
        subsets = tables[0].get("subsets")
        folders = [one for one in subsets if isinstance(one, Mapping)] if isinstance(subsets, list) else []
        take_folders({**general, **own}, folders, found)
    elif tables:
        found.datasets = {"general": general, "datasets": [dict(one) for one in tables]}
    return found


def _take(content: Mapping[str, Any], found: Imported) -> None:
    for name, value in content.items():
        if isinstance(value, Mapping):
            _take(value, found)
        elif name == STAGES:
            found.take(name, value)
        elif isinstance(value, list) and any(isinstance(one, (dict, list)) for one in value):
            found.leave(name, "", "has no equivalent here")
        else:
            found.take(name, value)
