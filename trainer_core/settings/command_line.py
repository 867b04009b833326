"""Reads the words of a command line into settings: kohya's flags, a settings file and a preset below them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ..presets import load_preset
from ..problems import Problem, WordsError
from . import checks
from .declaration import KIND_WORDS, Setting
from .tables import ALL, GROUPS
from .toml_files import YAML, config_path, flattened, read_config
from .values import Settings, SettingsError, assemble, unknown_name
from .window_names import is_to_be_imported, tool_of, without_own_names

_NO_VALUE = "\0no value"
_TRAIN = "Trains a LoRA. The settings' names and meanings are those of kohya's sd-scripts.\n\n"
_LISTS = ("strings", "floats", "stages")
# A rate or argument that suits one optimizer can ruin a run with another.
_BOUND_TO_OPTIMIZER = ("optimizer_args", "learning_rate", "unet_lr", "text_encoder_lr", "lr_scheduler")
_OPTIMIZER_CHOICES = ("optimizer_type", "use_8bit_adam", "use_lion_optimizer")


def read_settings(argv: Sequence[str], program: str = "train") -> Settings:
    """Settings from flags, --config_file below them and --preset below that; raises SettingsError with all problems.

    `--help` prints every setting by group and ends the program with status 0.
    """
    flags, problems = parse_words(argv, program)
    layers: list[tuple[str, Mapping[str, Any]]] = []
    notices: list[Problem] = []
    file_values: dict[str, Any] = {}
    config_file = flags.get("config_file")
    if config_file and _is_off(flags.get("output_config")):
        path = config_path(Path(str(config_file)).expanduser())
        try:
            file_values = flattened(read_config(path, "config_file")) if path.suffix.lower() not in YAML else {}
        except WordsError as error:
            problems.append(checks.problem("bad-file", str(error)))
        if tool := tool_of(file_values, path.name):
            raise SettingsError([is_to_be_imported(path.name, tool)])
        file_values = {name.replace("-", "_"): value for name, value in file_values.items()}
        file_values, told = without_own_names(file_values, path.name)
        notices += told
        layers.append((f" in {path.name}", file_values))
    preset = flags.get("preset") or file_values.get("preset")
    if preset:
        try:
            values = load_preset(str(preset)).settings
        except WordsError as error:
            problems.append(checks.problem("unknown-preset", str(error)))
        else:
            kept = _fitting(values, {**file_values, **flags}, str(preset), notices)
            layers.insert(0, (f" in preset {preset}", kept))
    layers.append(("", flags))
    try:
        settings = assemble(layers, notices)
    except SettingsError as error:
        raise SettingsError([*problems, *error.problems]) from None
    if problems:
        raise SettingsError(problems)
    return settings


def parse_words(argv: Sequence[str], program: str = "train") -> tuple[dict[str, Any], list[Problem]]:
    """Raw values (text, True, lists of text) by name, and a problem for each word that is not understood."""
    known, rest = build_parser(program).parse_known_args(list(_plain_words(argv)))
    values: dict[str, Any] = vars(known)
    problems = list(_stray_words(rest))
    for name, value in list(values.items()):
        if value == _NO_VALUE or (value == [] and ALL[name].kind in _LISTS):
            problems.append(checks.problem("value-missing", f"--{name} needs a value: {KIND_WORDS[ALL[name].kind]}."))
            del values[name]
    return values, problems


def build_parser(program: str = "train", own: str = _TRAIN) -> argparse.ArgumentParser:
    """All settings as flags, by group. Values stay text here; `assemble` converts and checks them all together.

    `own`: what --help says of the command, and of its words that are no settings. The usage does not list 200 settings twice.
    """
    parser = _Parser(
        prog=program,
        usage=f"python -m trainer_core {program} [--config_file FILE] [--preset NAME] [settings, as below]",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=own + "Hyphens may be written for underscores, and numbers as 1e-4 or 0.0001.",
    )
    groups = {name: parser.add_argument_group(name) for name in GROUPS}
    for setting in ALL.values():
        words: dict[str, Any] = {"nargs": "?", "const": _NO_VALUE, "metavar": _metavar(setting)}
        if setting.kind == "flag":
            words["const"] = True
        elif setting.kind in _LISTS:
            words = {"nargs": "*", "metavar": _metavar(setting)}
        groups[setting.group].add_argument(f"--{setting.name}", help=_help(setting), **words)
    return parser


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError([checks.problem("bad-words", f"{message}.")])


def _plain_words(argv: Sequence[str]) -> Iterator[str]:
    """The words with underscores in names, and values that begin with a minus joined to their flag."""
    joinable = ""
    for word in argv:
        if word.startswith("--") and len(word) > 2:
            if joinable:
                yield joinable
            name, mark, value = word[2:].partition("=")
            joinable = "--" + name.replace("-", "_") + mark + value
            setting = ALL.get(name.replace("-", "_"))
            if mark or setting is None or setting.kind in _LISTS:
                yield joinable
                joinable = ""
        elif joinable:
            yield f"{joinable}={word}" if word.startswith("-") else joinable
            if not word.startswith("-"):
                yield word
            joinable = ""
        else:
            yield word
    if joinable:
        yield joinable


def _stray_words(rest: Sequence[str]) -> Iterator[Problem]:
    after_unknown = False
    for word in rest:
        if word.startswith("--"):
            yield unknown_name(word.partition("=")[0], "")
            after_unknown = "=" not in word
        elif not after_unknown:
            yield checks.problem("stray-word", f"{word!r} belongs to no flag; quote values that hold spaces.")


def _fitting(values: Mapping[str, Any], above: Mapping[str, Any], preset: str, notices: list[Problem]) -> dict[str, Any]:
    """The preset's values without those made for its optimizer, where the user chose another one."""
    chosen = [name for name in _OPTIMIZER_CHOICES if not _is_off(above.get(name))]
    own = str(values.get("optimizer_type", ""))
    if not chosen or (chosen == ["optimizer_type"] and str(above["optimizer_type"]).lower() == own.lower()):
        return dict(values)
    dropped = [name for name in _BOUND_TO_OPTIMIZER if name in values]
    notices.append(
        checks.note(
            "preset-without-optimizer",
            f"preset {preset} is made for {own}: {', '.join(dropped)} are not taken from it.",
        )
    )
    return {name: value for name, value in values.items() if name not in (*dropped, "optimizer_type")}


def _is_off(raw: Any) -> bool:
    return raw is None or raw == "" or str(raw).lower() in ("false", "no", "off", "0")


def _metavar(setting: Setting) -> str:
    if setting.choices:
        return "CHOICE"
    return {
        "int": "N",
        "float": "X",
        "str": "TEXT",
        "flag": "true|false",
        "path": "PATH",
        "strings": "NAME=VALUE",
        "floats": "X",
        "int_or_float": "N",
        "size": "SIZE",
        "range": "LOW,HIGH",
        "stages": "STAGE",
    }[setting.kind]


def _help(setting: Setting) -> str:
    parts = [setting.help]
    if setting.choices:
        parts.append("One of " + ", ".join(str(choice) for choice in setting.choices) + ".")
    if setting.default not in (None, False, "") and setting.kind not in _LISTS:
        parts.append(f"Default {setting.default}.")
    if setting.treatment != "implemented":
        parts.append(f"{setting.treatment.capitalize()}: {setting.reason}.")
    return " ".join(parts).replace("%", "%%")
