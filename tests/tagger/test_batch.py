"""A folder of pictures through a tagger that sees colours: what is written, kept, skipped and undone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.tagger.batch import Plan, tag_folder
from lora_workbench.tagger.journal import changes, undo
from lora_workbench.tagger.results import Choice
from lora_workbench.trainer_core.problems import UserError

GBK = "红色帽子, 微笑".encode("gbk")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for name, colour in (("a.png", "red"), ("b.JPG", "blue"), ("c.webp", "white"), ("d.png", "red")):
        Image.new("RGB", (16, 16), colour).save(folder / name)
    Image.new("RGB", (16, 16), "blue").save(folder / "more" / "e.png")
    Image.new("RGB", (16, 16), "blue").save(folder / ".hidden" / "f.png")
    (folder / "c.txt").write_bytes(b"by hand")
    (folder / "d.txt").write_bytes(GBK)
    return folder


def text(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def test_only_pictures_without_a_caption(folder: Path, make_tagger: Callable[..., Path]) -> None:
    seen = []
    summary = tag_folder(
        folder,
        make_tagger(),
        plan=Plan(first=["zibbo"]),
        choice=Choice(exclude=["^_^"]),
        progress=lambda done, total, _: seen.append((done, total)),
    )
    # hatsune_miku has 0.881 everywhere; red and blue are seen with sigmoid(4) = 0.982.
    assert (
        text(folder / "a.txt") == "zibbo, red hat, hatsune miku" and text(folder / "b.txt") == "zibbo, long hair, hatsune miku"
    )
    assert (folder / "c.txt").read_bytes() == b"by hand" and (folder / "d.txt").read_bytes() == GBK
    assert summary.written == 2 and summary.kept == 2
    assert not (folder / "more" / "e.txt").exists() and seen == [(0, 2), (1, 2), (2, 2)]


def test_overwrite_append_and_undo(folder: Path, make_tagger: Callable[..., Path]) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*.txt")}
    options = {"choice": Choice(threshold=0.6, exclude=["hatsune_miku"]), "recursive": True}
    summary = tag_folder(folder, make_tagger(), plan=Plan("append"), **options)
    assert text(folder / "d.txt") == "红色帽子, 微笑, red hat" and text(folder / "c.txt") == "by hand, long hair, red hat"
    assert text(folder / "more" / "e.txt") == "long hair" and summary.written == 5
    assert summary.encodings == [(folder / "d.txt", "GBK")] and "was in GBK" in summary.text()
    again = tag_folder(folder, make_tagger("again"), plan=Plan("append"), **options)
    assert again.written == 0 and again.unchanged == 5 and again.change is None
    (change,) = changes(folder)
    assert change.files == 5 and not any(letter.isdigit() for letter in change.what), (
        "one count, of files, and no other beside it"
    )
    tag_folder(folder, make_tagger("third"), plan=Plan("overwrite"), **options)
    assert text(folder / "d.txt") == "red hat"
    undo(folder)
    assert text(folder / "d.txt") == "红色帽子, 微笑, red hat"
    undo(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*.txt")} == before


def test_bad_pictures_are_listed_and_skipped(folder: Path, make_tagger: Callable[..., Path]) -> None:
    (folder / "bad.png").write_bytes(b"no picture")
    (folder / "empty.png").write_bytes(b"")
    Image.effect_noise((64, 64), 50).save(folder / "half.png")
    (folder / "half.png").write_bytes((folder / "half.png").read_bytes()[:1000])
    Image.new("RGB", (16, 16), "blue").save(folder / "a.webp")
    summary = tag_folder(folder, make_tagger())
    reasons = {path.name: reason for path, reason in summary.skipped}
    assert set(reasons) == {"bad.png", "empty.png", "half.png", "a.webp"}
    assert "shares a.txt with a.png" in reasons["a.webp"] and "0 bytes" in reasons["empty.png"]
    assert text(folder / "a.txt").startswith("red hat") and not (folder / "bad.txt").exists()
    assert "bad.png was skipped" in summary.text() and "2 pictures tagged" in summary.text()


def test_more_pictures_than_a_batch(tmp_path: Path, make_tagger: Callable[..., Path]) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(19):
        Image.new("RGB", (8, 8), "red" if number % 3 else "blue").save(folder / f"{number:02d}.png")
    (folder / "08.png").write_bytes(b"no picture")
    tag_folder(folder, make_tagger(), choice=Choice(0.6, 0.95))
    for number in set(range(19)) - {8}:
        assert text(folder / f"{number:02d}.txt") == ("red hat" if number % 3 else "long hair")


def test_nothing_to_tag(tmp_path: Path, make_tagger: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match="holds no pictures"):
        tag_folder(tmp_path, make_tagger())
    with pytest.raises(UserError, match="is missing"):
        tag_folder(tmp_path / "nothing", make_tagger())
    with pytest.raises(ValueError, match="no mode"):
        tag_folder(tmp_path, make_tagger(), plan=Plan("all"))
