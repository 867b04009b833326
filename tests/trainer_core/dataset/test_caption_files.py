from pathlib import Path

import pytest

from lora_workbench.trainer_core.dataset.caption_files import decode, read_caption

CHINESE, JAPANESE, WESTERN = "红色帽子, 微笑, 夜晚", "赤い帽子、ほほえみ, ペニー", "café crème, garçon, élan"


@pytest.mark.parametrize(
    ("text", "encoding", "named"),
    [
        (CHINESE, "utf-8", ""),
        (CHINESE, "utf-8-sig", ""),
        (CHINESE, "utf-16", "UTF-16"),
        (CHINESE, "gbk", "GBK"),
        ("红", "gb18030", "GBK"),
        (JAPANESE, "cp932", "Shift-JIS"),
        ("帽子, 赤い服", "cp932", "Shift-JIS"),
        (WESTERN, "cp1252", "Windows-1252"),
    ],
)
def test_encodings_are_told_apart_whatever_the_locale(text: str, encoding: str, named: str) -> None:
    assert decode(text.encode(encoding)) == (text, named)


def test_what_no_encoding_explains_is_still_read() -> None:
    text, name = decode(b"penny \x81\x8d\xff")
    assert text.startswith("penny ") and name


def test_all_lines_are_read(tmp_path: Path) -> None:
    """Fault 8 of kohya's: only the first line counted."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"penny, red hat,\r\n\r\n  smile\n")
    read = read_caption(path, ",", keep_lines=False)
    assert (read.text, read.lines, read.unescaped) == ("penny, red hat, smile", 2, False)
    assert read_caption(path, ",", keep_lines=True).text == "penny, red hat,\nsmile"


def test_escapes_of_prompts_are_taken_off(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(r"ganyu \(genshin impact\), \o/, a\\b", encoding="utf-8")
    read = read_caption(path, ",", keep_lines=False)
    assert (read.text, read.unescaped) == (r"ganyu (genshin impact), \o/, a\b", True)
    kept = read_caption(path, ",", keep_lines=False, keep_escapes=True)
    assert (kept.text, kept.unescaped) == (r"ganyu \(genshin impact\), \o/, a\\b", False)


def test_an_empty_file_is_an_empty_caption(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbf \n")
    assert read_caption(path, ",", keep_lines=False).text == ""
