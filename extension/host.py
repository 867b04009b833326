"""All that differs between AUTOMATIC1111, reForge, Forge and standalone, and nothing else.

Everything of webui's is asked for when it is needed, by name, and may be missing: `modules` belongs to the host.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import ipaddress
import socket
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from ..trainer_core.networks.block_presets import FILE_NAME
from .host_memory import Memory, NoMemory, WebUIMemory
from .languages.translate import language_of, translate
from .models import DEMO_MODELS, checkpoints_in, demo_checkpoints, taggers_in
from .rights import Rights
from .tries import Tries

SECTION = ("lora_workbench", "LoRA Workbench")
DATA, LANGUAGE, FREE_GPU, HOSTS = (f"lora_workbench_{name}" for name in ("data", "language", "free_gpu", "hosts"))


class Host(Protocol):
    """What the rest of the extension may ask of where it runs. `sends`: there is a txt2img that prompts can go to.

    `tries`: who gave wrong passwords; None where webui itself asks for them.
    """

    name: str
    sends: bool
    data: Path
    memory: Memory
    tries: Tries | None

    def rights(self) -> Rights: ...
    def lora_folder(self) -> Path | None: ...
    def checkpoints(self, models_folder: str) -> list[dict[str, Any]]: ...
    def taggers(self) -> list[dict[str, Any]]: ...
    def language(self) -> str: ...
    def known_hosts(self) -> frozenset[str] | None: ...
    def is_own_name(self, name: str) -> bool: ...
    def api_passwords(self) -> Mapping[str, str]: ...
    def has_wd14_tagger(self) -> bool: ...
    def block_presets(self) -> Path | None: ...


FETCHED = Path("models", "taggers")  # where `python -m tagger` puts what it fetches by name
_PRIVATE = ("", ".local", ".lan", ".home", ".home.arpa", ".internal", ".localdomain")
LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1"))


class Alone:
    """Without webui. `trusted`: who can reach it may do everything; else only who sits at the machine.

    `names`: further ones that a proxy serves it under, by which others reach it too. `login`: name and password, with a colon.
    """

    name, sends = "alone", False

    def __init__(
        self,
        data: Path,
        *,
        address: str = "127.0.0.1",
        trusted: bool = False,
        names: Iterable[str] = (),
        login: str = "",
    ) -> None:
        self.data = data
        self.memory: Memory = NoMemory()
        self._address, self._trusted = address, trusted
        self._names = frozenset(names)
        self._passwords = dict([login.split(":", 1)]) if login else {}
        self.tries: Tries | None = Tries()

    @property
    def is_local(self) -> bool:
        return self._address in LOOPBACK and not self._names

    def rights(self) -> Rights:
        roots = (self.data, DEMO_MODELS)
        return Rights(
            not self.is_local and not self._trusted,
            readable=roots,
            writable=(self.data,),
            alone=True,
            login=bool(self._passwords),
        )

    def lora_folder(self) -> Path | None:
        return None

    def checkpoints(self, models_folder: str) -> list[dict[str, Any]]:
        folders = [self.data / "models", *([Path(models_folder)] if models_folder else [])]
        return [*checkpoints_in(folders), *demo_checkpoints()]

    def taggers(self) -> list[dict[str, Any]]:
        return taggers_in([self.data / "taggers", self.data / FETCHED])

    def language(self) -> str:
        return ""

    def known_hosts(self) -> frozenset[str] | None:
        """Names by which it is asked for; None where a login says whom it is for, whatever they call it."""
        return None if self._passwords and self._address not in LOOPBACK else LOOPBACK | self._names

    def is_own_name(self, name: str) -> bool:
        """Whether the name leads to this machine, for one that others reach: its address, or what it is called there."""
        if self._address in LOOPBACK:
            return False
        return is_address(name) or name in own_names() or name == self._address.lower()

    def api_passwords(self) -> Mapping[str, str]:
        return self._passwords

    def has_wd14_tagger(self) -> bool:
        return False

    def block_presets(self) -> Path | None:
        return None


class WebUI:
    """AUTOMATIC1111's webui and what is made from it."""

    sends = True
    tries: Tries | None = None

    def __init__(self) -> None:
        self.name = _webui_name()
        self._paths = importlib.import_module("modules.paths")
        self._shared = importlib.import_module("modules.shared")
        self._words = self._shared.cmd_opts
        chosen = str(self._option(DATA, "") or "").strip()
        self.data = Path(chosen).expanduser() if chosen else Path(self._paths.data_path) / "lora_workbench"
        self.memory: Memory = WebUIMemory(self.name, lambda: bool(self._option(FREE_GPU, True)), self._in_its_language)

    def _option(self, name: str, default: Any) -> Any:
        """An option's value; before the settings page knows it, what was saved of it."""
        options = self._shared.opts
        return getattr(options, "data", {}).get(name, default)

    def _in_its_language(self, sentence: str) -> str:
        return translate(sentence, language_of(self.language()))

    def rights(self) -> Rights:
        data = [Path(self._paths.data_path), Path(self._paths.models_path)]
        loras = [folder] if (folder := self.lora_folder()) else []
        return Rights(
            bool(getattr(self._words, "disable_extension_access", False)),
            bool(getattr(self._words, "hide_ui_dir_config", False)),
            readable=(*data, *loras, self.data, DEMO_MODELS),
            writable=(*loras, self.data),
            login=any(getattr(self._words, name, None) for name in ("gradio_auth", "gradio_auth_path", "api_auth")),
        )

    def lora_folder(self) -> Path | None:
        folder = getattr(self._words, "lora_dir", None)
        return Path(folder) if folder else Path(self._paths.models_path) / "Lora"

    def checkpoints(self, models_folder: str) -> list[dict[str, Any]]:
        models = importlib.import_module("modules.sd_models")
        infos = sorted(models.checkpoints_list.values(), key=lambda info: str(info.name).lower())
        found = [{"name": str(Path(info.name).with_suffix("").as_posix()), "path": str(info.filename)} for info in infos]
        found += checkpoints_in([self.data / "models"])  # what was merged from the demo's
        known = {one["path"] for one in found}
        return [*found, *(one for one in demo_checkpoints() if one["path"] not in known)]

    def taggers(self) -> list[dict[str, Any]]:
        models = Path(self._paths.models_path)
        kept = self._option("tagger_hf_cache_dir", "")
        others = [Path(kept)] if isinstance(kept, str) and Path(kept).is_absolute() else []
        return taggers_in(
            [
                self.data / "taggers",
                self.data / FETCHED,
                *(models / name for name in ("interrogators", "TaggerOnnx", "tagger")),
                *others,
            ]
        )

    def language(self) -> str:
        """The chosen one, or what the whole webui is set to, which is English where nothing is."""
        chosen = str(self._option(LANGUAGE, "auto") or "auto")
        if chosen != "auto":
            return chosen
        names = [str(self._option(name, "")) for name in ("localization", "bilingual_localization_file")]
        return next((name for name in names if name and name != "None"), "en")

    def known_hosts(self) -> frozenset[str] | None:
        """Names under which a webui for this machine alone can be reached; None where others may call it anything.

        With --listen and the like webui itself answers to every name, and its proxies' and tunnels' names are unknown to it.
        """
        words = self._words
        if any(getattr(words, name, None) for name in ("listen", "share", "ngrok", "server_name")):
            return None
        own = str(self._option(HOSTS, "") or "").replace(",", " ").split()
        return LOOPBACK | {name.lower() for name in own}

    def is_own_name(self, name: str) -> bool:
        return False

    def api_passwords(self) -> Mapping[str, str]:
        words = str(getattr(self._words, "api_auth", None) or "")
        pairs = [word.strip().split(":", 1) for word in words.split(",") if ":" in word]
        return dict(pairs)

    def has_wd14_tagger(self) -> bool:
        """Whether the extension that serves /tagger/v1 itself is active here."""
        return any("wd14-tagger" in str(one.name) or (Path(one.path) / "tagger" / "api.py").is_file() for one in _active())

    def block_presets(self) -> Path | None:
        """lora-block-weight's file of presets, where that extension is active here; the file itself may be missing yet."""
        scripts = (Path(one.path) / "scripts" for one in _active())
        folder = next((one for one in scripts if (one / "lora_block_weight.py").is_file()), None)
        return folder / FILE_NAME if folder else None

    def add_options(self) -> None:
        """The settings page. Where others can reach webui, nobody may move our data folder from there."""
        shared, info = self._shared, self._shared.OptionInfo
        gradio = importlib.import_module("gradio")

        def add(name: str, default: Any, label: str, *component: Any) -> None:
            shared.opts.add_option(name, info(default, self._in_its_language(label), *component, section=SECTION))

        if not self.rights().restricted:
            add(
                DATA, "", "Folder for projects, jobs and caches; empty: lora_workbench in webui's data folder (after a restart)"
            )
            add(HOSTS, "", "Other names under which this webui is reached, through a proxy (separated by commas)")
        choices = {"choices": ["auto", "en", "zh_CN", "zh_TW", "ja"]}
        add(LANGUAGE, "auto", "Language of LoRA Workbench; auto: webui's own", gradio.Dropdown, choices)
        add(FREE_GPU, True, "Move webui's model out of the GPU's memory while LoRA Workbench trains")


def is_address(name: str) -> bool:
    """Whether it is an IP address, which no foreign page can have lead elsewhere, and no name."""
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


@functools.cache
def own_names() -> frozenset[str]:
    """What this machine is called in its own network, by endings that nobody else can register."""
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return frozenset((name, *(f"{short}{end}" for end in _PRIVATE))) if short else frozenset()


def find_host() -> Host:
    """The webui that this process is; called from its extension script only."""
    return WebUI()


def _active() -> list[Any]:
    """The host's extensions that are switched on."""
    try:
        return list(importlib.import_module("modules.extensions").active())
    except (ImportError, AttributeError):
        return []


def _webui_name() -> str:
    """By what each fork has of its own, looked for without importing anything heavy."""
    if "modules_forge" in sys.modules or importlib.util.find_spec("modules_forge") is not None:
        return "Forge" if importlib.util.find_spec("backend") is not None else "reForge"
    return "AUTOMATIC1111"
