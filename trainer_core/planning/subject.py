"""Steps, rank, kind of network and number of pictures, measured against `subject_kind` and `subject_difficulty`."""

from __future__ import annotations

from ..dataset.items import TrainingSet
from ..guide.facts import rank_for_width
from ..guide.tables import difficulty, fact, initial_settings, sdxl_shifts, shift
from ..models.families import identify
from ..models.header import ModelHeader
from ..models.layout import unet_width
from ..problems import Problem
from ..settings import Settings
from ..settings.network_kinds import is_lycoris, kind_of

# The guide's table tells kinds of network by these names.
_LEAST_SDXL = 4  # of the highest ranks for an easy subject
_TABLE_NAMES = {"lora": "LierLa", "lokr": "LoKr", "loha": "LoHa"}


def subject_problems(settings: Settings, training_set: TrainingSet, header: ModelHeader | None, steps: int) -> list[Problem]:
    return [
        *_step_problems(settings, training_set, steps),
        *_rank_problems(settings, header),
        *_network_problems(settings),
        *_style_problems(settings, training_set),
        *_count_problems(settings, training_set),
    ]


def wanted_steps(settings: Settings, training_set: TrainingSet) -> tuple[int, int]:
    """The fewest steps with which the subject may be learnt, and the usual number (guide l. 323-329, 522-533, 588, 918)."""
    least, usual = (fact("kinds", "steps", name).value for name in ("least", "usual"))
    if settings.subject_kind == "style":
        least, usual = usual, max(row.steps or 0 for row in initial_settings() if row.kind == "style")
    times = 1
    if is_lycoris(settings.network_module, settings.network_options()["algo"]):
        times = fact("kinds", "steps", "lycoris").value
    if any(item.subset.is_reg for item in training_set.items):
        times = max(times, fact("kinds", "steps", "with_reg").value)  # half of what is seen is not the subject
    least, usual = least * times, usual * times
    if settings.subject_kind != "style" and (settings.subject_difficulty or "A") >= "E":
        least = usual = max(usual, fact("kinds", "steps", "unknown").value)  # nothing human: at least so many
    at_once = settings.train_batch_size * settings.gradient_accumulation_steps  # the guide counts pictures (l. 915)
    return -(-least // at_once), -(-usual // at_once)


def _step_problems(settings: Settings, training_set: TrainingSet, steps: int) -> list[Problem]:
    found = []
    least, usual = wanted_steps(settings, training_set)
    if 0 < steps < usual:
        wanted = least if steps < least else usual
        if settings.subject_kind == "style":
            message = f"{steps} steps is little: under {wanted} a style is seldom learnt on a full-size model."
        elif settings.subject_kind == "concept":
            message = f"{steps} steps is little: under {wanted} a concept is seldom learnt on a full-size model."
        else:
            message = f"{steps} steps is little: under {wanted} a character is seldom learnt on a full-size model."
        severity = "warning" if steps < least and settings.subject_kind else "note"
        found.append(Problem(severity, "few-steps", message, "Raise max_train_epochs or max_train_steps."))
    if settings.max_train_epochs is None and "max_train_steps" not in settings.given:
        message = f"Neither max_train_epochs nor max_train_steps is given: the default is {settings.max_train_steps} steps."
        found.append(Problem("note", "steps-default", message, "Set max_train_epochs."))
    return found


def wanted_ranks(settings: Settings, header: ModelHeader | None) -> tuple[int, int] | None:
    """The ranks that the guide gives to the subject: less for SDXL, the least less in narrow UNets. None where it has none."""
    if kind_of(settings.network_module, settings.network_options()["algo"]).name != "lora" or settings.dim_from_weights:
        return None
    if settings.subject_difficulty and settings.subject_kind in (None, "character", "vehicle"):
        low, high = difficulty(settings.subject_difficulty).rank
    elif settings.subject_kind == "vehicle":
        between = shift("vehicle")
        low, high = difficulty(between["from"]).rank[0], difficulty(between["until"]).rank[1]
    elif settings.subject_kind:
        rows = [row for row in initial_settings() if row.kind == settings.subject_kind]
        low, high = min(row.rank[0] for row in rows), max(row.rank[1] for row in rows)
    else:
        return None
    if header is not None and identify(header) == "sdxl":
        times = sdxl_shifts()["rank"].value
        low, high = max(low // times, 1), max(high // times, _LEAST_SDXL)
    width = unet_width(header) if header is not None else None
    return rank_for_width(low, width) if width else low, high


def _tolerated(settings: Settings, header: ModelHeader | None, high: int) -> int:
    """The highest rank that isn't told of: a man counts half a class harder (guide l. 287), which the settings don't say."""
    male, code = shift("male"), settings.subject_difficulty
    if not code or code > male["until"] or settings.subject_kind == "vehicle":
        return high
    harder = wanted_ranks(settings.replaced(subject_difficulty=chr(ord(code) + 1)), header)
    return high + int((harder[1] - high) * male["classes"]) if harder else high


def subject_words(settings: Settings) -> str:
    """What the user said is trained: "class B", "style"."""
    return f"class {settings.subject_difficulty}" if settings.subject_difficulty else settings.subject_kind or ""


def _rank_problems(settings: Settings, header: ModelHeader | None) -> list[Problem]:
    ranks = wanted_ranks(settings, header)
    if ranks is None:
        return []
    (low, high), rank, what = ranks, settings.network_dim or 4, subject_words(settings)
    if rank > _tolerated(settings, header, high):
        message = f"network_dim {rank} is above what {what} takes, {low} to {high}: a waste, and it learns by heart sooner."
        return [Problem("warning", "rank-above-class", message, f"Set network_dim to {high} or less.")]
    if rank < low and settings.subject_difficulty:
        message = f"network_dim {rank} is below what {what} takes, {low} to {high}: details may find no room."
        return [Problem("note", "rank-below-class", message, f"Set network_dim to {low} or more.")]
    return []


def _network_problems(settings: Settings) -> list[Problem]:
    """Kinds of network that are too small for the class (guide l. 275-283, 306)."""
    kind = kind_of(settings.network_module, settings.network_options()["algo"])
    named = _TABLE_NAMES.get(kind.name)
    if not settings.subject_difficulty or named is None or named in difficulty(settings.subject_difficulty).types:
        return []
    message = f"{kind.title} holds too little for class {settings.subject_difficulty}, and would take very long."
    return [Problem("warning", "network-for-class", message, "Set network_module to networks.lora, without algo.")]


def _style_problems(settings: Settings, training_set: TrainingSet) -> list[Problem]:
    if settings.subject_kind != "style":
        return []
    reg = any(item.subset.is_reg for item in training_set.items)
    if not reg and not settings.prior_preservation:
        return []
    message = "Regularization takes most of a style away again, and this run is to learn a style."
    return [Problem("warning", "style-with-reg", message, "Take reg_data_dir and prior_preservation out.")]


def _count_problems(settings: Settings, training_set: TrainingSet) -> list[Problem]:
    """Fewer pictures than the guide's table has for the kind (l. 323-326)."""
    kind = "character" if settings.subject_kind == "vehicle" else settings.subject_kind
    count = sum(not item.subset.is_reg for item in training_set.items)
    least = min((row.pictures[0] for row in initial_settings() if row.kind == kind), default=0)
    if not 0 < count < least:
        return []
    message = f"{count} pictures are few for this subject, which usually takes {least} or more."
    fix = "Add pictures, or make them with `python -m trainer_core loop` or `variants`."
    return [Problem("note", "few-pictures", message, fix)]
