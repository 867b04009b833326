from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from lora_workbench.trainer_core.dataset.items import TrainingSet
from lora_workbench.trainer_core.dataset.regularization import matched_copies
from lora_workbench.trainer_core.dataset.scan import scan
from lora_workbench.trainer_core.settings import Settings

Make = Callable[..., Settings]


def codes(training_set: TrainingSet) -> list[str]:
    return [one.code for one in training_set.problems]


def problem(training_set: TrainingSet, code: str) -> str:
    (found,) = (one for one in training_set.problems if one.code == code)
    return f"{found.message} {found.fix}"


def ignored(training_set: TrainingSet) -> dict[str, str]:
    return {one.path.name: one.reason for one in training_set.ignored}


def test_a_numbered_folder_is_trained_with_its_repeats(folder: Path, settings: Make) -> None:
    found = scan(settings())
    assert [(item.path.name, item.index, item.copies, item.caption) for item in found.items] == [
        (f"{number}.png", number, 2, f"penny, red hat, number {number}") for number in range(3)
    ]
    (subset,) = found.subsets
    assert (subset.name, subset.repeats, subset.class_tokens, subset.is_reg) == ("2_penny", 2, "penny", False)
    assert found.ignored == () and found.problems == ()


def test_items_don_t_depend_on_the_order_of_the_disk(folder: Path, settings: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    before = scan(settings()).items
    real = os.scandir

    class Backwards:
        def __init__(self, path: Path) -> None:
            self.entries = sorted(real(path), key=lambda entry: entry.name, reverse=True)

        def __enter__(self) -> list[os.DirEntry[str]]:
            return self.entries

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(os, "scandir", Backwards)
    assert scan(settings()).items == before


@pytest.mark.parametrize("name", ["a.PNG", "a.Jpg", "a.JPEG", "a.WebP", "a.BMP"])
def test_letter_case_of_extensions_does_not_matter(folder: Path, settings: Make, draw_picture: Callable, name: str) -> None:
    draw_picture(folder / name)
    (folder / "a.TXT").write_text("penny", encoding="utf-8")
    found = scan(settings())
    assert {item.path.name: item.caption for item in found.items}[name] == "penny"
    assert not found.ignored


def test_every_file_that_is_not_trained_is_listed_with_its_reason(folder: Path, settings: Make, draw_picture: Callable) -> None:
    root = folder.parent
    for name in ("move.gif", "new.avif", "scan.TIFF", "notes.doc"):
        (folder / name).write_bytes(b"x")
    (folder / "broken.png").write_bytes(b"x")
    (folder / "zero.jpg").write_bytes(b"")
    draw_picture(folder / "dot.png", (1, 1))
    (folder / "alone.txt").write_text("penny", encoding="utf-8")
    for name in (".hidden.png", "Thumbs.db", ".DS_Store", "cache.npz", "metadata_cache.json"):
        (folder / name).write_bytes(b"x")
    draw_picture(root / "beside.png")
    for name in ("reg", "others", "0_none", "2_penny/deeper"):
        (root / name).mkdir()
        draw_picture(root / name / "a.png")
        draw_picture(root / name / "b.jpg")
    found = scan(settings())
    reasons = ignored(found)
    assert set(reasons) == {
        "move.gif", "new.avif", "scan.TIFF", "notes.doc", "broken.png", "zero.jpg", "dot.png", "alone.txt", "beside.png", "reg",
        "others", "0_none", "deeper",
    }  # fmt: skip
    assert len(found.items) == 3
    words = {
        "move.gif": ".png",
        "zero.jpg": "0 bytes",
        "dot.png": "1×1",
        "alone.txt": "without a picture",
        "reg": "reg_data_dir",
    }
    words |= {"others": "2 pictures", "0_none": "repeats", "deeper": "2 pictures", "beside.png": "numbered"}
    assert {name: word for name, word in words.items() if word not in reasons[name]} == {}


def test_a_plain_folder_is_seen_dataset_repeats_times(tmp_path: Path, settings: Make, draw_picture: Callable) -> None:
    (tmp_path / "dog" / "more").mkdir(parents=True)
    draw_picture(tmp_path / "dog" / "a.png")
    found = scan(settings(train_data_dir=str(tmp_path / "dog"), dataset_repeats=7))
    assert [(item.copies, item.caption) for item in found.items] == [(7, "dog")]
    assert list(ignored(found)) == ["more"]


def test_a_numbered_folder_given_itself_is_noticed(folder: Path, settings: Make) -> None:
    found = scan(settings(train_data_dir=str(folder)))
    assert {item.copies for item in found.items} == {1} and found.subsets[0].class_tokens == "penny"
    assert "dataset_repeats to 2" in problem(found, "folder-is-subset")


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_caption_becomes_the_class_tokens_with_a_warning(folder: Path, settings: Make, text: str) -> None:
    """Fault 8 of kohya's: the run was aborted."""
    (folder / "1.txt").write_text(text, encoding="utf-8")
    found = scan(settings())
    assert found.items[1].caption == "penny"
    assert "1.txt" in problem(found, "caption-empty") and "“penny”" in problem(found, "caption-empty")


def test_foreign_encodings_several_lines_and_escapes_are_told(folder: Path, settings: Make) -> None:
    (folder / "0.txt").write_bytes("红色帽子".encode("gbk"))
    (folder / "1.txt").write_text("penny\nsmile", encoding="utf-8")
    (folder / "2.txt").write_text(r"penny \(toy\)", encoding="utf-8")
    found = scan(settings())
    assert [item.caption for item in found.items] == ["红色帽子", "penny, smile", "penny (toy)"]
    assert "0.txt" in problem(found, "caption-encoding") and "GBK" in problem(found, "caption-encoding")
    assert "1.txt" in problem(found, "caption-lines") and "2.txt" in problem(found, "caption-escapes")


def test_captions_of_another_extension_are_noticed(settings: Make) -> None:
    """kohya's default extension is .caption, and most people's captions are .txt."""
    found = scan(settings(caption_extension=None))
    assert {item.caption for item in found.items} == {"penny"}
    assert "Set caption_extension to .txt" in problem(found, "caption-extension")
    assert not found.ignored


def test_missing_captions(folder: Path, settings: Make) -> None:
    (folder / "1.txt").unlink()
    found = scan(settings())
    assert found.items[1].caption == "penny" and "1.png" in problem(found, "captions-missing")
    for path in folder.glob("*.txt"):
        path.unlink()
    assert "“penny”" in problem(scan(settings()), "keyword-style")


def test_captions_can_be_ignored(settings: Make) -> None:
    found = scan(settings(ignore_captions=True))
    assert {item.caption for item in found.items} == {"penny"} and not found.problems and not found.ignored


def test_two_pictures_with_one_caption(folder: Path, settings: Make, draw_picture: Callable) -> None:
    draw_picture(folder / "1.jpg")
    found = scan(settings())
    assert len(found.items) == 4
    assert "1.jpg, 1.png" in problem(found, "caption-shared") and "1.txt" in problem(found, "caption-shared")


def test_names_with_a_face_s_place_find_their_caption(folder: Path, settings: Make, draw_picture: Callable) -> None:
    draw_picture(folder / "face_64_64_30_30.png")
    draw_picture(folder / "0_a_b_c_d.png")
    (folder / "face.txt").write_text("penny, face", encoding="utf-8")
    found = scan(settings(face_crop_aug_range="2,4"))
    captions = {item.path.name: item.caption for item in found.items}
    assert captions["face_64_64_30_30.png"] == "penny, face" and captions["0_a_b_c_d.png"] == "penny"
    assert not found.ignored


@pytest.mark.parametrize(
    ("repeats", "total", "copies"),
    [
        ([1] * 10, 25, [2, 3, 2, 3, 2, 3, 2, 3, 2, 3]),
        ([10] * 10, 25, [2, 3, 2, 3, 2, 3, 2, 3, 2, 3]),
        ([1] * 5, 5, [1] * 5),
        ([1] * 6, 3, [0, 1, 0, 1, 0, 1]),
        ([1, 3], 8, [2, 6]),
        ([], 4, []),
    ],
)
def test_regularization_is_matched_evenly(repeats: list[int], total: int, copies: list[int]) -> None:
    """The i-th picture's share ends at floor(total × i / number)."""
    assert matched_copies(repeats, total) == copies


def test_surplus_regularization_pictures_are_named(tmp_path: Path, settings: Make, draw_picture: Callable) -> None:
    """Fault 7 of kohya's: they were dropped without a word."""
    reg = tmp_path / "reg" / "1_doll"
    reg.mkdir(parents=True)
    for number in range(9):
        draw_picture(reg / f"r{number}.png")
    found = scan(settings(reg_data_dir=str(reg.parent)))
    seen = Counter(item.subset.is_reg for item in found.items for _ in range(item.copies))
    assert seen == {False: 6, True: 6}
    assert len(found.unused_reg) == 3
    message = problem(found, "reg-unused")
    assert message.startswith("3 ") and all(path.name in message for path in found.unused_reg)
    used = {item.path for item in found.items if item.subset.is_reg}
    assert used | set(found.unused_reg) == set(reg.iterdir()) and not used & set(found.unused_reg)
    assert {item.caption for item in found.items if item.subset.is_reg} == {"doll"}


def test_an_empty_reg_folder_is_no_harm(tmp_path: Path, settings: Make) -> None:
    (tmp_path / "reg").mkdir()
    found = scan(settings(reg_data_dir=str(tmp_path / "reg")))
    assert len(found.items) == 3 and not found.unused_reg


def test_a_folder_without_pictures_beside_others_is_noticed(folder: Path, settings: Make) -> None:
    (folder.parent / "5_hat").mkdir()
    assert "5_hat" in problem(scan(settings()), "folder-empty")


def test_numbered_reg_among_the_subjects_is_noticed(folder: Path, settings: Make, draw_picture: Callable) -> None:
    (folder.parent / "1_reg").mkdir()
    draw_picture(folder.parent / "1_reg" / "a.png")
    assert "reg_data_dir" in problem(scan(settings()), "reg-trained-as-subject")


@pytest.mark.parametrize("what", ["missing", "file", "empty", "none"])
def test_no_pictures_is_one_sentence(tmp_path: Path, settings: Make, what: str) -> None:
    given = {"missing": tmp_path / "nowhere", "file": tmp_path / "file", "empty": tmp_path / "empty", "none": None}[what]
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    found = scan(settings(train_data_dir=given and str(given)))
    errors = [one for one in found.problems if one.severity == "error"]
    assert errors and all(one.message and one.fix for one in errors) and not found.items
    if what in ("missing", "file"):
        assert str(given) in errors[0].message


def test_sizes_that_fit_no_bucket_are_listed(folder: Path, settings: Make, draw_picture: Callable) -> None:
    draw_picture(folder / "strip.png", (300, 40))
    found = scan(settings(enable_bucket=True, bucket_no_upscale=True))
    assert "300×40" in ignored(found)["strip.png"]


def test_a_toml_dataset(tmp_path: Path, folder: Path, settings: Make, draw_picture: Callable) -> None:
    (tmp_path / "reg").mkdir()
    draw_picture(tmp_path / "reg" / "r.png", (256, 256))
    path = tmp_path / "data.toml"
    path.write_text(
        f"""
        [general]
        caption_extension = ".txt"
        [[datasets]]
        resolution = 128
        batch_size = 2
          [[datasets.subsets]]
          image_dir = {str(folder)!r}
          num_repeats = 4
          flip_aug = true
          [[datasets.subsets]]
          image_dir = {str(folder)!r}
          [[datasets.subsets]]
          image_dir = {str(tmp_path / "reg")!r}
          is_reg = true
          class_tokens = "doll"
        [[datasets]]
        resolution = [64, 128]
          [[datasets.subsets]]
          image_dir = {str(folder)!r}
        """,
        encoding="utf-8",
    )
    found = scan(settings(train_data_dir=None, resolution=None, dataset_config=str(path)))
    assert [(one.resolution, one.batch_size) for one in found.datasets] == [((128, 128), 2), ((64, 128), 1)]
    assert [item.copies for item in found.items] == [4, 4, 4, 12, 1, 1, 1]
    assert [item.index for item in found.items] == list(range(7))
    assert [item.subset.dataset for item in found.items] == [0, 0, 0, 0, 1, 1, 1]
    assert found.items[0].subset.options.flip_aug and not found.items[4].subset.options.flip_aug
    assert found.items[3].caption == "doll" and found.items[4].fit.bucket == (64, 128)
    assert "folder-twice" in codes(found)


def test_a_folder_that_is_trained_and_regularizes_at_once_is_refused(folder: Path, settings: Make, tmp_path: Path) -> None:
    sentence = f"{folder} is given for training and for regularization at once. Give regularization pictures a folder"
    assert sentence in problem(scan(settings(reg_data_dir=folder.parent)), "reg-is-training")
    link = tmp_path / "other_name"
    link.symlink_to(folder.parent, target_is_directory=True)
    assert "at once" in problem(scan(settings(reg_data_dir=link)), "reg-is-training")
    toml = tmp_path / "data.toml"
    subset = f"[[datasets.subsets]]\nimage_dir = {str(folder)!r}\n"
    toml.write_text(f"[[datasets]]\nresolution = 128\n{subset}{subset}is_reg = true\n", encoding="utf-8")
    found = scan(settings(train_data_dir=None, dataset_config=toml))
    assert sentence in problem(found, "reg-is-training")


def test_an_empty_reg_folder_is_none(folder: Path, settings: Make, tmp_path: Path) -> None:
    (tmp_path / "reg").mkdir()
    found = scan(settings(reg_data_dir=tmp_path / "reg"))
    assert all(one.severity != "error" for one in found.problems)
    assert not any(item.subset.is_reg for item in found.items)
