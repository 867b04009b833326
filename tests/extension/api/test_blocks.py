"""Block weights over the API: presets kept byte for byte, looks into LoRAs, prompts; what is refused, and to whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.errors import Refused
from lora_workbench.extension.host import DEMO_MODELS
from lora_workbench.extension.preset_file import spelled_out
from lora_workbench.extension.rights import Rights
from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.extension.parts import API, FakeHost, Plans
from lora_workbench.tests.trainer_core.tools.making import write
from lora_workbench.trainer_core.networks.blocks import NAMES
from lora_workbench.trainer_core.tools.answers import answer

OUTX = "X,X,X,X,X,X,X,X,1,1,1,1,1,1,1,1,1"
# A byte order mark, a comment, Windows' and Unix' line ends, a Flux list, one of 25 and one of 3, no end at the end.
FILE = (
    b"\xef\xbb\xbf# mine: kept\r\nOUTX:" + OUTX.encode() + b"\r\n\n  odd : 1,2,3\nFLUX:" + b",".join([b"1"] * 61) + b"\n"
    b"L25:" + b",".join([b"1"] * 25) + b"\nLAST:" + b",".join([b"0.5"] * 17)
)


@pytest.fixture
def lora(bench: Workbench, tmp_path: Path) -> Path:
    """An opened project, the trainer's answers, and a LoRA in the host's folder."""
    assert isinstance(bench.host, FakeHost)
    bench.host.loras = tmp_path / "loras"
    (bench.host.loras / "mine").mkdir(parents=True)
    bench.projects.create("penny")
    bench.plans = Plans(answer)  # type: ignore[assignment]
    path = bench.host.loras / "mine" / "penny.safetensors"
    write(path, "lora")
    return path


@pytest.fixture
def shared(bench: Workbench, tmp_path: Path) -> Path:
    """lora-block-weight's file with FILE in it."""
    path = tmp_path / "webui" / "extensions" / "lbw" / "scripts" / "lbwpresets.txt"
    path.parent.mkdir(parents=True)
    path.write_bytes(FILE)
    bench.host.block_presets = lambda: path  # type: ignore[method-assign]
    return path


def post(client: Any, path: str, /, **body: Any) -> Any:
    reply = client.post(f"{API}/blocks/{path}", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def refusal(client: Any, path: str, /, **body: Any) -> tuple[int, str]:
    reply = client.post(f"{API}/blocks/{path}", json=body)
    return reply.status_code, reply.json().get("error", "")


def test_lists_presets_and_loras(client: Any, lora: Path) -> None:
    found = client.get(f"{API}/blocks").json()
    assert {one["length"]: [block["name"] for block in one["blocks"]] for one in found["lists"]} == {
        length: list(names) for length, names in NAMES.items()
    }
    seventeen = next(one for one in found["lists"] if one["length"] == 17)
    assert {one["name"]: ",".join(one["values"]) for one in seventeen["presets"]}["OUTX"] == OUTX
    assert [block["size"] for block in seventeen["blocks"]] == [0, 1, 1, 2, 2, 4, 4, 8, 4, 4, 4, 2, 2, 2, 1, 1, 1]
    assert "eyes and face" in seventeen["blocks"][NAMES[17].index("OUT05")]["carries"]
    assert found["loras"] == [{"name": "mine/penny", "path": str(lora), "job": "", "file": "penny.safetensors"}]
    assert (found["presets"], found["shared"], found["reason"]) == ([], False, "")
    assert found["file"].endswith("lbwpresets.txt")


def test_a_preset_changes_its_own_line_alone(client: Any, lora: Path, shared: Path) -> None:
    found = client.get(f"{API}/blocks").json()
    assert [one["name"] for one in found["presets"]] == ["OUTX", "LAST"] and found["without_base"] == ["L25"]
    assert any("25 numbers" in line for line in found["lines"]) and any("3 numbers" in line for line in found["lines"])
    values = ["0"] * 16 + ["X+0.2"]
    post(client, "preset", do="set", name="LAST", values=values)
    assert shared.read_bytes() == FILE.replace(b"0.5," * 16 + b"0.5", ",".join(values).encode())
    post(client, "preset", do="set", name="LAST", values=["0.5"] * 17)
    assert shared.read_bytes() == FILE
    post(client, "preset", do="set", name="Neu ü", values=["1"] * 12)
    assert shared.read_bytes() == FILE + b"\r\nNeu \xc3\xbc:" + b",".join([b"1"] * 12) + b"\r\n"
    post(client, "preset", do="rename", name="Neu ü", to="NEW")
    assert [one["name"] for one in post(client, "preset", do="remove", name="NEW")["presets"]] == ["OUTX", "LAST"]
    after = post(client, "preset", do="insert_base", name="L25")
    assert next(one for one in after["presets"] if one["name"] == "L25")["values"] == ["1"] * 26
    assert b"# mine: kept\r\n" in shared.read_bytes() and b"  odd : 1,2,3\nFLUX:" in shared.read_bytes()


def test_without_the_extension_the_data_folder_has_the_file(client: Any, bench: Workbench, lora: Path) -> None:
    post(client, "preset", do="set", name="MINE", values=["1"] * 17)
    assert (bench.host.data / "lbwpresets.txt").read_bytes() == b"MINE:" + b",".join([b"1"] * 17) + b"\n"


def test_a_file_that_the_extension_has_yet_to_write_begins_with_its_presets(client: Any, lora: Path, shared: Path) -> None:
    shared.unlink()
    post(client, "preset", do="set", name="MINE", values=["1"] * 17)
    lines = shared.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("NONE:0,0") and lines[-1].startswith("MINE:") and f"OUTX:{OUTX}" in lines


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"do": "set", "name": "A:B", "values": ["1"] * 17}, "can't be a preset's name"),
        ({"do": "set", "name": "A\nB:1", "values": ["1"] * 17}, "needs a name"),
        ({"do": "set", "name": "", "values": ["1"] * 17}, "needs a name"),
        ({"do": "set", "name": "A", "values": ["1"] * 16}, "has 16 numbers"),
        ({"do": "set", "name": "A", "values": ["1"] * 16 + ["1\nB:1"]}, "isn't a block's weight"),
        ({"do": "set", "name": "A", "values": "1,1"}, "must be a list of words"),
        ({"do": "rename", "name": "OUTX", "to": "LAST"}, "There is a preset LAST already"),
        ({"do": "remove", "name": "NO"}, "There is no preset NO"),
        ({"do": "eval", "name": "NO"}, "do must be one of"),
        ({"do": "set", "name": "A", "path": "/etc/passwd"}, "is not understood here"),
    ],
)
def test_presets_that_are_refused(client: Any, lora: Path, shared: Path, body: dict[str, Any], told: str) -> None:
    status, error = refusal(client, "preset", **body)
    assert status == 400 and told in error and shared.read_bytes() == FILE


def test_what_a_lora_does_per_block(client: Any, lora: Path) -> None:
    found = post(client, "look", lora=str(lora))
    assert list(found["blocks"]) == ["BASE", "IN04", "M00", "OUT05"] and (found["name"], found["length"]) == ("penny", 17)
    assert sum(one["share"] for one in found["blocks"].values()) == pytest.approx(1)
    assert refusal(client, "look", lora=str(lora.with_name("no.safetensors")))[0] == 404
    status, error = refusal(client, "look", lora="penny.safetensors")
    assert status == 400 and "whole path" in error


def test_prompts_name_presets_that_lora_block_weight_knows(client: Any, lora: Path, shared: Path) -> None:
    asked = {"name": "penny", "values": OUTX.split(","), "x": 0.5, "te": 1, "unet": 0.8}
    assert post(client, "word", **asked, preset="OUTX") == {
        "word": "<lora:penny:te=1:unet=0.8:lbw=OUTX:x=0.5>",
        "lines": [],
    }
    other = post(client, "word", **{**asked, "values": ["0", *OUTX.split(",")[1:]]}, preset="OUTX")
    assert (
        other["word"] == f"<lora:penny:te=1:unet=0.8:lbw=0{OUTX[1:]}:x=0.5>" and "isn't in lbwpresets.txt" in other["lines"][0]
    )
    assert post(client, "word", name="penny", values=["1"] * 17)["word"] == "<lora:penny:te=1:unet=1>"
    assert post(client, "word", name="penny", values=["0.5"] * 17, x=0.3)["word"].endswith(
        ":lbw=" + ",".join(["0.5"] * 17) + ">"
    )
    assert "webui can't read" in refusal(client, "word", **{**asked, "name": "a:b"})[1]
    assert "must be a number" in refusal(client, "word", **{**asked, "te": "1"})[1]


@pytest.mark.parametrize(
    ("prompt", "mended", "told"),
    [
        ("a, <lora:penny:1:1:lwb=OUTX:x=0.5>, b", "a, <lora:penny:te=1:unet=1:lbw=OUTX:x=0.5>, b", "lwb= does nothing"),
        ("<lora:penny:1:OUTX:0.5>", "<lora:penny:te=1:unet=1:lbw=OUTX:x=0.5>", "by place fail in webui since 1.5"),
        ("<lora:penny:0.8:0.2>", "<lora:penny:te=0.8:unet=0.2>", "takes the first number, 0.8, for the text encoder"),
        ("<lora:penny:te=1:unet=1:lbw=WHAT>", "<lora:penny:te=1:unet=1:lbw=WHAT>", "no preset WHAT"),
    ],
)
def test_old_and_wrong_prompts_are_mended(client: Any, lora: Path, shared: Path, prompt: str, mended: str, told: str) -> None:
    found = post(client, "repair", prompt=prompt)
    assert found["prompt"] == mended and any(told in line for line in found["lines"]), found
    right = "a (b:1.2) <lora:penny:te=1:unet=1:lbw=OUTX:x=0.5>"
    assert post(client, "repair", prompt=right) == {"prompt": right, "lines": []}


def test_the_project_remembers(client: Any, bench: Workbench, lora: Path) -> None:
    values = {"values": OUTX.split(","), "preset": "OUTX", "x": 0.25, "lora": str(lora)}
    reply = client.post(f"{API}/project", json={"changes": {"blocks": values, "page": "blocks"}})
    assert reply.status_code == 200
    project = bench.projects.current()
    assert project is not None and project["page"] == "blocks" and {**project["blocks"], **values} == project["blocks"]
    for wrong in ({"values": ["1"]}, {"x": "1"}, {"x": 1e9}, {"lora": "penny"}, {"preset": "a\nb"}, {"more": 1}, {"te": True}):
        reply = client.post(f"{API}/project", json={"changes": {"blocks": wrong}})
        assert reply.status_code == 400 and reply.json()["error"], wrong
    assert bench.projects.current() == project


def test_what_others_may_not_do(client: Any, bench: Workbench, lora: Path, shared: Path, tmp_path: Path) -> None:
    """A webui that others can reach: no file outside is read or written, and no other extension's."""
    assert isinstance(bench.host, FakeHost)
    outside = tmp_path / "outside"
    outside.mkdir()
    write(outside / "secret.safetensors", "lora")
    (lora.parent / "link.safetensors").symlink_to(outside / "secret.safetensors")
    (lora.parent / "out").symlink_to(outside)
    roots = (bench.host.data, DEMO_MODELS, lora.parents[1])
    bench.host.chosen_rights = Rights(True, readable=roots, writable=(bench.host.data,))
    plans: Any = bench.plans
    for path in ("{outside}/secret.safetensors", "{mine}/link.safetensors", "{mine}/../../outside/secret.safetensors"):
        words = path.format(outside=outside, mine=lora.parent)
        assert refusal(client, "look", lora=words)[0] == 403
        reply = client.post(f"{API}/project", json={"changes": {"blocks": {"lora": words}}})
        assert reply.status_code == 403
    status, error = refusal(client, "preset", do="set", name="A", values=["1"] * 17)
    assert status == 403 and "another extension's folder" in error and shared.read_bytes() == FILE
    found = client.get(f"{API}/blocks").json()
    assert found["reason"] and [one["name"] for one in found["loras"]] == ["mine/penny"]
    assert plans.asked == [] and sorted(path.name for path in outside.iterdir()) == ["secret.safetensors"]
    bench.host.chosen_rights = Rights(hide_folders=True)
    found = client.get(f"{API}/blocks").json()
    assert found["file"] is None and found["loras"] == []


def test_grids_get_own_presets_as_numbers(bench: Workbench, lora: Path, shared: Path) -> None:
    half = ",".join(["0.5"] * 17)
    assert spelled_out(bench.host, ["ALL", "OUTX", "LAST", half, "INALL"]) == ["ALL", "OUTX", half, half, "INALL"]
    shared.write_text(f"INALL:{half}\n", encoding="utf-8")  # the user's own meaning of a known name counts
    assert spelled_out(bench.host, ["INALL"]) == [half] and spelled_out(bench.host, []) == []
    for wrong in ("WHAT", "1,2,3", "1;2"):
        with pytest.raises(Refused, match="no preset of block weights"):
            spelled_out(bench.host, [wrong])
