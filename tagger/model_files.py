"""Which files a tagger is made of, and what is known of the well-known ones. Standard library only."""

from __future__ import annotations

from pathlib import Path

from ..trainer_core.problems import UserError

MODEL_NAMES = ("model.onnx", "model_optimized.onnx")
LABEL_NAMES = ("selected_tags.csv", "tags-selected.csv", "tag_mapping.json")

# Thresholds for general tags at which each model is as often wrong as it misses something (its authors' figures).
_SUGGESTED = {
    "wd-v1-4-vit-tagger-v2": 0.3537,
    "wd-v1-4-convnext-tagger-v2": 0.3685,
    "wd-v1-4-convnextv2-tagger-v2": 0.371,
    "wd-v1-4-moat-tagger-v2": 0.3771,
    "wd-v1-4-swinv2-tagger-v2": 0.3771,
    "wd-vit-tagger-v3": 0.2614,
    "wd-convnext-tagger-v3": 0.2682,
    "wd-swinv2-tagger-v3": 0.2653,
}
# Names that can be given in place of a folder: SmilingWolf's models by their own name, others by owner/name.
HUB_OWNER = "SmilingWolf"
KNOWN = (
    *("wd-v1-4-vit-tagger", "wd-v1-4-convnext-tagger", *_SUGGESTED),
    *("wd-vit-large-tagger-v3", "wd-eva02-large-tagger-v3"),
)


def suggested_threshold(model: Path) -> float | None:
    """For a known model, told by the name of its file or of a folder above it."""
    names = [model.stem.lower(), *(folder.name.lower() for folder in model.absolute().parents)][:4]
    for name in names:
        for known, threshold in _SUGGESTED.items():
            if name in (known, known.replace("-v1-4-", "-").replace("-tagger", ""), known.replace("-tagger", "")):
                return threshold
    return None


def model_file(path: Path) -> Path:
    """The .onnx file that a path or a folder means; UserError where there is none, or none can be told from others."""
    if path.is_file():
        return path
    if not path.is_dir():
        raise UserError(f"The tagger {path} is missing: give the folder with its model.onnx and selected_tags.csv.")
    named = [path / name for name in MODEL_NAMES if (path / name).is_file()] or sorted(path.glob("*.onnx"))
    if not named:
        raise UserError(f"{path} holds no .onnx file: give the folder of a WD tagger.")
    if len(named) > 1 and named[0].name not in MODEL_NAMES:
        raise UserError(f"{path} holds several .onnx files: name the one to use, for instance {named[0]}.")
    return named[0]


def label_file(model: Path) -> Path:
    """The tag list beside a model: of the model's name, or of the usual name, else the only .csv there."""
    own = [model.with_suffix(suffix) for suffix in (".csv", ".json") if model.with_suffix(suffix).is_file()]
    named = [model.parent / name for name in LABEL_NAMES if (model.parent / name).is_file()]
    others = sorted(model.parent.glob("*.csv"))
    if own or named or len(others) == 1:
        return (own or named or others)[0]
    return model.parent / LABEL_NAMES[0]
