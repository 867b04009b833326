"""What an import found: settings under our names, what has no equivalent, and what the user must be told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..problems import WordsError
from ..settings import ALL, Settings, SettingsError
from ..settings.arguments import network_options
from ..settings.convert import ValueProblem, convert, nearest
from ..settings.large_ranks import plain_ranks
from ..settings.network_names import plain_network
from ..settings.stages import plain_stages
from ..settings.window_names import OWN_NAMES
from .scripts import MOST_NOTES

# Where settings came from and where traces go belongs to one machine's one run.
NOT_TAKEN = {
    "config_file": "its file is to be imported too, for itself",
    "preset": "its settings are to be given one by one",
    "output_config": "it would end the command without training",
    "job_dir": "every run gets its own",
}
_OF_THE_HUB = re.compile(r"[\w-][\w.-]*/[\w.-]+")
_CHECKED_ALONE = ("optimizer_type", "lr_scheduler_type", "save_model_as", "log_with")


@dataclass(frozen=True)
class Left:
    """A name of the source that became no setting here, or one without effect, and why."""

    name: str
    value: str
    why: str

    def sentence(self) -> str:
        return f"{self.name} = {self.value}: {self.why}." if self.value else f"{self.name}: {self.why}."


@dataclass
class Imported:
    """`values`: settings as `convert` gives them. `datasets`: the tree of a dataset file that the run needs beside them.

    `prompts`: lines of sample prompts that the source holds itself. `notes`: whole sentences.
    """

    source: str
    values: dict[str, Any] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    datasets: dict[str, Any] | None = None
    prompts: str = ""

    def leave(self, name: str, value: Any, why: str) -> None:
        self.left.append(Left(name, _shown(value), why.rstrip(".?")))

    def note(self, sentence: str) -> None:
        if len(self.notes) < MOST_NOTES and sentence not in self.notes:
            self.notes.append(sentence)

    def take(self, name: str, raw: Any, as_name: str = "") -> None:
        """Takes a value under one of our names (hyphens count as underscores), or names it as left with the reason.

        `as_name`: what the source calls it.
        """
        ours, called = name.replace("-", "_"), as_name or name
        setting = ALL.get(ours)
        if ours in OWN_NAMES:
            if raw not in (None, "", False, 0):
                self.leave(called, raw, f"is passed over: {OWN_NAMES[ours]}")
            return
        if setting is None:
            guess = nearest(ours, tuple(ALL))
            self.leave(called, raw, "has no equivalent here" + (f"; perhaps {guess} is meant" if guess else ""))
            return
        if ours in NOT_TAKEN:
            self.leave(called, raw, NOT_TAKEN[ours])
            return
        try:
            value = convert(setting, raw)
        except ValueProblem as wrong:
            nothing = setting.default in (None, False, "")
            why = str(wrong).removesuffix("?")
            self.leave(called, raw, why if nothing else f"{why}; {setting.default} counts")
            return
        if value is None and setting.default is None:
            return
        if setting.kind == "stages":
            value, wrong = plain_stages(value)
            if wrong:
                self.leave(called, "", " ".join(one.message for one in wrong))
                return
        changes = value is not None and value is not False and value != setting.default
        if setting.treatment == "refused":
            if changes:
                self.leave(called, raw, f"is refused: {setting.reason}")
            return
        if setting.treatment == "ignored" and changes:
            self.leave(called, raw, f"is ignored: {setting.reason}")
        self.values[ours] = value

    def finish(self) -> Imported:
        """Puts aside what no run could be made with; raises WordsError where nothing was understood."""
        self._plain_network()
        for name in _CHECKED_ALONE:
            self._check_alone(name)
        self._check_network_args()
        base = str(self.values.get("pretrained_model_name_or_path") or "")
        if _OF_THE_HUB.fullmatch(base) and not base.lower().endswith((".safetensors", ".ckpt", ".pt")):
            self.note(
                f"{base} may be a name on Hugging Face, from which no model is fetched here: give the model's file or folder."
            )
        if not self.values and not self.datasets:
            raise WordsError("There is no setting in it that is known here: give kohya's names, such as network_dim.")
        return self

    def _plain_network(self) -> None:
        """A network or a rank that is no value of the setting, where it has a meaning all the same."""
        for name, plain in (("network_module", plain_network), ("network_dim", plain_ranks)):
            wrong = next((one for one in self.left if one.name == name), None)
            meant, sentence = plain({**self.values, name: wrong.value}) if wrong else ({}, "")
            if sentence:
                self.left.remove(wrong)
                self.note(sentence)
                for setting, raw in meant.items():
                    self.take(setting, raw)

    def _check_alone(self, name: str) -> None:
        value = self.values.get(name)
        if value in (None, ""):
            return
        try:
            checked = Settings.of(**{name: value})
        except SettingsError as error:
            self.leave(name, self.values.pop(name), str(error))
            return
        meant = getattr(checked, name)
        if name == "optimizer_type" and str(meant).lower() != str(value).lower():
            self.note(f"optimizer_type {value} is taken for {meant}.")

    def _check_network_args(self) -> None:
        """Arguments that the network doesn't take go, one by one; algo and conv_dim are tried first, others rest on them."""
        words = self.values.get("network_args")
        if not words or _why_not(words, self.values) is None:
            return
        kept: list[str] = []
        first = ("algo=", "conv_dim=")
        for word in sorted(words, key=lambda one: not one.startswith(first)):
            why = _why_not([*kept, word], self.values)
            if why is None:
                kept.append(word)
            else:
                self.leave("network_args", word, why.removeprefix("network_args: "))
        self.values["network_args"] = tuple(word for word in words if word in kept)
        if not kept:
            del self.values["network_args"]

    def as_dict(self) -> dict[str, Any]:
        """JSON for programs, but for `datasets`; `values` as `export` writes them."""
        from ..export import plain_values

        return {
            "source": self.source,
            "values": dict(plain_values(self.values)),
            "left": [{"name": one.name, "value": one.value, "why": one.why} for one in self.left],
            "notes": self.notes,
            "prompts": self.prompts,
        }


def _why_not(words: Any, values: Mapping[str, Any]) -> str | None:
    try:
        network_options(words, values.get("network_module") or "networks.lora")
    except WordsError as error:
        return str(error)
    return None


def _shown(value: Any) -> str:
    """A value as a line can show it: short, in one line."""
    if value is None or value is True:
        return ""
    text = " ".join(str(one) for one in value) if isinstance(value, (list, tuple)) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= 80 else text[:79] + "…"
