"""Whether a base model predicts noise or velocity: from its file where that says it, else from the settings. Without torch.

No tensor's shape shows it. Files say it by marks (empty tensors named `v_pred` and `ztsnr`, as NoobAI's have them), by
metadata (modelspec), and diffusers' folders in the scheduler's configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..problems import Problem
from .families import FAMILIES, Family
from .header import ModelHeader

Prediction = Literal["epsilon", "v_prediction"]


_KEYS = ("prediction_type", "modelspec.prediction_type", "modelspec.predict_key")


@dataclass(frozen=True)
class PredictionFacts:
    """What a model predicts, "epsilon" (noise) or "v_prediction" (velocity), and whether its last timestep is pure noise.

    `prediction_from`, `zero_terminal_from`: what that is known from, "" where it is only assumed.
    """

    prediction: Prediction = "epsilon"
    zero_terminal: bool = False
    prediction_from: str = ""
    zero_terminal_from: str = ""


def file_prediction(header: ModelHeader) -> PredictionFacts:
    """What the file itself says."""
    names, metadata = header.tensors, header.metadata
    prediction: Prediction = "epsilon"
    source = zero_source = ""
    if "v_pred" in names:
        prediction, source = "v_prediction", "the file's mark v_pred"
    elif metadata.get("modelspec.architecture", "").startswith("stable-diffusion-v2-768-v"):
        prediction, source = "v_prediction", "the file's metadata"
    else:
        said = next((metadata[key] for key in _KEYS if metadata.get(key)), "").lower()
        if said in ("v", "v_prediction", "vpred", "velocity"):
            prediction, source = "v_prediction", "the file's metadata"
        elif said in ("epsilon", "eps"):
            source = "the file's metadata"
    if "ztsnr" in names:
        zero_source = "the file's mark ztsnr"
    elif metadata.get("zero_terminal_snr") == "True":
        zero_source = "the file's metadata"
    return PredictionFacts(prediction, bool(zero_source), source, zero_source)


def prediction_of(header: ModelHeader, v_parameterization: bool, zero_terminal_snr: bool) -> PredictionFacts:
    """What the model is taken to predict: the file's word, and beyond that the settings'."""
    said = file_prediction(header)
    prediction, source = said.prediction, said.prediction_from
    if v_parameterization and prediction != "v_prediction":
        prediction, source = "v_prediction", "v_parameterization"
    zero, zero_source = said.zero_terminal, said.zero_terminal_from
    if zero_terminal_snr and not zero:
        zero, zero_source = True, "zero_terminal_snr"
    return PredictionFacts(prediction, zero, source, zero_source)


def prediction_problems(
    header: ModelHeader, family: Family, v2: bool, v_parameterization: bool, zero_terminal_snr: bool
) -> list[Problem]:
    """What the plan says of it: what was assumed, and where settings and file don't agree."""
    facts, said, title = prediction_of(header, v_parameterization, zero_terminal_snr), file_prediction(header), header.path.name
    if v2 and family != "sd2":
        message = f"v2 is given, but {title} is a {FAMILIES[family].title} model."
        return [Problem("error", "not-v2", message, "Take v2 out, or give a Stable Diffusion 2.x model.")]
    found = []
    if v_parameterization and said.prediction_from and said.prediction == "epsilon":
        message = f"v_parameterization is given, but {said.prediction_from} says that {title} predicts noise."
        found.append(Problem("warning", "prediction-differs", message, "Take v_parameterization out, unless you know better."))
    elif facts.prediction == "v_prediction":
        message = f"{title} is trained as a model that predicts velocity (known from {facts.prediction_from})."
        found.append(Problem("note", "prediction", message))
    elif not facts.prediction_from and (family == "sd2" or _named_v(title)):
        message = f"Whether {title} predicts noise or velocity can't be seen from it: noise is assumed."
        fix = "Give v_parameterization if it is a v-prediction model, as 768-v models of Stable Diffusion 2.x are."
        found.append(Problem("warning", "prediction-assumed", message, fix))
    if facts.zero_terminal:
        message = f"{title} is trained on a schedule that ends in pure noise (known from {facts.zero_terminal_from})."
        found.append(Problem("note", "zero-terminal", message))
        if facts.prediction == "epsilon":
            message = f"{title} is taken to predict noise, but at the end of its schedule there is nothing else to be seen."
            fix = "Give v_parameterization too, or take zero_terminal_snr out."
            found.append(Problem("warning", "zero-terminal-noise", message, fix))
    return found


def _named_v(name: str) -> bool:
    plain = name.lower().replace("-", "").replace("_", "")
    return "vpred" in plain or "vprediction" in plain
