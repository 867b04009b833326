"""Settings of captions: where they are and what is done to them at each step."""

from __future__ import annotations

from functools import partial

from .declaration import Setting

GROUP = "Captions"
_setting = partial(Setting, group=GROUP)

SETTINGS: tuple[Setting, ...] = (
    _setting(
        "caption_extension", "str", ".caption", "Extension of caption files; most datasets use .txt.", label="Caption extension"
    ),
    _setting(
        "caption_extention",
        "str",
        None,
        "Old misspelling of caption_extension; the same meaning.",
        label="Caption extension (old)",
        advanced=True,
    ),
    _setting(
        "ignore_captions",
        "flag",
        False,
        "Train with the folder's name only, as if there were no caption files.",
        label="Ignore captions",
        own=True,
    ),
    _setting(
        "shuffle_caption", "flag", False, "Bring the tags of a caption into another order at each step.", label="Shuffle tags"
    ),
    _setting(
        "keep_tokens",
        "int",
        0,
        "How many tags at the start stay in place and are never dropped; 1 keeps the activation tag first.",
        label="Keep first tags",
        minimum=0,
        unit="tags",
    ),
    _setting(
        "keep_tokens_separator",
        "str",
        "",
        "Mark between the fixed and the movable tags, for instance |||.",
        label="Mark after kept tags",
        advanced=True,
    ),
    _setting("caption_separator", "str", ",", "Mark between tags.", label="Tag separator", advanced=True),
    _setting(
        "secondary_separator",
        "str",
        None,
        "Mark between tags that stay together while others are shuffled.",
        label="Secondary separator",
        advanced=True,
    ),
    _setting(
        "enable_wildcard",
        "flag",
        False,
        "Choose from {one|another} and from several lines at each step.",
        label="Wildcards",
        advanced=True,
    ),
    _setting("caption_prefix", "str", None, "Text put before every caption.", label="Caption prefix", advanced=True),
    _setting("caption_suffix", "str", None, "Text put after every caption.", label="Caption suffix", advanced=True),
    _setting(
        "caption_dropout_rate",
        "float",
        0.0,
        "Share of steps that train without any caption.",
        label="Caption dropout",
        minimum=0,
        maximum=1,
    ),
    _setting(
        "caption_dropout_every_n_epochs",
        "int",
        0,
        "Train every n-th epoch without captions; 0 means never.",
        label="Caption dropout every n epochs",
        minimum=0,
        unit="epochs",
        advanced=True,
    ),
    _setting(
        "caption_tag_dropout_rate",
        "float",
        0.0,
        "Share of tags that are left out at each step.",
        label="Tag dropout",
        minimum=0,
        maximum=1,
    ),
    _setting(
        "token_warmup_min",
        "int",
        1,
        "How many tags are used at the start of token warm-up.",
        label="Token warm-up: first tags",
        minimum=0,
        unit="tags",
        advanced=True,
    ),
    _setting(
        "token_warmup_step",
        "float",
        0.0,
        "Step by which all tags are in use, or a share of all steps where it is below 1; 0 means no warm-up.",
        label="Token warm-up: steps",
        minimum=0,
        unit="steps",
        advanced=True,
    ),
)
