"""What the sizes cut off each picture, over the API, with the trainer's own answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.api.test_advice import Plans
from lora_workbench.tests.extension.parts import API


@pytest.fixture
def sets(bench: Workbench, tmp_path: Path) -> Path:
    """A project with a square picture, one of 2:1, one of 1:2 that is turned by EXIF, and regularization pictures."""
    folder, reg = tmp_path / "data" / "sets", tmp_path / "data" / "reg"
    for place in (folder / "1_penny", reg / "1_girl"):
        place.mkdir(parents=True)
        Image.new("RGB", (128, 128)).save(place / "square.png")
    Image.new("RGB", (256, 128)).save(folder / "1_penny" / "wide.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (320, 128)).save(folder / "1_penny" / "turned.jpg", exif=turned)
    bench.plans = Plans()  # type: ignore[assignment]
    bench.projects.create("penny")
    bench.projects.change({"dataset": str(folder)}, bench.rights)
    return folder


def crops(client: Any, sets: Path, status: int = 200, **asked: Any) -> dict[str, Any]:
    settings = {"train_data_dir": str(sets), "reg_data_dir": str(sets.parent / "reg"), "resolution": "128",
                "enable_bucket": False}  # fmt: skip
    reply = client.post(f"{API}/plan/crops", json={"settings": settings, **asked})
    assert reply.status_code == status, reply.text
    return reply.json()


def test_the_worst_first_with_the_part_that_is_trained(client: Any, sets: Path) -> None:
    told = crops(client, sets)
    assert {name: told[name] for name in ("total", "losing", "moving")} == {"total": 3, "losing": 2, "moving": False}
    assert told["crops"] == [
        {"name": "1_penny/turned.jpg", "title": "turned.jpg", "size": [128, 320], "trained": [128, 128],
         "box": [0.0, 0.3, 1.0, 0.4], "loss": 0.6},
        {"name": "1_penny/wide.png", "title": "wide.png", "size": [256, 128], "trained": [128, 128],
         "box": [0.25, 0.0, 0.5, 1.0], "loss": 0.5},
        {"name": "1_penny/square.png", "title": "square.png", "size": [128, 128], "trained": [128, 128],
         "box": [0.0, 0.0, 1.0, 1.0], "loss": 0.0},
    ]  # fmt: skip


def test_a_part_of_the_list(client: Any, sets: Path) -> None:
    assert [one["title"] for one in crops(client, sets, start=1, count=1)["crops"]] == ["wide.png"]
    assert crops(client, sets, start=3)["crops"] == []
    assert "from 1 to 500" in crops(client, sets, 400, count=501)["error"]
    assert "start" in crops(client, sets, 400, start=-1)["error"]


def test_pictures_elsewhere_have_no_name_to_go_to(client: Any, sets: Path, tmp_path: Path) -> None:
    (tmp_path / "sets.toml").write_text(
        f"[[datasets]]\nresolution = 128\n[[datasets.subsets]]\nimage_dir = '{sets / '1_penny'}'\n", encoding="utf-8"
    )
    reply = client.post(f"{API}/plan/crops", json={"settings": {"dataset_config": str(tmp_path / "sets.toml")}})
    assert {one["name"] for one in reply.json()["crops"]} == {None}
