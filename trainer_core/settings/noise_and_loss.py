"""Settings of noise, timesteps and loss."""

from __future__ import annotations

from functools import partial

from .declaration import Setting

GROUP = "Noise and loss"
_setting = partial(Setting, group=GROUP)

SETTINGS: tuple[Setting, ...] = (
    _setting(
        "min_snr_gamma",
        "float",
        None,
        "Weight the loss by min-SNR: 5 is usual, 1 acts strongly, 20 hardly at all.",
        minimum=0,
        maximum=1000,
    ),
    _setting(
        "noise_offset",
        "float",
        None,
        "Shift the noise of each channel so that pictures may be darker or lighter; 0.05 to 0.1 is usual.",
        minimum=0,
        maximum=1,
    ),
    _setting(
        "noise_offset_random_strength",
        "flag",
        False,
        "Draw the noise offset between zero and its value at each step.",
        advanced=True,
    ),
    _setting(
        "adaptive_noise_scale",
        "float",
        None,
        "Add this times the latents' mean to the noise offset.",
        minimum=-1,
        maximum=1,
        advanced=True,
    ),
    _setting(
        "multires_noise_iterations",
        "int",
        None,
        "Add noise of this many coarser sizes (pyramid noise); 6 to 10 is usual.",
        minimum=0,
        maximum=32,
        advanced=True,
    ),
    _setting(
        "multires_noise_discount",
        "float",
        0.3,
        "How much weaker each coarser noise is.",
        minimum=0,
        maximum=1,
        advanced=True,
    ),
    _setting(
        "ip_noise_gamma",
        "float",
        None,
        "Perturb the noisy input by this much; 0.1 is usual.",
        minimum=0,
        maximum=1,
        advanced=True,
    ),
    _setting(
        "ip_noise_gamma_random_strength",
        "flag",
        False,
        "Draw ip_noise_gamma between zero and its value at each step.",
        advanced=True,
    ),
    _setting("min_timestep", "int", None, "Lowest timestep that is trained.", minimum=0, maximum=999, advanced=True),
    _setting("max_timestep", "int", None, "Timesteps below this one are trained.", minimum=1, maximum=1000, advanced=True),
    _setting("loss_type", "str", "l2", "Loss function.", choices=("l1", "l2", "huber", "smooth_l1"), advanced=True),
    _setting(
        "huber_schedule",
        "str",
        "snr",
        "How huber_c depends on the timestep.",
        choices=("constant", "exponential", "snr"),
        advanced=True,
    ),
    _setting("huber_c", "float", 0.1, "Where the Huber loss turns from square to linear.", minimum=1e-6, advanced=True),
    _setting("huber_scale", "float", 1.0, "Factor on the Huber threshold.", minimum=1e-6, advanced=True),
    _setting("debiased_estimation_loss", "flag", False, "Weight the loss by one over the root of the SNR.", advanced=True),
    _setting(
        "v_pred_like_loss",
        "float",
        None,
        "Add this share of a loss weighted as v-prediction would be.",
        minimum=0,
        advanced=True,
    ),
    _setting("prior_loss_weight", "float", 1.0, "Weight of the regularization pictures in the loss.", minimum=0),
    _setting(
        "zero_terminal_snr",
        "flag",
        False,
        "Change the noise schedule so that its end is pure noise.",
        treatment="refused",
        reason="it needs a model that predicts velocity, and v-prediction is not built yet",
        advanced=True,
    ),
    _setting(
        "scale_v_pred_loss_like_noise_pred",
        "flag",
        False,
        "Weight a v-prediction loss as a noise loss.",
        treatment="refused",
        reason="it needs a model that predicts velocity, and v-prediction is not built yet",
        advanced=True,
    ),
    _setting(
        "masked_loss",
        "flag",
        False,
        "Weight the loss by a mask.",
        treatment="refused",
        reason="masked training is not built yet",
        advanced=True,
    ),
)
