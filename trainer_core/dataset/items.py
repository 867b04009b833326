"""What is trained, as plain values: datasets, their subsets, and one item for each picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..problems import Problem

Size = tuple[int, int]  # width, height


@dataclass(frozen=True)
class SubsetOptions:
    """How the pictures of one folder and their captions are treated; names and meanings are the settings'."""

    shuffle_caption: bool = False
    keep_tokens: int = 0
    keep_tokens_separator: str = ""
    caption_separator: str = ","
    secondary_separator: str | None = None
    enable_wildcard: bool = False
    caption_prefix: str | None = None
    caption_suffix: str | None = None
    caption_dropout_rate: float = 0.0
    caption_dropout_every_n_epochs: int = 0
    caption_tag_dropout_rate: float = 0.0
    token_warmup_min: int = 1
    token_warmup_step: float = 0.0
    caption_extension: str = ".caption"
    ignore_captions: bool = False
    color_aug: bool = False
    flip_aug: bool = False
    random_crop: bool = False
    face_crop_aug_range: tuple[float, float] | None = None
    resize_interpolation: str | None = None
    alpha_mask: bool = False
    conditioning_data_dir: Path | None = None
    weighted_captions: bool = False


@dataclass(frozen=True)
class Subset:
    """A folder of pictures. `class_tokens` is the caption of pictures that have none; `dataset` the dataset's index.

    metadata: the file that names the pictures and holds their captions, where the folder is not what says it.
    """

    index: int
    dataset: int
    folder: Path
    name: str
    repeats: int
    is_reg: bool
    class_tokens: str | None
    options: SubsetOptions
    metadata: Path | None = None


@dataclass(frozen=True)
class Fit:
    """How a picture becomes its bucket's size: resized to `resized`, then cropped at `crop` (left, top), in pixels."""

    bucket: Size
    resized: Size
    crop: tuple[int, int]


@dataclass(frozen=True)
class Item:
    """A picture as it is trained: `index` is its id everywhere, `copies` how often it is seen in an epoch.

    `size` is that of the upright picture; `caption` the text before anything is drawn (escapes taken off), `caption_file`
    where it is from, or None where the subset's class tokens or folder stand in. `mask`: the file that says what of it counts.
    """

    index: int
    path: Path
    subset: Subset
    size: Size
    fit: Fit
    caption: str
    copies: int
    caption_file: Path | None = None
    mask: Path | None = None


@dataclass(frozen=True)
class Dataset:
    """Subsets that are batched together, and the sizes they are trained in."""

    index: int
    resolution: Size
    batch_size: int
    enable_bucket: bool
    min_bucket_reso: int
    max_bucket_reso: int
    bucket_reso_steps: int
    bucket_no_upscale: bool
    resize_interpolation: str | None
    subsets: tuple[Subset, ...]
    validation_split: float = 0.0
    validation_seed: int | None = None


@dataclass(frozen=True)
class Ignored:
    """A file or folder that is not trained, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class TrainingSet:
    """Everything that is trained, in a stable order, and everything that is not. `items[i].index == i`.

    `validation`: pictures that are measured and not trained, numbered for themselves. `processes`: how many train it together.
    """

    datasets: tuple[Dataset, ...]
    subsets: tuple[Subset, ...]
    items: tuple[Item, ...]
    ignored: tuple[Ignored, ...]
    problems: tuple[Problem, ...]
    unused_reg: tuple[Path, ...]
    validation: tuple[Item, ...] = ()
    processes: int = 1
