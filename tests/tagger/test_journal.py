"""Numbered changes: undone and redone byte for byte, finished or taken back after a crash."""

from __future__ import annotations

import base64
import json
import os
import threading
from pathlib import Path

import pytest

from lora_workbench.tagger import journal, journal_files
from lora_workbench.tagger.captions import Change
from lora_workbench.tagger.journal import Batch, apply_changes, changes, redo, settle, undo
from lora_workbench.tagger.journal_files import JOURNALS, read_change
from lora_workbench.trainer_core.problems import UserError

CONTENTS = {
    "utf8.txt": "1girl, 红色帽子\r\n".encode(),
    "bom.txt": "\ufeff1girl, 红色帽子\n\n".encode(),
    "gbk.txt": "1girl, 红色帽子, 微笑".encode("gbk"),
    "utf16.txt": "1girl, 微笑".encode("utf-16"),
}
AFTER = {**dict.fromkeys(CONTENTS, b"changed"), "new.txt": b"new"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.txt")}


def five(folder: Path) -> list[Change]:
    """Changes of every caption in CONTENTS, and one more file."""
    (folder / "deeper").mkdir(exist_ok=True)
    made = [Change(folder / name, content, b"changed") for name, content in CONTENTS.items()]
    return [*made, Change(folder / "deeper" / "new.txt", None, b"new")]


def states(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / JOURNALS).glob("0*"))


def test_undo_brings_every_byte_back_and_redo_too(folder: Path) -> None:
    batch = apply_changes(folder, five(folder), "tagged 5 pictures")
    assert batch.number == 1 and batch.written == 5 and contents(folder) == AFTER
    done = undo(folder)
    assert contents(folder) == CONTENTS
    assert done.what == "tagged 5 pictures" and len(done.restored) == 5 and not done.edited
    assert len(redo(folder).restored) == 5 and contents(folder) == AFTER
    undo(folder)
    assert contents(folder) == CONTENTS
    with pytest.raises(UserError, match="nothing to undo"):
        undo(folder)


def test_changes_are_undone_one_after_the_other_and_a_new_one_ends_redo(folder: Path) -> None:
    apply_changes(folder, five(folder), "first")
    apply_changes(folder, [Change(folder / "bom.txt", b"changed", b"again")], "second")
    assert undo(folder).what == "second" and contents(folder)["bom.txt"] == b"changed"
    apply_changes(folder, [Change(folder / "bom.txt", b"changed", b"third")], "third")
    with pytest.raises(UserError, match="nothing to redo"):
        redo(folder)
    assert [(one.number, one.state, one.files) for one in changes(folder)] == [(3, "done", 1), (2, "undone", 1), (1, "done", 5)]
    assert undo(folder).what == "third"
    assert undo(folder).what == "first" and contents(folder) == CONTENTS
    assert [redo(folder).what for _ in range(2)] == ["first", "third"] and contents(folder)["bom.txt"] == b"third"
    with pytest.raises(UserError, match="nothing to redo"):
        redo(folder)


def test_a_change_is_undone_by_its_number(folder: Path) -> None:
    apply_changes(folder, [Change(folder / "gbk.txt", CONTENTS["gbk.txt"], b"one")], "one")
    apply_changes(folder, [Change(folder / "bom.txt", CONTENTS["bom.txt"], b"two")], "two")
    assert undo(folder, 1).what == "one" and contents(folder) == {**CONTENTS, "bom.txt": b"two"}
    with pytest.raises(UserError, match="no change 7 to undo"):
        undo(folder, 7)
    assert redo(folder, 1).what == "one" and contents(folder)["gbk.txt"] == b"one"


def test_later_edits_are_left_alone(folder: Path) -> None:
    apply_changes(folder, five(folder), "first")
    (folder / "gbk.txt").write_bytes(b"by hand")
    done = undo(folder)
    assert [path.name for path in done.edited] == ["gbk.txt"]
    assert contents(folder) == {**CONTENTS, "gbk.txt": b"by hand"}


def test_what_changed_between_plan_and_write_is_left_alone(folder: Path) -> None:
    planned = five(folder)
    (folder / "gbk.txt").write_bytes(b"by hand")
    batch = apply_changes(folder, planned, "first")
    assert [(path.name, "meantime" in reason) for path, reason in batch.failed] == [("gbk.txt", True)]
    assert contents(folder)["gbk.txt"] == b"by hand" and batch.written == 4
    undo(folder)
    assert contents(folder) == {**CONTENTS, "gbk.txt": b"by hand"}


class Killed(BaseException):
    """Ends everything where it is, as SIGKILL does."""


def killed_after(folder: Path, files: int, monkeypatch: pytest.MonkeyPatch, work: object) -> None:
    """Runs `work` until so many files are written, and leaves what a killed process leaves."""
    written = []
    put = journal.put

    def dying(path: Path, content: bytes | None, number: int) -> None:
        if len(written) == files:
            Path(f"{path.parent}{os.sep}.{path.name}.{number:06d}.tmp").write_bytes((content or b"")[:2])
            raise Killed
        written.append(path)
        put(path, content, number)

    with monkeypatch.context() as patched:
        patched.setattr(journal, "put", dying)
        patched.setattr(Batch, "__exit__", lambda *_: None)
        with pytest.raises(Killed):
            work()


@pytest.mark.parametrize("files", [0, 1, 3])
def test_a_change_that_was_cut_off_is_taken_back(folder: Path, files: int, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_after(folder, files, monkeypatch, lambda: apply_changes(folder, five(folder), "cut off"))
    assert list(contents(folder).values()).count(b"changed") == files and states(folder)[-1] == "000001.writing.jsonl"
    assert changes(folder)[0].state == "unfinished"
    assert len(undo(folder).restored) == files and contents(folder) == CONTENTS
    assert not list(folder.rglob(".*.tmp")) and states(folder) == ["000001.undone.jsonl"]


@pytest.mark.parametrize("how", [redo, settle])
def test_or_it_is_finished(folder: Path, how: object, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_after(folder, 2, monkeypatch, lambda: apply_changes(folder, five(folder), "cut off"))
    how(folder)
    assert contents(folder) == AFTER and not list(folder.rglob(".*.tmp")) and states(folder) == ["000001.jsonl"]
    undo(folder)
    assert contents(folder) == CONTENTS


def test_an_undo_that_was_cut_off_is_finished(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apply_changes(folder, five(folder), "first")
    killed_after(folder, 2, monkeypatch, lambda: undo(folder))
    assert settle(folder)[0].what == "first"
    assert contents(folder) == CONTENTS and states(folder) == ["000001.undone.jsonl"]


def test_the_next_change_finishes_what_was_cut_off(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_after(folder, 2, monkeypatch, lambda: apply_changes(folder, five(folder), "cut off"))
    apply_changes(folder, [Change(folder / "bom.txt", b"changed", b"next")], "next")
    assert contents(folder) == {**AFTER, "bom.txt": b"next"}


def test_of_half_a_portion_no_file_was_touched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_after(folder, 4, monkeypatch, lambda: apply_changes(folder, five(folder), "cut off"))
    with (folder / JOURNALS / "000001.writing.jsonl").open("ab") as file:
        file.write(b'{"path": "new.txt", "before": null, "after": "never begun"}\n{"path": "utf8.txt", "befo')
    settle(folder)
    assert contents(folder) == AFTER


def test_files_that_a_power_cut_emptied_are_written_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_after(folder, 2, monkeypatch, lambda: apply_changes(folder, five(folder), "cut off"))
    (folder / "utf8.txt").write_bytes(b"")
    (folder / "bom.txt").write_bytes(b"\0" * 7)
    settle(folder)
    assert contents(folder) == AFTER


def test_the_journal_is_on_the_disk_before_the_first_caption_changes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: dict[int, int] = {}  # inode: bytes that were there at its last fsync

    def noted(handle: int) -> None:
        synced[os.fstat(handle).st_ino] = os.fstat(handle).st_size

    monkeypatch.setattr(journal.os, "fsync", noted)
    put = journal.put

    def looking(path: Path, content: bytes | None, number: int) -> None:
        (written,) = (folder / JOURNALS).glob("*.writing.jsonl")
        assert len(written.read_bytes().splitlines()) == 7  # a head, five files, the portion's end
        assert synced.get(written.stat().st_ino) == written.stat().st_size
        put(path, content, number)

    monkeypatch.setattr(journal, "put", looking)
    assert apply_changes(folder, five(folder), "first").written == 5


def test_files_that_can_not_be_written_are_told_and_the_others_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put = journal.put

    def refusing(path: Path, content: bytes | None, number: int) -> None:
        if path.name == "gbk.txt":
            raise PermissionError(13, "Permission denied", str(path))
        put(path, content, number)

    with monkeypatch.context() as patched:
        patched.setattr(journal, "put", refusing)
        batch = apply_changes(folder, five(folder), "first")
    assert batch.written == 4 and [(path.name, reason) for path, reason in batch.failed] == [("gbk.txt", "Permission denied")]
    assert contents(folder) == {**AFTER, "gbk.txt": CONTENTS["gbk.txt"]}
    undo(folder)
    assert contents(folder) == CONTENTS


def test_an_undo_that_could_not_write_all_is_tried_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apply_changes(folder, five(folder), "first")

    def refusing(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(journal, "put", refusing)
        assert len(undo(folder).failed) == 5
    assert len(undo(folder).restored) == 5 and contents(folder) == CONTENTS


def test_where_no_journal_can_be_written_no_caption_is_changed(folder: Path) -> None:
    (folder / ".lora_workbench").write_bytes(b"a file in the way")
    with pytest.raises(UserError, match="its journal can't be written"):
        apply_changes(folder, five(folder), "first")
    assert contents(folder) == CONTENTS


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(folder: Path) -> None:
    folder.chmod(0o555)
    try:
        with pytest.raises(UserError, match="mend its rights"):
            apply_changes(folder, five(folder), "first")
    finally:
        folder.chmod(0o755)


@pytest.mark.parametrize(
    "damage", [b"{\n", b'{"what": "x"}\n{"path": "../a.txt", "before": null, "after": ""}\n{"portion": 1}\n']
)
def test_a_damaged_journal_changes_nothing(folder: Path, damage: bytes) -> None:
    apply_changes(folder, five(folder), "first")
    (folder / JOURNALS / "000001.jsonl").write_bytes(damage)
    with pytest.raises(UserError, match="is damaged"):
        undo(folder)
    assert contents(folder)["bom.txt"] == b"changed"


def test_journals_of_older_versions_are_undone(folder: Path) -> None:
    before = CONTENTS["gbk.txt"]
    (folder / "gbk.txt").write_bytes(b"changed")
    place = folder / JOURNALS
    place.mkdir(parents=True)
    entry = {"path": "gbk.txt", "before": base64.b64encode(before).decode(), "after": base64.b64encode(b"changed").decode()}
    (place / "000004.json").write_text(json.dumps({"what": "old", "time": "2025-01-01", "changes": [entry]}), encoding="utf-8")
    assert apply_changes(folder, [Change(folder / "bom.txt", CONTENTS["bom.txt"], b"x")], "new").number == 5
    undo(folder)
    assert undo(folder).what == "old" and contents(folder) == CONTENTS


def test_an_empty_batch_leaves_no_trace(tmp_path: Path) -> None:
    assert apply_changes(tmp_path, [], "nothing").number is None and not list(tmp_path.iterdir())
    with pytest.raises(UserError, match="nothing to undo"):
        undo(tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_another_process_is_writing_is_left_to_it(folder: Path) -> None:
    with Batch(folder, "long") as batch:
        batch.write(five(folder)[:2])
        assert not settle(folder)
        with pytest.raises(UserError, match="nothing to undo"):
            undo(folder)
        assert apply_changes(folder, five(folder)[2:3], "beside it").number == 2
        batch.write(five(folder)[3:])
    assert batch.number == 1 and contents(folder) == AFTER
    undo(folder)
    undo(folder)
    assert contents(folder) == CONTENTS


def test_what_ends_while_all_are_listed_is_not_missed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apply_changes(folder, five(folder), "first")
    before = iter([[(1, journal_files.WRITING, folder / JOURNALS / "000001.writing.jsonl")]])
    monkeypatch.setattr(journal, "listed", lambda folder: next(before, None) or journal_files.listed(folder))
    assert [(one.what, one.state) for one in changes(folder)] == [("first", "done")]


def test_threads_get_numbers_of_their_own(tmp_path: Path) -> None:
    def work(number: int) -> None:
        apply_changes(tmp_path, [Change(tmp_path / f"{number}.txt", None, b"x")], f"work {number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.number for one in changes(tmp_path)) == [1, 2, 3, 4, 5, 6]


@pytest.mark.skipif(os.name == "nt", reason="rights and links are otherwise there")
def test_rights_and_links_stay(folder: Path) -> None:
    (folder / "gbk.txt").chmod(0o640)
    (folder / "real.caption").write_bytes(b"real")
    (folder / "link.txt").symlink_to(folder / "real.caption")
    made = [Change(folder / "gbk.txt", CONTENTS["gbk.txt"], b"x"), Change(folder / "link.txt", b"real", b"y")]
    apply_changes(folder, made, "first")
    assert (folder / "gbk.txt").stat().st_mode & 0o777 == 0o640
    assert (folder / "link.txt").is_symlink() and (folder / "real.caption").read_bytes() == b"y"
    undo(folder)
    assert (folder / "real.caption").read_bytes() == b"real" and (folder / "link.txt").is_symlink()


def test_the_list_reads_ends_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apply_changes(folder, five(folder), "first")
    apply_changes(folder, [Change(folder / "gbk.txt", b"changed", b"x")], "with a long description " + "x" * 3000)
    killed_after(
        folder, 0, monkeypatch, lambda: apply_changes(folder, [Change(folder / "bom.txt", b"changed", b"x")], "cut off")
    )

    def unread(path: Path) -> object:
        assert "writing" in path.name, f"{path.name} was read whole"
        return read_change(path)

    monkeypatch.setattr(journal_files, "read_change", unread)
    assert [(one.files, one.state) for one in changes(folder)] == [(1, "unfinished"), (1, "done"), (5, "done")]
