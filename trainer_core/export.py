"""Settings as text that starts the same training again: TOML, a script for bash or PowerShell, or a notebook.

python -m trainer_core export --as bash --config_file run.toml --network_dim 16
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .export_notebook import notebook
from .problems import WordsError
from .settings import ALL, Settings, read_settings
from .settings.command_line import build_parser
from .settings.stages import stage_word

HELP = """Prints the settings as a file or a script that starts the same training again.

Of the export itself:
  --as FORM              toml, bash, powershell or notebook

"""
# Where settings came from, and where a run's traces went: a script that names all settings needs neither.
_NOT_EXPORTED = ("config_file", "preset", "output_config", "job_dir")
_COMMAND = ("-I", "-X", "utf8", "-m", "lora_workbench.trainer_core", "train")
# PowerShell takes each of these for a quotation mark.
_POWERSHELL_QUOTES = "'\u2018\u2019\u201a\u201b"
_OLD_POWERSHELL = """# PowerShell before 7.3 doesn't mark the quotation marks inside a word that it hands to a program.
if ($PSVersionTable.PSVersion -lt [version]'7.3') {
    $words = $words -replace '(\\\\*)"', '$1$1\\"'
}
"""


def main(argv: Sequence[str]) -> int:
    """`export --as toml|bash|powershell|notebook …settings…`: prints the text; the settings are checked as `train` does."""
    form, words = _form(list(argv))
    text = export(read_settings(words, "export"), form)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")  # a script with other letters than the user's would start another run
    print(text, end="")
    return 0


def export(settings: Settings, form: str, python: str | Path = sys.executable) -> str:
    """The settings that were given, as text in one of FORMS; scripts start `python`, by default the trainer's own."""
    if form not in FORMS:
        raise WordsError(f"{form!r} is no form of export; there are {', '.join(FORMS)}.")
    return FORMS[form](settings, str(python))


def file_name(settings: Settings, form: str) -> str:
    """A name for the file that holds the text."""
    ending = {"toml": ".toml", "bash": ".sh", "powershell": ".ps1", "notebook": ".ipynb"}[form]
    return f"train_{settings.output_name or 'last'}{ending}"


def _toml(settings: Settings, _python: str) -> str:
    import tomli_w

    return tomli_w.dumps(dict(_values(settings)))


def _bash(settings: Settings, python: str) -> str:
    """One setting a line; shlex.quote puts what bash would read otherwise into single quotes, line breaks too."""
    command = " ".join(shlex.quote(word) for word in (python, *_COMMAND))
    lines = [" ".join(shlex.quote(word) for word in words) for words in _flags(settings)]
    return "#!/usr/bin/env bash\n" + " \\\n    ".join([command, *lines]) + "\n"


def _powershell(settings: Settings, python: str) -> str:
    """An array of words, splatted: nothing in single quotes is looked into."""
    words = [*_COMMAND, *(word for words in _flags(settings) for word in words)]
    text = "$words = @(\n" + "".join(f"    {_powershell_word(word)}\n" for word in words) + ")\n"
    if any('"' in word for word in words):
        text += _OLD_POWERSHELL
    text += f"& {_powershell_word(python)} @words\n"
    # Windows PowerShell takes a file without this mark for one in the system's old encoding.
    return text if text.isascii() else "\ufeff" + text


def _powershell_word(word: str) -> str:
    return "'" + "".join(letter * 2 if letter in _POWERSHELL_QUOTES else letter for letter in word) + "'"


def _notebook(settings: Settings, _python: str) -> str:
    return notebook(dict(_values(settings)), settings.output_name or "last")


FORMS: dict[str, Callable[[Settings, str], str]] = {
    "toml": _toml,
    "bash": _bash,
    "powershell": _powershell,
    "notebook": _notebook,
}


def _values(settings: Settings) -> Iterator[tuple[str, Any]]:
    """The given settings as TOML has them and kohya's scripts understand them, in the order of the reference page."""
    return plain_values(settings.as_dict(only_given=True))


def plain_values(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Values of settings by name, in the order of the reference page; what is empty or off is left out."""
    for name, setting in ALL.items():
        value = given.get(name)
        value = str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
        if name in _NOT_EXPORTED or value is None or value == [] or (value is False and setting.default is False):
            continue
        if setting.kind == "size":
            yield name, str(value[0]) if value[0] == value[1] else ",".join(map(str, value))
        elif setting.kind == "range":
            yield name, ",".join(map(repr, value))
        else:
            yield name, value


def _flags(settings: Settings) -> Iterator[list[str]]:
    """The words of each setting. A value stands behind = so that one that begins with a minus is no flag."""
    for name, value in _values(settings):
        if value is True:
            yield [f"--{name}"]
        elif ALL[name].kind == "stages":
            yield [f"--{name}", *map(stage_word, value)]
        elif isinstance(value, list):
            yield [f"--{name}", *(_text(one) for one in value)]
        else:
            yield [f"--{name}={_text(value)}"]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)


def _form(words: list[str]) -> tuple[str, list[str]]:
    """The word after --as, and all others."""
    if any(word in ("-h", "--help") for word in words):
        build_parser("export", HELP).parse_args(["--help"])
    for place, word in enumerate(words):
        name, mark, form = word.partition("=")
        if name == "--as":
            rest = words[place + 1 :] if mark else words[place + 2 :]
            form = form if mark else next(iter(words[place + 1 :]), "")
            return form, [*words[:place], *rest]
    raise WordsError(f"export needs --as and one of {', '.join(FORMS)}.")
