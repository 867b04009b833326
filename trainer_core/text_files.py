"""Text files in whatever encoding they are: what users write by hand comes in UTF-8, with a mark, in GBK, …"""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_KANA = re.compile("[\u3040-\u30ff]")
_TITLES = {"gb18030": "GBK", "cp932": "Shift-JIS", "cp1252": "Windows-1252", "latin-1": "Latin-1"}


def decode(content: bytes) -> tuple[str, str]:
    """The text, and the encoding's usual name where it is not UTF-8; the machine's locale has no part in it."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            text = content.decode(encoding, errors="replace")
            return text, "" if encoding == "utf-8-sig" else encoding.upper()
    try:
        return content.decode("utf-8"), ""
    except UnicodeDecodeError:
        pass
    name = max(_TITLES, key=lambda encoding: _likeness(content, encoding))
    return content.decode(name, errors="replace"), _TITLES[name]


def _likeness(content: bytes, encoding: str) -> float:
    """How many of the characters beyond ASCII are usual ones in that encoding, 0 to 1; -1 where it can't be read so."""
    if encoding == "latin-1":
        return -0.5  # can always be read, means least
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return -1.0
    foreign = [letter for letter in text if ord(letter) > 127]
    return sum(_is_usual(letter, encoding) for letter in foreign) / len(foreign)


def _is_usual(letter: str, encoding: str) -> bool:
    """Usual letters: GB 2312 in Chinese text, kana and the kanji of JIS level 1 in Japanese, Latin letters in Western."""
    if encoding == "gb18030":
        # GB 2312 has kana too, but text with kana is Japanese.
        return not _KANA.match(letter) and _encodes(letter, "gb2312")
    if encoding == "cp932":
        if _KANA.match(letter) or letter in "、。・ー「」（）":
            return True
        return _encodes(letter, "cp932") and b"\x88\x9f" <= letter.encode("cp932") < b"\x98\x9f"
    return letter.isalpha() or letter in "’‘“”–—…°"


def _encodes(letter: str, encoding: str) -> bool:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
