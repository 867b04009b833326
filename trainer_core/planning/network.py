"""Checks of the network: its arguments on this model, the LoRA to go on from, LoRAs to merge, and who will load the file."""

from __future__ import annotations

from pathlib import Path

from ..models.families import FAMILIES, identify
from ..models.hashes import known_hashes
from ..models.header import CheckpointError, ModelHeader, read_header
from ..models.layout import part_names
from ..networks.choice import Choice, Placed, acts_by_alpha, choose_network, file_shapes, same_alpha
from ..networks.foreign_names import is_kohyas, not_kohyas, plain_name
from ..networks.kind_shapes import on_target, rank_of
from ..networks.targets import family_prefix, lora_names, prefixes
from ..optimizer_table import sets_own_rate, spec_of
from ..output_names import DEFAULT, is_of_run
from ..problems import Problem, UserError
from ..settings import Settings
from ..settings.network_kinds import NetworkKind, kind_of
from ..tools.lora_arrays import LoraFile, read_lora_file
from .base_model import has_other_names

HIGH_RANK = 192
_SAME_MODEL = "Give a LoRA for the same kind of model; `python -m trainer_core convert` mends other programs' names."


def planned_network(settings: Settings, header: ModelHeader | None) -> tuple[Choice | None, list[Problem]]:
    """The network (None without a base model, or where it can't be made) and everything that is wrong or worth saying."""
    file, problems = _weights_file(settings)
    problems += _parent_problems(settings, file, header) if file is not None else []
    problems += [
        *_overwritten_problems(settings),
        *_merged_problems(settings, header),
        *_rank_problems(settings),
        *_loader_problems(settings),
    ]
    if header is None or (settings.dim_from_weights and file is None):
        return None, problems
    try:
        choice = choose_network(settings, header)
    except UserError as error:
        return None, [*problems, Problem("error", "network", str(error))]
    except (CheckpointError, KeyError, IndexError) as error:
        message = f"{header.path} lacks parts of its UNet or text encoder ({error})."
        return None, [*problems, Problem("error", "base-model", message)]
    if not choice.placed:
        message = f"{header.path} has no modules that a LoRA could train."
        return None, [*problems, Problem("error", "base-model", message)]
    problems += [Problem("note", "network-note", notice) for notice in choice.notices]
    problems += _block_rate_problems(settings, choice)
    if file is not None:
        foreign = _foreign(file, header)
        if not foreign:
            problems += _unlike(settings, file, choice)
        elif not has_other_names(file.tensors, FAMILIES[identify(header)]):  # else the check of families tells it
            problems.append(Problem("error", "network-weights-family", foreign, _SAME_MODEL))
    return choice, problems


def _block_rate_problems(settings: Settings, choice: Choice) -> list[Problem]:
    """Blocks that learn at other rates, under optimizers that find their own."""
    rates, name = {one.rate for one in choice.placed}, settings.optimizer_type
    if sets_own_rate(settings) and rates - {1.0}:
        message = "AdaFactor with relative_step sets one rate for all blocks, so that weights between 0 and 1 do nothing."
        return [Problem("error", "block-rates", message, "Use 0 and 1 only, or add relative_step=False to optimizer_args.")]
    if spec_of(settings).adaptive and len(rates) > 1:
        message = f"{name} finds one rate for everything; so the blocks of each weight get a {name} of their own."
        return [Problem("note", "block-rates", message, "What each finds is multiplied by the weight.")]
    return []


def _weights_file(settings: Settings) -> tuple[ModelHeader | None, list[Problem]]:
    if settings.network_weights is None:
        return None, []
    fix = "Give a LoRA file as network_weights."
    try:
        return _read_lora_header(settings.network_weights), []
    except CheckpointError as error:
        return None, [Problem("error", "network-weights", str(error), fix)]


def _read_lora_header(path: str | Path) -> ModelHeader:
    """CheckpointError where it is no LoRA in kohya's naming, or its tensors don't fit each other."""
    header = read_header(Path(path).expanduser())
    if not is_kohyas(header.tensors):
        raise CheckpointError(not_kohyas(header))
    if not header.is_torch:
        read_lora_file(header.path)
    return header


def _names(file: ModelHeader) -> list[str]:
    """The modules that a LoRA file changes."""
    return [name for name in dict.fromkeys(plain_name(key.partition(".")[0]) for key in file.tensors) if name != "bundle_emb"]


def _names_of(header: ModelHeader) -> set[str]:
    """What LoRA files call the modules of a base model that have a weight."""
    family = identify(header)
    found: set[str] = set()
    for part in prefixes(family):
        weights = [name.removesuffix(".weight") for name in part_names(header, part) if name.endswith(".weight")]
        found.update(lora_names(family, part, weights).values())
    return found


def _foreign(file: ModelHeader, header: ModelHeader) -> str:
    """What of a LoRA has no place in the base model, as a sentence; empty where all has."""
    there = _names_of(header)
    unknown = [name for name in _names(file) if name not in there]
    if not unknown:
        return ""
    return f"{file.path} isn't for {header.path.name}: it changes {unknown[0]} ({len(unknown)} such), which that model hasn't."


def _unlike(settings: Settings, file: ModelHeader, choice: Choice) -> list[Problem]:
    """Where the file to go on from has other modules or another rank than the settings ask for."""
    trained = {one.target.name for one in choice.placed}
    parts = {family_prefix(name) for name in trained}
    unknown = [name for name in _names(file) if name not in trained and family_prefix(name) in parts]
    if unknown:
        message = f"{file.path} changes {unknown[0]} ({len(unknown)} such), which the network of these settings doesn't."
        fix = "Set dim_from_weights; convolutions need conv_dim in network_args, and blocks of weight 0 have no modules."
        return [Problem("error", "network-weights-kind", message, fix)]
    if settings.dim_from_weights:
        return []
    fix, content = (
        "Set dim_from_weights, or the kind and rank that the file has.",
        None if file.is_torch else read_lora_file(file.path),
    )
    shapes = file_shapes(file)
    for one in choice.placed:
        own = shapes.get(one.target.name, {})
        if not own:
            continue
        if own.keys() != one.shapes.keys():
            message = f"{file.path} is of another kind than {choice.kind.title}: it has {', '.join(sorted(own))}."
            return [Problem("error", "network-weights-kind", message, fix)]
        if rank_of(own) != rank_of(one.shapes):
            rank = rank_of(own)
            message = f"{file.path} has rank {rank}, but network_dim is {one.rank}."
            return [Problem("error", "network-weights-rank", message, f"Set network_dim to {rank}, or dim_from_weights.")]
        alpha, meant = _alpha_in(content, one), "conv_alpha" if one.target.kernel > 1 else "network_alpha"
        if alpha is not None and not same_alpha(alpha, one.alpha):
            message = f"{file.path} has alpha {alpha:g}, but {meant} is {one.alpha:g}."
            return [Problem("error", "network-weights-alpha", message, f"Set {meant} to {alpha:g}, or dim_from_weights.")]
        if {suffix: on_target(suffix, shape, one.target) for suffix, shape in own.items()} != one.shapes:
            message = f"{file.path} is of another model or was made with other network_args: {one.target.name} differs in size."
            return [Problem("error", "network-weights-kind", message, fix)]
    return []


def _alpha_in(file: LoraFile | None, one: Placed) -> float | None:
    """The alpha that a file has for a module: its rank where it has none. None where alpha does nothing, or isn't known yet."""
    if file is None or not acts_by_alpha(one.shapes):
        return None
    suffixes = file.modules[one.target.name]
    return float(file.read_one(one.target.name, "alpha")) if "alpha" in suffixes else float(one.rank)


def _parent_problems(settings: Settings, file: ModelHeader, header: ModelHeader | None) -> list[Problem]:
    """What the file to go on from says of itself, and whether it was trained on this base."""
    said, found = file.metadata, []
    names = {"ss_network_module": "", "ss_network_dim": "rank ", "ss_network_alpha": "alpha ", "ss_sd_model_name": "base "}
    words = [f"{word}{said[key]}" for key, word in names.items() if said.get(key) not in (None, "", "None")]
    if words:
        found.append(Problem("note", "network-weights-about", f"The run goes on from {file.path}: {', '.join(words)}."))
    before, own = said.get("ss_sd_model_name"), settings.pretrained_model_name_or_path
    if not before or header is None:
        return found
    known = known_hashes(own, settings.data_dir)
    if before != Path(own).name:
        message = f"{file.path} was trained on {before}, and this run's base is {Path(own).name}."
    elif known and said.get("ss_new_sd_model_hash") not in (None, known[1]):
        message = f"{file.path} was trained on another model of the name {before}."
    else:
        return found
    return [*found, Problem("warning", "network-weights-base", message, "What it has learnt may fit this one less.")]


def _overwritten_problems(settings: Settings) -> list[Problem]:
    """LoRAs that the run reads lie where it would write with overwrite."""
    if not settings.overwrite or settings.output_dir is None:
        return []
    folder, name = Path(settings.output_dir).expanduser().resolve(), settings.output_name or DEFAULT
    given = [settings.network_weights, *(path for path, *_ in settings.merged_loras())]
    for path in (Path(one).expanduser().resolve() for one in given if one is not None):
        if path.parent == folder and is_of_run(path.name, name):
            message = f"The run would overwrite {path}, which it goes on from or merges."
            return [Problem("error", "input-overwritten", message, "Give another output_name.")]
    return []


def _merged_problems(settings: Settings, header: ModelHeader | None) -> list[Problem]:
    """base_weights that aren't there, are no LoRAs, or for another model."""
    found = []
    for path, _, _ in settings.merged_loras():
        try:
            file = _read_lora_header(path)
        except CheckpointError as error:
            found.append(Problem("error", "base-weights", str(error), "Give LoRA files as base_weights."))
            continue
        if header is not None and (foreign := _foreign(file, header)):
            found.append(Problem("error", "base-weights", foreign, _SAME_MODEL))
    return found


def _kind(settings: Settings) -> NetworkKind:
    return kind_of(settings.network_module, settings.network_options()["algo"])


def _loader_problems(settings: Settings) -> list[Problem]:
    kind = _kind(settings)
    found = []
    if not kind.forge:
        message = f"{kind.title} is loaded by AUTOMATIC1111 and reForge alone: Forge refuses such a file."
        found.append(Problem("warning", "network-not-in-forge", message, "Train another kind if the LoRA is for Forge."))
    if kind.name == "lokr" and settings.network_options()["use_tucker"]:
        message = "Forge fails at LoKr in Tucker's form; AUTOMATIC1111 and reForge load it."
        found.append(Problem("warning", "network-not-in-forge", message, "Take use_tucker out if the LoRA is for Forge."))
    if kind.name == "ia3" and max(settings.learning_rates().values()) < _IA3_RATE:
        message = "(IA)^3 learns hardly anything at usual rates."
        found.append(Problem("note", "ia3-rate", message, "Set the rates 8 to 10 times as high as for a LoRA, to 1e-3."))
    return found


_IA3_RATE = 5e-4


def _rank_problems(settings: Settings) -> list[Problem]:
    kind = _kind(settings)
    options = settings.network_options()
    if settings.dim_from_weights or not kind.has_rank or options["full_matrix"]:
        return []
    found = []
    rank, alpha = settings.network_dim or 4, settings.network_alpha
    pairs = (("network", rank, alpha), ("conv", options["conv_dim"], options["conv_alpha"]))
    for what, dim, own_alpha in pairs if kind.has_alpha else ():
        if dim and own_alpha and own_alpha > dim:
            message = (
                f"{what}_alpha {own_alpha:g} is above the rank {dim}: the LoRA acts {own_alpha / dim:g} times as strongly."
            )
            found.append(Problem("warning", "alpha-above-rank", message, f"Set {what}_alpha to {dim} or less."))
    if kind.has_alpha and "network_alpha" not in settings.given and rank > 1:
        message = f"network_alpha isn't given, and with its default 1 the LoRA acts with 1/{rank} of its weights."
        found.append(Problem("note", "alpha-default", message, f"Set network_alpha to {rank} for its full strength."))
    if "network_dim" not in settings.given:
        message = "network_dim isn't given: the rank is 4, which holds little."
        found.append(Problem("note", "rank-default", message, "16 to 64 is usual."))
    if rank > HIGH_RANK:
        message = f"network_dim {rank} makes a large file and learns hardly more than {HIGH_RANK}."
        found.append(Problem("warning", "rank-high", message, "32 to 128 is usual."))
    return found
