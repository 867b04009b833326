"""The settings of one run: immutable, checked, with what the user gave and what he must be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..problems import Problem, WordsError
from . import checks
from .arguments import network_options, parse_arguments
from .convert import ValueProblem, convert, nearest
from .dataset_tree import read_dataset_config, tree_options
from .large_ranks import plain_ranks
from .network_names import plain_network
from .stages import NAME as STAGES
from .stages import length_notes, merged, plain_stages
from .tables import ALL


class SettingsError(WordsError):
    """Everything that is wrong with the settings, at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [" ".join(part for part in (found.message, found.fix) if part) for found in self.problems]
        head = "" if len(lines) == 1 else f"{len(lines)} problems in the settings:\n  "
        super().__init__(head + "\n  ".join(lines))


class Settings:
    """All settings as attributes under kohya's names, with their plain meaning (see `checks.replacements`).

    `given`: names that the user gave. `notices`: what was ignored or replaced. `dataset_tree`: the checked content of
    --dataset_config, or None. Make one with `Settings.of`, `Settings.from_dict` or `read_settings`.
    """

    given: frozenset[str]
    notices: tuple[Problem, ...]
    dataset_tree: dict[str, Any] | None
    _values: Mapping[str, Any]
    _given_values: Mapping[str, Any]

    def __init__(
        self,
        values: Mapping[str, Any],
        given: Mapping[str, Any],
        notices: Sequence[Problem] = (),
        dataset_tree: dict[str, Any] | None = None,
    ) -> None:
        for name, value in (
            ("_values", MappingProxyType(dict(values))),
            ("_given_values", MappingProxyType(dict(given))),
            ("given", frozenset(given)),
            ("notices", tuple(notices)),
            ("dataset_tree", dataset_tree),
        ):
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        # Reached only for what is not a field; the guard keeps copy and pickle from recursing.
        if not name.startswith("_") and name in self._values:
            return self._values[name]
        raise AttributeError(f"there is no setting {name}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("settings don't change; use replaced()")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.given)))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Settings, (dict(self._values), dict(self._given_values), self.notices, self.dataset_tree))

    @classmethod
    def of(cls, **names: Any) -> Settings:
        """Settings for tests and code; raises SettingsError as for a user's words."""
        return assemble([("", names)])

    @classmethod
    def from_dict(cls, names: Mapping[str, Any]) -> Settings:
        """Settings from JSON values, as in a job's `settings`; the inverse of `as_dict`."""
        return assemble([("", names)])

    def replaced(self, **changes: Any) -> Settings:
        """The same settings but for `changes`; None takes a setting back to its default."""
        names = {**self._given_values, **changes}
        return assemble([("", {name: value for name, value in names.items() if value is not None})])

    def as_dict(self, only_given: bool = False) -> dict[str, Any]:
        """JSON values: all settings with their plain meaning, or what the user gave, as he gave it."""
        chosen = self._given_values if only_given else self._values
        return {name: _json_value(value) for name, value in chosen.items()}

    def stage_settings(self) -> tuple[Settings, ...]:
        """Each stage's settings, in their order; a run without stages is one, with these."""
        if not self.stages:
            return (self,)
        return tuple(assemble([("", names)]) for names in merged(self._given_values))

    def network_options(self) -> dict[str, Any]:
        """Every argument of networks by its name, None where not given."""
        return network_options(self.network_args, self.network_module)

    def merged_loras(self) -> list[tuple[str, float, float]]:
        """(file, text encoder strength, UNet strength) of base_weights, which are merged into the base before training."""
        given = self.base_weights_multiplier or ()
        strengths = [given[number] if number < len(given) else 1.0 for number in range(len(self.base_weights or ()))]
        return [(path, strength, strength) for path, strength in zip(self.base_weights or (), strengths, strict=True)]

    def optimizer_options(self) -> dict[str, Any]:
        """optimizer_args as Python values."""
        return parse_arguments(self.optimizer_args, "optimizer_args")

    def scheduler_options(self) -> dict[str, Any]:
        """lr_scheduler_args as Python values."""
        return parse_arguments(self.lr_scheduler_args, "lr_scheduler_args")

    def learning_rates(self) -> dict[str, float]:
        """The rates that the run will use; parts without a rate of their own take learning_rate.

        SDXL's second text encoder has the second rate of text_encoder_lr or, where only one is given, the same as the first.
        """
        text_encoders = self.text_encoder_lr or (self.learning_rate,)
        unet = self.learning_rate if self.unet_lr is None else self.unet_lr
        return {
            "learning_rate": self.learning_rate,
            "unet_lr": unet,
            "text_encoder_lr": text_encoders[0],
            "text_encoder_2_lr": text_encoders[-1],
        }


def assemble(layers: Sequence[tuple[str, Mapping[str, Any]]], notices: Sequence[Problem] = ()) -> Settings:
    """Settings from layers of raw values, later ones above earlier; each layer has the words for where it is from.

    A layer's word is put behind a name in messages: " in run.toml", or "" . Raises SettingsError with all problems.
    """
    problems: list[Problem] = []
    given: dict[str, Any] = {}
    layers, notices = _with_plain_network(layers, notices)
    for where, raw_values in layers:
        for raw_name, raw in raw_values.items():
            name = raw_name.replace("-", "_")
            if name not in ALL:
                problems.append(unknown_name(raw_name, where))
                continue
            try:
                given[name] = convert(ALL[name], raw)
            except ValueProblem as wrong:
                end = "" if str(wrong).endswith("?") else "."
                problems.append(checks.problem("bad-value", f"{name}{where} {wrong}{end}"))
    if given.get(STAGES):
        given[STAGES], wrong = plain_stages(given[STAGES])
        problems += wrong
    values = {name: given.get(name, setting.default) for name, setting in ALL.items()}
    found = [*notices, *checks.treatments(given)]
    problems += checks.conflicts(given)
    found += checks.replacements(values, given)
    problems += checks.cross_checks(values)
    tree = _dataset_tree(values, problems, found)
    subsets = _subsets(values, tree)
    problems += checks.text_cache_problems(values, subsets)
    why = _uncacheable(subsets)
    turned_off = checks.turn_off_cache(values, why) if why else None
    found += [turned_off] if turned_off else []
    problems += [one for one in found if one.severity == "error"]
    if given.get(STAGES) and not problems:
        _look_at_stages(given, problems, found)
    if problems:
        raise SettingsError(problems)
    return Settings(values, given, found, tree)


Layers = Sequence[tuple[str, Mapping[str, Any]]]


def _with_plain_network(layers: Layers, notices: Sequence[Problem]) -> tuple[Layers, Sequence[Problem]]:
    """The layers with a network and a rank as they are named here, where others have a meaning of their own."""
    for plain in (plain_network, plain_ranks):
        meant, sentence = plain({name.replace("-", "_"): raw for _, values in layers for name, raw in values.items()})
        if sentence:
            others = [
                (where, {name: raw for name, raw in values.items() if name.replace("-", "_") not in meant})
                for where, values in layers
            ]
            layers = [*others, ("", {name: raw for name, raw in meant.items() if raw is not None})]
            notices = [*notices, checks.note("setting-replaced", sentence)]
    return layers, notices


def _look_at_stages(given: Mapping[str, Any], problems: list[Problem], notices: list[Problem]) -> None:
    """Adds what is wrong with the settings of each stage, and what is to be known of them and not of the run as well."""
    notices += length_notes(given)
    for number, names in enumerate(merged(given), 1):
        try:
            told, into = assemble([("", names)]).notices, notices
        except SettingsError as error:
            told, into = error.problems, problems
        into += [replace(one, message=f"stage {number}: {one.message}") for one in told if one not in notices]


def unknown_name(name: str, where: str) -> Problem:
    guess = nearest(name.replace("-", "_"), tuple(ALL))
    return checks.problem("unknown-setting", f"{name}{where} is not a setting" + (f"; did you mean {guess}?" if guess else "."))


def resolved_datasets(settings: Settings) -> list[dict[str, Any]]:
    """The datasets of --dataset_config with every option filled in: subset over dataset over general over flags.

    Each has batch_size, resolution (w, h), enable_bucket, min_bucket_reso, max_bucket_reso, bucket_reso_steps,
    bucket_no_upscale, resize_interpolation and `subsets`; each subset all its options under the names of the
    declaration plus image_dir (Path), num_repeats, is_reg and class_tokens. Empty without --dataset_config.
    """
    return [] if settings.dataset_tree is None else tree_options(settings.dataset_tree, settings._values)


def _dataset_tree(values: dict[str, Any], problems: list[Problem], notices: list[Problem]) -> dict[str, Any] | None:
    path: Path | None = values["dataset_config"]
    if path is None:
        return None
    tree, found = read_dataset_config(path)
    problems += [one for one in found if one.severity == "error"]
    notices += [one for one in found if one.severity != "error"]
    if tree is not None and not problems:
        for number, dataset in enumerate(tree_options(tree, values), 1):
            where = f"{path.name}: dataset {number}: "
            if dataset["resolution"] is None:
                problems.append(checks.problem("setting-missing", f"{where}resolution is missing."))
            else:
                problems += checks.bucket_problems(dataset, where)
    return tree


def _subsets(values: Mapping[str, Any], tree: dict[str, Any] | None) -> list[Mapping[str, Any]]:
    """The options of every folder: those of --dataset_config, or the flags'."""
    if tree is None:
        return [values]
    return [subset for dataset in tree_options(tree, values) for subset in dataset["subsets"]]


def _uncacheable(subsets: Sequence[Mapping[str, Any]]) -> str:
    """The augmentation that excludes cached latents, or an empty string."""
    for name in ("color_aug", "random_crop"):
        if any(subset[name] for subset in subsets):
            return name
    return ""


def _json_value(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
