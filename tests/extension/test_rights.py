"""Which paths and names a request may give."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lora_workbench.extension.errors import Refused
from lora_workbench.extension.host import Alone
from lora_workbench.extension.rights import Rights, file_name, inside, is_device, whole_path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    made = tmp_path / "webui" / "lora_workbench"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def restricted(data: Path) -> Rights:
    return Rights(True, readable=(data.parent, data), writable=(data,))


def test_a_path_inside_is_allowed_whether_it_is_there_or_not(restricted: Rights, data: Path) -> None:
    assert restricted.may_read(str(data / "sets" / "penny"), "x") == data / "sets" / "penny"
    assert restricted.may_read(str(data.parent / "outputs"), "x") == data.parent / "outputs"
    assert restricted.may_write(f"  {data}/runs/../runs/a ", "x") == data / "runs" / "a"


@pytest.mark.parametrize(
    "path", ["/", "/etc", "{data}/../..", "{data}/../../other", "{root}2", "~", "~root", "/proc/self/root/etc"]
)
def test_a_path_outside_is_not(restricted: Rights, data: Path, path: str) -> None:
    with pytest.raises(Refused):
        restricted.may_read(path.format(data=data, root=data.parent), "The folder")


def test_webuis_programs_are_not_data(restricted: Rights, data: Path) -> None:
    for name in ("extensions/a", "scripts", "modules", "Extensions/b", "venv/lib"):
        with pytest.raises(Refused):
            restricted.may_read(str(data.parent / name), "The folder")


def test_writing_has_fewer_roots(restricted: Rights, data: Path) -> None:
    with pytest.raises(Refused) as refused:
        restricted.may_write(str(data.parent / "outputs"), "The output folder")
    assert refused.value.status == 403 and "The output folder" in str(refused.value)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_lead_nowhere_else(restricted: Rights, data: Path, tmp_path: Path) -> None:
    (data / "link").symlink_to(tmp_path)
    (data / "circle").symlink_to(data / "circle")
    (data / "fine").symlink_to(data.parent / "outputs")
    for name in ("link", "link/other", "circle", "circle/a"):
        with pytest.raises(Refused):
            restricted.may_read(str(data / name), "x")
    assert restricted.may_read(str(data / "fine"), "x") == data.parent / "outputs"


def test_a_root_that_is_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "real")
    rights = Rights(True, readable=(tmp_path / "root",))
    assert rights.may_read(str(tmp_path / "root" / "a"), "x") == tmp_path / "real" / "a"


def test_who_is_not_restricted_may_name_any_path(tmp_path: Path) -> None:
    assert Rights().may_write(str(tmp_path / "a"), "x") == tmp_path / "a"
    assert Rights().may_read("~/a", "x") == Path.home() / "a"


@pytest.mark.parametrize(
    "path", ["", "  ", None, 5, [], "a/b", "../a", "C:\\x", "a\0b", "/a\0b", "/a\nb", "/" + "a" * 5000, "~no-such-user-here/a"]
)
def test_what_is_no_whole_path(path: object) -> None:
    with pytest.raises(Refused):
        whole_path(path, "The folder")


@pytest.mark.parametrize("name", ["penny", "Penny 2", "小兵", "a.b", "a-b_c", " penny "])
def test_names_of_files(name: str) -> None:
    assert file_name(name, "It") == name.strip()


@pytest.mark.parametrize(
    "name",
    ["", " ", None, 7, ".", "..", ".hidden", "a/b", "a\\b", "/a", "C:a", "a\0", "a\nb", "a*", "a?", "<b>", "a|b", '"a"', "a.",
    "con", "NUL.txt",
     "com1", "LPT9.safetensors", "COM¹", "a" * 101, "文" * 90, "\u202etxt.exe"],
)  # fmt: skip
def test_what_is_no_name_of_a_file(name: object) -> None:
    with pytest.raises(Refused) as refused:
        file_name(name, "The name")
    assert refused.value.status == 400 and "\0" not in str(refused.value) and "\u202e" not in str(refused.value)


@pytest.mark.parametrize("name", ["a.png", "10_penny/a.png", "a b/ü.png"])
def test_files_inside_a_folder(name: str, tmp_path: Path) -> None:
    assert inside(tmp_path, name, "x") == tmp_path / name


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "../a.png",
        "a/../../b",
        "/etc/passwd",
        "C:/a",
        "a\\..\\b",
        "a:b",
        "a\0b",
        "",
        None,
        5,
        "con",
        "a/nul.png",
        "//host/x",
    ],
)
def test_what_leads_out_of_a_folder(name: object, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        inside(tmp_path, name, "x")


def test_devices_of_windows() -> None:
    assert all(is_device(name) for name in ("CON", "aux.txt", "lpt1", "CONIN$"))
    assert not any(is_device(name) for name in ("console", "com", "com10", "nulls"))


def test_shares_are_not_touched_on_windows(restricted: Rights, monkeypatch: pytest.MonkeyPatch) -> None:
    from lora_workbench.extension import rights

    monkeypatch.setattr(rights.os, "name", "nt")
    assert rights._is_remote("\\\\host\\share") and rights._is_remote("//host/share") and not rights._is_remote("C:\\a")


def test_the_words_for_what_is_not_allowed(restricted: Rights) -> None:
    with pytest.raises(Refused, match="^Baking a cake is not allowed .* --enable-insecure-extension-access"):
        restricted.must_be_unrestricted("Baking a cake")
    with pytest.raises(Refused, match="--hide-ui-dir-config"):
        Rights(hide_folders=True).must_show_folders()
    Rights().must_be_unrestricted("x")
    Rights().must_show_folders()


def test_the_page_alone_names_its_own_words(tmp_path: Path) -> None:
    rights = Alone(tmp_path, address="0.0.0.0").rights()
    with pytest.raises(Refused, match=f"must lie in {tmp_path} .* --trust-network"):
        rights.may_read("/etc", "The folder")
    with pytest.raises(Refused, match="without --host and --name, or with --trust-network"):
        rights.must_be_unrestricted("Baking a cake")


def test_a_login_is_enough_for_what_is_the_same_whoever_asks(tmp_path: Path, restricted: Rights) -> None:
    with pytest.raises(Refused, match="without a login: start it with --gradio-auth"):
        restricted.must_be_known("Fetching a tagger")
    with pytest.raises(Refused, match="without a login: start it with --login"):
        Alone(tmp_path, address="0.0.0.0").rights().must_be_known("Fetching a tagger")
    known = Alone(tmp_path, address="0.0.0.0", login="ann:secret").rights()
    known.must_be_known("Fetching a tagger")
    with pytest.raises(Refused):
        known.must_be_unrestricted("Running a command when all is done")
    with pytest.raises(Refused):
        known.may_read("/etc", "The folder")
