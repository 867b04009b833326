"""Networks that sd-scripts has under names of their own, as the kinds that they are here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LYCORIS = {"networks.loha": "loha", "networks.lokr": "lokr"}


def plain_network(names: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """What stands for network_module and network_args where sd-scripts names a network otherwise, and a sentence.

    `names`: raw values by their settings' names. Empty, with an empty sentence, where there is nothing to change.
    """
    module = str(names.get("network_module") or "").strip().lower()
    if module == "networks.lora_fa":
        return {"network_module": "networks.lora"}, "LoRA-FA is not built here: both halves of the LoRA are trained."
    raw = names.get("network_args")
    words = raw.split() if isinstance(raw, str) else [str(word) for word in raw or ()]
    algo = next((word for word in words if word.startswith("algo=")), "")
    if module == "networks.lora" and algo:
        return {"network_module": "lycoris.kohya"}, f"{algo} is LyCORIS': network_module is taken for lycoris.kohya."
    if module not in _LYCORIS:
        return {}, ""
    given = {word.partition("=")[0] for word in words}
    preset = "full" if "conv_dim" in given else "attn-mlp"
    own = [word for word in (f"algo={_LYCORIS[module]}", f"preset={preset}") if word.partition("=")[0] not in given]
    meant = {"network_module": "lycoris.kohya", "network_args": [*own, *words]}
    return meant, f"{module} is LyCORIS' {_LYCORIS[module]} here, in the layers of its preset {preset}."
