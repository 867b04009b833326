"""webui's samplers and schedule types by webui's names, the old ones ("DPM++ 2M Karras") too. Without torch."""

from __future__ import annotations

SCHEDULED = (
    "Euler a",
    "Euler",
    "LMS",
    "Heun",
    "DPM2",
    "DPM2 a",
    "DPM++ 2S a",
    "DPM++ 2M",
    "DPM++ SDE",
    "DPM++ 2M SDE",
    "DPM++ 2M SDE Heun",
    "DPM++ 3M SDE",
    "Restart",
    "LCM",
)
BY_TIMESTEPS = ("DDIM", "PLMS", "UniPC")  # these have no schedule to choose
SAMPLERS = (*SCHEDULED, *BY_TIMESTEPS)
AUTOMATIC = "Automatic"
SCHEDULES = (
    AUTOMATIC,
    "Uniform",
    "Karras",
    "Exponential",
    "Polyexponential",
    "SGM Uniform",
    "KL Optimal",
    "Align Your Steps",
    "Simple",
    "Normal",
    "DDIM",
)
# What webui's Automatic is for a sampler; where nothing stands here it is the model's own, even in timesteps.
_AUTOMATIC = {
    **dict.fromkeys(("DPM2", "DPM2 a", "DPM++ 2S a", "DPM++ 2M", "DPM++ SDE", "Restart"), "Karras"),
    **dict.fromkeys(("DPM++ 2M SDE", "DPM++ 2M SDE Heun", "DPM++ 3M SDE"), "Exponential"),
}
_LEFT_OUT = ("DPM fast", "DPM adaptive", "DDIM CFG++")
_ALIASES = {"sgmuniform": "SGM Uniform"}


def sampler_and_schedule(sampler: str, schedule: str = AUTOMATIC) -> tuple[str, str]:
    """The names as they are written, whatever their case; a schedule at the end of the sampler's name counts.

    What is not known is handed back as it is: `unknown` says what is wrong with it.
    """
    name, chosen = sampler.strip(), _known(schedule.strip(), SCHEDULES)
    for known in sorted(SCHEDULES[1:], key=len, reverse=True):
        if name.lower().endswith(f" {known.lower()}"):
            name, chosen = name[: -len(known) - 1].strip(), known
            break
    return _known(name, SAMPLERS), chosen


def _known(name: str, names: tuple[str, ...]) -> str:
    low = name.lower()
    return next((one for one in names if one.lower() == low), _ALIASES.get(low, name))


def schedule_used(sampler: str, schedule: str) -> str:
    """The schedule that Automatic stands for, as webui writes it into its pictures."""
    return _AUTOMATIC.get(sampler, schedule) if schedule == AUTOMATIC else schedule


def unknown(sampler: str, schedule: str) -> str:
    """A sentence where there is no such sampler or schedule type, else nothing."""
    if sampler in SAMPLERS:
        return "" if schedule in SCHEDULES else f"There is no schedule type {schedule!r}: choose one of {', '.join(SCHEDULES)}."
    names = ", ".join(SAMPLERS)
    if sampler in _LEFT_OUT:
        return f"The sampler {sampler} is left out here: choose one of {names}."
    return f"There is no sampler {sampler!r}: choose one of {names}."


def least_steps(sampler: str) -> int:
    """UniPC is of third order, DDIM and PLMS leave one of their timesteps out."""
    return {"UniPC": 3, "DDIM": 2, "PLMS": 2}.get(sampler, 1)
