"""Variants over the API: what a job of them is asked, masks, decisions, which pictures are shown, and what is refused."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lora_workbench.extension.host import DEMO_MODELS
from lora_workbench.extension.rights import Rights
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.parts import API, FakeHost, Plans, wait_for_state
from lora_workbench.trainer_core.files import read_json
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.variants.answers import answer
from lora_workbench.trainer_core.variants.review import review_folder

BASE = str(DEMO_MODELS / "toy_base.safetensors")


def answered(what: str, values: dict[str, Any]) -> Any:
    from lora_workbench.extension.errors import Refused

    try:
        return json.loads(json.dumps(answer(what, values)))
    except UserError as error:
        raise Refused(str(error)) from None


@pytest.fixture(autouse=True)
def dataset(bench: Workbench) -> Path:
    """An open project's, in the data folder: one captioned picture, one drawn with a high CFG, one that is half transparent."""
    folder = bench.host.data / "sets" / "mia"
    folder.mkdir(parents=True)
    Image.new("RGB", (128, 96), "red").save(folder / "a.png")
    (folder / "a.txt").write_text("mia, red hat (big)", encoding="utf-8")
    info = PngInfo()
    info.add_text("parameters", "mia\nSteps: 20, CFG scale: 12, Seed: 1")
    Image.new("RGB", (64, 64)).save(folder / "b.png", pnginfo=info)
    half = Image.new("RGBA", (64, 64), "blue")
    half.paste((0, 0, 0, 0), (0, 0, 32, 64))
    half.save(folder / "c.png")
    bench.plans = Plans(answered)  # type: ignore[assignment]
    bench.projects.create("mia")
    settings = {"resolution": "96", "seed": 5, "learning_rate": 1e-4}
    bench.projects.change({"dataset": str(folder), "base_model": BASE, "settings": settings}, bench.rights)
    return folder


def post(client: Any, path: str, **body: Any) -> tuple[int, Any]:
    reply = client.post(f"{API}/{path}", json=body)
    return reply.status_code, reply.json()


def draw(client: Any, **options: Any) -> tuple[int, Any]:
    settings = {"pretrained_model_name_or_path": BASE, "resolution": "96", "learning_rate": 1e-4}
    return post(client, "jobs", kind="variants", settings=settings, options={"pictures": ["a.png"], **options})


def drawn(client: Any, bench: Workbench, **options: Any) -> dict[str, Any]:
    """Draws them, and what the page is told then."""
    bench.begin()
    status, job = draw(client, **options)
    assert status == 200, job
    reader = wait_for_state(bench.jobs, job["id"], "done", "failed")
    assert reader.state == "done", reader.message
    return client.get(f"{API}/variants").json()


def mask(
    client: Any, size: tuple[int, int] = (32, 24), box: tuple[int, int, int, int] | None = (0, 0, 16, 12)
) -> tuple[int, Any]:
    image = Image.new("L", size)
    if box:
        image.paste(255, box)
    content = io.BytesIO()
    image.save(content, "PNG")
    coded = "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
    return post(client, "variants/mask", name="a.png", image=coded)


def test_a_job_gets_the_commands_words_and_of_the_settings_only_what_draws(
    client: Any, bench: Workbench, dataset: Path
) -> None:
    status, told = draw(client, count=2, seed=9, denoise=0.5, cfg=5.5, prompt="mia, smile")
    assert status == 200 and told["title"] == "a.png"
    job = read_json(bench.jobs.folder / told["id"] / "job.json")
    assert job["dataset"] == str(dataset) and job["review"] == str(review_folder(dataset, data=bench.host.data))
    assert "learning_rate" not in job["settings"]
    assert (job["settings"]["seed"], job["settings"]["resolution"], job["settings"]["caption_extension"]) == (9, "96", ".txt")
    assert (
        job["options"]["denoise"] == 0.5
        and job["options"]["pictures"] == ["a.png"]
        and job["options"]["prompt"] == "mia, smile"
    )
    assert "mask" not in job["options"] and "lora" not in job["options"]


def test_drawn_decided_and_taken_back(client: Any, bench: Workbench, dataset: Path) -> None:
    before = {path.name: path.read_bytes() for path in dataset.iterdir() if path.is_file()}
    found = drawn(client, bench, count=3, seed=7)
    assert [(one["name"], one["state"], one["seed"], one["source"]) for one in found["variants"]] == [
        (f"a-v00{number}.png", "waiting", 6 + number, "a.png") for number in (1, 2, 3)
    ]
    assert found["variants"][0]["prompt"] == r"mia, red hat \(big\)" and str(bench.host.data) not in json.dumps(
        found["variants"]
    )
    assert "samplers" not in found and "Euler a" in client.get(f"{API}/variants", params={"more": "1"}).json()["samplers"]
    picture = client.get(f"{API}/variants/picture", params={"name": "a-v001.png"})
    assert picture.status_code == 200 and Image.open(io.BytesIO(picture.content)).size == (64, 48)
    status, told = post(client, "variants/decide", what="accept", names=["a-v001.png", "a-v002.png"], target="5_more")
    assert status == 200 and told["taken"] == ["5_more/a-v001.png", "5_more/a-v002.png"]
    assert (dataset / "5_more" / "a-v001.txt").read_text(encoding="utf-8") == "mia, red hat (big)"
    assert read_json(dataset / "provenance.json")["5_more/a-v001.png"]["source"] == "a.png"
    assert post(client, "variants/decide", what="reject", names=["a-v003.png"])[1]["variants"][2]["state"] == "rejected"
    status, told = post(client, "variants/decide", what="reject", names=["a-v001.png"])
    assert status == 400 and "take that back first" in told["error"]
    (dataset / "5_more" / "a-v002.txt").write_text("mine", encoding="utf-8")
    status, told = post(client, "variants/decide", what="undo", names=["a-v001.png", "a-v002.png", "a-v003.png"])
    assert told["left"] == [{"name": "a-v002.png", "reason": "its caption was changed since"}]
    assert [one["state"] for one in told["variants"]] == ["waiting", "accepted", "waiting"]
    assert not (dataset / "5_more" / "a-v001.png").exists() and (dataset / "5_more" / "a-v002.png").exists()
    assert {name: (dataset / name).read_bytes() for name in before} == before


def test_the_same_again_draws_nothing_and_a_job_can_be_made_again(client: Any, bench: Workbench) -> None:
    drawn(client, bench, count=2)
    assert len(drawn(client, bench, count=2)["variants"]) == 2
    newest = bench.jobs.refresh()[0]
    assert newest.message.startswith("All that was asked for was there")
    status, again = post(client, f"jobs/{newest.id}/again")
    assert status == 200
    wait_for_state(bench.jobs, again["id"], "done")
    assert read_json(bench.jobs.folder / again["id"] / "job.json")["options"] == newest.job["options"]


def test_a_mask_is_brought_to_the_pictures_size_and_kept_once(client: Any, bench: Workbench, dataset: Path) -> None:
    status, first = mask(client)
    assert status == 200 and mask(client)[1] == first
    kept = review_folder(dataset, data=bench.host.data) / "masks" / first["mask"]
    with Image.open(kept) as image:
        assert image.size == (128, 96) and image.getpixel((5, 5)) == 255 and image.getpixel((120, 90)) == 0
    found = drawn(client, bench, count=1, mask=first["mask"], only_masked=True)
    assert found["variants"][0]["masked"] and found["variants"][0]["only_masked"]
    assert "empty" in mask(client, box=None)[1]["error"]
    assert "can't be read" in post(client, "variants/mask", name="a.png", image="bm90IGEgcGljdHVyZQ==")[1]["error"]
    kept.unlink()
    status, told = draw(client, mask=first["mask"])
    assert status == 404 and "paint it again" in told["error"]


def test_a_variant_is_drawn_over(client: Any, bench: Workbench, dataset: Path) -> None:
    drawn(client, bench, count=1, prompt="mia, boots")
    look = post(client, "variants/look", name="a.png", over="a-v001.png")[1]
    assert look == {"size": [64, 48], "prompt": "mia, boots", "cfg": 6.0, "transparent": False}
    coded = base64.b64encode((dataset / "b.png").read_bytes()).decode()
    assert "empty" in post(client, "variants/mask", name="a.png", over="a-v001.png", image=coded)[1]["error"]
    Image.new("L", (8, 6), 255).save(content := io.BytesIO(), "PNG")
    coded = base64.b64encode(content.getvalue()).decode()
    kept = post(client, "variants/mask", name="a.png", over="a-v001.png", image=coded)[1]["mask"]
    found = drawn(client, bench, count=1, over="a-v001.png", mask=kept, only_masked=True)["variants"][1]
    assert (found["source"], found["over"], found["prompt"]) == ("a.png", "a-v001.png", "mia, boots")
    with Image.open(review_folder(dataset, data=bench.host.data) / "masks" / kept) as image:
        assert image.size == (64, 48)
    told = post(client, "variants/decide", what="accept", names=["a-v002.png"])[1]
    assert told["taken"] == ["a-v002.png"] and read_json(dataset / "provenance.json")["a-v002.png"]["over"] == "a-v001.png"
    assert (dataset / "a-v002.txt").read_text(encoding="utf-8") == "mia, red hat (big)"
    for over in ("../a.png", "no.txt", 5):
        assert post(client, "variants/look", name="a.png", over=over)[0] == 400


def test_what_a_picture_is_drawn_by_is_told(client: Any) -> None:
    assert post(client, "variants/look", name="a.png")[1] == {
        "size": [128, 96], "prompt": r"mia, red hat \(big\)", "cfg": None, "transparent": False,
    }  # fmt: skip
    assert post(client, "variants/look", name="b.png")[1]["cfg"] == 12
    assert post(client, "variants/look", name="c.png")[1]["transparent"] is True
    coded = post(client, "variants/alpha", name="c.png")[1]["image"]
    with Image.open(io.BytesIO(base64.b64decode(coded))) as image:
        assert image.getpixel((5, 5)) == 255 and image.getpixel((60, 5)) == 0
    status, told = post(client, "variants/alpha", name="a.png")
    assert status == 400 and "Nothing in a.png is transparent" in told["error"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"count": 0}, "whole number from 1 to 64"), ({"denoise": "0.5"}, "number from 0.01 to 1"),
        ({"denoise": 1.5}, "number"), ({"seed": 1.5}, "whole number"), ({"cfg": True}, "number from"),
        ({"sampler": "None"}, "sampler must be one of"),
        ({"pictures": []}, "First choose a picture"), ({"pictures": "a.png"}, "must be a list"),
        ({"review": "/x"}, "no option"), ({"accept": ["a"]}, "no option"),
        ({"over": "../a.png"}, "No variant is called"), ({"pictures": ["a.png", "b.png"], "over": "a-v001.png"}, "One variant"),
        ({"pictures": ["no.png"]}, "no picture no.png"), ({"pictures": ["../a.png"]}, "can't be"),
        ({"pictures": ["a.png", "b.png"], "mask": "0123456789abcdef.png"}, "A mask is of one picture"),
        ({"mask": "../../a.png"}, "No mask is called"), ({"mask": "0123456789abcdef.png"}, "The mask is not there any more"),
        ({"lora": "relative.safetensors"}, "whole path"), ({"lora": "/no/such.safetensors"}, "no LoRA"),
        ({"prompt": 5}, "prompt can't be"), ({"only_masked": "yes"}, "only_masked can't be"), ([], "First choose a picture"),
        ([1], "names and values"),
    ],
)  # fmt: skip
def test_options_that_are_not_taken(client: Any, bench: Workbench, options: Any, told: str) -> None:
    body = options if isinstance(options, list) else {"pictures": ["a.png"], **options}
    settings = {"pretrained_model_name_or_path": BASE}
    status, answer_ = post(client, "jobs", kind="variants", settings=settings, options=body)
    assert status in (400, 403, 404) and told in answer_["error"]
    assert bench.jobs.refresh() == []


@pytest.mark.parametrize(
    "body",
    [
        {"what": "delete", "names": ["a-v001.png"]}, {"what": "accept", "names": []}, {"what": "accept", "names": "a-v001.png"},
        {"what": "accept", "names": ["../a.png"]}, {"what": "accept", "names": ["a-v009.png"]},
        {"what": "accept", "names": ["a-v001.png"], "target": "../x"}, {"what": "accept", "names": ["a-v001.png"], "more": 1},
        {"what": "accept", "names": ["a-v001.png"], "folder": "/etc"}, {"what": "accept", "names": ["x.png"] * 501},
    ],
)  # fmt: skip
def test_hostile_decisions_change_nothing(client: Any, bench: Workbench, dataset: Path, body: dict[str, Any]) -> None:
    before = sorted(dataset.rglob("*"))
    status, told = post(client, "variants/decide", **body)
    assert status in (400, 403, 404) and told["error"].endswith(".")
    assert sorted(dataset.rglob("*")) == before


@pytest.mark.parametrize("name", ["", "../variants.json", "variants.json", "masks/x.png", ".x.png", "/etc/x.png", "no.png"])
def test_only_variants_are_shown(client: Any, name: str) -> None:
    assert client.get(f"{API}/variants/picture", params={"name": name}).status_code in (400, 403, 404)


def test_the_original_goes_to_the_host_as_it_is(client: Any, dataset: Path) -> None:
    reply = client.get(f"{API}/variants/original", params={"name": "a.png"})
    assert reply.content == (dataset / "a.png").read_bytes() and reply.headers["content-type"] == "image/png"
    for name in ("a.txt", "../a.png", "no.png", ""):
        assert client.get(f"{API}/variants/original", params={"name": name}).status_code in (400, 403, 404)


def test_whom_others_can_reach_names_nothing_outside(client: Any, bench: Workbench, dataset: Path, tmp_path: Path) -> None:
    outside = tmp_path / "secret.png"
    Image.new("RGB", (64, 64)).save(outside)
    (dataset / "link.png").symlink_to(outside)
    (tmp_path / "x.safetensors").write_bytes(b"")
    assert isinstance(bench.host, FakeHost)
    readable = (bench.host.data, DEMO_MODELS)
    bench.host.chosen_rights = Rights(restricted=True, readable=readable, writable=(bench.host.data,))
    assert draw(client, pictures=["link.png"])[0] == 403
    assert draw(client, lora=str(tmp_path / "x.safetensors"))[0] == 403
    assert client.get(f"{API}/variants/original", params={"name": "link.png"}).status_code == 403
    for path in ("variants/look", "variants/alpha"):
        assert post(client, path, name="link.png")[0] == 403
    assert draw(client)[0] == 200


def test_without_a_base_or_a_project_it_is_said(client: Any, bench: Workbench) -> None:
    status, told = post(client, "jobs", kind="variants", settings={}, options={"pictures": ["a.png"]})
    assert (status, told["error"]) == (409, "First choose a base model, at the top.")
    (bench.host.data / "state.json").unlink()
    assert post(client, "jobs", kind="variants", settings={}, options={"pictures": ["a.png"]})[0] == 409


def test_decisions_need_our_header(client: Any) -> None:
    client.headers.pop("X-LoRA-Workbench")
    assert post(client, "variants/decide", what="accept", names=["a-v001.png"])[0] == 403
