"""Slips that stand in widely copied training scripts and guides, told by line."""

from __future__ import annotations

import re
from collections.abc import Iterator

_COMMENT = re.compile(r"(?<![\w\"'])#(.*)$")
_SET = re.compile(r"^\s*(?:local\s+|set\s+)?\$?(\w*batch_size)\s*=\s*[\"']?(\d+)[\"']?", re.IGNORECASE)
# "so I set it to 1", in English and Chinese.
_SAID = re.compile(r"(?:设为|设置为|设成|set (?:it |this )?(?:to|at)|use)\s*(\d+)", re.IGNORECASE)
_RATE_BY_BATCH = re.compile(r"^\s*\$(\w*learning_rate|\w*_lr)\s*=\s*\$\1\s*\*\s*\$(\w*batch\w*)", re.IGNORECASE)


def defects(text: str) -> Iterator[str]:
    """A sentence for each slip."""
    for number, line in enumerate(text.splitlines(), 1):
        comment = _COMMENT.search(line)
        said = comment[1] if comment else ""
        if "sdgnesterov" in said.lower():
            yield f"Line {number}: the comment misspells SGDNesterov8bit as SDGNesterov8bit; both are understood here."
        value, told = _SET.match(line), _SAID.search(said)
        if value and told and told[1] != value[2]:
            yield f"Line {number}: the comment says {told[1]}, and {value[1]} is {value[2]}; {value[2]} is imported."
        if rate := _RATE_BY_BATCH.match(line):
            yield (
                f"Line {number}: {rate[1]} is multiplied by {rate[2]}, so that it changes whenever the batch does; "
                "the product is imported as the rate."
            )
