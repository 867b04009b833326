"""Which version lies on the disk: by git's files, or without git by the files themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.extension.versions import ROOT, on_disk

FIRST, SECOND = "1" * 40, "2" * 40


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "extension").mkdir()
    (tmp_path / "extension" / "app.py").write_text("a = 1", encoding="utf-8")
    return tmp_path


def test_a_branch_a_bare_commit_and_packed_refs(root: Path) -> None:
    git = root / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "refs" / "heads" / "main").write_text(FIRST + "\n")
    assert on_disk(root) == FIRST
    (git / "refs" / "heads" / "main").unlink()
    (git / "packed-refs").write_text(f"# pack-refs\n{FIRST} refs/heads/other\n{SECOND} refs/heads/main\n")
    assert on_disk(root) == SECOND
    (git / "HEAD").write_text(FIRST)
    assert on_disk(root) == FIRST


def test_a_second_work_tree(root: Path) -> None:
    git = root / "real" / "worktrees" / "one"
    git.mkdir(parents=True)
    (root / ".git").write_text("gitdir: real/worktrees/one\n")
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "commondir").write_text("../..\n")
    (root / "real" / "refs" / "heads").mkdir(parents=True)
    (root / "real" / "refs" / "heads" / "main").write_text(SECOND)
    assert on_disk(root) == SECOND


def test_without_git_the_files_count(root: Path) -> None:
    before = on_disk(root)
    assert on_disk(root) == before
    (root / "extension" / "app.py").write_text("a = 2", encoding="utf-8")
    assert on_disk(root) != before


def test_this_project(root: Path) -> None:
    assert len(on_disk(ROOT)) in (40, 64)
