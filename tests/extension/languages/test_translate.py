"""Translating: word for word, by templates, with values that are sentences themselves."""

from __future__ import annotations

import time

import pytest

from lora_workbench.extension.languages.translate import language_of, strings, translate, translate_fields

ZH = "zh_CN"


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("zh_CN", "zh_CN"),
        ("zh-Hans (Stable)", "zh_CN"),
        ("zh_TW", "zh_TW"),
        ("zh-Hant (Stable)", "zh_TW"),
        ("Chinese-Traditional", "zh_TW"),
        ("繁體中文", "zh_TW"),
        ("zh-HK", "zh_TW"),
        ("ZH", "zh_CN"),
        ("Chinese-All", "zh_CN"),
        ("简体中文", "zh_CN"),
        ("None", "en"),
        ("ja_JP", "ja"),
        ("fr_FR", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_a_name_of_webuis_or_the_browsers_is_one_of_ours(name: str | None, language: str) -> None:
    assert language_of(name) == language


def test_english_and_unknown_languages_change_nothing() -> None:
    for language in ("en", "fr", "../../requirements/x", ""):
        assert translate("Rank", language) == "Rank"
        assert translate("There is no state in /x.", language) == "There is no state in /x."
        assert strings(language) == {}
    assert translate("", ZH) == ""
    assert translate("No sentence of ours at all", ZH) == "No sentence of ours at all"


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("Rank", "网络维度（Rank）"),
        ("There is no state in /a/b-state.", "/a/b-state 中没有保存的状态。"),
        # Another order than in English.
        (
            "20 of 30 captions in /a in b/10_x begin with “penny”, but not c.txt.",
            "/a in b/10_x 中 30 个字幕里有 20 个以“penny”开头，但 c.txt 不是。",
        ),
        # A value that is a sentence, or a count, or a list of names.
        ("its name has no number of repeats: rename it to 1_penny (3 pictures in it)",
         "它的名称中没有重复次数：请改名为 1_penny（其中有 3 张图像）"),
        ("3 pictures enlarged more than 1.5 times, which teaches blur: a.png, b c.png and 3 more.",
         "3 张图像被放大超过 1.5 倍，会让模型学到模糊：a.png, b c.png 以及另外 3 个。"),
        ("1 empty caption in /a/10_x, trained with the caption “penny”: a.txt.",
         "/a/10_x 中有 1 个空字幕，训练时使用字幕“penny”：a.txt。"),
        # A reason without a period in a sentence with one.
        ("deepspeed is refused: DeepSpeed is not built: a LoRA does not need it.",
         "不接受 deepspeed：没有内置 DeepSpeed：LoRA 不需要它。"),
        # What a value must be, after the setting's name.
        ("network_dim must be from 1 to 768, not '900'.", "network_dim 必须在 1 到 768 之间，而不是 '900'。"),
        ("seed must be a whole number, not 'x'.", "seed 必须是整数，而不是 'x'。"),
        # A place before what is wrong there.
        ("run.toml: dataset 1, subset 2: image_dir is missing: the folder with the pictures.",
         "run.toml：训练集 1，子集 2：没有填写 image_dir：图像所在的文件夹。"),
        # Several sentences, several lines.
        ("There is no folder for the LoRA. Give output_dir.", "没有指定存放 LoRA 的文件夹。请填写 output_dir。"),
        ("2 problems in the settings:\n  seed must be text, not 1.\n  Lower it.",
         "设置中有 2 个问题：\n  seed 必须是文字，而不是 1。\n  请调低它。"),
        ("network_args: conv_x is not an argument of networks.lora; did you mean conv_dim?",
         "network_args：conv_x 不是 networks.lora 的参数；您是不是想填 conv_dim？"),
        ("4 files that don't begin with penny.", "4 个文件不是以 penny 开头。"),
        ("    mend: python install.py setup", "    解决：python install.py setup"),
    ],
)  # fmt: skip
def test_sentences(english: str, chinese: str) -> None:
    assert translate(english, ZH) == chinese


def test_a_tag_or_a_folder_that_is_a_word_of_ours_stays() -> None:
    assert translate("There is no state in Rank.", ZH) == "Rank 中没有保存的状态。"
    assert translate("shuffle_caption moves the activation tag “steps” of text away from the start.", ZH) == (
        "shuffle_caption 会把 text 的激活标签“steps”从开头移走。"
    )


def test_the_template_that_says_most_is_taken() -> None:
    assert translate("optimizer_args: lr is not given here.", ZH) == "optimizer_args：lr 不在这里填写。"
    assert translate("/x can't be read (Permission denied): check the file and its rights.", ZH) == (
        "/x 无法读取（没有权限）：请检查文件及其权限。"
    )


def test_fields_of_a_plan_are_translated_and_others_stay() -> None:
    plan = {
        "steps": 3,
        "problems": [{"code": "few-steps", "message": "Lower it.", "fix": "Set keep_tokens to 1."}],
        "ignored": [{"path": "/Lower it.", "reason": "it is empty (0 bytes)"}],
        "lines": ["All is well."],
    }
    told = translate_fields(plan, {"message", "fix", "reason", "lines"}, ZH)
    assert told == {
        "steps": 3,
        "problems": [{"code": "few-steps", "message": "请调低它。", "fix": "请把 keep_tokens 设为 1。"}],
        "ignored": [{"path": "/Lower it.", "reason": "它是空的（0 字节）"}],
        "lines": ["一切正常。"],
    }
    assert plan["problems"] == [{"code": "few-steps", "message": "Lower it.", "fix": "Set keep_tokens to 1."}]
    assert translate_fields(plan, {"message"}, "en") == plan


def test_a_plan_with_300_problems_is_translated_in_no_time() -> None:
    sentences = [
        "{i} pictures enlarged more than 1.5 times, which teaches blur: a{i}.png.",
        "No captions in /sets/{i}: all its pictures are trained with the caption “penny”.",
        "/sets/{i}/x.safetensors is truncated: {i} bytes are missing, download or copy it again.",
    ]
    problems = [{"message": sentences[i % 3].format(i=i), "fix": "Lower it."} for i in range(300)]
    translate("Lower it.", ZH)  # the file is read once, at first use
    begun = time.process_time()
    told = translate_fields(problems, {"message", "fix"}, ZH)
    assert time.process_time() - begun < 0.05  # 12 ms where it was measured, on a busy machine
    assert all(one["message"] != two["message"] for one, two in zip(problems, told, strict=True))


@pytest.mark.parametrize("part", ["a. b; c: d. e? f must be x, not y and 3 more ", "is ignored: ", ". ", "{} of {} in {}: "])
def test_hostile_captions_cost_no_time(part: str) -> None:
    begun = time.process_time()
    for length in (3990, 50_000):
        translate((part * length)[:length], ZH)
    assert time.process_time() - begun < 2
