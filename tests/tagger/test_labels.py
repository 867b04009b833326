"""Labels by category in the order of the outputs, and faces that keep their underscores."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.tagger.labels import Label, rating_of, read_labels, series_apart
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


def test_e621s_categories_are_told_by_what_danbooru_lacks(tmp_path: Path) -> None:
    path = tmp_path / "tags-selected.csv"
    path.write_text(
        "tag_id,name,category,count\n0,solo,0,1\n1,canine,5,1\n2,lore_(lore),8,1\n3,hi_res,7,1\n4,fox_mccloud,4,1\n"
    )
    assert [label.category for label in read_labels(path)] == ["general", "species", "lore", "meta", "character"]


def test_json_in_two_tables_and_categories_by_name(tmp_path: Path) -> None:
    path = tmp_path / "tag_mapping.json"
    path.write_text('{"idx_to_tag": {"0": "a_b", "1": "c"}, "tag_to_category": {"a_b": "General", "c": "Quality"}}')
    assert read_labels(path) == [Label("a b", "general", "a_b"), Label("c", "quality", "c")]
    path = tmp_path / "selected_tags.csv"
    path.write_text("tag_id,name,category,count,best_threshold\n0,x,character,1,0.4\n1,y,0,1,nan\n2,z,0,1,2\n")
    assert [(label.category, label.threshold) for label in read_labels(path)] == [
        ("character", 0.4), ("general", None), ("general", None),
    ]  # fmt: skip


def test_commas_would_make_two_tags(tmp_path: Path) -> None:
    path = tmp_path / "selected_tags.csv"
    path.write_text('tag_id,name,category,count\n0,"one,_two",0,1\n1,;),0,1\n')
    assert [label.name for label in read_labels(path)] == ["one two", ";)"]


@pytest.mark.parametrize(
    ("tag", "parts"),
    [
        ("miku (vocaloid)", ["miku", "vocaloid"]),
        ("miku_(vocaloid)", ["miku", "vocaloid"]),
        ("saber (swimsuit) (fate)", ["saber (swimsuit)", "fate"]),
        ("penny", ["penny"]),
        ("(o)_(o)", ["(o)_(o)"]),
    ],
)
def test_series_apart(tag: str, parts: list[str]) -> None:
    assert series_apart(tag) == parts


def test_ratings_in_captions() -> None:
    assert (
        rating_of(["penny", "Rating:Safe"]) == "safe" and rating_of(["explicit"]) == "explicit" and rating_of(["penny"]) == ""
    )
