"""Scores of one picture, from a path or from bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.tagger.preview import interrogate
from lora_workbench.trainer_core.problems import UserError


def test_tags_scores_and_kinds(tmp_path: Path, make_tagger: Callable[..., Path]) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (8, 8), "red").save(path)
    model = make_tagger()
    found = interrogate(model, path)
    assert [(tag, kind) for tag, _, kind in found] == [
        ("red hat", "general"),
        ("hatsune miku", "character"),
        ("^_^", "general"),
        ("general", "rating"),
        ("sensitive", "rating"),
    ]
    assert [round(score, 3) for _, score, _ in found] == [0.982, 0.881, 0.5, 0.5, 0.018]
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "blue").save(buffer, "PNG")
    assert interrogate(model, buffer.getvalue())[0][0] == "long hair"
    assert len(interrogate(model, path, lowest=0)) == 6


def test_what_is_no_picture_is_told(tmp_path: Path, make_tagger: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match="The picture can't be tagged: it is empty"):
        interrogate(make_tagger(), b"")
    with pytest.raises(UserError, match=r"nothing\.png can't be tagged"):
        interrogate(make_tagger(), tmp_path / "nothing.png")
