"""From the words of a command to settings: which command trains, which words are accelerate's, which flags are known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath

from ..problems import WordsError
from ..settings import ALL
from .result import Imported
from .scripts import Command, Script, is_unknown, known_text

_TRAINS = re.compile(r"\w*(?:train|fine_tune)\w*\.py", re.IGNORECASE)
# sd-scripts' other programs, which have some of the same flags.
_OTHERS = re.compile(
    r"(?:merge|prepare|tag|make|clean|extract|resize|convert|svd|gen|detect|cache|latent)_\w*\.py", re.IGNORECASE
)
_SEVERAL = ("multi_gpu", "num_processes", "num_machines", "machine_rank", "main_process_ip")
SEVERAL_PROCESSES = "belongs to accelerate launch: on several GPUs it starts the training here too"
_LORA_SCRIPTS = ("train_network.py", "sdxl_train_network.py")
_LISTS = ("strings", "floats", "stages")
# Programs that surround a training and change none of its settings.
_AROUND = frozenset((
    "cd", "source", ".", "activate", "echo", "printf", "exit", "pause", "export", "set", "mkdir", "read", "sleep", "clear",
    "cls", "return", "pip", "python", "chcp", "title", "true", ":", "set-location", "sl", "pushd", "popd", "write-host",
    "write-output", "start-process", "read-host", "conda", "deactivate", "git", "chmod", "setlocal", "endlocal", "test",
    "[", "[[", "ls", "dir", "accelerate", "tensorboard", "unset", "trap", "shutdown", "tee",
))  # fmt: skip


def import_script(script: Script) -> Imported:
    """The settings of the script's training command; raises WordsError where there is none."""
    _join_lines(script)
    found = Imported(f"a script for {script.kind}", notes=[*script.notes])
    command, others = _training(script)
    for other in others:
        found.note(f"Line {other.line}: there is a second training; only that of line {command.line} is imported.")
    if command.inside:
        found.note(
            f"Line {command.line}: the training stands inside the block of line {command.inside}, whose condition is not known."
        )
    for one in script.commands:
        _tell_of_unread(one, command, found, script)
    read_words(_own_words(command, found), found)
    return found


def _join_lines(script: Script) -> None:
    """Lines of flags below a training go on with it: in instructions they often stand so, without a sign at the line's end."""
    joined: list[Command] = []
    for one in script.commands:
        before = joined[-1] if joined else None
        if before and one.words[0].startswith("--") and (_script_of(before) or _is_ours(before)):
            joined[-1] = replace(before, words=(*before.words, *one.words))
            script.note(f"Line {before.line}: the lines of flags below it are read as part of this command.")
        else:
            joined.append(one)
    script.commands[:] = joined


def read_words(words: Sequence[str], found: Imported) -> None:
    """Takes --name value, --name=value and --name into `found`; hyphens may stand for underscores."""
    for name, values in _flags(words, found):
        ours = name.replace("-", "_")
        if "-" in name and ours in ALL:
            found.note(f"--{name} is --{ours}: hyphens are understood here, but not by kohya's own scripts.")
        if any(is_unknown(value) for value in values):
            shown = " ".join(known_text(value) for value in values)
            found.leave(ours, shown, "rests on what only running the script would tell")
            continue
        setting = ALL.get(ours)
        if setting is None:
            found.take(ours, " ".join(values) or None, f"--{name}")
        elif setting.kind in _LISTS:
            found.take(ours, values if len(values) != 1 or setting.kind != "floats" else values[0])
        elif setting.kind == "flag":
            found.take(ours, values[0] if values else True)
        elif not values:
            found.leave(ours, "", "has no value")
        else:
            found.take(ours, values[0])
        if setting is not None and setting.kind not in _LISTS and len(values) > 1:
            found.note(f"{' '.join(values[1:])} behind --{name} belongs to no flag; values that hold blanks need quotes.")


def _flags(words: Sequence[str], found: Imported) -> Iterator[tuple[str, list[str]]]:
    """(name, its values) of each flag."""
    name, values = "", []
    for word in words:
        if re.match(r"--[A-Za-z]", word):
            if name:
                yield name, values
            name, mark, value = word[2:].partition("=")
            values = [value] if mark else []
        elif name:
            values.append(word)
        elif word.strip():
            found.note(f"{known_text(word)} stands before all flags and is left out.")
    if name:
        yield name, values


def _training(script: Script) -> tuple[Command, list[Command]]:
    """The command that trains, and further ones; flags alone will do."""
    trains = [one for one in script.commands if _script_of(one) or _is_ours(one)]
    with_flags = [one for one in script.commands if any(word.startswith("--") for word in one.words) and not _is_other(one)]
    commands = trains or [one for one in with_flags if one.words[0].startswith("--")] or with_flags[:1]
    if not commands:
        raise WordsError("There is no training in it: paste a command with train_network.py and its flags, or a settings file.")
    commands.sort(key=lambda one: bool(one.inside))
    return commands[0], commands[1:]


def _script_of(command: Command) -> str:
    names = [PurePath(known_text(word).replace("\\", "/")).name for word in command.words if not word.startswith("--")]
    return next((name for name in names if _TRAINS.fullmatch(name)), "")


def _is_other(command: Command) -> bool:
    """Whether it is another program of sd-scripts than a trainer."""
    return any(_OTHERS.fullmatch(PurePath(known_text(word).replace("\\", "/")).name) for word in command.words)


def _is_ours(command: Command) -> bool:
    words = [word.rpartition(".")[2] for word in command.words]
    return "trainer_core" in words and bool({"train", "plan"} & set(words[words.index("trainer_core") :][:2]))


def _own_words(command: Command, found: Imported) -> list[str]:
    """The words behind the script; accelerate's own before it are told of."""
    script, words = _script_of(command), list(command.words)
    if script:
        place = next(n for n, word in enumerate(words) if PurePath(known_text(word).replace("\\", "/")).name == script)
        for name, values in _flags(_from_first_flag(words[:place]), found):
            if name in ("mixed_precision", "mixed-precision") and values:
                found.take("mixed_precision", values[0])
            elif name.replace("-", "_") in _SEVERAL and values != ["1"]:
                found.leave(f"--{name}", " ".join(values), SEVERAL_PROCESSES)
            else:
                found.leave(f"--{name}", " ".join(values), "belongs to accelerate launch, which is not needed here")
        if script.lower() not in _LORA_SCRIPTS:
            found.note(
                f"{script} trains something else than a LoRA of Stable Diffusion; here one is trained with its settings."
            )
        return words[place + 1 :]
    if _is_ours(command):
        place = next(n for n, word in enumerate(words) if word.rpartition(".")[2] == "trainer_core")
        return words[place + 2 :]
    return _from_first_flag(words)


def _from_first_flag(words: Sequence[str]) -> list[str]:
    place = next((n for n, word in enumerate(words) if word.startswith("--")), len(words))
    return [*words[place:]]


def _tell_of_unread(one: Command, training: Command, found: Imported, script: Script) -> None:
    """Says which commands were not understood; those that only surround a training need no word."""
    first = (PurePath(known_text(one.words[0]).replace("\\", "/")).name or one.words[0]).lower()
    around = first in _AROUND or first.startswith(("activate", "python", "pip"))
    if one is training or around or one.words[0] in script.functions or one.inside or _script_of(one) or _is_ours(one):
        return
    found.note(f"Line {one.line}: {_short(one)} is not read.")


def _short(command: Command) -> str:
    text = " ".join(" ".join(known_text(word) for word in command.words).split())
    return text if len(text) <= 40 else text[:39] + "…"
