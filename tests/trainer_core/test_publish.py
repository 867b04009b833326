"""Finished LoRAs in webui's folder: names, cards and previews, and that nothing there is ever replaced."""

import json
from pathlib import Path

import pytest

from lora_workbench.trainer_core import publish as publish_room
from lora_workbench.trainer_core.events import EventLog, read_events
from lora_workbench.trainer_core.publish import last_sample, publish, publish_job


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    path = tmp_path / "out" / "penny.safetensors"
    path.parent.mkdir()
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "sample.png"
    path.write_bytes(b"picture")
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_copy_card_and_preview(lora: Path, picture: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "Lora"
    target = publish(lora, folder, activation="penny", notes="class B", preview=picture)
    assert names(folder) == ["penny.json", "penny.preview.png", "penny.safetensors"]
    assert target == folder / "penny.safetensors" and target.read_bytes() == b"weights"
    assert (folder / "penny.preview.png").read_bytes() == b"picture"
    assert json.loads((folder / "penny.json").read_text(encoding="utf-8")) == {
        "description": "", "sd version": "SD1", "activation text": "penny", "preferred weight": 1, "negative text": "",
        "notes": "class B",
    }  # fmt: skip
    assert lora.read_bytes() == b"weights"


@pytest.mark.parametrize("taken", ["penny.safetensors", "PENNY.pt", "old/penny.ckpt", "penny.json", "penny.preview.png"])
def test_a_name_that_is_taken_gets_a_number(lora: Path, tmp_path: Path, taken: str) -> None:
    """webui knows LoRAs by their name alone, whatever folder they lie in, and takes cards by the same name."""
    folder = tmp_path / "Lora"
    (folder / taken).parent.mkdir(parents=True)
    (folder / taken).write_bytes(b"theirs")
    assert publish(lora, folder).name == "penny-2.safetensors"
    assert publish(lora, folder, family="SDXL").name == "penny-3.safetensors"
    versions = [json.loads((folder / f"penny-{number}.json").read_text())["sd version"] for number in (2, 3)]
    assert versions == ["SD1", "SDXL"]
    assert (folder / taken).read_bytes() == b"theirs"


@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_is_taken_meanwhile_is_not_replaced(
    lora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    folder = tmp_path / "Lora"
    real = publish_room._names_below

    def late(where: Path) -> list[str]:
        found = list(real(where))
        (folder / "penny.safetensors").write_bytes(b"another run's")
        return found

    monkeypatch.setattr(publish_room, "_names_below", late)
    if not links:
        monkeypatch.setattr(publish_room.os, "link", _no_links)
    assert publish(lora, folder).name == "penny-2.safetensors"
    assert (folder / "penny.safetensors").read_bytes() == b"another run's"
    assert not [name for name in names(folder) if name.endswith(".tmp")]


def _no_links(*_: object) -> None:
    raise OSError(1, "Operation not permitted")


@pytest.mark.parametrize("place", [".", "mine"])
def test_no_copy_of_what_lies_there_already(lora: Path, picture: Path, place: str) -> None:
    folder = lora.parent
    inside = folder / place / lora.name
    inside.parent.mkdir(exist_ok=True)
    lora.replace(inside)
    inside.with_suffix(".json").write_text('{"notes": "my own words"}', encoding="utf-8")
    assert publish(inside, folder, notes="new", preview=picture) == inside
    assert names(inside.parent) == ["penny.json", "penny.preview.png", "penny.safetensors"]
    assert inside.with_suffix(".json").read_text(encoding="utf-8") == '{"notes": "my own words"}'


def test_a_folder_that_can_not_be_written_is_a_warning(lora: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    events = EventLog(tmp_path / "job")
    assert publish_job(lora, tmp_path / "job", events, {"folder": str(tmp_path / "file")}) is None
    (told,) = read_events(tmp_path / "job")
    assert told["kind"] == "warning" and str(lora) in told["message"] and "by hand" in told["message"]


def test_half_a_copy_is_taken_away(lora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: object, target: object, _length: int) -> None:
        target.write(b"wei")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publish_room.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space"):
        publish(lora, tmp_path / "Lora")
    assert names(tmp_path / "Lora") == []


def test_the_preview_is_the_first_prompt_of_the_last_samples(tmp_path: Path) -> None:
    assert last_sample(tmp_path / "job") is None
    events = EventLog(tmp_path / "job")
    for step, prompt in ((2, 0), (2, 1), (4, 0), (4, 1)):
        path = tmp_path / f"{step}_{prompt}.png"
        path.write_bytes(b"")
        events.write("sample", path=str(path), step=step, prompt=prompt)
    assert last_sample(tmp_path / "job") == tmp_path / "4_0.png"
    (tmp_path / "4_0.png").unlink()
    assert last_sample(tmp_path / "job") is None
