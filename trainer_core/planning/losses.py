"""Settings of noise and loss that don't go with each other, with the pictures or with what the base model predicts."""

from __future__ import annotations

from ..dataset.items import TrainingSet
from ..dataset.scan_report import count_of
from ..models.header import ModelHeader
from ..models.prediction import prediction_of
from ..problems import Problem
from ..settings import Settings


def loss_problems(settings: Settings, training_set: TrainingSet, header: ModelHeader | None) -> list[Problem]:
    return [
        *(_prediction_problems(settings, header) if header else []),
        *_mask_problems(settings, training_set),
        *_prior_problems(settings, training_set),
        *_validation_problems(settings, training_set),
        *_noise_problems(settings),
    ]


def _prediction_problems(settings: Settings, header: ModelHeader) -> list[Problem]:
    facts = prediction_of(header, settings.v_parameterization, settings.zero_terminal_snr)
    velocity, title = facts.prediction == "v_prediction", header.path.name
    found = []
    if settings.v_pred_like_loss and velocity:
        message = f"v_pred_like_loss weights a noise loss as a velocity's, and {title} predicts velocity already."
        found.append(Problem("error", "loss-prediction", message, "Take v_pred_like_loss out."))
    if settings.scale_v_pred_loss_like_noise_pred and not velocity:
        message = f"scale_v_pred_loss_like_noise_pred weights a velocity loss, and {title} is taken to predict noise."
        fix = "Take it out, or give v_parameterization if the model predicts velocity."
        found.append(Problem("error", "loss-prediction", message, fix))
    if settings.noise_offset and facts.zero_terminal:
        message = "noise_offset is not needed with zero-terminal SNR, which teaches dark and bright pictures by itself."
        found.append(Problem("warning", "offset-zero-terminal", message, "Take noise_offset out."))
    return found


def _mask_problems(settings: Settings, training_set: TrainingSet) -> list[Problem]:
    masked = [item for item in training_set.items if item.mask or item.subset.options.alpha_mask]
    found = []
    moving = [item for item in masked if item.subset.options.random_crop or item.subset.options.face_crop_aug_range]
    if moving:
        which = "random_crop" if moving[0].subset.options.random_crop else "face_crop_aug_range"
        message = f"Masks don't go with {which}, which cuts out another part at each step."
        found.append(Problem("error", "mask-crop", message, f"Take {which} out, or the masks."))
    folders = [subset for subset in training_set.subsets if subset.options.conditioning_data_dir]
    if settings.masked_loss and not masked and training_set.items and not folders:
        message = "masked_loss is given, and no picture has a mask."
        fix = "Give conditioning_data_dir, the folder with the masks, or alpha_mask."
        found.append(Problem("error", "mask-missing", message, fix))
    if settings.conditioning_data_dir and not settings.masked_loss:
        message = "conditioning_data_dir has no effect without masked_loss."
        found.append(Problem("warning", "mask-unused", message, "Give masked_loss too."))
    return found


def _prior_problems(settings: Settings, training_set: TrainingSet) -> list[Problem]:
    if not settings.prior_preservation:
        return []
    found = []
    reg = [item for item in training_set.items if item.subset.is_reg]
    if reg:
        message = f"prior_preservation does what the {count_of(reg, 'regularization picture')} do as well; both are used."
        found.append(Problem("note", "prior-twice", message, "One of them is enough."))
    if not settings.prior_loss_weight:
        message = "prior_preservation has no effect with prior_loss_weight 0."
        found.append(Problem("error", "prior-weight", message, "Set prior_loss_weight to 1, or take prior_preservation out."))
    return found


def _validation_problems(settings: Settings, training_set: TrainingSet) -> list[Problem]:
    names = ("validation_seed", "validate_every_n_steps", "validate_every_n_epochs", "max_validation_steps")
    asked = [name for name in names if getattr(settings, name) is not None]
    if training_set.validation or not asked or any(dataset.validation_split for dataset in training_set.datasets):
        return []
    message = f"{', '.join(asked)} {'have' if len(asked) > 1 else 'has'} no effect without validation_split."
    return [Problem("warning", "validation-unused", message, "Set validation_split to 0.1, or take it out.")]


def _noise_problems(settings: Settings) -> list[Problem]:
    if settings.noise_offset and settings.noise_offset > 0.2:
        message = f"noise_offset {settings.noise_offset:g} is high: colours will be too strong."
        return [Problem("warning", "noise-offset-high", message, "0.06 to 0.1 is usual.")]
    return []
