"""Options as extensions add and read them, kept in config.json."""

from __future__ import annotations

import json
from pathlib import Path


class OptionInfo:
    def __init__(
        self, default=None, label="", component=None, component_args=None, onchange=None, section=None, refresh=None, **others
    ):
        self.default, self.label, self.component, self.component_args = default, label, component, component_args
        self.onchange, self.section, self.refresh = onchange, section, refresh
        self.others = others

    def info(self, _):
        return self

    needs_restart = needs_reload_ui = lambda self: self


class Options:
    """Values by name: what was saved, else the option's default. `data` holds what is known, `data_labels` what was added."""

    def __init__(self, file: Path, own: dict[str, object]) -> None:
        self.__dict__.update(file=file, data=dict(own), data_labels={})
        if file.is_file():
            self.data.update(json.loads(file.read_text(encoding="utf-8")))

    def __getattr__(self, name):
        if name in self.data:
            return self.data[name]
        if name in self.data_labels:
            return self.data_labels[name].default
        raise AttributeError(name)

    def __setattr__(self, name, value):
        if name in self.data or name in self.data_labels:
            self.data[name] = value
        else:
            self.__dict__[name] = value

    def add_option(self, name, info):
        self.data_labels[name] = info
        self.data.setdefault(name, info.default)

    def set(self, name, value, **_):
        self.data[name] = value
        self.save()
        return True

    def onchange(self, name, func, call=True):
        self.data_labels[name].onchange = func

    def save(self, _=None):
        self.file.write_text(json.dumps(self.data, indent=1), encoding="utf-8")
