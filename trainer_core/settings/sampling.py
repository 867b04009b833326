"""Settings of the sample pictures that are drawn during training."""

from __future__ import annotations

from functools import partial

from .declaration import Setting

GROUP = "Sample pictures"
_setting = partial(Setting, group=GROUP)

SETTINGS: tuple[Setting, ...] = (
    _setting(
        "sample_prompts",
        "path",
        None,
        "File with prompts (.txt, .toml or .json) that are drawn during training.",
        label="Sample prompts file",
    ),
    _setting(
        "sample_every_n_epochs",
        "int",
        None,
        "Draw them every n epochs; counts before steps.",
        label="Sample every n epochs",
        minimum=1,
        unit="epochs",
        applies_when=("sample_prompts", ()),
    ),
    _setting(
        "sample_every_n_steps", "int", None, "Draw them every n steps.", label="Sample every n steps", minimum=1, unit="steps"
    ),
    _setting("sample_at_first", "flag", False, "Draw them before the first step too.", label="Sample before the start"),
    _setting(
        "sample_sampler",
        "str",
        "ddim",
        "Sampler for prompts that name none.",
        label="Sampler",
        choices=(
            "ddim",
            "pndm",
            "lms",
            "euler",
            "euler_a",
            "heun",
            "dpm_2",
            "dpm_2_a",
            "dpmsolver",
            "dpmsolver++",
            "dpmsingle",
            "k_lms",
            "k_euler",
            "k_euler_a",
            "k_dpm_2",
            "k_dpm_2_a",
        ),
        applies_when=("sample_prompts", ()),
    ),
)
