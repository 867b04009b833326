"""Labels come from the tag list by category, in the order of the outputs, and say what is wrong with a list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lora_workbench.tagger.labels import read_labels
from lora_workbench.trainer_core.problems import UserError

# The faces that reference/WD taggers keep their underscores in.
FACES = "0_0 (o)_(o) +_+ +_- ._. <o>_<o> <|>_<|> =_= >_< 3_3 6_9 >_o @_@ ^_^ o_o u_u x_x |_| ||_||"


def test_categories_count_and_not_places(tmp_path: Path) -> None:
    path = tmp_path / "selected_tags.csv"
    path.write_text(
        "tag_id,name,category,count\n1,long_hair,0,9\n2,explicit,9,1\n3,hatsune_miku,4,5\n4,general,9,7\n5,vocaloid,3,4\n",
        encoding="utf-8-sig",
    )
    assert [(label.name, label.category) for label in read_labels(path)] == [
        ("long hair", "general"),
        ("explicit", "rating"),
        ("hatsune miku", "character"),
        ("general", "rating"),
        ("vocaloid", "copyright"),
    ]


@pytest.mark.parametrize("face", FACES.split())
def test_faces_keep_their_underscores(tmp_path: Path, face: str) -> None:
    path = tmp_path / "selected_tags.csv"
    path.write_text(f"tag_id,name,category,count\n1,{face},0,1\n2,{face}a_b,0,1\n", encoding="utf-8")
    one, other = read_labels(path)
    assert one.name == one.raw == face
    assert other.name == f"{face}a_b".replace("_", " ") and other.raw == f"{face}a_b"


def test_mapping_is_ordered_by_output(tmp_path: Path) -> None:
    path = tmp_path / "tag_mapping.json"
    content = {"1": {"tag": "a_b", "category": "General"}, "0": {"tag": "safe", "category": "Rating"}}
    content["2"] = {"tag": "rei", "category": "Character"}
    path.write_text(json.dumps(content), encoding="utf-8")
    labels = [(label.name, label.category) for label in read_labels(path)]
    assert labels == [("safe", "rating"), ("a b", "general"), ("rei", "character")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("selected_tags.csv", "id;tag\n1;a\n"),
        ("selected_tags.csv", ""),
        ("selected_tags.csv", "tag_id,name,category,count\n"),
        ("selected_tags.csv", "tag_id,name,category,count\n1,cat\n"),
        ("tag_mapping.json", '{"0": {"tag": "a"'),
        ("tag_mapping.json", '{"0": {"tag": "a"}}'),
        ("tag_mapping.json", '{"0": {"tag": "a", "category": "General"}, "2": {"tag": "b", "category": "General"}}'),
    ],
)
def test_damaged_lists_are_named(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=name):
        read_labels(path)
