"""Where pictures are drawn."""

from __future__ import annotations

import os

import torch


def own_device() -> str:
    """The GPU that torchrun gives this process, the only GPU, or the CPU."""
    if not torch.cuda.is_available():
        return "cpu"
    return f"cuda:{int(os.environ.get('LOCAL_RANK', '0')) % torch.cuda.device_count()}"
