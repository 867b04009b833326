"""The page's source as text: nothing that reads HTML from strings, no outside addresses, every sentence translatable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / "extension" / "page"
SCRIPTS = sorted(PAGE.glob("*.js"))
STYLES = sorted(PAGE.glob("*.css"))
LONGEST_FILE = 250
COMMENT = re.compile(r"//[^\n\"']*$|/\*.*?\*/", re.MULTILINE | re.DOTALL)


def code(path: Path) -> str:
    return COMMENT.sub("", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_nothing_is_read_as_html_or_as_program(path: Path) -> None:
    dangerous = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|createContextualFragment"
    assert not re.findall(dangerous, code(path))


@pytest.mark.parametrize("path", [*SCRIPTS, *STYLES, PAGE / "index.html"], ids=lambda path: path.name)
def test_no_address_of_others(path: Path) -> None:
    others = r"|@import(?! url\(\"[\w-]+\.css\"\);)[^;]*|(?<!@import )url\([^)]*\)" if path.suffix == ".css" else ""
    addresses = re.findall(rf"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*{others}", code(path))
    assert [one for one in addresses if one != "http://www.w3.org/2000/svg"] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_sentences_are_literals(path: Path) -> None:
    """A test for translations finds sentences by their literals, so there must be no other calls of t."""
    if path.name == "i18n.js":
        return
    calls = len(re.findall(r"(?<![\w.])t\(", code(path)))
    assert calls == len(re.findall(r'(?<![\w.])t\(\s*"(?:[^"\\]|\\.)+"', code(path)))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_placeholders_have_their_values(path: Path) -> None:
    for sentence, values in re.findall(r'(?<![\w.])t\(\s*"((?:[^"\\]|\\.)+)",\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}', code(path)):
        for name in re.findall(r"\{(\w+)\}", sentence):
            assert re.search(rf"\b{name}\b", values), f"{sentence}: no value for {name}"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_ids_are_our_own(path: Path) -> None:
    elements = re.sub(r"\{ id: \"\w+\", title: .*", "", code(path))  # a tab's name is no element's id
    given = re.findall(r"\bid: [\"`]([^\"`]*)", elements) + re.findall(r"\.id = [\"`]([^\"`]*)", code(path))
    assert [one for one in given if not one.startswith(("lw-", "${id}"))] == []


def test_no_tab_styles_the_elements_of_another() -> None:
    """All styles are there at once: two tabs' elements of one class would take each other's."""
    owners: dict[str, set[str]] = {}
    for path in STYLES:
        style = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for name in re.findall(r"#lw-root (\.lw-[\w-]+)[^\s,{]*\s*(?=[,{])", style):
            owners.setdefault(name, set()).add(path.name)
    assert {name: files for name, files in owners.items() if len(files) > 1} == {}


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_styles_stay_inside_the_page(path: Path) -> None:
    style = re.sub(r"/\*.*?\*/|@import[^;]*;", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    style = re.sub(r"@media[^{]*\{", "", style)
    outside = []
    for selectors in re.findall(r"([^{}]+)\{", style):
        flat = re.sub(r"\([^()]*\)", "", selectors)
        outside += [one.strip() for one in flat.split(",") if not one.strip().startswith(("#lw-root", "html.lw-alone"))]
    assert outside == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_imports_exist(path: Path) -> None:
    for names, file in re.findall(r"import \{([^}]*)\} from \"\./([\w.]+)\"", code(path)):
        target = code(PAGE / file)
        for name in (one.strip() for one in names.split(",") if one.strip()):
            assert re.search(rf"export (?:async )?(?:function|const|class) {name}\b", target), f"{file} has no {name}"
            assert len(re.findall(rf"\b{name}\b", code(path))) > 1, f"{name} is imported for nothing"
    later = re.findall(r"\(await import\(\"\./([\w.]+)\"\)\)\.(\w+)\(", code(path))
    assert len(later) == code(path).count("import("), "scripts that come later are named plainly"
    for file, name in later:
        assert re.search(rf"export function {name}\b", code(PAGE / file)), f"{file} has no {name}"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_file_fits_in_one_look(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("// "), "its first line says what it is for"
    assert len(text.splitlines()) <= LONGEST_FILE
