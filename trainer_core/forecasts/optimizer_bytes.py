"""What optimizers keep of each trained number, in bytes; a test counts the same with the real classes."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..networks.choice import Placed
from ..optimizer_table import optimizer_arguments
from ..settings import Settings

_FULL = 4
_BLOCK = 256  # numbers that share a scale in bitsandbytes' 8-bit states
_LEAST_8BIT = 4096  # numbers from which on a tensor's states are kept in 8 bits
_MAP = 256 * _FULL  # the table of values that a state's codes stand for, once a run

# {optimizer: states of a number's own size}
_STATES: dict[str, float] = {
    "AdamW": 2, "PagedAdamW": 2, "PagedAdamW32bit": 2, "Lion": 1, "SGDNesterov": 1,
    "DAdaptAdam": 3, "DAdaptAdaGrad": 3, "DAdaptAdan": 5, "DAdaptAdanIP": 5, "DAdaptLion": 2, "DAdaptSGD": 3,
    "Prodigy": 4, "AdamWScheduleFree": 2, "RAdamScheduleFree": 2, "SGDScheduleFree": 1,
    "ProdigyPlusScheduleFree": 1.2,  # one whole; rows, columns, and two of every eleventh number
}  # fmt: skip
_EIGHT_BIT: dict[str, int] = {"AdamW8bit": 2, "PagedAdamW8bit": 2, "Lion8bit": 1, "PagedLion8bit": 1, "SGDNesterov8bit": 1}
_FACTORED = ("AdaFactor", "CAME")
_UNKNOWN = 2  # as Adam, for classes that the table doesn't know


def state_bytes(settings: Settings, placed: Iterable[Placed]) -> int:
    """Bytes of the optimizer's states for these modules' numbers, after its first step."""
    shapes = [shape for one in placed for shape in one.shapes.values()]
    name = settings.optimizer_type
    if name in _EIGHT_BIT:
        least = int(optimizer_arguments(settings).get("min_8bit_size", _LEAST_8BIT))
        return _EIGHT_BIT[name] * _MAP + sum(_eight_bit(math.prod(shape), _EIGHT_BIT[name], least) for shape in shapes)
    if name in _FACTORED:
        return sum(_factored(name, shape, optimizer_arguments(settings)) for shape in shapes)
    return int(sum(math.prod(shape) for shape in shapes) * _FULL * _STATES.get(name, _UNKNOWN))


def _eight_bit(numbers: int, states: int, least: int) -> int:
    if numbers < least:
        return states * _FULL * numbers
    return states * (numbers + _FULL * -(-numbers // _BLOCK))


def _factored(name: str, shape: tuple[int, ...], arguments: dict[str, object]) -> int:
    """Row and column means in place of a full second moment; CAME has two such, and a first moment."""
    whole = math.prod(shape)
    factored = whole // shape[-1] + whole // shape[-2] if len(shape) >= 2 else whole
    if name == "CAME":
        return _FULL * (whole + (2 * factored if len(shape) >= 2 else factored))
    return _FULL * (factored + (whole if arguments.get("beta1") is not None else 0))
