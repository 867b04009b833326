import json
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.trainer_core.dataset.batches import epoch_batches
from lora_workbench.trainer_core.plan import Plan, make_plan
from lora_workbench.trainer_core.plan_command import main
from lora_workbench.trainer_core.settings import Settings

Make = Callable[..., Plan]
KEYS = {
    "steps", "epochs", "stages", "batches_per_epoch", "images", "subsets", "ignored", "buckets", "learning_rates",
    "file_size_bytes", "forecast", "problems",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`pictures/2_penny`: 3 square and 2 wide captioned pictures."""
    folder = tmp_path / "pictures" / "2_penny"
    folder.mkdir(parents=True)
    for number in range(5):
        Image.new("RGB", (128, 128) if number < 3 else (192, 64), (40 * number, 0, 0)).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(f"penny, red hat, number {number}", encoding="utf-8")
    return folder


@pytest.fixture
def words(folder: Path, random_base: Path, tmp_path: Path) -> Callable[..., dict[str, object]]:
    """The settings of a sound run; keyword arguments replace or add, None takes away."""

    def make(**changes: object) -> dict[str, object]:
        values = {
            "pretrained_model_name_or_path": str(random_base), "train_data_dir": str(folder.parent), "resolution": "128",
            "enable_bucket": True, "min_bucket_reso": 64, "max_bucket_reso": 256, "caption_extension": ".txt",
            "output_dir": str(tmp_path / "out"), "network_dim": 4, "network_alpha": 4, "unet_lr": 1e-4, "text_encoder_lr": 5e-5,
            "max_train_epochs": 500, "seed": 7, **changes,
        }  # fmt: skip
        return {name: value for name, value in values.items() if value is not None}

    return make


@pytest.fixture
def plan(words: Callable[..., dict[str, object]]) -> Make:
    return lambda **changes: make_plan(Settings.of(**words(**changes)))


def problem(plan: Plan, code: str, severity: str | None = None) -> str:
    (found,) = (one for one in plan.problems if one.code == code)
    assert severity is None or found.severity == severity
    return f"{found.message} {found.fix}"


def test_a_sound_run_has_no_problems(plan: Make) -> None:
    assert plan().problems == ()


@pytest.mark.parametrize(
    ("changes", "batches", "steps_per_epoch", "epochs", "steps"),
    [
        # 6 square and 4 wide an epoch: ceil(6 / 4) + ceil(4 / 4) batches
        ({"train_batch_size": 4, "max_train_epochs": 5}, 3, 3, 5, 15),
        ({"train_batch_size": 4, "max_train_epochs": 5, "gradient_accumulation_steps": 2}, 3, 2, 5, 10),
        ({"train_batch_size": 4, "max_train_epochs": None, "max_train_steps": 7}, 3, 3, 3, 7),
        ({"max_train_epochs": None}, 10, 10, 160, 1600),
        ({"train_batch_size": 5, "enable_bucket": None, "max_train_epochs": 2}, 2, 2, 2, 4),  # ceil(10 / 5)
        ({"train_batch_size": 5, "max_train_epochs": 1}, 3, 3, 1, 3),  # ceil(6 / 5) + ceil(4 / 5)
    ],
)
def test_steps_follow_the_formula(
    plan: Make, changes: dict, batches: int, steps_per_epoch: int, epochs: int, steps: int
) -> None:
    made = plan(**changes)
    assert (made.batches_per_epoch, made.steps_per_epoch, made.epochs, made.steps) == (batches, steps_per_epoch, epochs, steps)
    assert len(epoch_batches(made.training_set, 7, 0)) == batches


def test_sizes_are_told_with_repeats(plan: Make) -> None:
    made = plan(train_batch_size=4)
    exact = {"cut_off": 0.0, "enlarged": 1.0}
    assert made.as_dict()["buckets"] == [
        {"width": 128, "height": 128, "count": 6, **exact}, {"width": 192, "height": 64, "count": 4, **exact},
    ]  # fmt: skip
    assert made.images == 5


def test_regularization_doubles_the_epoch_and_is_named(plan: Make, tmp_path: Path) -> None:
    """⚠4 of the guide: as many regularization pictures as training pictures with repeats, whatever their own repeats."""
    reg = tmp_path / "reg" / "3_doll"
    reg.mkdir(parents=True)
    for number in range(12):
        Image.new("RGB", (128, 128), (0, 0, number)).save(reg / f"{number}.png")
    made = plan(reg_data_dir=str(reg.parent), train_batch_size=4)
    assert (made.batches_per_epoch, made.images, made.stages[0].seen_per_epoch(is_reg=True)) == (4 + 1, 5, 10)
    assert "2 regularization pictures" in problem(made, "reg-unused", "note")
    unused = {Path(one["path"]) for one in made.as_dict()["ignored"]}
    assert len(unused) == 2 and unused == set(made.training_set.unused_reg) and unused < set(reg.iterdir())
    assert "10, + 10 regularization = 20 an epoch → 5 batches of 4" in made.text()


def test_the_formula_is_written_out(plan: Make) -> None:
    text = plan(train_batch_size=4, gradient_accumulation_steps=2, max_train_epochs=5).text()
    words = (
        "5 pictures × 2 repeats = 10 an epoch → 3 batches of 4 (each size rounded up) ÷ 2 accumulated → 2 steps an epoch × 5"
    )
    assert words in text and "= 10 steps" in text


def test_file_size_is_that_of_the_file(plan: Make, random_base: Path, tmp_path: Path) -> None:
    import torch

    from lora_workbench.tests.trainer_core.networks.making import lora_shapes
    from lora_workbench.trainer_core.dataset.caption_text import tags_as_trained
    from lora_workbench.trainer_core.models.header import read_header
    from lora_workbench.trainer_core.networks.format import save_lora
    from lora_workbench.trainer_core.networks.metadata import at_save, training_metadata
    from lora_workbench.trainer_core.networks.targets import lora_targets

    made = plan(network_dim=3, network_args=["conv_dim=2"], save_precision="fp16")
    targets = lora_targets(read_header(random_base), conv=True)
    tensors = {name: torch.zeros(shape) for one in targets for name, shape in lora_shapes(one, 3, 2).items()}
    metadata = training_metadata(
        made.settings, made, started_at=1.5e9, session_id=5, seed=7, output_name="last", model_hashes=("a" * 8, "b" * 64),
        optimizer=torch.optim.AdamW([torch.zeros(1)]), tags_of=tags_as_trained,
    )  # fmt: skip
    save_lora(tmp_path / "a.safetensors", tensors, at_save(metadata, finished_at=1.5e9, epoch=1, step=1), "fp16")
    # Times and the optimizer's module are a few letters longer or shorter.
    assert made.file_size_bytes == pytest.approx((tmp_path / "a.safetensors").stat().st_size, abs=64)


def test_json_has_the_agreed_keys_and_status_0(words: Callable[..., dict], capsys: pytest.CaptureFixture[str]) -> None:
    given = [f"--{name}" if value is True else f"--{name}={value}" for name, value in words().items()]
    assert main([*given, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content.keys() == KEYS
    assert content["learning_rates"] == {"learning_rate": 2e-6, "unet_lr": 1e-4, "text_encoder_lr": 5e-5}
    (subset,) = content["subsets"]
    assert (subset["name"], subset["images"], subset["repeats"], subset["copies"]) == ("2_penny", 5, 2, 10)
    assert main(given) == 0
    assert "Sizes" in capsys.readouterr().out


def test_status_1_where_something_blocks_and_2_for_wrong_words(
    words: Callable[..., dict], capsys: pytest.CaptureFixture[str]
) -> None:
    given = [f"--{name}" if value is True else f"--{name}={value}" for name, value in words(resolution=None).items()]
    assert main([*given, "--json"]) == 1
    (error,) = json.loads(capsys.readouterr().out)["problems"]
    assert (error["severity"], error["code"]) == ("error", "resolution-missing") and error["fix"]
    assert main(["--netwrok_dim=4", "--json"]) == 2
    assert "network_dim" in json.loads(capsys.readouterr().out)["problems"][0]["message"]


def test_the_plan_needs_no_torch(words: Callable[..., dict]) -> None:
    code = (
        "import sys, json; from lora_workbench.trainer_core.plan import make_plan\n"
        "from lora_workbench.trainer_core.settings import Settings\n"
        f"make_plan(Settings.of(**{words()!r})); sys.exit(int('torch' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


def lora(path: Path, rank: int) -> str:
    """A file with one LoRA module of that rank."""
    name = "lora_unet_mid_block_attentions_0_proj_in"
    shapes = {f"{name}.lora_down.weight": [rank, 128, 1, 1], f"{name}.lora_up.weight": [128, rank, 1, 1]}
    table, end = {}, 0
    for key, shape in shapes.items():
        table[key] = {"dtype": "F16", "shape": shape, "data_offsets": [end, end + 256 * rank]}
        end += 256 * rank
    header = json.dumps(table).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(end))
    return str(path)


class Hostile:
    def __reduce__(self) -> tuple:
        return (print, ("run!",))


def broken_models(tmp_path: Path, base: Path) -> dict[str, tuple[str | None, str]]:
    """{case: (path, a word of the sentence)}"""
    (tmp_path / "cut.safetensors").write_bytes(base.read_bytes()[:-1000])
    (tmp_path / "page.safetensors").write_bytes(b"<!DOCTYPE html><html>")
    (tmp_path / "hostile.ckpt").write_bytes(pickle.dumps(Hostile(), protocol=2))
    return {
        "none": (None, "no base model"),
        "missing": (str(tmp_path / "nowhere.safetensors"), "nowhere.safetensors"),
        "cut": (str(tmp_path / "cut.safetensors"), "truncated"),
        "page": (str(tmp_path / "page.safetensors"), "page"),
        "hostile": (str(tmp_path / "hostile.ckpt"), "hostile.ckpt"),
        "lora": (lora(tmp_path / "lora.safetensors", 4), "LoRA"),
    }


@pytest.mark.parametrize("case", ["none", "missing", "cut", "page", "hostile", "lora"])
def test_a_base_model_that_can_not_be_used(plan: Make, tmp_path: Path, random_base: Path, case: str) -> None:
    path, word = broken_models(tmp_path, random_base)[case]
    made = plan(pretrained_model_name_or_path=path)
    (error,) = made.errors
    assert error.code.startswith("base-model") and word in error.message and error.fix
    assert made.file_size_bytes is None and made.steps == 5000  # the rest is planned all the same


@pytest.mark.parametrize("case", ["none", "file", "read-only"])
def test_an_output_folder_that_can_not_be_written(plan: Make, tmp_path: Path, case: str) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    folder = {"none": None, "file": str(tmp_path / "file"), "read-only": "/proc/out"}[case]
    if case == "read-only" and not Path("/proc/self").exists():
        pytest.skip("needs /proc, a folder that nobody can write to")
    (error,) = plan(output_dir=folder).errors
    assert error.code.startswith("output") and str(folder or "") in error.message and error.fix


def test_the_plan_leaves_nothing_in_the_output_folder(plan: Make, tmp_path: Path) -> None:
    plan()
    assert not (tmp_path / "out").exists()


def test_taken_names_are_told(plan: Make, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "penny-000002.safetensors").write_bytes(b"")
    made = plan(output_name="penny")
    assert made.output_name == "penny-2" and "penny-2" in problem(made, "output-renamed", "note")
    assert plan(output_name="penny", overwrite=True).problems == ()


def test_a_full_disk_is_noticed(plan: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil
    from types import SimpleNamespace

    size = plan().file_size_bytes
    assert size
    for free, code, severity in ((size - 1, "disk-full", "error"), (size * 3, "disk-nearly-full", "warning")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _path, free=free: SimpleNamespace(free=free))
        problem(plan(save_every_n_epochs=100), code, severity)  # 4 snapshots and the final file
    assert plan(save_every_n_epochs=100, save_last_n_epochs=2).problems == ()
    assert plan(save_every_n_epochs=250).files == 2


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"network_weights": "{tmp}/none.safetensors"}, {"network-weights"}),
        ({"network_weights": "{tmp}/lora.safetensors"}, {"network-weights-rank"}),
        ({"network_weights": "{tmp}/lora.safetensors", "network_dim": 6, "network_alpha": 6}, set()),
        ({"network_weights": "{tmp}/lora.safetensors", "network_dim": 6}, {"network-weights-alpha"}),  # none there: its rank
        ({"network_weights": "{tmp}/lora.safetensors", "dim_from_weights": True}, set()),
        ({"vae": "{tmp}/none.safetensors"}, {"vae"}),
        ({"vae": "{tmp}/lora.safetensors"}, {"vae"}),
        ({"resume": "{tmp}/none-state"}, {"resume"}),
        ({"sample_prompts": "{tmp}/none.txt"}, {"sample-prompts"}),
        ({"train_data_dir": "{tmp}/none"}, {"folder-missing", "no-images"}),
        ({"optimizer_args": ["betas=1"]}, {"bad-argument"}),
    ],
)
def test_what_else_blocks_a_run(plan: Make, tmp_path: Path, changes: dict, codes: set[str]) -> None:
    lora(tmp_path / "lora.safetensors", 6)
    given = {key: value.format(tmp=tmp_path) if isinstance(value, str) else value for key, value in changes.items()}
    errors = plan(**given).errors
    assert {one.code for one in errors} == codes
    if "network-weights-rank" in codes:
        assert "6" in errors[0].message and "4" in errors[0].message


@pytest.mark.parametrize(
    ("changes", "code", "severity", "word"),
    [
        ({"network_alpha": 8}, "alpha-above-rank", "warning", " 2 times"),
        (
            {"optimizer_type": "AdaFactor", "optimizer_args": ["warmup_init=True"], "max_train_epochs": 200},
            *("adafactor-slow", "warning", "in 2000 steps: its rate"),
        ),
        ({"optimizer_type": "AdaFactor", "max_train_epochs": 30}, "adafactor-slow", "warning", "about 1400 steps"),
        ({"network_args": ["conv_dim=4", "conv_alpha=6"]}, "alpha-above-rank", "warning", "conv_alpha 6"),
        ({"network_alpha": None}, "alpha-default", "note", "1/4"),
        ({"network_dim": 256}, "rank-high", "warning", "256"),
        ({"unet_lr": None}, "learning-rate-default", "warning", "2e-06"),
        ({"text_encoder_lr": None, "learning_rate": 1e-4}, "text-encoder-rate", "note", "0.0001"),
        ({"unet_lr": 1.0}, "learning-rate-high", "warning", "unet_lr 1"),
        ({"optimizer_type": "Prodigy", "text_encoder_lr": 1e-4}, "rate-too-low", "warning", "Prodigy"),
        ({"caption_extension": None}, "caption-extension", "warning", ".txt"),
        ({"max_train_epochs": 90}, "few-steps", "note", "900 steps"),
        ({"max_train_epochs": 70}, "few-steps", "note", "under 800"),
        ({"max_train_epochs": 150, "network_module": "lycoris.kohya"}, "few-steps", "note", "1500 steps is little: under 1600"),
        ({"max_train_epochs": None}, "steps-default", "note", "1600"),
        ({"train_batch_size": 5}, "small-buckets", "warning", "192×64 (4)"),
        ({"shuffle_caption": True}, "activation-tag-shuffled", "warning", "“penny”"),
        ({"face_crop_aug_range": "2,4"}, "face-crop-idle", "warning", "enable_bucket"),
        ({"resolution": 256, "max_bucket_reso": 512}, "enlarged", "warning", "0.png"),
        ({"cache_latents": True, "random_crop": True}, "cache-turned-off", "note", "random_crop"),
        ({"no_half_vae": True}, "setting-ignored", "note", "no_half_vae"),
    ],
)
def test_warnings_and_notes(plan: Make, changes: dict, code: str, severity: str, word: str) -> None:
    made = plan(**changes)
    told = problem(made, code, severity)
    assert word in told
    assert not made.errors
    assert told.split(" ")[0] in made.text()


def test_good_settings_are_not_warned_of(plan: Make) -> None:
    """Twins of the cases above."""
    for changes in (
        {"network_alpha": 0},
        {"train_batch_size": 4},
        {"shuffle_caption": True, "keep_tokens": 1},
        {"optimizer_type": "Prodigy", "unet_lr": None, "text_encoder_lr": None, "learning_rate": 1},
        {"network_train_unet_only": True, "text_encoder_lr": None},
    ):
        assert plan(**changes).problems == (), changes


def test_a_part_that_is_not_trained_has_rate_0(plan: Make) -> None:
    assert plan(network_train_unet_only=True).learning_rates["text_encoder_lr"] == 0
    assert plan(network_train_text_encoder_only=True).learning_rates["unet_lr"] == 0
    assert "UNet not trained" in plan(network_train_text_encoder_only=True).text()
    assert plan(network_train_unet_only=True).file_size_bytes < plan().file_size_bytes


def test_captions_without_the_activation_tag_in_front_are_listed(plan: Make, folder: Path) -> None:
    (folder / "3.txt").write_text("red hat, penny", encoding="utf-8")
    told = problem(plan(), "activation-tag", "warning")
    assert "“penny”" in told and "3.txt" in told and "2.txt" not in told


def test_captions_that_begin_with_a_class_word_lack_an_activation_tag(plan: Make, folder: Path) -> None:
    for path in folder.glob("*.txt"):
        path.write_text(f"1girl, {path.stem}", encoding="utf-8")
    told = problem(plan(shuffle_caption=True), "no-activation", "warning")
    assert "“1girl”" in told and folder.name in told
    assert not [one for one in plan(shuffle_caption=True).problems if one.code.startswith("activation-tag")]
    assert "no-activation" not in [one.code for one in plan(caption_prefix="penny, ").problems]


def test_tags_that_contradict_are_told(plan: Make, folder: Path) -> None:
    assert "tag-contradiction" not in [one.code for one in plan().problems]
    (folder / "3.txt").write_text("penny, red hat, blonde hair, brown hair", encoding="utf-8")
    (folder / "4.txt").write_text("penny, red hat, smile, closed mouth", encoding="utf-8")  # seldom, but it may be so
    told = problem(plan(), "tag-contradiction", "warning")
    assert "1 caption" in told and "3.txt has blonde hair and brown hair" in told


def test_captions_too_long_are_named_with_what_is_cut(plan: Make, folder: Path) -> None:
    """A tag of one token and a comma make two; so 75 tokens end within the 38th tag's comma."""
    tags = ["penny", *["cat"] * 38, "dog"]
    (folder / "4.txt").write_text(", ".join(tags), encoding="utf-8")
    made = plan()
    assert made.tokens
    (long,) = made.tokens.too_long
    assert (long.path.name, long.tokens, long.cut) == ("4.txt", 79, ("cat", "dog"))
    told = problem(made, "caption-too-long", "warning")
    assert "4.txt" in told and "cat, dog" in told and "max_token_length to 150" in told
    assert "caption-too-long" not in [one.code for one in plan(max_token_length=150).problems]
    (folder / "4.txt").write_text(", ".join(f"tag {number}" for number in range(90)), encoding="utf-8")
    told = problem(plan(), "caption-too-long", "warning")
    assert "tag 21, tag 22" in told and " 61 more. Set max_token_length to 225, the most that is read" in told


def test_tags_are_counted_by_picture(plan: Make, folder: Path) -> None:
    (folder / "3.txt").write_text("penny, Red Hat, red hat, blue", encoding="utf-8")
    tags = plan().tags
    assert (tags["penny"], tags["red hat"], tags["blue"]) == (5, 5, 1)
    assert list(tags)[:2] == ["penny", "red hat"]


def test_brackets_in_captions(plan: Make, folder: Path) -> None:
    (folder / "3.txt").write_text("penny, (red hat:1.2), saber (fate), :), ^_^", encoding="utf-8")
    assert "1 caption: 3.txt. 3.txt has “(red hat:1.2)”" in problem(plan(), "weights-as-text", "warning")
    weighed = plan(weighted_captions=True, shuffle_caption=True, keep_tokens=1)
    assert r"“saber (fate)”, which would be “saber \(fate\)”" in problem(weighed, "name-weighed", "warning")
    assert not {"weights-torn", "weights-as-text"} & {one.code for one in weighed.problems} and "red hat" in weighed.tags
    (folder / "3.txt").write_text(r"penny, (red hat, smile:1.2), saber \(fate\)", encoding="utf-8")
    told = plan(weighted_captions=True, shuffle_caption=True, keep_tokens=1)
    assert "“(red hat”" in problem(told, "weights-torn", "warning")
    assert not {"name-weighed", "caption-escapes"} & {one.code for one in told.problems}
    assert plan(weighted_captions=True).problems == ()


def test_mirroring_one_sided_subjects_is_warned_of(plan: Make, folder: Path) -> None:
    (folder / "3.txt").write_text("penny, eyepatch", encoding="utf-8")
    assert "eyepatch" in problem(plan(flip_aug=True), "flip-one-sided", "warning")
    assert plan().problems == ()


def test_empty_and_foreign_captions_are_told(plan: Make, folder: Path) -> None:
    (folder / "3.txt").write_bytes(b"")
    (folder / "4.txt").write_bytes("penny, 红色帽子".encode("gbk"))
    made = plan()
    assert "3.txt" in problem(made, "caption-empty", "warning") and "GBK" in problem(made, "caption-encoding", "warning")
    assert not made.errors


def test_errors_come_first_and_each_problem_once(plan: Make) -> None:
    made = plan(resolution=None, network_alpha=8, max_train_epochs=70)
    severities = [one.severity for one in made.problems]
    assert severities == sorted(severities, key=["error", "warning", "note"].index) and len(set(made.problems)) == len(
        severities
    )
