"""Importing from the page: what would be set, what is left out and why; no path of the text is opened, nothing is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.host import DEMO_MODELS
from lora_workbench.extension.rights import Rights
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.parts import API
from lora_workbench.trainer_core.imports.read import LARGEST
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.worker import import_answer

SCRIPT = (
    "accelerate launch train_network.py --pretrained_model_name_or_path={base} --train_data_dir={sets} --output_dir={out} "
    "--output_name=penny --network_dim=8 --fancy=3 --flip-aug --unet_lr=1e-4 --max_data_loader_n_workers=2 --resume=old"
)


class RealHelper:
    """Answers as the trainer's helper does, in this process."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def ask(self, what: str, **values: Any) -> Any:
        from lora_workbench.extension.errors import Refused

        self.asked.append(what)
        try:
            return import_answer(values)
        except UserError as error:
            raise Refused(str(error)) from None

    def end(self) -> None:
        return None


@pytest.fixture
def helper(bench: Workbench) -> RealHelper:
    bench.plans = RealHelper()  # type: ignore[assignment]
    bench.projects.create("penny")
    return bench.plans  # type: ignore[return-value]


def imported(client: Any, text: str, name: str = "", **headers: str) -> dict[str, Any]:
    reply = client.post(f"{API}/import", json={"text": text, "name": name}, headers=headers)
    assert reply.status_code == 200, reply.text
    return reply.json()


@pytest.mark.usefixtures("helper")
def test_what_would_be_set(client: Any, tmp_path: Path) -> None:
    base, sets, out = tmp_path / "a.safetensors", tmp_path / "sets", tmp_path / "out"
    answer = imported(client, SCRIPT.format(base=base, sets=sets, out=out))
    assert answer["source"] == "a script for bash" and answer["prompts"] == ""
    assert (answer["base_model"], answer["dataset"]) == (str(base), str(sets))
    assert answer["settings"] == {
        "output_dir": str(out), "output_name": "penny", "network_dim": 8, "flip_aug": True, "unet_lr": 1e-4,
    }  # fmt: skip
    why = {one["name"]: one["why"] for one in answer["left"]}
    assert set(why) == {"--fancy", "max_data_loader_n_workers", "resume"}
    assert "must be a whole path" in why["resume"], "where a script stood when it ran is not known here"
    assert any("--flip-aug is flip_aug" in sentence for sentence in answer["notes"])
    changes = {"settings": answer["settings"], "base_model": answer["base_model"], "dataset": answer["dataset"]}
    assert client.post(f"{API}/project", json={"changes": changes}).status_code == 200, "what is offered can be taken"


@pytest.mark.usefixtures("helper")
def test_in_chinese(client: Any) -> None:
    reply = client.post(
        f"{API}/import", json={"text": SCRIPT.format(base="/a", sets="/b", out="/c")}, headers={"Accept-Language": "zh-CN"}
    )
    answer = reply.json()
    assert answer["source"] == "bash 脚本"
    why = {one["name"]: one["why"] for one in answer["left"]}
    assert why["--fancy"].startswith("在此没有对应的设置") and why["max_data_loader_n_workers"].startswith("被忽略")
    assert answer["notes"] == ["--flip-aug 就是 flip_aug：这里能识别连字符，但 kohya 自己的脚本不能。"]


@pytest.mark.usefixtures("helper")
def test_where_others_can_reach_webui_paths_outside_are_left_out(client: Any, bench: Workbench, tmp_path: Path) -> None:
    data = bench.host.data
    bench.host.chosen_rights = Rights(True, readable=(data, DEMO_MODELS), writable=(data,))  # type: ignore[attr-defined]
    secret = tmp_path / "outside" / "secret.safetensors"
    secret.parent.mkdir()
    secret.write_text("secret", encoding="utf-8")
    text = SCRIPT.format(base=secret, sets=secret.parent, out=secret.parent)
    text += f" --vae={secret} --network_weights={secret} --dataset_config={data}/x.toml --data_dir={tmp_path}"
    answer = imported(client, text)
    assert "base_model" not in answer and "dataset" not in answer
    assert answer["settings"] == {"output_name": "penny", "network_dim": 8, "flip_aug": True, "unet_lr": 1e-4}
    left = {one["name"] for one in answer["left"]}
    assert {"vae", "network_weights", "pretrained_model_name_or_path", "train_data_dir", "output_dir", "data_dir"} <= left
    assert "dataset_config" in left
    inside = imported(client, SCRIPT.format(base=data / "a.safetensors", sets=data / "sets", out=data / "out"))
    assert inside["base_model"] == str(data / "a.safetensors") and inside["settings"]["output_dir"] == str(data / "out")


@pytest.mark.usefixtures("helper")
def test_where_folders_are_hidden_the_dataset_stays(client: Any, bench: Workbench) -> None:
    bench.host.chosen_rights = Rights(hide_folders=True)  # type: ignore[attr-defined]
    answer = imported(client, SCRIPT.format(base="/a", sets="/b", out="/c"))
    assert "dataset" not in answer and "output_dir" not in answer["settings"]


@pytest.mark.usefixtures("helper")
def test_folders_of_their_own_need_the_command_line(client: Any) -> None:
    subset = '[[datasets]]\n[[datasets.subsets]]\nimage_dir = "/a"\n[[datasets.subsets]]\nimage_dir = "/b"\n'
    answer = imported(client, subset)
    assert answer["settings"] == {} and [one["name"] for one in answer["left"]] == ["dataset_config"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"text": ""}, "It is empty"),
        ({"text": "hello"}, "There is no training in it"),
        ({"text": "\x01\x02"}, "It is not text"),
        ({"text": "x" * (LARGEST + 1)}, "too large"),
        ({"text": 5}, "must be texts"),
        ({"text": "--seed=1", "name": "x" * 1000}, "must be texts"),
        ({"text": "--seed=1", "path": "/etc/passwd"}, "not understood"),
        ({"text": "a = 1"}, "no setting in it that is known"),
    ],
)
@pytest.mark.usefixtures("helper")
def test_bad_input_is_one_sentence(client: Any, body: dict[str, Any], told: str) -> None:
    reply = client.post(f"{API}/import", json=body)
    assert reply.status_code == 400 and told in reply.json()["error"] and "\n" not in reply.json()["error"]
