"""What real plans of wrong datasets and settings say, in Chinese: no English sentence is left, and every value is kept."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lora_workbench.extension.languages.translate import translate
from lora_workbench.trainer_core.plan import make_plan
from lora_workbench.trainer_core.settings import Settings, SettingsError

_CJK = re.compile(r"[\u4e00-\u9fff]")
_LITTLE_WORDS = re.compile(
    r"\b(the|a|an|is|are|was|it|its|of|with|and|not|in|to|than|this|that|all|have|has|be|for|on|must|by|more|there)\b",
    re.IGNORECASE,
)


def picture(
    path: Path, size: tuple[int, int] = (128, 128), caption: str | None = None, mode: str = "RGB", **save: object
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, 40 if mode == "L" else (40, 90, 60, 0)[: len(mode)]).save(path, **save)
    if caption is not None:
        path.with_suffix(".txt").write_text(caption, encoding="utf-8")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with as much wrong in it as one can have."""
    root = tmp_path / "pictures"
    for number in range(4):
        picture(root / "3_penny" / f"{number}.png", caption=f"penny, red hat, eyepatch, number {number}")
    picture(root / "3_penny" / "other.png", caption="1girl, penny")
    picture(root / "3_penny" / "long.png", caption=", ".join(f"wide hat {number}" for number in range(90)))
    picture(root / "3_penny" / "empty.png", caption="")
    picture(root / "3_penny" / "without.png")
    picture(root / "3_penny" / "lines.png", caption="penny, hat\nsmile\n")
    picture(root / "3_penny" / "escaped.png", caption=r"penny, hat \(red\)")
    picture(root / "3_penny" / "small.png", (40, 40), "penny, hat")
    picture(root / "3_penny" / "tiny.png", (4, 4), "penny, hat")
    picture(root / "3_penny" / "narrow.png", (2000, 20), "penny, hat")
    picture(root / "3_penny" / "clear.png", mode="RGBA", caption="penny, hat")
    picture(root / "3_penny" / "both.png", caption="penny, hat, indoors, outdoors")
    picture(root / "3_penny" / "anime.gif")
    picture(root / "3_penny" / "0.jpg")
    picture(root / "inside" / "a.png")
    picture(root / "reg" / "b.png")
    picture(root / "0_none" / "c.png")
    picture(root / "beside.png")
    folder = root / "3_penny"
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    (folder / "nothing.png").write_bytes(b"")
    (folder / "notes.doc").write_bytes(b"x")
    (folder / "gone.txt").write_text("penny", encoding="utf-8")
    (folder / "gbk.txt").write_bytes("penny, 帽子".encode("gbk"))
    picture(folder / "gbk.png")
    frames = [Image.new("RGB", (128, 128), (shade, 0, 0)) for shade in (0, 99)]
    frames[0].save(folder / "moves.webp", save_all=True, append_images=frames[1:])
    told = PngInfo()
    told.add_text("parameters", "penny\nSteps: 20, CFG scale: 12, Seed: 1")
    picture(folder / "glaring.png", pnginfo=told)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(folder / "turned.jpg", (160, 120), "penny, hat", exif=exif)
    return root


def settings(root: Path, tmp_path: Path, **changes: object) -> Settings:
    values = {"train_data_dir": root, "resolution": 128, "caption_extension": ".txt", "output_dir": tmp_path / "out", **changes}
    given = {name: value for name, value in values.items() if value is not None}
    folders = {name: root / str(given[name]) for name in ("train_data_dir", "reg_data_dir") if name in given}
    return Settings.of(**given | folders)


def sentences(made: Settings) -> Iterator[tuple[str, str]]:
    """Where it is from, and everything that the plan says to people."""
    plan = make_plan(made)
    for problem in plan.problems:
        yield problem.code, problem.message
        if problem.fix:
            yield problem.code, problem.fix
        yield problem.code, f"{problem.message} {problem.fix}".strip()
    for ignored in plan.ignored:
        yield ignored.path.name, ignored.reason


def check(code: str, english: str, tmp_path: Path) -> None:
    chinese = translate(english, "zh_CN")
    assert _CJK.search(chinese), f"{code}: {english}"
    rest = re.sub(re.escape(str(tmp_path)) + r"[^，。：；（）、\s]*|“[^”]*”|'[^']*'", " ", chinese)
    assert not _LITTLE_WORDS.search(rest), f"{code}: {english} → {chinese}"
    values = re.findall(re.escape(str(tmp_path)) + r"[\w/.-]*\w|\b\w+_\w+\b|“[^”]*”|\b\w+\.(?:png|jpg|txt|gif)\b", english)
    assert [value for value in values if value not in chinese] == [], f"{code}: {english} → {chinese}"


CASES: dict[str, dict[str, object]] = {
    "nothing given": {"train_data_dir": None, "resolution": None, "output_dir": None},
    "no such folder": {"train_data_dir": "nowhere", "reg_data_dir": "gone"},
    "fixed size": {"face_crop_aug_range": "2.0,4.0", "network_dim": 256, "network_alpha": 300, "clip_skip": 1},
    "buckets": {
        "enable_bucket": True, "min_bucket_reso": 64, "max_bucket_reso": 256, "train_batch_size": 64, "flip_aug": True,
        "shuffle_caption": True, "face_crop_aug_range": "2.0,4.0", "max_train_epochs": 2, "max_train_steps": 9,
    },
    "no upscale": {"enable_bucket": True, "bucket_no_upscale": True, "max_token_length": 225},
    "adaptive": {"optimizer_type": "Prodigy", "unet_lr": 1, "text_encoder_lr": 0.5},
    "adaptive, too low": {"optimizer_type": "DAdaptAdam", "learning_rate": 1e-4},
    "adaptive, default": {"optimizer_type": "Prodigy"},
    "high rates": {"unet_lr": 0.5, "text_encoder_lr": 0.1, "max_train_epochs": 1},
    "no rates": {"unet_lr": 0, "text_encoder_lr": 0},
    "adafactor": {"optimizer_type": "AdaFactor"},
    "wrong arguments": {"optimizer_args": ["lr=1", "betas=3", "decuple=True", "eps=x"]},
    "schedule-free": {
        "optimizer_type": "AdamWScheduleFree", "lr_scheduler": "cosine", "lr_warmup_steps": 5, "scale_weight_norms": 1,
        "ema_decay": 0.9, "noise_offset": 0.5,
    },
    "loraplus": {"optimizer_type": "DAdaptSGD", "network_args": ["loraplus_lr_ratio=4"], "min_snr_gamma": 5,
                 "lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 3},
    "schedule": {"lr_scheduler": "piecewise_constant", "lr_scheduler_args": ["x=1"], "validate_every_n_steps": 3},
    "masks": {"alpha_mask": True, "random_crop": True, "masked_loss": True, "conditioning_data_dir": "nowhere",
              "validation_split": 0.2, "prior_preservation": "girl", "prior_loss_weight": 0},
    "same folder": {"reg_data_dir": "3_penny", "train_data_dir": "3_penny", "scale_v_pred_loss_like_noise_pred": True},
    "nesterov": {"optimizer_type": "SGDNesterov8bit", "learning_rate": 1e-3, "use_lion_optimizer": None},
    "warmup": {"optimizer_type": "AdaFactor", "optimizer_args": ["relative_step=False", "warmup_init=True"]},
    "replaced": {"use_8bit_adam": True, "caption_extention": ".txt", "cache_latents": True, "color_aug": True,
                 "fused_backward_pass": True},
    "misspelt": {"optimizer_type": "SDGNesterov", "learning_rate": 1e-4, "network_train_unet_only": True},
    "keyword": {"train_data_dir": "inside"},
    "no captions": {"ignore_captions": True, "caption_dropout_rate": 1, "shuffle_caption": True},
    "other captions": {"caption_extension": ".caption"},
    "resume": {"resume": "nowhere", "sample_prompts": "none.txt", "network_weights": "lora.safetensors", "vae": "vae.pt"},
    "name": {"output_name": "a/b"},
}  # fmt: skip


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_every_problem_of_a_plan(pictures: Path, tmp_path: Path, toy_base: Path, changes: dict[str, object]) -> None:
    base = {"pretrained_model_name_or_path": toy_base} if "resume" not in changes and "train_data_dir" not in changes else {}
    found = list(sentences(settings(pictures, tmp_path, **{**base, **changes})))
    assert len(found) > 2
    for code, english in found:
        check(code, english, tmp_path)


def test_the_cases_meet_most_problems(pictures: Path, tmp_path: Path, toy_base: Path) -> None:
    """Else the test above could shrink without a word."""
    codes: set[str] = set()
    for changes in CASES.values():
        codes |= {
            code for code, _ in sentences(settings(pictures, tmp_path, pretrained_model_name_or_path=toy_base, **changes))
        }
    expected = {
        "activation-tag", "alpha-above-rank", "bad-argument", "cache-turned-off", "caption-empty", "caption-encoding",
        "caption-escapes", "caption-extension", "caption-lines", "caption-shared", "caption-too-long", "captions-missing",
        "cfg-high", "enlarged", "exif-rotation", "face-crop-idle", "few-steps", "flip-one-sided", "folder-missing",
        "keyword-style",
        "learning-rate-default", "learning-rate-high", "nesterov-ignored", "network-weights", "no-images", "nothing-trained",
        "output-missing", "output-name", "rank-default", "rank-high", "rate-too-low", "rates-differ", "rates-unused",
        "resolution-missing", "resume", "sample-prompts", "setting-ignored", "setting-replaced", "small-buckets",
        "tag-contradiction", "text-encoder-rate", "transparency", "unknown-optimizer-argument", "vae",
    }  # fmt: skip
    assert expected <= codes
    assert {"moves.webp", "nothing.png", "broken.png", "tiny.png", "inside", "0_none", "beside.png", "gone.txt"} <= codes


WRONG_SETTINGS: tuple[dict[str, object], ...] = (
    {"network_dim": 900, "seed": "x", "clip_skip": 0, "mixed_precision": "fp17", "resolution": "1,2,3"},
    {"lr_scheduler": "cosin", "unet_lr": "much", "max_token_length": 80, "cache_latents": "perhaps", "output_dir": 3},
    {"netwrk_dim": 3, "quux": 1, "lr_warmup_steps": 1.5, "face_crop_aug_range": "4,2", "caption_separator": True},
    {"optimizer_type": "AdamX", "network_module": "lycoris.kohya", "save_model_as": "ckpt", "log_with": "wandb"},
    {"optimizer_type": "my.Own", "network_module": "mine", "min_timestep": 9, "max_timestep": 3},
    {"lr_scheduler": "adafactor", "lr_scheduler_type": "os.system", "masked_loss": True, "validation_split": 2},
    {"network_args": ["conv_alpha=1"], "optimizer_args": ["x"], "dim_from_weights": True, "adaptive_noise_scale": 0.1},
    {"network_args": ["algo=loha"], "text_encoder_lr": "1 2", "max_train_steps": 9.5, "reg_data_dir": 3, "dataset_config": 3},
    {"network_args": ["conv_dimm=1"], "v2": True, "debug_dataset": True, "deepspeed": True, "huggingface_repo_id": "x"},
    {"network_args": ["conv_dim=0"], "enable_bucket": True, "resolution": 512, "min_bucket_reso": 640, "max_bucket_reso": 384},
    {"network_args": ["whatever=1"], "resolution": 100, "train_batch_size": 0, "noise_offset": 3, "network_weights": "a\0b"},
)  # fmt: skip


@pytest.mark.parametrize("names", WRONG_SETTINGS, ids=lambda names: ", ".join(names))
def test_every_problem_of_wrong_settings(names: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.of(**names)
    assert len(caught.value.problems) >= len(names) - 2
    for problem in caught.value.problems:
        check(problem.code, problem.message, tmp_path)
    check("all at once", str(caught.value), tmp_path)


def test_every_problem_of_a_dataset_file(tmp_path: Path) -> None:
    path = tmp_path / "sets.toml"
    path.write_text(
        'x = 1\n[general]\nimage_dir = "a"\nnum_repeats = "many"\n[[datasets]]\nresolutoin = 3\nalpha_mask = true\n'
        "cache_info = true\n[[datasets.subsets]]\nnum_repeats = 0\nbatch_size = 2\nnetwork_dim = 3\n[[datasets]]\nsubsets=3",
        encoding="utf-8",
    )
    with pytest.raises(SettingsError) as caught:
        Settings.of(dataset_config=path)
    assert len(caught.value.problems) > 8
    for problem in caught.value.problems:
        check(problem.code, problem.message, tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"version https://git-lfs.github.com/spec/v1\n", b"<!DOCTYPE html>", b"hello world", b"PK\x03\x04rest",
        struct.pack("<Q", 9**12) + b"{", struct.pack("<Q", 500) + b"{}", struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 9) + b"{ broken}", struct.pack("<Q", 12) + b'{"a": "why"}', None,
    ],
)  # fmt: skip
def test_every_wrong_base_model(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "base.safetensors"
    if content is not None:
        path.write_bytes(content)
    found = [one for one in make_plan(Settings.of(pretrained_model_name_or_path=path)).problems if one.code == "base-model"]
    assert len(found) == 1
    check("base-model", found[0].message, tmp_path)
    assert str(path) in translate(found[0].message, "zh_CN")
