from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.trainer_core.presets import list_presets, load_preset
from lora_workbench.trainer_core.problems import WordsError
from lora_workbench.trainer_core.settings import Settings

# The training guide's simple settings.
COMMON = {
    "resolution": (512, 512),
    "enable_bucket": True,
    "min_bucket_reso": 320,
    "max_bucket_reso": 768,
    "network_dim": 64,
    "max_token_length": 225,
    "min_snr_gamma": 5.0,
    "lr_scheduler": "constant",
    "unet_lr": 1.0,
    "text_encoder_lr": (1.0,),
    "max_train_steps": 1000,
    "save_every_n_epochs": 1,
    "caption_extension": ".txt",
    "shuffle_caption": True,
    "keep_tokens": 1,
}
PRODIGY = {"decouple": True, "weight_decay": 0.01, "d_coef": 2, "use_bias_correction": True, "safeguard_warmup": True}
DADAPT = {"decouple": True, "weight_decay": 0.01, "betas": (0.9, 0.999)}


@pytest.mark.parametrize(
    ("name", "optimizer", "alpha", "options"),
    [("new_project", "Prodigy", 64.0, PRODIGY), ("simple", "DAdaptAdam", 1.0, DADAPT)],
)
def test_presets_are_the_guides(name: str, optimizer: str, alpha: float, options: dict[str, object]) -> None:
    settings = Settings.from_dict(load_preset(name).settings)
    assert {key: getattr(settings, key) for key in COMMON} == COMMON
    assert (settings.optimizer_type, settings.network_alpha) == (optimizer, alpha)
    assert settings.optimizer_options() == options
    assert settings.notices == ()


def test_furry_presets_go_with_their_bases() -> None:
    anime, e621 = (Settings.from_dict(load_preset(name).settings) for name in ("furry_anime", "furry_e621"))
    assert (anime.clip_skip, anime.resolution, anime.max_train_steps) == (2, (512, 512), 1200)
    assert (e621.clip_skip, e621.resolution) == (1, (576, 576)) and "e621 tagger" in load_preset("furry_e621").description
    assert anime.optimizer_options() == e621.optimizer_options() == PRODIGY


def test_all_presets_are_valid() -> None:
    presets = list_presets()
    assert [preset.name for preset in presets] == ["new_project", "simple", "sdxl_8gb", "furry_anime", "furry_e621"]
    for preset in presets:
        Settings.from_dict(preset.settings)


def test_presets_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"title": "Mine", "settings": {"network_dim": 8}}', encoding="utf-8")
    assert load_preset(str(path)).settings == {"network_dim": 8}


@pytest.mark.parametrize("text", ["", "[]", '{"title": "x"}', '{"title": "x", "settings": 3}'])
def test_files_that_are_no_presets(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(WordsError, match="mine.json"):
        load_preset(str(path))
    with pytest.raises(WordsError, match="can't be read"):
        load_preset(str(tmp_path / "none.json"))
