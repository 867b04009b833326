"""Pictures set aside and put back: with what belongs to them, nothing overwritten, nothing deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.trainer_core.pictures.aside import FOLDER, aside_in, put_back, set_aside
from lora_workbench.trainer_core.pictures.command import main
from lora_workbench.trainer_core.problems import UserError, WordsError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures with captions, two of one name in a folder below, and one that can't be read."""
    for name in ("a.png", "星星 b.jpg", "4_more/c.png", "4_more/c.jpg", "broken.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
        path.with_suffix(".txt").write_text(f"caption of {path.stem}", encoding="utf-8")
    return tmp_path


def everything(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_picture_goes_with_its_caption_and_comes_back(folder: Path) -> None:
    before = everything(folder)
    assert set_aside(folder, ["星星 b.jpg", "broken.png"]).moved == ["星星 b.jpg", "broken.png"]
    assert aside_in(folder) == ["broken.png", "星星 b.jpg"] and not (folder / "星星 b.txt").exists()
    assert (folder / FOLDER / "星星 b.txt").read_text(encoding="utf-8") == "caption of 星星 b"
    assert sorted(everything(folder).values()) == sorted(before.values())
    assert put_back(folder).moved == ["broken.png", "星星 b.jpg"]
    assert everything(folder) == before and aside_in(folder) == []


def test_a_caption_that_two_pictures_share_stays_with_the_second(folder: Path) -> None:
    set_aside(folder, ["4_more/c.jpg"])
    assert (folder / "4_more" / "c.txt").is_file() and aside_in(folder) == ["4_more/c.jpg"]
    set_aside(folder, ["4_more/c.png"])
    assert not (folder / "4_more" / "c.txt").exists()


def test_nothing_is_overwritten(folder: Path) -> None:
    set_aside(folder, ["a.png"])
    (folder / "a.png").write_bytes(b"another")
    done = put_back(folder, ["a.png"])
    assert done.moved == [] and done.left == [("a.png", "another a.png is there already")]
    assert (folder / "a.png").read_bytes() == b"another" and aside_in(folder) == ["a.png"]
    assert set_aside(folder, ["a.png"]).left[0][0] == "a.png"


def test_names_that_are_not_there(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = everything(folder)
    with pytest.raises(UserError, match=r"no picture z\.png"):
        set_aside(folder, ["a.png", "z.png"])
    (tmp_path_factory.mktemp("outside") / "o.png").write_bytes(b"o")
    (folder / "link").symlink_to(tmp_path_factory.getbasetemp() / "outside0", target_is_directory=True)
    with pytest.raises(UserError, match="no picture link/o"):
        set_aside(folder, ["link/o.png"])
    (folder / "link").unlink()
    with pytest.raises(UserError, match=r"a\.png was not set aside"):
        put_back(folder, ["a.png"])
    assert everything(folder) == before


def test_by_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder), "--set_aside", "a.png", "broken.png"]) == 0
    assert capsys.readouterr().out.splitlines() == ["Set aside: a.png", "Set aside: broken.png"]
    assert main([str(folder), "--put_back", "all"]) == 0
    assert capsys.readouterr().out.splitlines() == ["Put back: a.png", "Put back: broken.png"]
    with pytest.raises(WordsError, match="one thing at a time"):
        main([str(folder), "--set_aside", "a.png", "--take_back", "all"])
