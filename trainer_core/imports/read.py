"""Which format a text has, and its import: one door for the command line and the page."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ..problems import WordsError
from ..settings.toml_files import flattened, parse_toml
from ..settings.window_names import is_window_json
from ..text_files import decode
from .ai_toolkit import import_ai_toolkit, is_ai_toolkit, is_ai_toolkit_text, read_yaml
from .bash import read_bash
from .cmd import read_cmd
from .defects import defects
from .easy_scripts import import_easy, is_easy
from .flags import import_script
from .kohya_gui import import_kohya_gui
from .one_trainer import import_one_trainer, is_one_trainer
from .powershell import read_powershell
from .result import Imported
from .scripts import Script
from .sd_scripts import import_config, import_dataset

LARGEST = 64 << 10  # bytes; the longest of the tools' own presets has some ten thousand
# How each shell's scripts begin, and what their lines hold; the many decide where the beginning doesn't.
_BEGINS = (
    (read_bash, re.compile(r"#!")),
    (read_powershell, re.compile(r"(?:\[[\w\[\]]+\]\s*)?\$[\w:]+\s*\+?=|param\s*\(|<#", re.IGNORECASE)),
    (read_cmd, re.compile(r"@?(?:echo off|rem\b|setlocal|set\s+\"?\w+=)|::", re.IGNORECASE)),
)
_HOLDS = (
    (read_bash, re.compile(r"\\$|^\s*(?:local\s+|export\s+)?\w+=\S", re.MULTILINE)),
    (read_powershell, re.compile(r"`[ \t]*$|^\s*\$\w+\s*\+?=|^\s*&\s*['\"]", re.MULTILINE)),
    (read_cmd, re.compile(r"\^[ \t]*$|^\s*@?(?:rem|set|call)\s|%\w+%", re.MULTILINE | re.IGNORECASE)),
)
_READERS = {".ps1": read_powershell, ".sh": read_bash, ".bash": read_bash, ".bat": read_cmd, ".cmd": read_cmd}
# Of the file with what kohya_ss' window begins with: sections of its other tools.
_OTHER_SECTIONS = ("settings", "server", "configuration", "dataset_preparation", "wd14_caption")
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def import_file(path: Path) -> Imported:
    """The settings in a file, or on the standard input where the name is -; raises WordsError with one sentence."""
    if str(path) == "-":
        return import_text(_text_of(sys.stdin.buffer.read(LARGEST + 1)))
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise WordsError(f"{path} does not exist.") from None
    except OSError as error:
        raise WordsError(f"{path} can't be read: {error.strerror}.") from None
    return import_text(_text_of(content), path.name)


def import_text(text: str, name: str = "") -> Imported:
    """The settings in a text; `name`: its file's, whose ending tells scripts apart. Raises WordsError with one sentence."""
    text = text.removeprefix("\ufeff")
    if len(text.encode("utf-8", "replace")) > LARGEST:
        raise WordsError(f"It is too large for settings or a script: {LARGEST >> 10} KiB are enough.")
    if not text.strip():
        raise WordsError("It is empty: give a settings file, or paste a training script.")
    if _UNSEEN.search(text) or text.count("\ufffd") > 3:
        raise WordsError("It is not text: give a settings file, or paste a training script.")
    return _found(text, name).finish()


def _found(text: str, name: str) -> Imported:
    ending = Path(name).suffix.lower()
    if ending in _READERS:
        return _script(text, _READERS[ending](text))
    if text.lstrip().startswith("{"):
        return _json(text)
    if ending in (".yaml", ".yml") or is_ai_toolkit_text(text):
        return import_ai_toolkit(read_yaml(text))
    if ending == ".toml" or _looks_like_toml(text):
        return _toml(parse_toml(text, name or "The text"))
    return _script(text, _reader(text)(re.sub(r"^(\s*)!(?=\w)", r"\1", text)))


def _reader(text: str) -> Callable[[str], Script]:
    """The reader for a script whose file's name says nothing."""
    lines = (line.strip() for line in text.replace("\r\n", "\n").split("\n"))
    first = next((line for line in lines if line and (not line.startswith("#") or line.startswith("#!"))), "")
    for reader, begins in _BEGINS:
        if begins.match(first):
            return reader
    counts = [(len(holds.findall(text.replace("\r\n", "\n"))), reader) for reader, holds in _HOLDS]
    return max(counts, key=lambda one: one[0])[1]


def _script(text: str, script: Script) -> Imported:
    found = import_script(script)
    for sentence in defects(text):
        found.note(sentence)
    return found


def _looks_like_toml(text: str) -> bool:
    """Whether the first line that says something is a section or a name with its value, as no script begins."""
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    if re.match(r"\[\[?[\w.\" -]+\]\]?\s*(#|$)", first):
        return True
    if re.match(r"[\w-]+[ \t]+=[ \t]*\S", first):
        return True
    return bool(re.match(r"[\w-]+=\S", first)) and "--" not in text


def _toml(content: Mapping[str, object]) -> Imported:
    if is_easy(content):
        return import_easy(content)
    if is_window_json(flattened(content)):
        return import_kohya_gui(flattened({name: one for name, one in content.items() if name not in _OTHER_SECTIONS}))
    return import_dataset(content) if isinstance(content.get("datasets"), list) else import_config(content)


def _json(text: str) -> Imported:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WordsError(f"It is not valid JSON: {error}.") from None
    if not isinstance(content, dict):
        raise WordsError("It is not a JSON object of settings.")
    if is_window_json(content):
        return import_kohya_gui(content)
    if is_one_trainer(content):
        return import_one_trainer(content)
    if is_ai_toolkit(content):
        return import_ai_toolkit(content)
    found = import_config(content)
    found.source = "a JSON file of settings"
    return found


def _text_of(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" not in content[:4096]:
        return decode(content)[0]
    raise WordsError("It is not text: give a settings file, or paste a training script.")
