"""Every setting of a training run, declared once: names, defaults and meanings are those of kohya's sd-scripts."""

from .arguments import parse_arguments
from .command_line import build_parser, read_settings
from .declaration import Setting
from .tables import ALL, GROUPS
from .values import Settings, SettingsError, resolved_datasets

__all__ = [
    "ALL",
    "GROUPS",
    "Setting",
    "Settings",
    "SettingsError",
    "build_parser",
    "parse_arguments",
    "read_settings",
    "resolved_datasets",
]
