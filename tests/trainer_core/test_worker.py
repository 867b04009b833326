"""The resident helper over its pipes: what it answers, what it survives, what it never imports, and when it ends."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lora_workbench.trainer_core.settings import Settings
from lora_workbench.trainer_core.worker import export_answer, plan_answer

COMMAND = [sys.executable, "-I", "-X", "utf8", "-m", "lora_workbench.trainer_core.worker"]
TAGGER = Path(__file__).resolve().parents[2] / "demo" / "models" / "toy_tagger"


class Helper:
    def __init__(self, *words: str, command: list[str] = COMMAND) -> None:
        self.process = subprocess.Popen([*command, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def say(self, line: bytes | dict[str, Any]) -> None:
        self.process.stdin.write((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        return json.loads(self.process.stdout.readline())

    def ask(self, **request: Any) -> dict[str, Any]:
        self.say({"id": 7, **request})
        answer = self.hear()
        assert answer["id"] == 7
        return answer


@pytest.fixture
def helper() -> Iterator[Helper]:
    helper = Helper()
    yield helper
    helper.process.stdin.close()
    assert helper.process.wait(10) == 0


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    folder = tmp_path / "set" / "2_penny"
    folder.mkdir(parents=True)
    Image.new("RGB", (128, 96), "red").save(folder / "寺.png")
    return folder / "寺.png"


def test_the_plan(helper: Helper, picture: Path) -> None:
    settings = {
        "train_data_dir": str(picture.parent.parent),
        "resolution": "128",
        "output_name": "penny",
        "max_train_epochs": 3,
    }
    plan = helper.ask(what="plan", settings=settings)["result"]
    assert (plan["steps"], plan["epochs"], plan["images"], plan["output_name"]) == (6, 3, 1, "penny")
    assert "base-model-missing" in [one["code"] for one in plan["problems"]] and "6 steps" in plan["text"]
    (picture.parent / "2.png").write_bytes(picture.read_bytes())
    assert helper.ask(what="plan", settings=settings)["result"]["images"] == 2


def test_problems_of_the_settings_are_a_plan_too() -> None:
    wrong = plan_answer({"settings": {"netwrok_dim": 3, "seed": "x"}})
    assert [one["code"] for one in wrong["problems"]] == ["unknown-setting", "bad-value"] and wrong["steps"] == 0
    assert wrong.keys() == plan_answer({"settings": {}}).keys()


def test_export() -> None:
    answer = export_answer({"settings": {"network_dim": 3, "output_name": "penny"}, "as": "toml"})
    assert answer == {"name": "train_penny.toml", "text": 'network_dim = 3\noutput_name = "penny"\n'}


def test_pictures(helper: Helper, picture: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG no")
    paths = [str(picture), str(tmp_path / "none.png"), str(tmp_path / "broken.png")]
    assert helper.ask(what="sizes", paths=paths)["result"] == {"sizes": [[128, 96], None, None]}
    thumb = Path(helper.ask(what="thumb", path=str(picture), size=64, cache=str(tmp_path / "cache"))["result"]["path"])
    assert thumb.is_relative_to(tmp_path / "cache") and Image.open(thumb).size == (64, 48)
    damaged = helper.ask(what="thumb", path=str(tmp_path / "broken.png"), size=64, cache=str(tmp_path / "cache"))
    assert "broken.png can't be read, it is damaged" in damaged["error"]
    missing = helper.ask(what="thumb", path=str(tmp_path / "none.png"), size=64, cache=str(tmp_path / "cache"))
    assert "none.png" in missing["error"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"id": 1}', "There is no None"),
        (b'{"id": 1, "what": "plan"}', "settings must be"),
        (b'{"id": 1, "what": "plan", "settings": 3}', "settings must be"),
        (b'{"id": 1, "what": "export", "settings": {}, "as": "exe"}', "'exe'"),
        (b'{"id": 1, "what": "export", "settings": {"zz": 1}, "as": "toml"}', "zz is not a setting"),
        (b'{"id": 1, "what": "thumb"}', "path is missing"),
        (b'{"id": 1, "what": "thumb", "path": "a\\u0000b", "cache": "c"}', "a\0b"),
        (b'{"id": 1, "what": "sizes", "paths": 3}', "not have"),
        (b'{"id": 1, "what": "interrogate", "model": "m", "image_base64": "a"}', "not base64"),
    ],
)
def test_bad_requests_are_answered_and_survived(helper: Helper, line: bytes, told: str) -> None:
    helper.say(line)
    assert told in helper.hear()["error"]
    assert helper.ask(what="sizes", paths=[])["result"] == {"sizes": []}


def test_a_plan_needs_not_wait_for_thumbnails(helper: Helper, tmp_path: Path) -> None:
    """Answers come as they are ready, told apart by their id."""
    for number in range(20):
        Image.effect_noise((900, 900), 50).save(tmp_path / f"{number}.png", compress_level=1)
    helper.ask(what="plan", settings={})
    for number in range(20):
        helper.say({"id": number, "what": "thumb", "path": str(tmp_path / f"{number}.png"), "cache": str(tmp_path / "cache")})
    helper.say({"id": "plan", "what": "plan", "settings": {}})
    order = [helper.hear()["id"] for _ in range(21)]
    assert sorted(order[: order.index("plan")]) != list(range(20)) and {*order} == {*range(20), "plan"}


def test_nothing_slow_is_imported(picture: Path, tmp_path: Path) -> None:
    watched = (
        "import sys, runpy\n"
        "for name in ('torch', 'diffusers', 'transformers', 'accelerate', 'onnxruntime'): sys.modules[name] = None\n"
        "sys.argv = ['worker', 'plan']\nrunpy.run_module('lora_workbench.trainer_core.worker', run_name='__main__')"
    )
    helper = Helper(command=[sys.executable, "-I", "-X", "utf8", "-c", watched])
    settings = {"train_data_dir": str(picture.parent.parent), "resolution": "128"}
    assert helper.ask(what="plan", settings=settings)["result"]["images"] == 1
    assert "result" in helper.ask(what="export", settings=settings, **{"as": "bash"})
    assert "result" in helper.ask(what="thumb", path=str(picture), size=32, cache=str(tmp_path / "cache"))
    helper.process.stdin.close()
    assert helper.process.wait(10) == 0


@pytest.mark.skipif(not (TAGGER / "model.onnx").is_file(), reason="the toy taggers are not there")
def test_a_tagger_sees_a_picture_by_path_and_by_its_bytes(picture: Path) -> None:
    helper = Helper("tagger")
    by_path = helper.ask(what="interrogate", model=str(TAGGER), path=str(picture))["result"]
    coded = "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()
    by_bytes = helper.ask(what="interrogate", model=str(TAGGER), image_base64=coded)["result"]
    assert by_path["tags"] == by_bytes["tags"] and by_path["tags"]
    scores = [one["score"] for one in by_path["tags"]]
    assert scores == sorted(scores, reverse=True) and {one["kind"] for one in by_path["tags"]} & {"general", "rating"}
    assert by_bytes["seconds"] < by_path["seconds"], "the model stays loaded"
    assert "can't" in helper.ask(what="interrogate", model=str(TAGGER), path=__file__)["error"]
    assert "missing" in helper.ask(what="interrogate", model="/nowhere", path=str(picture))["error"]
    helper.process.stdin.close()
    assert helper.process.wait(10) == 0


def test_a_tagger_that_nobody_asks_ends_by_itself() -> None:
    short = "from lora_workbench.trainer_core import worker; worker.IDLE = 1.0; worker.main(['tagger'])"
    helper = Helper(command=[sys.executable, "-I", "-X", "utf8", "-c", short])
    begun = time.monotonic()
    assert helper.ask(what="sizes", paths=[])["result"] == {"sizes": []}
    assert helper.process.wait(60) == 0
    assert time.monotonic() - begun > 0.9


def test_export_of_settings_matches_the_command(tmp_path: Path) -> None:
    from lora_workbench.trainer_core.export import export

    given = {"network_dim": 3, "train_data_dir": str(tmp_path)}
    assert export_answer({"settings": given, "as": "bash"})["text"] == export(Settings.from_dict(given), "bash")
