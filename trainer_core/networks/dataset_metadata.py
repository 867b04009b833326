"""What a LoRA's metadata says of the pictures it was trained on, as kohya writes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..settings import Settings


def dataset_keys(settings: Settings, training_set: Any, tags_of: Callable[[Any], Sequence[str]] | None) -> dict[str, str]:
    """Both what kohya writes for folders (one dataset's settings) and for dataset_config (`ss_datasets`)."""
    datasets, first = training_set.datasets, training_set.datasets[0]
    accumulation = settings.gradient_accumulation_steps
    options = first.subsets[0].options if first.subsets else None
    return {
        "ss_batch_size_per_device": str(first.batch_size),
        "ss_total_batch_size": str(first.batch_size * training_set.processes * accumulation),
        "ss_resolution": str(tuple(first.resolution)),
        "ss_enable_bucket": str(bool(first.enable_bucket)),
        "ss_bucket_no_upscale": str(bool(first.bucket_no_upscale)),
        "ss_min_bucket_reso": str(first.min_bucket_reso),
        "ss_max_bucket_reso": str(first.max_bucket_reso),
        **{
            f"ss_{name}": str(getattr(options, name))
            for name in ("color_aug", "flip_aug", "random_crop", "shuffle_caption", "keep_tokens")
        },
        "ss_dataset_dirs": json.dumps(_folders(training_set.items, is_reg=False), ensure_ascii=False),
        "ss_reg_dataset_dirs": json.dumps(_folders(training_set.items, is_reg=True), ensure_ascii=False),
        "ss_tag_frequency": json.dumps(_tag_frequency(training_set.items, tags_of), ensure_ascii=False),
        "ss_bucket_info": json.dumps(_bucket_info(training_set.items)),
        "ss_datasets": json.dumps([_dataset(dataset, training_set, tags_of) for dataset in datasets], ensure_ascii=False),
    }


def _dataset(dataset: Any, training_set: Any, tags_of: Callable[[Any], Sequence[str]] | None) -> dict[str, Any]:
    own = {subset.index for subset in dataset.subsets}
    items = [item for item in training_set.items if item.subset.index in own]
    return {
        "is_dreambooth": True,
        "batch_size_per_device": dataset.batch_size,
        "num_train_images": count(items, is_reg=False),
        "num_reg_images": count(items, is_reg=True),
        "resolution": list(dataset.resolution),
        "enable_bucket": bool(dataset.enable_bucket),
        "min_bucket_reso": dataset.min_bucket_reso,
        "max_bucket_reso": dataset.max_bucket_reso,
        "resize_interpolation": dataset.resize_interpolation,
        "tag_frequency": _tag_frequency(items, tags_of),
        "bucket_info": _bucket_info(items),
        "subsets": [_subset(subset, sum(item.subset.index == subset.index for item in items)) for subset in dataset.subsets],
    }


def _subset(subset: Any, images: int) -> dict[str, Any]:
    options = (
        "color_aug",
        "flip_aug",
        "random_crop",
        "shuffle_caption",
        "keep_tokens",
        "keep_tokens_separator",
        "secondary_separator",
        "enable_wildcard",
        "caption_prefix",
        "caption_suffix",
    )
    return {
        "img_count": images,
        "num_repeats": subset.repeats,
        "image_dir": subset.name,
        "class_tokens": subset.class_tokens,
        "is_reg": subset.is_reg,
        **{name: getattr(subset.options, name) for name in options},
    }


def _folders(items: Iterable[Any], is_reg: bool) -> dict[str, dict[str, int]]:
    """{"10_name": {"n_repeats": 10, "img_count": 50}}; folders of one name are one entry, their pictures together."""
    folders: dict[str, dict[str, int]] = {}
    for item in items:
        if item.subset.is_reg == is_reg:
            entry = folders.setdefault(item.subset.name, {"n_repeats": item.subset.repeats, "img_count": 0})
            entry["img_count"] += 1
    return folders


def _tag_frequency(items: Iterable[Any], tags_of: Callable[[Any], Sequence[str]] | None) -> dict[str, dict[str, int]]:
    """{"10_name": {tag: number of pictures}} of the training pictures, tags as they are trained."""
    frequency: dict[str, dict[str, int]] = {}
    for item in items if tags_of else ():
        if not item.subset.is_reg:
            counts = frequency.setdefault(item.subset.name, {})
            for tag in tags_of(item):
                counts[tag] = counts.get(tag, 0) + 1
    return frequency


def _bucket_info(items: Sequence[Any]) -> dict[str, Any]:
    """Sizes with the number of pictures (repeats counted), and how far the pictures' aspect ratios are from theirs."""
    counts: dict[tuple[int, int], int] = {}
    errors = []
    for item in items:
        width, height = item.fit.bucket
        counts[width, height] = counts.get((width, height), 0) + item.copies
        errors.append(abs(width / height - item.size[0] / item.size[1]))
    buckets = {str(number): {"resolution": list(size), "count": counts[size]} for number, size in enumerate(sorted(counts))}
    return {"buckets": buckets, "mean_img_ar_error": sum(errors) / len(errors) if errors else 0.0}


def count(items: Iterable[Any], is_reg: bool) -> int:
    """Pictures times their repeats."""
    return sum(item.copies for item in items if item.subset.is_reg == is_reg)
