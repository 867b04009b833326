"""Advice, mends, symptoms and the glossary over the API, with the trainer's own answers; what is refused, and to whom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lora_workbench.extension.api import advice as advice_routes
from lora_workbench.extension.errors import Refused
from lora_workbench.extension.rights import Rights
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.parts import API
from lora_workbench.trainer_core.events import EventLog
from lora_workbench.trainer_core.forecasts.cards import Card
from lora_workbench.trainer_core.guided_answers import answer
from lora_workbench.trainer_core.problems import UserError

PRODIGY = {"optimizer_type": "Prodigy", "optimizer_args": ["decouple=True"], "max_train_steps": 1040, "learning_rate": 1}


class Plans:
    """The trainer's own answers, without its process."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def ask(self, what: str, *, patience: float = 60.0, **values: Any) -> Any:
        self.asked.append({"what": what, **values})
        try:
            return answer(what, values)
        except UserError as error:
            raise Refused(str(error)) from None

    def end(self) -> None:
        return None


@pytest.fixture
def sets(bench: Workbench, tmp_path: Path) -> Iterator[Path]:
    """A project with 20 captioned pictures."""
    folder = tmp_path / "data" / "sets"
    (folder / "10_penny").mkdir(parents=True)
    for number in range(20):
        path = folder / "10_penny" / f"{number:02d}.png"
        Image.new("RGB", (64, 64 + 8 * (number % 3)), (number, 90, 20)).save(path)
        path.with_suffix(".txt").write_text("penny, smile" if number % 2 else "penny, hat", encoding="utf-8")
    bench.plans = Plans()  # type: ignore[assignment]
    bench.projects.create("penny")
    bench.projects.change({"dataset": str(folder)}, bench.rights)
    yield folder


def post(client: Any, path: str, body: dict[str, Any], status: int = 200, **headers: str) -> Any:
    reply = client.post(f"{API}/{path}", json=body, headers=headers)
    assert reply.status_code == status, reply.text
    return reply.json()


def advised(client: Any, sets: Path, settings: dict[str, Any], keep: tuple[str, ...] = (), **answers: Any) -> dict[str, Any]:
    asked = {"answers": answers, "settings": {"train_data_dir": str(sets), **settings}, "keep": list(keep)}
    return {one["name"]: one for one in post(client, "advice", asked)["values"]}


def test_the_questions_and_the_gpu_that_was_found(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advice_routes, "found_card", lambda: Card("NVIDIA GeForce RTX 4090", 24564 << 20))
    asked = client.get(f"{API}/advice").json()
    assert asked["found"] == [{"name": "NVIDIA GeForce RTX 4090", "gb": 24}]
    monkeypatch.setattr(advice_routes, "found_card", lambda: None)
    assert client.get(f"{API}/advice").json()["found"] == []
    assert asked["kinds"] == ["character", "style", "concept", "vehicle"] and asked["cards"] == [6, 8, 12, 16, 24]
    assert [one["code"] for one in asked["classes"]] == list("ABCDEFGHI") and asked["classes"][1]["rank"] == [4, 16]


def test_advice_is_what_the_page_can_set(client: Any, sets: Path, bench: Workbench) -> None:
    values = advised(client, sets, PRODIGY, kind="character", difficulty="B", vram=6, quality="poor", male=True, known="no")
    assert bench.plans.asked[-1]["answers"] == {  # type: ignore[attr-defined]
        "kind": "character", "difficulty": "B", "use": None, "quality": "poor", "vram_gb": 6, "male": True, "known": False,
        "looks": None,
    }  # fmt: skip
    assert "class B" in values["network_dim"]["reason"] and values["network_dim"]["source"].startswith("guide l. 276")
    assert values["resolution"]["value"] == "512", "a size as the form writes it"
    assert isinstance(values["text_encoder_lr"]["value"], float), "one rate as the form has it"
    assert values["optimizer_type"]["value"] != "Prodigy", "6 GB are too few for it"
    assert {values[name]["value"] for name in ("optimizer_args", "max_train_steps")} == {None}, (
        "they would spoil the advised ones"
    )
    assert not {"train_data_dir", "output_dir", "output_name", "subject_kind"} & set(values)
    changes = {name: one["value"] for name, one in values.items()}
    project = bench.projects.change({"settings": changes, "advice": {"taken": changes, "vram": 6}}, bench.rights)
    assert project["settings"]["network_dim"] == values["network_dim"]["value"] and project["advice"]["vram"] == 6
    assert bench.projects.current()["advice"]["taken"]["resolution"] == "512"  # type: ignore[index]


def test_advice_goes_together_with_ones_own_choice(client: Any, sets: Path) -> None:
    values = advised(client, sets, {"optimizer_type": "Lion"}, keep=("optimizer_type",), kind="style")
    assert values["optimizer_type"]["value"] == "Lion" and values["unet_lr"]["value"] < 0.01
    loha = {"network_module": "lycoris.kohya", "network_args": ["algo=loha"]}
    values = advised(client, sets, loha, keep=("network_module",), kind="style")
    assert values["network_module"]["value"] == "lycoris.kohya"


def test_notices_are_without_flags_and_reasons_in_chinese(client: Any, sets: Path) -> None:
    body = {"answers": {"kind": "character"}, "settings": {"train_data_dir": str(sets)}}
    for language in ("en", "zh_CN"):
        told = post(client, "advice", body, **{"Accept-Language": language.replace("_", "-")})
        assert told["notices"] and not [one for one in told["notices"] if "--" in one]
    assert [one["reason"] for one in told["values"] if one["reason"].isascii()] == []
    assert [one for one in told["notices"] if one.isascii()] == []


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"kind": "planet"}, "kind must be one of character, style, concept, vehicle, not 'planet'."),
        ({"difficulty": "Z"}, "difficulty must be one of A, B"),
        ({"vram": -1}, "vram must be a GPU's memory in GB, not '-1'."),
        ({"use": "sale"}, "use must be one of "),
        ({"taken": {}}, "There is no question 'taken'."),
        ([], "The answers must be names and values."),
    ],
)
def test_wrong_answers_are_refused(client: Any, sets: Path, answers: Any, told: str) -> None:
    reply = post(client, "advice", {"answers": answers, "settings": {"train_data_dir": str(sets)}}, 400)
    assert reply["error"].startswith(told)


def test_a_problem_is_mended_by_other_settings(client: Any, sets: Path) -> None:
    settings = {"train_data_dir": str(sets), "network_dim": 8, "network_alpha": 16}
    told = post(client, "plan/fix", {"code": "alpha-above-rank", "settings": settings})
    assert told["changes"] == [{"name": "network_alpha", "before": 16.0, "after": 8.0}] and told["undo"] is None
    assert told["message"] == "Changed network_alpha 16 → 8."
    assert post(client, "plan/fix", {"code": "no-code", "settings": settings}, 400)["error"].startswith("no-code is no code")
    assert post(client, "plan/fix", {"code": 1, "settings": settings}, 400)["error"].startswith("code must be")


def test_mended_captions_can_be_taken_back(client: Any, sets: Path) -> None:
    odd = sets / "10_penny" / "03.txt"
    odd.write_text("smile, penny", encoding="utf-8")
    settings = {"train_data_dir": str(sets), "resolution": "64", "caption_extension": ".txt", "keep_tokens": 1}
    told = post(client, "plan/fix", {"code": "activation-tag", "settings": settings})
    assert odd.read_text(encoding="utf-8") == "penny, smile" and told["undo"] == {"what": "captions", "number": 1}
    assert post(client, "plan/unfix", {**told["undo"], "settings": settings}) == {}
    assert odd.read_text(encoding="utf-8") == "smile, penny"


def test_moved_folders_can_be_taken_back(client: Any, sets: Path, bench: Workbench) -> None:
    (sets / "10_penny").rename(sets / "1_reg")
    settings = {"train_data_dir": str(sets), "resolution": "64"}
    body = {"code": "reg-trained-as-subject", "settings": settings}
    bench.host.chosen_rights = Rights(restricted=True, readable=(bench.host.data,), writable=(bench.host.data,))  # type: ignore[attr-defined]
    assert "moves folders out of the dataset" in post(client, "plan/fix", body, 400)["error"]
    bench.host.chosen_rights = None  # type: ignore[attr-defined]
    assert (sets / "1_reg").is_dir(), "others may not move it"
    told = post(client, "plan/fix", body)
    assert not (sets / "1_reg").is_dir() and told["undo"] == {"what": "moves", "number": 0}
    assert [one["name"] for one in told["changes"]] == ["reg_data_dir"]
    post(client, "plan/unfix", {**told["undo"], "settings": settings})
    assert (sets / "1_reg").is_dir()


def test_only_pictures_of_a_project_are_mended(client: Any, sets: Path, bench: Workbench, tmp_path: Path) -> None:
    other = tmp_path / "data" / "other"
    other.mkdir()
    body = {"code": "alpha-above-rank", "settings": {"train_data_dir": str(other)}}
    assert post(client, "plan/fix", body, 403)["error"].startswith("Only pictures of a project")
    bench.host.chosen_rights = Rights(restricted=True, readable=(sets,), writable=(sets,))  # type: ignore[attr-defined]
    reply = post(client, "plan/unfix", {"what": "moves", "settings": {"train_data_dir": "/etc"}}, 403)
    assert reply["error"].startswith("train_data_dir must lie in webui's data folders")
    assert post(client, "plan/unfix", {"what": "all", "settings": {}}, 400)["error"].startswith("what must be")


def test_symptoms_change_a_runs_settings(client: Any, sets: Path, bench: Workbench) -> None:
    codes = [one["code"] for one in client.get(f"{API}/symptoms").json()["symptoms"]]
    assert "noise-blocks" in codes and len(codes) > 10
    settings = {
        "train_data_dir": str(sets),
        "unet_lr": 0.0008,
        "learning_rate": 0.0008,
        "network_dim": 8,
        "output_name": "penny",
    }
    told = post(client, "symptoms/next", {"code": "noise-blocks", "settings": settings})
    (unet,) = [one for one in told["changes"] if one["name"] == "unet_lr"]
    assert (unet["before"], unet["after"], unet["source"]) == (0.0008, 0.0001, "guide l. 475")
    assert told["settings"]["unet_lr"] == 0.0001 and told["settings"]["network_dim"] == 8
    assert told["dataset"] == str(sets) and "train_data_dir" not in told["settings"]

    out = bench.host.data / "projects" / "penny" / "runs" / "penny"
    content = {"settings": {**settings, "unet_lr": 0.0016, "output_dir": str(out)}}
    job = bench.jobs.add("train", "penny", "penny", content)
    out.mkdir(parents=True)
    (out / "penny.safetensors").write_bytes(b"lora")
    events = EventLog(job.folder)
    events.write("saved", path=str(out / "penny.safetensors"), epoch=None, step=8)
    events.close()
    told = post(client, "symptoms/next", {"code": "noise-blocks", "run": job.id})
    assert told["settings"]["unet_lr"] == 0.0002 and told["name"] == "penny"
    assert post(client, "symptoms/next", {"code": "bored"}, 404)["error"] == "There is no symptom 'bored'."
    assert "network_dim" in post(client, "symptoms/next", {"code": codes[0], "settings": {"network_dim": "x"}}, 400)["error"]


def test_the_glossary_in_both_languages(client: Any) -> None:
    english = {one["term"]: one for one in client.get(f"{API}/glossary").json()["terms"]}
    assert len(english) >= 30 and english["rank"]["words"][0] == "rank" and english["model"]["words"] == []
    chinese = client.get(f"{API}/glossary", headers={"Accept-Language": "zh-CN"}).json()["terms"]
    assert [one for one in chinese if one["about"].isascii()] == []


def test_bases_that_suit_the_look_are_marked_and_the_chosen_is_judged(client: Any, sets: Path, bench: Workbench) -> None:
    models = bench.host.data / "models"
    models.mkdir(parents=True)
    for name in ("animefull-final-pruned.safetensors", "v1-5-pruned.safetensors"):
        (models / name).write_bytes(b"no header")
    bench.host.models = [{"name": path.stem, "path": str(path)} for path in sorted(models.iterdir())]  # type: ignore[attr-defined]
    asked = client.get(f"{API}/bases").json()
    assert [one["code"] for one in asked["looks"]] == ["drawn", "real", "furry"]
    assert asked["bases"] == [] and asked["chosen"] is None
    told = client.get(f"{API}/bases", params={"looks": "drawn"}).json()["bases"]
    assert told[0]["title"] == "NovelAI's model (animefull)" and told[0]["line"].startswith("259") and not told[0]["newer"]
    assert [one["name"] for one in told[0]["found"]] == ["animefull-final-pruned"] and told[1]["found"] == []
    bench.projects.change({"base_model": str(models / "v1-5-pruned.safetensors"), "advice": {"looks": "drawn"}}, bench.rights)
    chosen = client.get(f"{API}/bases", params={"looks": "drawn"}).json()["chosen"]
    assert chosen["title"] == "Stable Diffusion 1.5" and chosen["suits"] is False and chosen["clip_skip"] == 1
    assert chosen["notices"][0].startswith("Stable Diffusion 1.5 doesn't suit it: NovelAI's model (animefull) does.")
    assert client.get(f"{API}/bases", params={"looks": "real"}).json()["chosen"]["suits"] is True
    assert client.get(f"{API}/bases", params={"looks": "blue"}).status_code == 400
    bench.projects.change(
        {"base_model": str(models / "animefull.ckpt"), "tag": {"model": "/models/Z3D-E621-Convnext"}}, bench.rights
    )
    (notice,) = client.get(f"{API}/bases", params={"looks": "furry"}).json()["chosen"]["notices"]
    assert notice == "The chosen tagger writes e621's tags; NovelAI's model (animefull) knows Danbooru's tags."
    own = client.get(f"{API}/bases", params={"looks": "furry"}, headers={"Accept-Language": "zh-CN"}).json()
    assert not own["chosen"]["notices"][0].isascii() and "e621's" not in own["chosen"]["notices"][0]


def test_a_base_that_predicts_velocity_is_told(client: Any, sets: Path, bench: Workbench) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    path = bench.host.data / "models" / "noobai-xl.safetensors"
    path.parent.mkdir(parents=True)
    save_file({"v_pred": np.zeros(1, np.float32)}, path)
    bench.projects.change({"base_model": str(path)}, bench.rights)
    (notice,) = client.get(f"{API}/bases", params={"looks": "drawn"}).json()["chosen"]["notices"]
    assert notice.startswith("This base predicts velocity")
