"""The training guide's own errors, ⚠1 to ⚠16: what we do is the true thing, and the user is told of it.

Each test says what the guide has, shows our behaviour, and then the sentence that a user meets.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.trainer_core.guide import tables
from lora_workbench.trainer_core.imports import import_text
from lora_workbench.trainer_core.networks.block_presets import PresetFile
from lora_workbench.trainer_core.networks.lbw_prompt import lora_word, repair
from lora_workbench.trainer_core.plan import Plan, make_plan
from lora_workbench.trainer_core.settings import ALL, Settings, read_settings

ROOT = Path(__file__).resolve().parents[2]
MARKS = tuple(range(1, 17))
PER_RANK = 1.2  # MB of a file in fp16 for Stable Diffusion 1.x; 1.1 MiB
Make = Callable[..., Plan]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten captioned pictures, each seen twice an epoch."""
    folder = tmp_path / "pictures" / "2_penny"
    folder.mkdir(parents=True)
    for number in range(10):
        Image.new("RGB", (128, 128), (20 * number, 0, 0)).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text("penny, hat", encoding="utf-8")
    return folder


@pytest.fixture
def plan(folder: Path, tmp_path: Path) -> Make:
    """The plan of a sound run without a base model; keyword arguments replace or add, None takes away."""

    def make(**changes: object) -> Plan:
        values = {
            "train_data_dir": str(folder.parent), "resolution": "128", "caption_extension": ".txt", "network_dim": 8,
            "network_alpha": 8, "output_dir": str(tmp_path / "out"), "learning_rate": 1e-4, "max_train_epochs": 100, **changes,
        }  # fmt: skip
        return make_plan(Settings.of(**{name: value for name, value in values.items() if value is not None}))

    return make


def told(plan: Plan, code: str) -> str:
    (found,) = (one for one in plan.problems if one.code == code)
    return f"{found.message} {found.fix}"


def webui_strengths(word: str) -> tuple[float, float]:
    """(text encoder, UNet) as webui's extra_networks_lora.py reads a `<lora:…>` word: by name, or by place with TE first."""
    items = word.strip("<>").split(":")[2:]
    named = dict(item.split("=", 1) for item in items if "=" in item)
    by_place = [float(item) for item in items if "=" not in item]
    te = float(named.get("te", by_place[0] if by_place else 1))
    return te, float(named.get("unet", by_place[1] if len(by_place) > 1 else te))


def test_1_the_word_for_block_weights_is_lbw() -> None:
    """Lines 696, 701: `lwb=`, which sd-webui-lora-block-weight silently passes over."""
    mended = repair("a girl <lora:penny:1:1:lwb=OUTX:x=0.5>")
    assert mended.prompt == "a girl <lora:penny:te=1:unet=1:lbw=OUTX:x=0.5>"
    assert "lbw=OUTX" in lora_word("penny", lbw="OUTX") and "lwb" not in lora_word("penny", lbw="OUTX")
    assert "penny: lwb= does nothing; the word is lbw=." in mended.notices


def test_2_the_first_number_is_the_text_encoders() -> None:
    """Lines 701, 1076: A is the UNet, B the text encoder."""
    assert webui_strengths("<lora:penny:0.25:0.75>") == (0.25, 0.75)
    assert webui_strengths(lora_word("penny", te=0.25, unet=0.75)) == (0.25, 0.75)
    mended = repair("<lora:penny:0.25:0.75>")
    assert webui_strengths(mended.prompt) == (0.25, 0.75)
    assert "te=" in mended.prompt and "unet=" in mended.prompt
    assert any("first number, 0.25, for the text encoder and the second, 0.75, for the UNet" in one for one in mended.notices)


def test_3_lists_of_25_lack_base() -> None:
    """Lines 711-712: presets of 25 numbers for LyCORIS, which the extension takes for comments."""
    file = PresetFile.parse(b"LOUTX:" + b",".join([b"X"] * 12 + [b"1"] * 13) + b"\n")
    assert file.presets() == {}
    assert file.notices() == ["LOUTX has 25 numbers: BASE is missing, and the extension takes the line for a comment."]
    file.insert_base("LOUTX")
    assert file.presets()["LOUTX"].split(",") == ["1", *["X"] * 12, *["1"] * 13] and file.notices() == []


@pytest.mark.parametrize(("pictures", "repeats"), [(3, 1), (7, 9), (30, 1), (25, 4)])
def test_4_regularization_pictures_are_seen_as_often_as_the_others(
    plan: Make, tmp_path: Path, pictures: int, repeats: int
) -> None:
    """Line 917: their number × their repeats are added to an epoch."""
    reg = tmp_path / "reg" / f"{repeats}_doll"
    reg.mkdir(parents=True)
    for number in range(pictures):
        Image.new("RGB", (128, 128), (0, 0, number)).save(reg / f"{number}.png")
    made = plan(reg_data_dir=str(reg.parent))
    first = made.stages[0]
    assert first.seen_per_epoch(is_reg=True) == first.seen_per_epoch(is_reg=False) == 20
    assert made.steps == 40 * 100
    assert "20, + 20 regularization = 40 an epoch" in made.text()
    if repeats > 1:
        assert f"20 times an epoch all together: the repeats of {repeats}_doll only share that out" in told(made, "reg-repeats")
    if pictures > 20:
        assert f"{pictures - 20} regularization pictures are not used" in told(made, "reg-unused")


def test_5_face_crops_leave_the_cache_on_and_mostly_do_nothing(plan: Make, folder: Path) -> None:
    """Line 1000: they turn cached latents off. In kohya's scripts they don't, and names with five parts crash."""
    (folder / "0.png").rename(folder / "a_b_c_d_e_f.png")
    made = plan(face_crop_aug_range="2.0,4.0", cache_latents=True, enable_bucket=True, min_bucket_reso=64)
    assert made.settings.cache_latents and made.images == 10
    assert "it acts only without enable_bucket" in told(made, "face-crop-idle")
    assert "latents are cached" in told(plan(face_crop_aug_range="2.0,4.0", cache_latents=True), "face-crop-idle")
    assert not plan(color_aug=True, cache_latents=True).settings.cache_latents


def test_6_alpha_is_1_where_none_is_given(plan: Make) -> None:
    """Line 932 gives the rank as its default, line 964 says 1."""
    made = plan(network_alpha=None)
    assert made.settings.network_alpha == 1.0
    assert "with its default 1 the LoRA acts with 1/8 of its weights" in told(made, "alpha-default")
    assert Settings.of(network_dim=8, network_alpha=0).network_alpha == 8.0  # 0 means the rank


def test_7_prodigys_row_is_whole() -> None:
    """Line 498: the row is cut off before its memory."""
    row = tables.optimizer("Prodigy")
    assert row is not None and row.memory
    options = Settings.of(optimizer_type="Prodigy", optimizer_args=list(row.arguments)).optimizer_options()
    assert options == {
        "decouple": True, "weight_decay": 0.01, "d_coef": 2, "use_bias_correction": True, "safeguard_warmup": True,
    }  # fmt: skip
    from lora_workbench.trainer_core.presets import load_preset

    assert set(load_preset("new_project").settings["optimizer_args"]) == set(row.arguments)
    assert "row is cut off" in row.truth
    assert "| Prodigy | finds it; give 1 | prodigyopt | 16.0 |" in (ROOT / "docs" / "optimizers.md").read_text(encoding="utf-8")


def test_8_sgdnesterov_is_spelt_that_way(plan: Make) -> None:
    """Line 1209: SDGNesterov8bit."""
    made = plan(optimizer_type="SDGNesterov8bit")
    assert made.settings.optimizer_type == "SGDNesterov8bit"
    assert "optimizer_type SDGNesterov8bit is taken for SGDNesterov8bit." in told(made, "setting-replaced")


def test_9_a_backtick_needs_a_blank_before_it() -> None:
    """Line 1222: `--keep_tokens=1` and a backtick in one word, so that PowerShell hands over 1` or ends the command."""
    found = import_text(
        "accelerate launch train_network.py `\n  --shuffle_caption --keep_tokens=1`\n  --resolution=512 `\n  --seed=420\n",
        "train.ps1",
    )
    assert found.values["keep_tokens"] in (1, "1") and found.values["resolution"] == (512, 512)
    assert any("the backtick needs a blank before it" in note for note in found.notes)


def test_10_a_comment_that_contradicts_its_value_is_told() -> None:
    """Lines 1265-1267: the comment says a batch of 1, the value is 2; line 1215 multiplies the rate by it."""
    shell = 'batch_size="2" # 8GB, 所以设为1\naccelerate launch train_network.py --train_batch_size="$batch_size" --seed=1\n'
    found = import_text(shell, "train.sh")
    assert found.values["train_batch_size"] in (2, "2")
    assert any("the comment says 1, and batch_size is 2; 2 is imported" in note for note in found.notes)
    power = (
        "$train_batch_size = 2\n$learning_rate = 0.0001\n$learning_rate = $learning_rate * $train_batch_size\n"
        "accelerate launch train_network.py --learning_rate=$learning_rate --train_batch_size=$train_batch_size\n"
    )
    found = import_text(power, "train.ps1")
    assert float(found.values["learning_rate"]) == pytest.approx(2e-4)
    assert any("multiplied by train_batch_size" in note for note in found.notes)


def test_11_sdxls_text_encoders_train_unless_their_output_is_kept(plan: Make) -> None:
    """Line 641: a text encoder's rate above 0 doesn't start."""
    free, kept = plan(text_encoder_lr=5e-5), plan(text_encoder_lr=5e-5, cache_text_encoder_outputs=True)
    assert free.learning_rates["text_encoder_lr"] == 5e-5 and not free.settings.network_train_unet_only
    assert kept.learning_rates["text_encoder_lr"] == 0 and kept.settings.network_train_unet_only
    assert "the text encoders are not trained" in told(kept, "setting-replaced")
    assert "only with cached text encoder outputs" in tables.sdxl_shifts()["text encoder"].truth


def test_12_extensions_count_in_any_case_and_what_does_not_is_named(plan: Make, folder: Path) -> None:
    """Line 722: upper case is passed over on Linux, and other formats in silence."""
    for number, ending in enumerate((".PNG", ".Png", ".pNG")):
        (folder / f"{number}.png").rename(folder / f"{number}{ending}")
    (folder / "moves.gif").write_bytes(b"GIF89a")
    made = plan()
    assert made.images == 10 and made.steps == 2000
    assert "1.Png, 2.pNG" in told(made, "extension-case") and "0.PNG" not in told(made, "extension-case")
    assert "moves.gif" in told(made, "formats-untrained")
    assert [one.path.name for one in made.ignored] == ["moves.gif"]


def test_13_a_matching_seed_lines_up_no_noise(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines 820-828: regularization latents are trained with the DDIM sampler, and so matched."""
    import torch

    from lora_workbench.trainer_core.noising import draw_noise, draw_timesteps
    from lora_workbench.trainer_core.reg.command import main

    settings, latents = Settings.of(), torch.zeros(2, 4, 8, 8)
    keys = [(0, 3, 0), (1, 3, 0)]  # a picture's turn in two epochs
    first, second = draw_noise(latents, keys, settings, 420)
    assert not torch.equal(first, second)
    assert len(set(draw_timesteps([(epoch, 3, 0) for epoch in range(20)], settings, 420).tolist())) > 10
    with pytest.raises(SystemExit):
        main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "it doesn't line up any noise. The training draws new noise and new timesteps" in text


def test_14_a_file_takes_less_than_the_guide_says_and_the_plan_computes_it(plan: Make, toy_base: Path) -> None:
    """Line 950: 1.3 MB a rank. For Stable Diffusion 1.x with text encoder in fp16 it is 1.18 (1.1 MiB)."""
    lines = (ROOT / "tests" / "data" / "lora_modules_sd15.tsv").read_text(encoding="utf-8").splitlines()
    usual = lines[lines.index("# LierLa: 264") + 1 :][:264]  # kohya's modules, at rank 16
    shapes = [shape.split(",") for line in usual for shape in line.split("\t")[1:3]]
    bytes_of_a_rank = 2 * sum(math.prod(map(int, shape)) for shape in shapes) / 16
    assert len(shapes) == 528 and round(bytes_of_a_rank / 1e6, 1) == PER_RANK
    made = plan(pretrained_model_name_or_path=str(toy_base), save_precision="fp16")
    assert made.file_size_bytes is not None and f"{made.file_size_bytes / 1e6:,.1f} MB in fp16" in made.text()
    assert "computes the exact size" in tables.content("ranks")["limits"]["megabytes"]["truth"]
    assert f"a rank takes {PER_RANK} MB of the file in fp16" in ALL["network_dim"].help


def test_15_a_comment_broken_over_two_lines_is_no_command() -> None:
    """Line 1194: the second half of a comment stands on a line of its own."""
    found = import_text(
        '$ckpt = "base.safetensors"; # 要训练的模型的完整\n\n路径或基础模型。\naccelerate launch train_network.py `\n'
        "  --pretrained_model_name_or_path=$ckpt `\n  --seed=420\n",
        "train.ps1",
    )
    assert found.values["seed"] in (420, "420")
    assert any("is the comment of line 1 going on; it is left out" in note for note in found.notes)


def test_16_hyphens_stand_for_underscores() -> None:
    """Line 366: `--flip-aug`, which kohya's scripts don't know."""
    assert read_settings(["--flip-aug", "--resolution", "512"]).flip_aug is True
    found = import_text("accelerate launch train_network.py --flip-aug --seed=1\n", "train.sh")
    assert found.values["flip_aug"] in (True, "true")
    assert any("hyphens are understood here, but not by kohya's own scripts" in note for note in found.notes)


def test_every_error_has_its_test() -> None:
    numbers = [int(name.split("_")[1]) for name in globals() if name.startswith("test_") and name.split("_")[1].isdigit()]
    assert numbers == list(MARKS)
