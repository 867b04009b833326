"""Labels by category in the order of the outputs, and faces that keep their underscores."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.tagger.labels import Label, read_labels
from lora_workbench.trainer_core.problems import UserError


def test_csv_by_category_and_not_by_place(tmp_path: Path) -> None:
    path = tmp_path / "selected_tags.csv"
    path.write_bytes(
        b"\xef\xbb\xbftag_id,name,category,count\r\n5,1girl,0,9\r\n7,explicit,9,9\r\n"
        b'8,"miku_(vocaloid)",4,9\r\n9,some_series,3,1\r\n1,general,9,4\r\n'
    )
    assert read_labels(path) == [
        Label("1girl", "general", "1girl"),
        Label("explicit", "rating", "explicit"),
        Label("miku (vocaloid)", "character", "miku_(vocaloid)"),
        Label("some series", "copyright", "some_series"),
        Label("general", "rating", "general"),
    ]


@pytest.mark.parametrize("face", ["0_0", "(o)_(o)", "+_+", ">_<", "|_|", "||_||", "^_^", "<|>_<|>", "._."])
def test_faces_keep_their_underscores(tmp_path: Path, face: str) -> None:
    path = tmp_path / "tags.csv"
    path.write_text(f"tag_id,name,category,count\n0,{face},0,1\n1,a_b_c,0,1\n", encoding="utf-8")
    assert [label.name for label in read_labels(path)] == [face, "a b c"]


def test_json_by_its_numbers(tmp_path: Path) -> None:
    path = tmp_path / "tag_mapping.json"
    path.write_text('{"1": {"tag": "b_b", "category": "Character"}, "0": {"tag": "safe", "category": "Rating"}}')
    assert read_labels(path) == [Label("safe", "rating", "safe"), Label("b b", "character", "b_b")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "id,tag\n0,x\n"),
        ("a.csv", "tag_id,name,category,count\n"),
        ("a.csv", "tag_id,name,category,count\n0\n"),
        ("a.json", "[]"),
        ("a.json", '{"0": {"tag": "x", "category": "General"}, "2": {"tag": "x", "category": "General"}}'),
        ("a.json", '{"0": 3}'),
    ],
)
def test_damaged_lists(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="get it again"):
        read_labels(tmp_path / name)
