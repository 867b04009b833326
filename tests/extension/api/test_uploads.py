"""Pictures that come from another machine: in pieces, in zips, with broken lines, hostile names and captions beside them."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.rights import Rights
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tagger.journal import undo
from lora_workbench.tests.extension.parts import API, FakeHost, Plans

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def pictures(bench: Workbench) -> Path:
    """Where the open project's pictures come to lie; a webui that others can reach, so that nothing else may be written."""
    data = bench.host.data
    assert isinstance(bench.host, FakeHost)
    bench.host.chosen_rights = Rights(True, readable=(data,), writable=(data,))
    bench.projects.create("penny")
    return data / "projects" / "penny" / "pictures" / "penny"


def begin(client: Any, files: Mapping[str, bytes]) -> dict[str, Any]:
    listed = [{"name": name, "size": len(content), "modified": 1} for name, content in files.items()]
    answer = client.post(f"{API}/uploads", json={"files": listed})
    assert answer.status_code == 200, answer.text
    return answer.json()


def piece(client: Any, upload: str, number: int, at: int, content: bytes) -> Any:
    return client.post(f"{API}/uploads/piece", params={"id": upload, "file": number, "at": at}, content=content)


def send(client: Any, files: Mapping[str, bytes]) -> dict[str, Any]:
    """The whole way of some files, and what became of them."""
    begun = begin(client, files)
    for number, content in enumerate(files.values()):
        if begun["have"][number] is not None and content:
            assert piece(client, begun["id"], number, 0, content).json() == {"have": len(content)}
    while not (answer := client.post(f"{API}/uploads/finish", json={"id": begun["id"]}).json()).get("ended"):
        assert "error" not in answer, answer
    return {**answer, "left_out": begun["left_out"] + answer["left_out"]}


def zipped(files: Mapping[str, bytes], **info: Any) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            one = zipfile.ZipInfo(name)
            one.compress_type = zipfile.ZIP_DEFLATED
            for key, value in info.items():
                setattr(one, key, value)
            archive.writestr(one, content)
    return made.getvalue()


def names_in(folder: Path) -> list[str]:
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return sorted(name for name in found if not name.startswith(".lora_workbench"))


def test_pictures_become_the_projects_dataset(client: Any, pictures: Path, bench: Workbench) -> None:
    done = send(
        client, {"a.png": PNG + b"1", "a.txt": b"penny, hat", "b.png": PNG + b"2", "notes.docx": b"x", ".DS_Store": b"x"}
    )
    assert (done["pictures"], done["captions"]) == (2, 1)
    assert done["left_out"] == [{"name": "notes.docx", "why": "it is no picture and no caption"}]
    assert names_in(pictures) == ["a.png", "a.txt", "b.png"] and (pictures / "a.txt").read_bytes() == b"penny, hat"
    assert client.get(f"{API}/state").json()["project"]["dataset"] == str(pictures)
    assert [one["name"] for one in client.get(f"{API}/pictures").json()["pictures"]] == ["a.png", "b.png"]
    left = [path for path in (bench.host.data / "cache" / "uploads").rglob("*") if path.is_file()]
    assert not left, "nothing waits any more"


def test_a_broken_line_costs_one_piece(client: Any, pictures: Path) -> None:
    content = PNG + bytes(range(256)) * 40
    begun = begin(client, {"a.png": content})
    assert piece(client, begun["id"], 0, 0, content[:5000]).json() == {"have": 5000}
    assert piece(client, begun["id"], 0, 0, content[:5000]).json() == {"have": 5000}, "an answer was lost: sent again"
    assert piece(client, begun["id"], 0, 9000, content[9000:]).json() == {"have": 5000}, "no hole is made"
    early = client.post(f"{API}/uploads/finish", json={"id": begun["id"]})
    assert early.status_code == 409 and "has not arrived whole" in early.json()["error"]
    assert not pictures.exists(), "half a picture is never in the dataset"
    again = begin(client, {"a.png": content})  # the page was loaded anew, the same file chosen
    assert again["have"] == [5000]
    assert piece(client, again["id"], 0, 5000, content[5000:]).json() == {"have": len(content)}
    for _ in range(2):  # and the last answer may be lost too
        assert client.post(f"{API}/uploads/finish", json={"id": again["id"]}).json()["pictures"] == 1
    assert (pictures / "a.png").read_bytes() == content


def test_a_server_that_ended_in_the_middle_goes_on(client: Any, pictures: Path, bench: Workbench) -> None:
    begun = begin(client, {"a.png": PNG + b"1", "b.png": PNG + b"2", "b.txt": b"penny"})
    for number, content in enumerate((PNG + b"1", PNG + b"2", b"penny")):
        piece(client, begun["id"], number, 0, content)
    staging = bench.uploads.staging
    upload = staging.get(begun["id"])
    staging.mark_placing(upload)
    pictures.mkdir(parents=True)
    upload.files[0].part.rename(pictures / "a.png")  # so far it came
    done = client.post(f"{API}/uploads/finish", json={"id": begun["id"]}).json()
    assert (done["already"], done["pictures"], done["captions"]) == (1, 1, 1)
    assert names_in(pictures) == ["a.png", "b.png", "b.txt"]


def test_what_nobody_finished_is_forgotten_in_a_week(client: Any, pictures: Path, bench: Workbench) -> None:
    old = begin(client, {"a.png": PNG})
    piece(client, old["id"], 0, 0, PNG[:4])
    for path in [*(bench.host.data / "cache" / "uploads").rglob("*")]:
        os.utime(path, (1, 1))
    young = begin(client, {"a.png": PNG})
    assert young["have"] == [0] and piece(client, old["id"], 0, 4, PNG[4:]).status_code == 404


def test_more_than_was_said_is_refused(client: Any, pictures: Path) -> None:
    begun = begin(client, {"a.png": PNG})
    assert piece(client, begun["id"], 0, 0, PNG + b"more").status_code == 413
    assert piece(client, begun["id"], 1, 0, PNG).status_code == 404
    assert piece(client, "../../..", 0, 0, PNG).status_code == 404
    assert client.post(f"{API}/uploads/stop", json={"id": begun["id"]}).status_code == 200
    assert piece(client, begun["id"], 0, 0, PNG).status_code == 404


def test_nothing_there_is_overwritten(client: Any, pictures: Path) -> None:
    send(client, {"a.png": PNG + b"1", "a.txt": b"one"})
    done = send(client, {"a.png": PNG + b"1", "a.txt": b"one"})
    assert (done["pictures"], done["captions"], done["already"]) == (0, 0, 2)
    done = send(client, {"a.png": PNG + b"another", "a.txt": b"two", "a.jpg": b"\xff\xd8 third"})
    assert (done["pictures"], done["captions"], done["renamed"]) == (2, 1, 2)
    assert (pictures / "a.png").read_bytes() == PNG + b"1" and (pictures / "a.txt").read_bytes() == b"one"
    assert (pictures / "a-2.png").read_bytes() == PNG + b"another" and (pictures / "a-2.txt").read_bytes() == b"two"
    assert names_in(pictures) == ["a-2.jpg", "a-2.png", "a-2.txt", "a.png", "a.txt"]


def test_captions_that_come_back_can_be_taken_back(client: Any, pictures: Path) -> None:
    send(client, {"a.png": PNG + b"1", "a.txt": b"one", "b.png": PNG + b"2", "c.png": PNG + b"3", "c.txt": b"three"})
    done = send(client, {"a.txt": b"edited", "b.txt": b"new", "c.txt": b" ", "alone.txt": b"x"})
    assert (done["captions"], done["changed"]) == (2, 1)
    assert {one["name"]: one["why"] for one in done["left_out"]} == {
        "alone.txt": "it is a caption without a picture",
        "c.txt": "it is empty, and the caption there is not",
    }
    assert (pictures / "a.txt").read_bytes() == b"edited" and (pictures / "c.txt").read_bytes() == b"three"
    assert client.get(f"{API}/changes").json()["changes"][0]["what"] == "captions that were uploaded"
    undo(pictures)
    assert (pictures / "a.txt").read_bytes() == b"one" and not (pictures / "b.txt").exists()


def test_a_zip_is_unpacked_with_its_folders(client: Any, pictures: Path) -> None:
    inner = {"set/4_penny/a.png": PNG, "set/4_penny/a.txt": b"penny", "set/1_hats/é😀.png": PNG, "__MACOSX/set/._a.png": b"x"}
    done = send(client, {"my set.zip": zipped(inner), "broken.zip": zipped(inner)[:-30], "other.7z": b"7z"})
    assert (done["pictures"], done["captions"]) == (2, 1)
    assert names_in(pictures) == ["1_hats/é😀.png", "4_penny/a.png", "4_penny/a.txt"]
    assert {one["name"]: one["why"] for one in done["left_out"]} == {
        "broken.zip": "broken.zip is no whole zip file: pack it anew.",
        "other.7z": "only .zip files are unpacked; pack it as one",
    }


def test_names_in_zips_of_a_chinese_windows(client: Any, pictures: Path) -> None:
    content = zipped({"AAAA.png": PNG}).replace(b"AAAA", "红帽".encode("gb18030"))
    assert send(client, {"x.zip": content})["pictures"] == 1
    assert names_in(pictures) == ["红帽.png"]


@pytest.mark.parametrize(
    "name",
    [
        "../a.png",
        "/etc/a.png",
        "a/../../a.png",
        "..\\..\\a.png",
        "C:\\a.png",
        "a/b/c/d/e/f.png",
        "run.py",
        "a.png.sh",
        "x.html",
    ],
)
def test_names_that_lead_out_or_are_no_pictures(client: Any, pictures: Path, tmp_path: Path, name: str) -> None:
    before = sorted(path for path in tmp_path.rglob("*") if "cache" not in path.parts)
    begun = begin(client, {name: PNG})
    assert begun["have"] == [None] and len(begun["left_out"]) == 1
    done = send(client, {"x.zip": zipped({name: PNG, "ok.png": PNG})})
    assert done["pictures"] == 1 and [one["why"] for one in done["left_out"]] == [begun["left_out"][0]["why"]]
    (pictures / "ok.png").unlink()
    after = [path for path in tmp_path.rglob("*") if "cache" not in path.parts and path.is_file()]
    assert not [path for path in after if path not in before and path.suffix != ".json"]


def test_names_that_some_systems_can_not_have(client: Any, pictures: Path) -> None:
    names = {"con.png": "_con.png", 'a<b>:"c".png': "a_b___c_.png", "n" * 300 + ".png": None, "e\u0301.png": "é.png"}
    assert send(client, dict.fromkeys(names, PNG))["pictures"] == 4
    found = names_in(pictures)
    assert all(name in found for name in names.values() if name) and all(len(name.encode()) < 200 for name in found)


def test_links_and_locked_files_in_zips(client: Any, pictures: Path) -> None:
    link = zipped({"link.png": b"/etc/passwd"}, external_attr=(stat.S_IFLNK | 0o777) << 16)
    locked = bytearray(zipped({"a.png": PNG}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + place] |= 1
    done = send(client, {"link.zip": link, "locked.zip": bytes(locked), "ok.png": PNG})
    assert [one["why"] for one in done["left_out"]] == ["it is a link", "it is locked by a password"]
    assert names_in(pictures) == ["ok.png"]


def test_a_bomb_is_not_unpacked(client: Any, pictures: Path) -> None:
    bomb = bytearray(zipped({"a.bmp": bytes(100_000), "b.bmp": bytes(100_000)}))
    at = bomb.index(b"PK\x01\x02")
    bomb[at + 24 : at + 28] = (2_000_000_000).to_bytes(4, "little")
    done = send(client, {"bomb.zip": bytes(bomb)})
    assert done["pictures"] == 0 and "far more than pictures do" in done["left_out"][0]["why"]
    lying = bytearray(zipped({"a.bmp": bytes(100_000), "ok.png": PNG}))
    at = lying.index(b"PK\x01\x02")
    lying[at + 24 : at + 28] = (500).to_bytes(4, "little")  # says less than it becomes
    done = send(client, {"lying.zip": bytes(lying)})
    assert done["left_out"] == [{"name": "a.bmp", "why": "it is damaged in the zip file"}] and names_in(pictures) == ["ok.png"]


def test_only_the_data_folder_where_others_can_reach_it(client: Any, pictures: Path, bench: Workbench, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    assert isinstance(bench.host, FakeHost)
    bench.projects.change({"dataset": str(outside)}, Rights())
    answer = client.post(f"{API}/uploads", json={"files": [{"name": "a.png", "size": 8, "modified": 1}]})
    assert answer.status_code == 403 and "begin a new project" in answer.json()["error"]
    bench.host.chosen_rights = Rights()
    assert send(client, {"a.png": PNG})["pictures"] == 1 and names_in(outside) == ["a.png"]


def test_a_link_in_the_dataset_leads_nowhere(client: Any, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    pictures.mkdir(parents=True)
    (pictures / "1_x").symlink_to(tmp_path / "outside")
    done = send(client, {"1_x/a.png": PNG, "2_x/a.png": PNG})
    assert done["left_out"] == [{"name": "1_x/a.png", "why": "its name leads out of the folder"}]
    assert not list((tmp_path / "outside").iterdir())


def test_a_full_disk_is_one_sentence(client: Any, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1_500_000_000})())
    asked = {"files": [{"name": "a.zip", "size": 2_000_000_000, "modified": 1}]}
    answer = client.post(f"{API}/uploads", json=asked)
    assert answer.status_code == 413 and "has 1.5 GB left, and this needs 2.0 GB" in answer.json()["error"]


@pytest.mark.parametrize(
    "files", [None, [], [{}], ["a.png"], [{"name": "a.png", "size": -1}], [{"name": "", "size": 1}], {"a": 1}]
)
def test_wrong_lists(client: Any, pictures: Path, files: Any) -> None:
    assert client.post(f"{API}/uploads", json={"files": files}).status_code == 400


def test_without_a_project_there_is_a_sentence(client: Any) -> None:
    answer = client.post(f"{API}/uploads", json={"files": [{"name": "a.png", "size": 1, "modified": 1}]})
    assert answer.status_code == 409 and "No project is open" in answer.json()["error"]


def test_where_folders_are_hidden_an_upload_is_the_dataset_all_the_same(client: Any, pictures: Path, bench: Workbench) -> None:
    data = bench.host.data
    assert isinstance(bench.host, FakeHost)
    bench.host.chosen_rights = Rights(True, True, readable=(data,), writable=(data,))
    bench.plans = Plans(lambda what, values: {"problems": [], **values})  # type: ignore[assignment]
    assert begin(client, {"b.png": PNG})["folder"] == "penny"
    assert send(client, {"a.png": PNG})["pictures"] == 1
    planned = client.post(f"{API}/plan", json={"settings": {"train_data_dir": str(pictures)}})
    assert planned.status_code == 200 and planned.json()["settings"]["train_data_dir"] == str(pictures)
