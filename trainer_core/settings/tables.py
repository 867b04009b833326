"""All settings in one table, by name."""

from __future__ import annotations

from . import (
    base_model,
    captions,
    images,
    machine,
    network,
    noise_and_loss,
    optimizer,
    reporting,
    sampling,
    saving,
    subject,
    training,
)
from .declaration import Setting

# In the order in which forms, help and the reference page show the groups.
_TABLES = (
    subject,
    base_model,
    images,
    captions,
    network,
    optimizer,
    training,
    noise_and_loss,
    saving,
    sampling,
    reporting,
    machine,
)

GROUPS: tuple[str, ...] = tuple(table.GROUP for table in _TABLES)
ALL: dict[str, Setting] = {setting.name: setting for table in _TABLES for setting in table.SETTINGS}
