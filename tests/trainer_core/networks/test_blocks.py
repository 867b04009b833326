"""Blocks: their names and places, presets files byte for byte, weights in words, and prompts as webui reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.trainer_core.models.header import read_header
from lora_workbench.trainer_core.networks.block_presets import PresetFile, built_in
from lora_workbench.trainer_core.networks.block_weights import as_words, parse_block_weights, user_presets
from lora_workbench.trainer_core.networks.blocks import LISTS, NAMES, block_of, carries, middle_part, places, size_divisor
from lora_workbench.trainer_core.networks.lbw_prompt import lora_word, repair
from lora_workbench.trainer_core.networks.targets import lora_targets
from lora_workbench.trainer_core.problems import UserError

# lora-block-weight's own presets of 17, as its file has them.
THEIRS = """NONE:0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0
ALL:1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1
INS:1,1,1,1,0,0,0,0,0,0,0,0,0,0,0,0,0
IND:1,0,0,0,1,1,1,0,0,0,0,0,0,0,0,0,0
INALL:1,1,1,1,1,1,1,0,0,0,0,0,0,0,0,0,0
MIDD:1,0,0,0,1,1,1,1,1,1,1,1,0,0,0,0,0
OUTD:1,0,0,0,0,0,0,0,1,1,1,1,0,0,0,0,0
OUTS:1,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1
OUTALL:1,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,1
ALL0.5:0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5
"""
GUIDE_25 = "LOUTX: X,X,X,X,X,X,X,X,X,X,X,X ,X, 1,1,1,1,1,1,1,1,1,1,1,1"


def test_names() -> None:
    assert {length: len(names) for length, names in NAMES.items()} == {12: 12, 17: 17, 20: 20, 26: 26}
    assert NAMES[17][:9] == ("BASE", "IN01", "IN02", "IN04", "IN05", "IN07", "IN08", "M00", "OUT03")
    assert all(set(names) <= set(NAMES[26]) for names in NAMES.values())
    assert "eyes and face" in carries("OUT05") and "eyes" not in carries("OUT07")


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("lora_unet_down_blocks_0_attentions_0_proj_in.alpha", "IN01"),
        ("lora_unet_down_blocks_2_attentions_1_proj_in", "IN08"),
        ("lora_unet_down_blocks_0_downsamplers_0_conv", "IN03"),
        ("lora_unet_down_blocks_3_resnets_1_conv1", "IN11"),
        ("lora_unet_mid_block_attentions_0_proj_in", "M00"),
        ("lora_unet_up_blocks_1_attentions_0_proj_in", "OUT03"),
        ("lora_unet_up_blocks_0_upsamplers_0_conv", "OUT02"),
        ("lora_unet_up_blocks_3_attentions_2_proj_out", "OUT11"),
        ("lora_unet_input_blocks_4_1_proj_in", "IN04"),
        ("lora_unet_input_blocks_10_0_in_layers_2", "IN10"),
        ("lora_unet_middle_block_1_proj_in", "M00"),
        ("lora_unet_output_blocks_5_1_proj_in", "OUT05"),
        ("lora_unet_conv_in", "IN00"),
        ("up_blocks.1.attentions.0.proj_in", "OUT03"),
        ("lora_te_text_model_encoder_layers_0_mlp_fc1", "BASE"),
        ("lora_te2_text_model_encoder_layers_0_mlp_fc1", "BASE"),
        ("lora_unet_time_embedding_linear_1", None),
        ("lora_unet_time_embed_0", None),
        ("lora_unet_out_2", None),
        ("lora_unet_conv_out", None),
    ],
)
def test_the_block_of_a_module(name: str, block: str | None) -> None:
    assert block_of(name) == block


@pytest.mark.parametrize(("base", "short", "whole"), [("random_base", 17, 26), ("tiny_sd2", 17, 26), ("tiny_sdxl", 12, 20)])
def test_every_list_has_the_blocks_that_its_networks_have(
    base: str, short: int, whole: int, request: pytest.FixtureRequest
) -> None:
    header = read_header(request.getfixturevalue(base))
    for conv, length in ((False, short), (True, whole)):
        targets = lora_targets(header, conv=conv)
        blocks = {block_of(target.name) for target in targets} | ({"IN00"} if conv else set())
        assert blocks == set(NAMES[length])
        for target in targets:
            block = block_of(target.name)
            assert block is not None
            assert block == "BASE" or target.module.startswith(places(block, LISTS[length].family))
    parts = {middle_part(target.module) for target in lora_targets(header, conv=True) if block_of(target.name) == "M00"}
    assert parts == {0, 1, 2} == {middle_part(t.name) for t in lora_targets(header, conv=True) if block_of(t.name) == "M00"}


def test_sizes_of_blocks() -> None:
    sizes = [size_divisor(block, 4) for block in NAMES[26]]
    assert sizes == [0, 1, 1, 1, 2, 2, 2, 4, 4, 4, 8, 8, 8, 8, 8, 8, 8, 4, 4, 4, 2, 2, 2, 1, 1, 1]
    assert [size_divisor(block, 3) for block in ("IN08", "M00", "OUT00", "OUT08")] == [4, 4, 4, 1]


def test_built_in_presets_are_those_of_the_extension_and_the_guide() -> None:
    theirs = dict(line.split(":") for line in THEIRS.splitlines())
    own = built_in(17)
    assert {name: own[name] for name in theirs} == theirs
    assert own["OUTX"] == ",".join(["X"] * 8 + ["1"] * 9) and own["INX"] == ",".join(["1"] * 8 + ["X"] * 9)
    assert built_in(26)["LOUTX"] == ",".join(["1", *["X"] * 13, *["1"] * 12])
    assert [name for name, weight in zip(NAMES[17], own["FACE"].split(","), strict=True) if weight == "1"] == [
        "BASE", "OUT04", "OUT05", "OUT06",
    ]  # fmt: skip
    for length in NAMES:
        assert all(len(values.split(",")) == length for values in built_in(length).values())


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("last", ["", "\n"])
def test_what_is_not_changed_stays_byte_for_byte(end: str, mark: bytes, last: str) -> None:
    lines = [
        "# my presets",
        "",
        *THEIRS.splitlines(),
        "FLUX:" + ",".join(["1"] * 61),
        "three:1,2,3",
        GUIDE_25,
        "名字:" + ",".join("1" * 17),
    ]
    content = mark + end.join(lines).encode() + b"\xff\xfe" + (end if last else "").encode()
    file = PresetFile.parse(content)
    assert file.content() == content
    file.set("INS", ["0.25"] * 17)
    assert file.content() == content.replace(b"INS:1,1,1,1,0,0,0,0,0,0,0,0,0,0,0,0,0", b"INS:" + b",".join([b"0.25"] * 17))
    file.set("new", ["X"] * 12)
    added = file.content().splitlines(keepends=True)[-1]
    assert added == f"new:{','.join(['X'] * 12)}{end}".encode()
    file.remove("new")
    file.rename("INS", "IN_SHALLOW")
    assert b"IN_SHALLOW:0.25" in file.content() and b"\nINS:" not in file.content()


def test_presets_and_what_the_extension_passes_over(tmp_path: Path) -> None:
    path = tmp_path / "lbwpresets.txt"
    path.write_bytes(b"\xef\xbb\xbfA:" + b",".join([b"1"] * 17) + b"\n" + GUIDE_25.encode() + b"\n#B:1\nC:1,2,3\n")
    file = PresetFile.read(path)
    assert set(file.presets()) == {"A"}
    roles = {one.name: one.role for one in file.entries()}
    assert roles == {"A": "preset", "LOUTX": "without-base", "C": "wrong-length"}
    told = " ".join(file.notices())
    assert "byte order mark" in told and "LOUTX has 25 numbers" in told and "C has 3 numbers" in told
    file.insert_base("LOUTX")
    assert file.presets()["LOUTX"] == built_in(26)["LOUTX"]
    file.write(path)
    assert PresetFile.read(path).content() == file.content()
    assert user_presets([tmp_path / "none.txt", path]) == file.presets()


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("A", ["1"] * 13, "13 numbers"),
        ("A", ["1"] * 16 + ["a"], "isn't a block's weight"),
        ("A:B", ["1"] * 17, "can't be a preset's name"),
        ("", ["1"] * 17, "can't be a preset's name"),
    ],
)
def test_wrong_presets_are_refused(name: str, values: list[str], words: str) -> None:
    file = PresetFile.parse(THEIRS.encode())
    with pytest.raises(UserError, match=words):
        file.set(name, values)
    assert file.content() == THEIRS.encode()
    with pytest.raises(UserError, match="There is no preset"):
        file.remove("Z")


def test_weights_from_words() -> None:
    weights = parse_block_weights("OUTX", "sd1", x=0.2)
    assert weights.values["IN04"] == weights.values["M00"] == weights.values["BASE"] == 0.2 and weights.values["OUT03"] == 1
    assert weights.values["IN00"] == 0  # 17 numbers leave it out, as the extension has it
    assert parse_block_weights("OUTX", "sd1", whole=True, x=0.2).values["IN00"] == 0.2
    assert parse_block_weights("X+0.25," + ",".join(["1"] * 16), "sd2", x=0.5).values["BASE"] == 0.75
    kohyas = "[" + ", ".join(["1"] * 11 + ["0.25"]) + "]"  # a list of its merging scripts
    assert parse_block_weights(kohyas, "sdxl").values["OUT05"] == 0.25
    mine = parse_block_weights("mine", "sdxl", presets={"mine": ",".join(["0.5"] * 12)})
    assert as_words(mine.values, 12) == ",".join(["0.5"] * 12)
    assert min(parse_block_weights("OUTALL", "sdxl").unet().values()) == 0
    assert min(parse_block_weights("ALL", "sdxl", whole=True).unet().values()) == 1  # blocks that SDXL lacks count for nothing


def test_the_guides_25_numbers_get_base_with_a_notice() -> None:
    weights = parse_block_weights(GUIDE_25.partition(":")[2], "sd1", whole=True, x=0.0)
    assert weights.values["BASE"] == 1 and weights.values["M00"] == 0 and weights.values["OUT00"] == 1
    assert "25 numbers: BASE" in weights.notices[0]


@pytest.mark.parametrize(
    ("text", "x", "words"),
    [
        ("1,2,3", None, "has 3 numbers, but this model's lists have 17"),
        (",".join(["1"] * 12), None, "has 12 numbers"),
        ("OUTY", None, "there is no preset 'OUTY'"),
        ("outx", 1.0, "there is no preset 'outx'"),
        ("OUTX", None, "give its value beside it as x=0.5"),
        (",".join(["1"] * 16 + ["R"]), None, "a random weight"),
        (",".join(["1"] * 16 + ["one"]), None, "isn't a block's weight"),
    ],
)
def test_wrong_words_are_one_sentence(text: str, x: float | None, words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        parse_block_weights(text, "sd1", x=x)
    assert "\n" not in str(error.value)


def test_short_lists_leave_blocks_of_whole_networks_out_with_a_notice() -> None:
    weights = parse_block_weights(",".join(["1"] * 17), "sd1", whole=True)
    assert "IN00, IN03" in weights.notices[0] and weights.values["IN03"] == 0


def test_prompts_are_written_by_name() -> None:
    assert lora_word("my", te=1, unet=0.8, lbw="OUTX", x=0.5) == "<lora:my:te=1:unet=0.8:lbw=OUTX:x=0.5>"
    assert lora_word("my", start=5, stop=10) == "<lora:my:te=1:unet=1:start=5:stop=10>"
    with pytest.raises(UserError, match="rename the file"):
        lora_word("a:b")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<lora:n:1:1:lwb=OUTX:x=0.5>", "<lora:n:te=1:unet=1:lbw=OUTX:x=0.5>", "lwb= does nothing"),
        ("a <lora:n:1:OUTX:0.5>, b", "a <lora:n:te=1:unet=1:lbw=OUTX:x=0.5>, b", "before 1.5"),
        ("<lora:n:0.8:OUTX>", "<lora:n:te=0.8:unet=0.8:lbw=OUTX>", "since 1.5"),
        ("<lora:n:0.8:1:lbw=OUTX>", "<lora:n:te=0.8:unet=1:lbw=OUTX>", "for the text encoder"),
        ("<lora:n:1:w=OUTX>", "<lora:n:te=1:unet=1:lbw=OUTX>", None),
        ("<lora:n:1:1:lbw=NOPE>", "<lora:n:te=1:unet=1:lbw=NOPE>", "has no preset NOPE"),
        (f"<lora:n:1:lbw={','.join('1' * 25)}>", f"<lora:n:te=1:unet=1:lbw={','.join('1' * 26)}>", "BASE was put"),
        ("<lora:n:1:lbw=1,2,3>", "<lora:n:te=1:unet=1:lbw=1,2,3>", "has 3 numbers"),
    ],
)
def test_old_and_wrong_prompts_are_mended(old: str, new: str, words: str | None) -> None:
    mended = repair(old, {"OUTX"})
    if words is None:  # an old name that still works
        assert mended.prompt == old
        return
    assert mended.prompt == new and any(words in notice for notice in mended.notices)
    again = repair(new, {"OUTX"})
    assert again.prompt == new


@pytest.mark.parametrize(
    "prompt",
    ["1girl, (hat:1.2)", "<lora:n:0.7>", "<lora:n>", "<lora:n:te=1:unet=0.5:lbw=OUTX:x=0.5>", "<lora:n:1:1>", "<hypernet:x:1>"],
)
def test_what_is_right_stays_as_it_is(prompt: str) -> None:
    assert repair(prompt, {"OUTX"}) == repair(prompt) and repair(prompt).prompt == prompt and not repair(prompt).notices
