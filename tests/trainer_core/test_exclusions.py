"""What doesn't go together is refused before the model is loaded, each in a sentence that names the settings and the mend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lora_workbench.trainer_core.plan import make_plan
from lora_workbench.trainer_core.problems import UserError, WordsError
from lora_workbench.trainer_core.settings import Settings
from lora_workbench.trainer_core.train import train

Words = Callable[..., dict[str, Any]]


@pytest.fixture
def words(random_base: Path, tmp_path: Path) -> Words:
    """The settings of a sound run; keyword arguments replace or add."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(2):
        Image.linear_gradient("L").resize((64, 64)).rotate(90 * number).convert("RGB").save(pictures / f"{number}.png")
        (pictures / f"{number}.txt").write_text(f"penny, {number}", encoding="utf-8")

    def make(**changes: Any) -> dict[str, Any]:
        return {
            "pretrained_model_name_or_path": random_base, "train_data_dir": pictures, "output_dir": tmp_path / "out",
            "resolution": 64, "caption_extension": ".txt", "network_dim": 2, "learning_rate": 1e-3, "max_train_steps": 1,
            "seed": 1, "cache_latents": True, "job_dir": tmp_path / "job", **changes,
        }  # fmt: skip

    return make


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever loads a model fails."""
    import lora_workbench.trainer_core.models.checkpoint as checkpoint

    def load(*_: Any, **__: Any) -> None:
        raise AssertionError("a model is loaded")

    monkeypatch.setattr(checkpoint, "load_model", load)


LORA_PLUS = ["loraplus_lr_ratio=16"]
BLOCKS = "block_weights=1,1,1,1,1,1,1,1,1,1,1,1,1,1,0.5,0.5,0"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an argument that DAdaptAdam doesn't have": (
        {"optimizer_type": "DAdaptAdam", "learning_rate": 1, "optimizer_args": ["decoupled=True"]},
        "optimizer_args: DAdaptAdam has no argument decoupled. Did you mean decouple?",
    ),
    "an argument of the wrong kind": (
        {"optimizer_type": "DAdaptAdam", "learning_rate": 1, "optimizer_args": ["betas=0.9"]},
        "optimizer_args: betas must be two numbers such as 0.9,0.999, not 0.9.",
    ),
    "DAdaptAdan's three betas": (
        {"optimizer_type": "DAdaptAdan", "learning_rate": 1, "optimizer_args": ["betas=0.9,0.99"]},
        "optimizer_args: betas must be three numbers such as 0.98,0.92,0.99, not (0.9, 0.99).",
    ),
    "AdaFactor's warm-up without its steps": (
        {"optimizer_type": "AdaFactor", "optimizer_args": ["relative_step=False", "warmup_init=True"]},
        "optimizer_args: warmup_init=True needs relative_step=True. Take one of them out.",
    ),
    "AdaFactor's schedule with another optimizer": (
        {"lr_scheduler": "adafactor"},
        "lr_scheduler adafactor belongs to AdaFactor, and optimizer_type is AdamW; "
        "choose another schedule, for instance constant.",
    ),
    "AdaFactor's schedule without its steps": (
        {"optimizer_type": "AdaFactor", "optimizer_args": ["relative_step=False"], "lr_scheduler": "adafactor"},
        "lr_scheduler adafactor belongs to AdaFactor with relative_step. Choose another schedule, for instance constant.",
    ),
    "LoRA+ with Prodigy": (
        {"optimizer_type": "Prodigy", "learning_rate": 1, "network_args": LORA_PLUS},
        "LoRA+ (loraplus_lr_ratio) doesn't go with Prodigy, which finds one rate for ups and downs. "
        "Take it out of network_args, or use AdamW.",
    ),
    "LoRA+ with AdaFactor": (
        {"optimizer_type": "AdaFactor", "network_args": LORA_PLUS},
        "LoRA+ (loraplus_lr_ratio) has no effect on AdaFactor with relative_step, which sets its own rate. "
        "Take it out of network_args, or add relative_step=False.",
    ),
    "block weights with AdaFactor": (
        {"optimizer_type": "AdaFactor", "network_args": [BLOCKS]},
        "AdaFactor with relative_step sets one rate for all blocks, so that weights between 0 and 1 do nothing. "
        "Use 0 and 1 only, or add relative_step=False to optimizer_args.",
    ),
    "weight norms with two versions of the weights": (
        {"optimizer_type": "AdamWScheduleFree", "scale_weight_norms": 1.0},
        "scale_weight_norms doesn't go with AdamWScheduleFree, which keeps two versions of the weights. "
        "Take it out, or choose another optimizer.",
    ),
    "an average of an average": (
        {"optimizer_type": "ProdigyPlusScheduleFree", "learning_rate": 1, "ema_decay": 0.99},
        "ema_decay doesn't go with ProdigyPlusScheduleFree, which averages the weights by itself. Take ema_decay out.",
    ),
    "nothing is trained": (
        {"unet_lr": 0, "text_encoder_lr": 0},
        "Nothing would be trained: the learning rates of all parts are 0. Set unet_lr or text_encoder_lr.",
    ),
    "an argument that the schedule doesn't have": (
        {"lr_scheduler": "polynomial", "lr_scheduler_args": ["powr=2"]},
        "lr_scheduler_args: polynomial has no argument powr. Did you mean power?",
    ),
    "a schedule of steps without steps": (
        {"lr_scheduler": "piecewise_constant"},
        "lr_scheduler piecewise_constant needs step_rules in lr_scheduler_args. "
        'For instance "step_rules=1:500,0.1": all of the rate for 500 steps.',
    ),
    "a class's own arguments": (
        {"optimizer_type": "torch.optim.RAdam", "optimizer_args": ["momentum=0.9"]},
        "torch.optim.RAdam doesn't take its optimizer_args: RAdam.__init__() got an unexpected keyword argument 'momentum'.",
    ),
    "a schedule's class": (
        {"lr_scheduler_type": "CosineAnnealingLR"},
        "lr_scheduler CosineAnnealingLR can't be made: CosineAnnealingLR.__init__() missing 1 required positional argument: "
        "'T_max'; check lr_scheduler_args and the warm-up steps.",
    ),
    "velocity's share of a velocity loss": (
        {"v_parameterization": True, "v_pred_like_loss": 0.1},
        "v_pred_like_loss weights a noise loss, and v_parameterization says that the model predicts velocity; take one out.",
    ),
    "a velocity loss of a noise model": (
        {"scale_v_pred_loss_like_noise_pred": True},
        "scale_v_pred_loss_like_noise_pred weights a velocity loss, and random_base.safetensors is taken to predict noise. "
        "Take it out, or give v_parameterization if the model predicts velocity.",
    ),
    "masks that aren't given": (
        {"masked_loss": True},
        "masked_loss needs conditioning_data_dir, the folder with the masks.",
    ),
    "masks under moving crops": (
        {"alpha_mask": True, "random_crop": True},
        "Masks don't go with random_crop, which cuts out another part at each step. Take random_crop out, or the masks.",
    ),
    "a prior of no weight": (
        {"prior_preservation": "girl", "prior_loss_weight": 0},
        "prior_preservation has no effect with prior_loss_weight 0. "
        "Set prior_loss_weight to 1, or take prior_preservation out.",
    ),
    "timesteps of no length": (
        {"min_timestep": 600, "max_timestep": 500},
        "min_timestep 600 must be below max_timestep 500.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(words: Words, no_model: None, name: str) -> None:
    changes, sentence = REFUSED[name]
    with pytest.raises((UserError, WordsError)) as refusal:
        train(Settings.of(**words(**changes)))
    assert sentence in str(refusal.value)


def test_training_pictures_as_regularization(words: Words, no_model: None, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refusal:
        train(Settings.of(**words(reg_data_dir=tmp_path / "pictures")))
    assert f"{tmp_path / 'pictures'} is given for training and for regularization at once." in str(refusal.value)


def test_a_mask_of_another_shape(words: Words, no_model: None, tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    for number in range(2):
        Image.new("L", (64, 32), 255).save(tmp_path / "masks" / f"{number}.png")
    with pytest.raises(UserError) as refusal:
        train(Settings.of(**words(masked_loss=True, conditioning_data_dir=tmp_path / "masks")))
    assert f"The mask {tmp_path / 'masks' / '0.png'} is 64×32 and its picture 64×64: another shape." in str(refusal.value)


def test_nothing_is_refused_without_reason(words: Words, no_model: None) -> None:
    """The fixture can fail: a sound run comes as far as the model."""
    with pytest.raises(UserError, match="a model is loaded"):
        train(Settings.of(**words()))


def problems(words: dict[str, Any]) -> dict[str, str]:
    return {one.code: f"{one.severity}: {one.message} {one.fix}".strip() for one in make_plan(Settings.of(**words)).problems}


TOLD: dict[str, tuple[dict[str, Any], str, str]] = {
    "DAdaptAdam wants a rate near 1": (
        {"optimizer_type": "DAdaptAdam", "learning_rate": 0.05},
        "rate-too-low",
        "warning: DAdaptAdam finds its own rate and multiplies it by 0.05: hardly anything will be learnt. "
        "Set learning_rate, unet_lr and text_encoder_lr to 1.",
    ),
    "two rates of an optimizer that finds one": (
        {"optimizer_type": "Prodigy", "unet_lr": 1, "text_encoder_lr": 0.5},
        "rates-differ",
        "note: Prodigy finds one rate for everything; since unet_lr 1, text_encoder_lr 0.5 differ, each part gets a Prodigy "
        "of its own. What each finds is multiplied by its rate.",
    ),
    "block weights with Prodigy": (
        {"optimizer_type": "Prodigy", "learning_rate": 1, "network_args": [BLOCKS]},
        "block-rates",
        "note: Prodigy finds one rate for everything; so the blocks of each weight get a Prodigy of their own. "
        "What each finds is multiplied by the weight.",
    ),
    "AdaFactor's own rate": (
        {"optimizer_type": "AdaFactor", "optimizer_args": ["scale_parameter=True", "relative_step=True", "warmup_init=True"]},
        "rates-unused",
        "note: AdaFactor with relative_step sets its own rate: learning rates and lr_scheduler don't count. "
        "Add relative_step=False to optimizer_args to use yours.",
    ),
    "8-bit SGD without Nesterov": (
        {"optimizer_type": "SGDNesterov8bit"},
        "nesterov-ignored",
        "warning: bitsandbytes' 8-bit SGD has momentum but no Nesterov step. Use SGDNesterov for the real one.",
    ),
    "min-SNR with D-Adaptation": (
        {"optimizer_type": "DAdaptAdam", "learning_rate": 1, "min_snr_gamma": 5},
        "min-snr-adaptive",
        "note: min_snr_gamma may clash with DAdaptAdam, which finds its rate from the loss that it changes. "
        "Train without it if little is learnt.",
    ),
    "a schedule where none is needed": (
        {"optimizer_type": "AdamWScheduleFree", "lr_scheduler": "cosine", "lr_warmup_steps": 10},
        "schedule-unused",
        "note: AdamWScheduleFree needs no schedule, and takes nothing from lr_scheduler, lr_warmup_steps. "
        "Give the warm-up as warmup_steps in optimizer_args.",
    ),
    "a warm-up where there is none": (
        {"lr_scheduler_type": "StepLR", "lr_scheduler_args": ["step_size=5"], "lr_warmup_steps": 10},
        "warmup-unused",
        "warning: lr_scheduler StepLR has no warm-up: lr_warmup_steps does nothing. Take it out.",
    ),
    "shortened gradients": (
        {"optimizer_type": "ProdigyPlusScheduleFree", "learning_rate": 1, "max_grad_norm": 1},
        "clipping-unwanted",
        "warning: Shortened gradients mislead ProdigyPlusScheduleFree, which keeps them in bounds by itself. "
        "Set max_grad_norm to 0.",
    ),
    "validation that nothing asks for": (
        {"validate_every_n_steps": 10},
        "validation-unused",
        "warning: validate_every_n_steps has no effect without validation_split. Set validation_split to 0.1, or take it out.",
    ),
    "masks that nothing asks for": (
        {"conditioning_data_dir": "masks"},
        "mask-unused",
        "warning: conditioning_data_dir has no effect without masked_loss. Give masked_loss too.",
    ),
    "a rate that is found anew": (
        {"optimizer_type": "Prodigy", "learning_rate": 1, "network_weights": "old.safetensors"},
        "rate-anew",
        "note: Prodigy needs 50 to 200 steps to find its rate anew for a LoRA from network_weights. "
        "Train so many steps more, or go on from a saved state with resume.",
    ),
    "too much offset": (
        {"noise_offset": 0.3},
        "noise-offset-high",
        "warning: noise_offset 0.3 is high: colours will be too strong. 0.06 to 0.1 is usual.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_told(words: Words, name: str) -> None:
    changes, code, sentence = TOLD[name]
    assert problems(words(**changes))[code] == sentence


@pytest.mark.parametrize(("name", "kept"), [("color_aug", False), ("random_crop", False), ("flip_aug", True)])
def test_what_changes_pictures_is_not_cached(words: Words, name: str, kept: bool) -> None:
    settings = Settings.of(**words(**{name: True}))
    assert settings.cache_latents is kept
    told = [one.message for one in settings.notices]
    assert told == ([] if kept else [f"cache_latents is turned off: {name} changes the pictures at each step."])
