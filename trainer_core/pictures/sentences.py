"""The findings' sentences: {code: (severity, of one picture, of several, the mend)}."""

from __future__ import annotations

from ..problems import Severity

_PLAIN_COPY = "Write upright 8-bit sRGB copies without any of this."
_LOOK = "Look at them; leave them out, or cut the fault off."
SENTENCES: dict[str, tuple[Severity, str, str, str]] = {
    "unreadable": (
        "error",
        "1 picture can't be read and is not trained.",
        "{count} pictures can't be read and are not trained.",
        "Fetch them again, or take them out.",
    ),
    "animated": (
        "error",
        "1 animated picture is not trained.",
        "{count} animated pictures are not trained.",
        "Write their first picture as a file of its own.",
    ),
    "tiny": (
        "error",
        "1 picture is too small to be trained at all.",
        "{count} pictures are too small to be trained at all.",
        "Take them out, or find them larger.",
    ),
    "too-small": (
        "warning",
        "1 picture is far smaller than it is trained: it teaches mush.",
        "{count} pictures are far smaller than they are trained: they teach mush.",
        "Find them larger, enlarge them with an upscaler, leave them out, or lower the resolution.",
    ),
    "enlarged": (
        "note",
        "1 picture is enlarged a little for training.",
        "{count} pictures are enlarged a little for training.",
        "A few do no harm; larger ones are better.",
    ),
    "blurred": (
        "warning",
        "1 picture looks blurred at the size it is trained.",
        "{count} pictures look blurred at the size they are trained.",
        "Look at them: what is blurred on purpose may stay, but it teaches softness.",
    ),
    "duplicate": (
        "warning",
        "1 picture is there twice.",
        "{count} pictures are there more than once.",
        "Take the doubles out: they count as repeats of one picture.",
    ),
    "near-duplicate": (
        "warning",
        "1 picture is nearly the same as another.",
        "{count} pictures are nearly the same as others.",
        "Keep the best of each, or they weigh more than the rest.",
    ),
    "mirrored-duplicate": (
        "warning",
        "1 picture is another one mirrored.",
        "{count} pictures are others mirrored.",
        "Take them out: flip_aug mirrors pictures where that does no harm.",
    ),
    "bars": (
        "warning",
        "1 picture has bars around it, which would be learnt.",
        "{count} pictures have bars around them, which would be learnt.",
        "Write copies without them.",
    ),
    "watermark": (
        "warning",
        "1 picture may have a watermark or signature.",
        "{count} pictures may have watermarks or signatures.",
        _LOOK,
    ),
    "text": (
        "warning",
        "1 picture may have text in it.",
        "{count} pictures may have text in them.",
        _LOOK,
    ),
    "cut-head": (
        "warning",
        "1 picture may have a head that the border cuts.",
        "{count} pictures may have heads that the border cuts.",
        "Leave them out, or tag them so that it is not learnt as usual.",
    ),
    "face-at-border": (
        "warning",
        "1 picture has a face that the border cuts.",
        "{count} pictures have faces that the border cuts.",
        "Leave them out, or cut that face off; a part of a face is learnt as one.",
    ),
    "small-face": (
        "note",
        "In 1 picture the face is too small, as it is trained, for its details to be learnt.",
        "In {count} pictures the face is too small, as they are trained, for its details to be learnt.",
        "Write the faces as pictures of their own.",
    ),
    "several-faces": (
        "note",
        "1 picture shows more than one face.",
        "{count} pictures show more than one face.",
        "Cut your subject out, or tag the others.",
    ),
    "no-face": (
        "note",
        "The detector sees no face in 1 picture.",
        "The detector sees no face in {count} pictures.",
        "Where there is one, give its rectangle by hand; detectors miss faces from behind, in profile or of animals.",
    ),
    "several-people": (
        "note",
        "1 picture may show more than one person.",
        "{count} pictures may show more than one person.",
        "Cut your subject out, or tag the others.",
    ),
    "artifacts": (
        "note",
        "1 picture may be blurry or have a compressor's traces.",
        "{count} pictures may be blurry or have a compressor's traces.",
        "Find better copies, or tag them so.",
    ),
    "colour-profile": (
        "warning",
        "1 picture has a colour profile that training ignores: its colours are learnt wrong.",
        "{count} pictures have colour profiles that training ignores: their colours are learnt wrong.",
        _PLAIN_COPY,
    ),
    "cmyk": (
        "warning",
        "1 picture is in printing colours (CMYK), which training only guesses.",
        "{count} pictures are in printing colours (CMYK), which training only guesses.",
        _PLAIN_COPY,
    ),
    "deep-colour": (
        "note",
        "1 picture has 16 bits a colour; training reads 8.",
        "{count} pictures have 16 bits a colour; training reads 8.",
        _PLAIN_COPY,
    ),
    "transparent": (
        "note",
        "1 picture is transparent and is trained on white.",
        "{count} pictures are transparent and are trained on white.",
        "Put a background behind them where white is not wanted.",
    ),
    "private-data": (
        "warning",
        "1 picture tells things about people: share it with care.",
        "{count} pictures tell things about people: share them with care.",
        "Training does not read it. " + _PLAIN_COPY,
    ),
    "turned": (
        "note",
        "1 picture is turned upright as its camera noted.",
        "{count} pictures are turned upright as their cameras noted.",
        "Training and this page do that; other programs may not.",
    ),
    "not-tagged": (
        "note",
        "1 picture was seen by no tagger: text, watermarks and cut heads can only be told from its caption.",
        "{count} pictures were seen by no tagger: text, watermarks and cut heads can only be told from their captions.",
        "Tag them, then look again; of faces a detector can be asked too.",
    ),
}

# The word of the command that does it.
FLAGS = {
    **dict.fromkeys(("animated", "colour-profile", "cmyk", "deep-colour", "private-data", "turned"), "--plain"),
    **dict.fromkeys(("watermark", "text", "several-people", "face-at-border", "several-faces", "small-face"), "--crop"),
    "bars": "--cut_bars",
}
NEED_PLAIN = tuple(code for code, flag in FLAGS.items() if flag == "--plain")
