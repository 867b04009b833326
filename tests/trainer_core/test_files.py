"""Files are written whole or not at all, and nothing is taken from the user."""

import hashlib
import os
from pathlib import Path

import pytest

from lora_workbench.trainer_core import files


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "caption.txt"
    path.write_text("precious", encoding="utf-8")
    with pytest.raises(RuntimeError), files.atomic_path(path) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise RuntimeError
    assert path.read_text(encoding="utf-8") == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_utf8_with_the_line_ends_as_given(tmp_path: Path) -> None:
    files.write_atomically(tmp_path / "new" / "a.txt", "寺\r\nb\n")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "寺\r\nb\n".encode()


@pytest.mark.skipif(os.name == "nt", reason="a umask is POSIX's")
def test_others_may_read_what_the_umask_lets_them_and_it_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All threads share it: two that change it at once, each to put it back, can leave it at nothing."""
    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(os, "umask", None)
            files.write_atomically(tmp_path / "a.txt", "all")
        assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)


def test_free_names_count_up(tmp_path: Path) -> None:
    path = tmp_path / "grid.png"
    assert files.free_name(path) == path
    for name in ("grid.png", "grid-2.png"):
        (tmp_path / name).touch()
    assert files.free_name(path) == tmp_path / "grid-3.png"


@pytest.mark.parametrize("name", ["a" * 251 + ".png", "猫" * 83 + ".txt"])  # 255 bytes, as much as a disk takes
def test_names_as_long_as_disks_take(name: str, tmp_path: Path) -> None:
    files.write_atomically(tmp_path / name, "all")
    assert [path.name for path in tmp_path.iterdir()] == [name] and (tmp_path / name).read_text() == "all"


def test_hash_and_json(tmp_path: Path) -> None:
    data = bytes(range(256)) * 9000
    (tmp_path / "a.bin").write_bytes(data)
    assert files.file_sha256(tmp_path / "a.bin") == hashlib.sha256(data).hexdigest()
    files.write_json(tmp_path / "a.json", {"ü": [1, None]})
    assert files.read_json(tmp_path / "a.json") == {"ü": [1, None]}


def test_data_folder_is_the_given_else_the_environments_else_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LORA_WORKBENCH_DATA", str(tmp_path / "env"))
    assert files.data_folder(tmp_path / "given") == tmp_path / "given"
    assert files.data_folder() == tmp_path / "env"
    monkeypatch.delenv("LORA_WORKBENCH_DATA")
    assert files.data_folder() == Path.home() / "lora_workbench"
