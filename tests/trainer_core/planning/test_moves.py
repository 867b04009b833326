from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.trainer_core.planning.moves import JOURNAL, move_all, undo_moves
from lora_workbench.trainer_core.problems import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two folders with a file each."""
    for name in ("a", "b"):
        (tmp_path / "set" / name).mkdir(parents=True)
        (tmp_path / "set" / name / "it.txt").write_text(name, encoding="utf-8")
    return tmp_path / "set"


def content(root: Path) -> dict[str, str]:
    files = root.parent.rglob("it.txt")
    return {path.relative_to(root.parent).as_posix(): path.read_text(encoding="utf-8") for path in files}


def test_moves_are_taken_back_the_last_first(root: Path) -> None:
    before = content(root)
    move_all(root, [(root / "a", root / "c"), (root / "b", root.parent / "outside" / "b")])
    between = content(root)
    assert between == {"set/c/it.txt": "a", "outside/b/it.txt": "b"}
    move_all(root, [(root / "c", root / "b")])
    assert [target.name for _, target in undo_moves(root).pairs] == ["b"]
    assert content(root) == between
    undo_moves(root)
    assert content(root) == before
    with pytest.raises(UserError, match="Nothing was moved"):
        undo_moves(root)


@pytest.mark.parametrize("pair", [("gone", "c"), ("a", "e")])
def test_where_one_can_not_be_moved_none_is(root: Path, pair: tuple[str, str]) -> None:
    (root / "e").mkdir()
    before = content(root)
    with pytest.raises(UserError, match="nothing was moved"):
        move_all(root, [(root / "b", root / "d"), (root / pair[0], root / pair[1])])
    assert content(root) == before and not list((root / JOURNAL).glob("*"))


def test_a_failure_in_the_middle_moves_back_what_was_moved(root: Path) -> None:
    before = content(root)
    (root / "file").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="nothing was moved"):
        move_all(root, [(root / "a", root / "c"), (root / "b", root / "file" / "b")])
    assert content(root) == before and not list((root / JOURNAL).glob("*"))


def test_what_a_crash_left_half_done_is_taken_back(root: Path) -> None:
    before = content(root)
    move_all(root, [(root / "a", root / "c"), (root / "b", root / "d")])
    (root / "d").rename(root / "b")  # as if the second had not been made
    assert [source.name for source, _ in undo_moves(root).pairs] == ["a"]
    assert content(root) == before


def test_one_takes_the_place_that_another_leaves(root: Path) -> None:
    before = content(root)
    move_all(root, [(root / "a", root / "b"), (root / "b", root / "c")])
    assert content(root) == {"set/b/it.txt": "a", "set/c/it.txt": "b"}
    undo_moves(root)
    assert content(root) == before
    with pytest.raises(UserError, match="change places"):
        move_all(root, [(root / "a", root / "b"), (root / "b", root / "a")])


@pytest.mark.parametrize("done", [0, 1])
def test_a_crash_between_such_moves_is_taken_back(root: Path, done: int) -> None:
    before = content(root)
    move_all(root, [(root / "a", root / "b"), (root / "b", root / "c")])
    (root / "b").rename(root / "a")  # as if the second had not been made
    if done == 0:
        (root / "c").rename(root / "b")  # nor the first
    assert len(undo_moves(root).pairs) == done
    assert content(root) == before


def test_nothing_is_written_over_on_the_way_back(root: Path) -> None:
    move_all(root, [(root / "a", root / "c")])
    (root / "a").mkdir()
    with pytest.raises(UserError, match="exists again"):
        undo_moves(root)
    (root / "a").rmdir()
    undo_moves(root)
    assert (root / "a" / "it.txt").read_text(encoding="utf-8") == "a"


def test_the_way_back_is_found_after_the_dataset_was_moved(root: Path) -> None:
    move_all(root, [(root / "a", root / "c")])
    moved = root.rename(root.with_name("elsewhere"))
    undo_moves(moved)
    assert (moved / "a" / "it.txt").exists()


def test_new_files_go_away_with_the_undo_unless_somebody_changed_them(root: Path) -> None:
    kept, gone = root / "kept.png", root / "gone.png"
    for path in (kept, gone):
        path.write_bytes(b"made")
    move_all(root, [(root / "a", root / "c")], [kept, gone])
    kept.write_bytes(b"mine")
    undo_moves(root)
    assert kept.read_bytes() == b"mine" and not gone.exists() and (root / "a").is_dir()
