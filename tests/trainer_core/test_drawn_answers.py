"""What the helper says of sets and grids before and after they are drawn; it draws nothing itself and needs no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from lora_workbench.trainer_core.drawn_answers import answer
from lora_workbench.trainer_core.events import EventLog
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.reg.command import main as reg_main


@pytest.fixture
def settings(tmp_path: Path, random_base: Path) -> dict[str, Any]:
    folder = tmp_path / "pictures" / "1_penny"
    folder.mkdir(parents=True)
    for number in range(3):
        Image.new("RGB", (64, 64), (60 * number, 90, 30)).save(folder / f"p{number}.png")
        (folder / f"p{number}.txt").write_text(f"penny, number {number}", encoding="utf-8")
    return {
        "pretrained_model_name_or_path": str(random_base), "train_data_dir": str(folder.parent), "resolution": "64",
        "caption_extension": ".txt", "seed": 42, "reg_data_dir": str(tmp_path / "reg"),
    }  # fmt: skip


OPTIONS = {"class_word": "doll", "steps": 2}


def test_a_set_is_planned_picture_by_picture(settings: dict[str, Any], tmp_path: Path) -> None:
    asked = {"settings": settings, "options": OPTIONS}
    plan = answer("reg_plan", asked)
    assert [one["state"] for one in plan["pictures"]] == ["missing"] * 3 and plan["to_draw"] == 3
    first = plan["pictures"][0]
    assert first["prompt"] == "doll, number 0" and (first["seed"], first["width"], first["there"]) == (42, 64, False)
    assert first["picture"].endswith("p0.png") and first["reg"] == str(tmp_path / "reg" / "1_doll" / "p0.png")
    assert plan["activation"] == "penny" and not (tmp_path / "reg").exists()

    words = [f"--{name}={value}" for name, value in {**settings, **OPTIONS}.items()]
    assert reg_main(words) == 0
    (tmp_path / "pictures" / "1_penny" / "p0.txt").write_text("penny, blue", encoding="utf-8")
    (tmp_path / "reg" / "1_doll" / "p1.png").unlink()
    Image.new("RGB", (9, 9)).save(tmp_path / "reg" / "1_doll" / "p1.jpg")
    Image.new("RGB", (9, 9)).save(tmp_path / "reg" / "1_doll" / "other.png")
    plan = answer("reg_plan", asked)
    assert [(one["state"], one["why"]) for one in plan["pictures"]] == [("stale", "caption"), ("yours", ""), ("fresh", "")]
    assert plan["pictures"][1]["reg"].endswith("p1.jpg") and plan["to_draw"] == 1
    assert plan["counts"] == {"fresh": 1, "missing": 0, "stale": 1, "yours": 1, "without_caption": 0, "extra": 1}
    assert [Path(one).name for one in plan["extra"]] == ["other.png"]

    changed = {"settings": {**settings, "seed": 43}, "options": OPTIONS}
    assert [one["why"] for one in answer("reg_plan", changed)["pictures"]] == ["seed, caption", "", "seed"]
    assert answer("reg_plan", changed)["to_draw"] == 0
    again = {"settings": {**settings, "seed": 43}, "options": {**OPTIONS, "redo": True}}
    assert answer("reg_plan", again)["to_draw"] == 2
    assert [one["state"] for one in answer("reg_plan", again)["pictures"]] == ["stale", "yours", "stale"]


@pytest.fixture
def trained(tmp_path: Path, own_data_folder: Path, random_base: Path) -> Path:
    """Two snapshots of a run whose job the data folder knows; their tensors stand for any."""
    from lora_workbench.trainer_core.randomness import uniform_int

    out, job = tmp_path / "out", own_data_folder / "jobs" / "one"
    out.mkdir()
    job.mkdir(parents=True)
    settings = {
        "pretrained_model_name_or_path": str(random_base), "output_dir": str(out), "output_name": "penny", "unet_lr": 1e-4,
        "text_encoder_lr": 5e-5, "resolution": "64", "seed": 7, "max_train_epochs": 4, "network_dim": 2,
    }  # fmt: skip
    (job / "job.json").write_text(json.dumps({"kind": "train", "settings": settings}))
    events = EventLog(job)
    events.write("start", output_name="penny", seed=7)
    for name, epoch in (("penny-000002", 2), ("penny", 4)):
        tensors = {f"lora_unet_x.lora_{way}.weight": np.full((2, 2), epoch, np.float32) for way in ("down", "up")}
        known = {"ss_session_id": str(uniform_int(0, 2**32, 7, "session")), "ss_epoch": str(epoch)}
        save_file(tensors, out / f"{name}.safetensors", known)
        events.write("saved", path=str(out / f"{name}.safetensors"))
    events.close()
    return out / "penny.safetensors"


def test_a_grid_is_planned_read_and_chosen_from(trained: Path) -> None:
    from lora_workbench.trainer_core.grids.cells import write_manifest
    from lora_workbench.trainer_core.grids.find import find_given, find_grid
    from lora_workbench.trainer_core.grids.words import read_options

    options = {"runs": [str(trained)], "prompt": ["penny, smile", "--penny"], "te": [1, 2], "unet": [0.5], "steps": 2}
    plan = answer("grid_plan", {"options": options})
    assert (plan["pictures"], plan["to_draw"], plan["kept"], plan["size"]) == (10, 10, 0, [64, 64])
    assert [one["id"] for one in plan["axes"]["snapshots"]] == ["e2", "e4"] and plan["varied"] == ["snapshots", "te", "prompts"]
    assert [one["label"] for one in plan["axes"]["prompts"]] == ["penny, smile", "--penny"]
    assert plan["grids"][0]["cells"][0][0] == "base/p1" and "<lora:penny-000002:te=1:unet=0.5>" in plan["webui"]
    assert not Path(plan["folder"]).exists()

    found = find_grid(find_given(read_options(options)))
    write_manifest(found.given.folder, found.grids, found.files, found.bases, about=found.about())
    Image.new("RGB", (64, 64)).save(_parent(found.files["e2/te2.0/unet0.5/p1"]))
    read = answer("grid_read", {"folder": plan["folder"]})
    assert read["axes"] == plan["axes"] and read["grids"] == plan["grids"] and read["drawn"] == 1 and read["page"] is None
    cell = read["cells"]["e2/te2.0/unet0.5/p1"]
    assert cell["there"] and cell["choosable"] and (cell["te"], cell["unet"], cell["prompt"]) == (2.0, 0.5, "penny, smile")
    assert not read["cells"]["base/p1"]["choosable"] and read["cells"]["base/p1"]["base"]

    chosen = answer("grid_choose", {"folder": plan["folder"], "cell": "e2/te2.0/unet0.5"})
    assert chosen["settings"]["unet_lr"] == 5e-5 and chosen["settings"]["text_encoder_lr"] == 1e-4
    assert chosen["settings"]["max_train_epochs"] == 2 and chosen["rates"]["unet_lr"] == [1e-4, 5e-5]
    assert "UNet had to be lowered" in chosen["verdict"] and chosen["webui"] == "<lora:penny-000002:te=2:unet=0.5>"
    assert chosen["others"] == [str(trained)] and chosen["path"] is None and trained.is_file()
    assert not list(trained.parent.glob("*.toml"))
    kept = answer("grid_choose", {"folder": plan["folder"], "cell": "e2/te2.0/unet0.5", "write": True, "delete_others": True})
    assert kept["path"] == str(trained.with_name("penny-next.toml")) and kept["deleted"] == [str(trained)]
    assert not trained.exists() and Path(chosen["lora"]).is_file() and Path(kept["path"]).is_file()


def _parent(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_suites_are_listed_saved_and_removed(own_data_folder: Path) -> None:
    names = [one["name"] for one in answer("grid_suites", {})["suites"]]
    assert "other_clothes" in names
    told = answer("grid_suites", {"project": "penny", "save": {"name": "hats", "text": "SUBJECT, hat --d 3\nSUBJECT, cap\n"}})
    hats = next(one for one in told["suites"] if one["name"] == "hats")
    assert hats["own"] and hats["prompts"] == 2
    assert Path(hats["path"]) == own_data_folder / "projects" / "penny" / "suites" / "hats.txt"
    assert "hats" not in [one["name"] for one in answer("grid_suites", {})["suites"]]
    with pytest.raises(UserError, match="line 1: --q"):
        answer("grid_suites", {"save": {"name": "bad", "text": "hat --q 3"}})
    with pytest.raises(UserError, match="not a name that a file can have"):
        answer("grid_suites", {"save": {"name": "../bad", "text": "hat"}})
    with pytest.raises(UserError, match="no suite of your own called other_clothes"):
        answer("grid_suites", {"remove": "other_clothes"})
    assert "hats" not in [one["name"] for one in answer("grid_suites", {"project": "penny", "remove": "hats"})["suites"]]


@pytest.mark.parametrize(
    ("what", "request_", "said"),
    [
        ("reg_plan", {"settings": 3}, "settings must be a JSON object"),
        ("reg_plan", {"settings": {}, "options": {"class_word": "doll"}}, "no base model"),
        ("grid_plan", {"options": {"runs": ["none.safetensors"]}}, "There is no LoRA none.safetensors"),
        ("grid_read", {}, "folder is missing"),
        ("grid_read", {"folder": "/nowhere"}, "There is no grid in /nowhere"),
        ("grid_choose", {"folder": "/nowhere", "cell": "e8"}, "There is no grid in /nowhere"),
    ],
)
def test_what_is_wrong_is_said(what: str, request_: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        answer(what, request_)


def test_the_helper_answers_without_torch(settings: dict[str, Any], trained: Path) -> None:
    code = (
        "import sys, runpy\n"
        "for name in ('torch', 'diffusers', 'transformers', 'onnxruntime'): sys.modules[name] = None\n"
        "sys.argv = ['worker', 'plan']\nrunpy.run_module('lora_workbench.trainer_core.worker', run_name='__main__')"
    )
    asked = [
        {"id": 1, "what": "reg_plan", "settings": settings, "options": OPTIONS},
        {"id": 2, "what": "grid_plan", "options": {"runs": [str(trained)], "prompt": "penny"}},
        {"id": 3, "what": "grid_suites"},
        {"id": 4, "what": "grid_read", "folder": "/nowhere"},
        {"id": 5, "what": "grid_choose", "folder": "/nowhere", "cell": "e8"},
    ]
    lines = "".join(json.dumps(one) + "\n" for one in asked)
    done = subprocess.run(
        [sys.executable, "-I", "-X", "utf8", "-c", code], input=lines, capture_output=True, text=True, timeout=100
    )
    answers = {one["id"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert [("result" in answers[number]) for number in (1, 2, 3, 4, 5)] == [True, True, True, False, False], done.stderr
    assert "no grid in" in answers[5]["error"]
