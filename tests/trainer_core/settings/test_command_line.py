from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.trainer_core.settings import Settings, SettingsError, read_settings
from lora_workbench.trainer_core.settings.toml_files import read_toml, write_config


def messages(words: list[str]) -> str:
    with pytest.raises(SettingsError) as error:
        read_settings(words)
    return str(error.value)


def test_flags() -> None:
    settings = read_settings(
        [
            "--network-dim=16",
            "--unet-lr",
            "1e-4",
            "--shuffle_caption",
            "--optimizer_args",
            "decouple=True",
            "betas=0.9,0.99",
            "--text_encoder_lr",
            "5e-5",
            "--adaptive_noise_scale",
            "-1e-2",
            "--noise_offset",
            ".05",
            "--cache_latents=false",
            "--training_comment",
            "-- a comment",
        ]
    )
    assert (settings.network_dim, settings.unet_lr, settings.text_encoder_lr) == (16, 1e-4, (5e-5,))
    assert settings.optimizer_options() == {"decouple": True, "betas": (0.9, 0.99)}
    assert (settings.adaptive_noise_scale, settings.noise_offset, settings.cache_latents) == (-0.01, 0.05, False)
    assert settings.training_comment == "-- a comment"
    assert "network_dim" in settings.given and "seed" not in settings.given


def test_flags_are_not_abbreviated() -> None:
    assert "did you mean shuffle_caption?" in messages(["--shuffle_captio"])
    assert "is not a setting" in messages(["--net", "4"])


def test_all_problems_at_once() -> None:
    text = messages(
        ["--nework_dim", "3", "--seed", "--optimizer_args", "--lr_scheduler=cosin", "--deepspeed", "--keep_tokens", "x"]
    )
    for part in (
        "6 problems",
        "--nework_dim is not a setting; did you mean network_dim?",
        "--seed needs a value: whole number.",
        "did you mean cosine?",
        "deepspeed is refused: ",
        "keep_tokens must be a whole number, not 'x'.",
    ):
        assert part in text


def test_stray_words() -> None:
    assert "'b' belongs to no flag" in messages(["--output_name", "a", "b"])
    assert messages(["--nework_dim", "3"]).count("\n") == 0


def test_config_file_may_be_json(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_bytes('\ufeff{"network-dim": 32, "unet_lr": 1e-4, "any": {"resolution": [512, 768]}, "seed": null}'.encode())
    settings = read_settings(["--config_file", str(path), "--unet_lr", "2e-4"])
    assert (settings.network_dim, settings.unet_lr, settings.resolution, settings.seed) == (32, 2e-4, (512, 768), None)
    whole = Settings.of(network_dim=3, optimizer_args=["decouple=True"], train_data_dir="a b")
    write_config(path, whole.as_dict())
    assert read_settings(["--config_file", str(path)]).as_dict() == {**whole.as_dict(), "config_file": str(path)}


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "does not exist"), (b"{", "is not valid JSON"), (b"[1]", "is not a JSON object"), (b"\xff", "is not UTF-8")],
)
def test_wrong_json_files(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "run.json").write_bytes(content)
    assert words in messages(["--config_file", str(tmp_path / "run.json")])


def test_config_file_lies_under_flags(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(
        '\ufeff[anything]\nnetwork-dim = 32\nunet_lr = "1e-4"\nv2 = false\n[anything.inner]\nresolution = [512, 768]\n'
        "optimizer_args = ['decouple=True']\nreg_data_dir = ''\n".encode()
    )
    settings = read_settings(["--config_file", str(tmp_path / "run"), "--network_dim", "8"])
    assert (settings.network_dim, settings.unet_lr, settings.resolution) == (8, 1e-4, (512, 768))
    assert settings.reg_data_dir is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"nework_dim = 3", "nework_dim in run.toml is not a setting; did you mean network_dim?"),
        (b"network_dim = 'x'", "network_dim in run.toml must be a whole number, not 'x'."),
        (b"network_dim = ", "is not valid TOML"),
        (b'train_data_dir = "C:\\Users\\me"', "write paths of Windows in single quotes"),
        (
            b'train_data_dir = "C:\\new\\train"',
            "has a tab or a line's end in it: in TOML write paths of Windows in single quotes",
        ),
        (b"a = '\xb0\xa1'", "is not UTF-8 text"),
        (None, "does not exist"),
    ],
)
def test_wrong_config_files(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "run.toml"
    if content is not None:
        path.write_bytes(content)
    text = messages(["--config_file", str(path), "--seed", "x"])
    assert words in text and "seed must be a whole number" in text


def test_written_config_reads_the_same(tmp_path: Path) -> None:
    words = ["--preset=new_project", "--output_name", 'Müller "x"\n\\', "--lr_warmup_steps=0.1", "--learning_rate=1e-7"]
    settings = read_settings(words)
    path = tmp_path / "new.toml"
    write_config(path, settings.as_dict())
    assert "v2" in read_toml(path, "config_file")
    assert read_settings(["--config_file", str(path)]).as_dict() == {**settings.as_dict(), "config_file": str(path)}


def test_output_config_does_not_read_its_target(tmp_path: Path) -> None:
    settings = read_settings(["--output_config", "--config_file", str(tmp_path / "new.toml")])
    assert settings.output_config is True


def test_preset_lies_under_everything() -> None:
    settings = read_settings(["--preset", "new-project", "--network_dim", "32", "--shuffle_caption=false"])
    assert (settings.optimizer_type, settings.network_dim, settings.shuffle_caption) == ("Prodigy", 32, False)
    assert (settings.keep_tokens, settings.caption_extension) == (1, ".txt")
    assert settings.notices == ()


@pytest.mark.parametrize("words", [["--optimizer_type=AdamW"], ["--use_8bit_adam"]])
def test_a_presets_rates_do_not_go_to_another_optimizer(words: list[str]) -> None:
    settings = read_settings(["--preset", "new_project", *words])
    assert (settings.learning_rates()["unet_lr"], settings.optimizer_args) == (2e-6, None)
    assert settings.notices[0].code == "preset-without-optimizer"
    same = read_settings(["--preset", "new_project", "--optimizer_type", "prodigy"])
    assert (same.unet_lr, same.notices) == (1.0, ())


def test_unknown_preset() -> None:
    known = "furry_anime, furry_e621, new_project, sdxl_8gb, simple"
    assert f"there is no preset ../x; there are {known}." in messages(["--preset", "../x"])


def test_help_names_every_group(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        read_settings(["--help"], "train")
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "Optimizer and learning rate" in text and "--network_dim" in text and "Refused: " in text


def test_the_file_that_kohya_ss_writes_for_a_run_is_read(tmp_path: Path) -> None:
    """Its window adds names of its own, which sd-scripts passes over without a word; here each is told."""
    path = tmp_path / "config_lora-20260301-101010.toml"
    path.write_text(
        'epoch = 4\nnoise_offset_type = "Original"\nadaptive_noise_scale = 0\nmax_train_steps = 40\n'
        'dynamo_backend = "no"\nlr_scheduler_args = []\ntext_encoder_lr = [ 0.0001, 0.0001,]\n',
        encoding="utf-8",
    )
    settings = read_settings(["--config_file", str(path)])
    assert (settings.max_train_steps, settings.text_encoder_lr) == (40, (1e-4, 1e-4))
    told = [notice.message for notice in settings.notices if notice.code == "window-setting"]
    assert [sentence.split()[0] for sentence in told] == ["epoch", "noise_offset_type"] and path.name in told[0]
    path.write_text("epochs = 4\n", encoding="utf-8")
    assert "epochs in config_lora" in messages(["--config_file", str(path)])


def test_kohya_ss_own_json_is_sent_to_import(tmp_path: Path) -> None:
    path = tmp_path / "penny_20260301-101010.json"
    path.write_text('{"LoRA_type": "Standard", "max_resolution": "512,512", "xformers": "xformers"}', encoding="utf-8")
    sentence = messages(["--config_file", str(path)])
    assert "trainer_core import" in sentence and path.name in sentence and "\n" not in sentence
