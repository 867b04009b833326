"""Sample prompts: kohya's three kinds of file, its defaults and limits, and what is said where they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.trainer_core.generate.prompts_file import SamplePrompts, read_sample_prompts, sample_requests
from lora_workbench.trainer_core.generate.request import Request
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.settings import Settings

DEFAULTS = Request("", width=512, height=512, seed=5, steps=30, cfg=7.5, sampler="DDIM", clip_skip=2)


def read(tmp_path: Path, name: str, content: str | bytes) -> SamplePrompts:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_sample_prompts(path, DEFAULTS)


def test_text_file(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "prompts.txt",
        "# comment\n\n1girl, solo --n bad hands, blurry --w 640 --h 770 --d 42 --s 12 --l 4.5 --ss k_euler_a\n"
        "s 5 stars, w 100 --W 256\n  # no comment, it is indented\n",
    )
    assert found.requests == [
        Request("1girl, solo", "bad hands, blurry", 640, 768, 42, 12, 4.5, "Euler a", 2),
        Request("s 5 stars, w 100", "", 256, 512, 5, 30, 7.5, "DDIM", 2),
        Request("# no comment, it is indented", "", 512, 512, 5, 30, 7.5, "DDIM", 2),
    ]
    assert found.notes == []


def test_toml_file(tmp_path: Path) -> None:
    content = """
[prompt]
width = 768
negative_prompt = "blurry"
[[prompt.subset]]
prompt = "one"
seed = 1
[[prompt.subset]]
prompt = "two"
width = 320
scale = 3
sample_steps = 8
sample_sampler = "euler"
"""
    assert read(tmp_path, "prompts.toml", content).requests == [
        Request("one", "blurry", 768, 512, 1, 30, 7.5, "DDIM", 2),
        Request("two", "blurry", 320, 512, 5, 8, 3.0, "Euler", 2),
    ]


def test_json_file(tmp_path: Path) -> None:
    content = '[{"prompt": "one", "seed": 9, "height": 128, "sample_steps": 4}, {"prompt": "two", "negative_prompt": "n"}, '
    content += '"three --w 640 --d -1"]'
    assert read(tmp_path, "prompts.json", content).requests == [
        Request("one", "", 512, 128, 9, 4, 7.5, "DDIM", 2),
        Request("two", "n", 512, 512, 5, 30, 7.5, "DDIM", 2),
        Request("three", "", 640, 512, 5, 30, 7.5, "DDIM", 2),
    ]


def test_kohyas_limits(tmp_path: Path) -> None:
    (request,) = read(tmp_path, "a.txt", "x --w 3 --h 65 --s 5000").requests
    assert (request.width, request.height, request.steps) == (64, 64, 1000)


def test_any_encoding(tmp_path: Path) -> None:
    assert read(tmp_path, "a.txt", "红色帽子 --s 4".encode("gbk")).requests[0].prompt == "红色帽子"
    assert read(tmp_path, "b.txt", "\ufeff红色帽子".encode()).requests[0].prompt == "红色帽子"


def test_what_is_done_otherwise_is_said_once(tmp_path: Path) -> None:
    content = "one --ss dpmsingle --g 3\ntwo --ss heun --ss k_dpm_2_a\nthree --ss dpmsingle\nfour --ss DPM++ 2M SGM Uniform\n"
    found = read(tmp_path, "a.txt", content)
    assert [one.sampler for one in found.requests] == ["DPM++ 2M", "DPM2 a", "DPM++ 2M", "DPM++ 2M"]
    assert [one.schedule for one in found.requests] == ["Automatic"] * 3 + ["SGM Uniform"]
    assert len(found.notes) == 2 and any("dpmsingle" in note and "DPM++ 2M" in note for note in found.notes)
    assert any("guidance_scale" in note for note in found.notes)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", "# nothing\n", "holds no prompt"),
        ("a.txt", "ok\nx --w wide\n", "line 2: width 'wide' is not a number"),
        ("a.txt", "x --d -4\n", "line 1: seed '-4' is out of range"),
        ("a.txt", "x --ss fast\n", "no sampler 'fast'"),
        ("a.txt", "x --steps 4\n", "--steps 4 is not an option"),
        ("a.txt", "x --s 1\n", "1 steps are not possible with DDIM"),
        ("a.json", "{}", "not a list"),
        ("a.json", "[", "not valid JSON"),
        ("a.toml", "x = 1", r"lacks \[prompt\]"),
        ("a.toml", "x = ", "not valid TOML"),
    ],
)
def test_wrong_files(tmp_path: Path, name: str, content: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        read(tmp_path, name, content)


def test_settings_give_sampler_clip_skip_and_seed(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text("one\ntwo --d 3\n", encoding="utf-8")
    settings = Settings.of(sample_prompts=str(path), sample_sampler="euler_a", clip_skip=2, seed=77)
    assert sample_requests(settings).requests == [
        Request("one", "", 512, 512, 77, 30, 7.5, "Euler a", 2),
        Request("two", "", 512, 512, 3, 30, 7.5, "Euler a", 2),
    ]
    assert sample_requests(Settings.of(sample_prompts=str(path))).requests[0] == Request(
        "one", "", 512, 512, 0, 30, 7.5, "DDIM"
    )
    (note,) = sample_requests(Settings.of(sample_prompts=str(path), sample_sampler="dpmsingle")).notes
    assert "dpmsingle" in note


def test_the_plan_tells_what_is_wrong_before_the_run(tmp_path: Path) -> None:
    from lora_workbench.trainer_core.planning.files import sample_problems

    path = tmp_path / "prompts.txt"
    path.write_text("x --w wide\n", encoding="utf-8")
    (problem,) = sample_problems(Settings.of(sample_prompts=str(path)))
    assert problem.severity == "error" and "width 'wide'" in problem.message
    path.write_text("x --ss dpmsingle\n", encoding="utf-8")
    (problem,) = sample_problems(Settings.of(sample_prompts=str(path)))
    assert problem.severity == "note" and "dpmsingle" in problem.message
