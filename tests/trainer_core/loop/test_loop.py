"""The loop's mechanics: what is decided how, what survives a cut at any write, and what is told to whom."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lora_workbench.tests.trainer_core.loop.conftest import noise
from lora_workbench.trainer_core import requests
from lora_workbench.trainer_core.events import EventLog, hold_job, read_events
from lora_workbench.trainer_core.loop import command, decisions, rounds
from lora_workbench.trainer_core.problems import UserError, WordsError

Run = Callable[..., int]
Content = Callable[[], dict[str, Any]]
WANTED = ("--accept_by=tagger", "--wanted", "1creature", "--wanted_above=1e-6", "--accept_most=2")


class Cut(BaseException):
    """A killed process, as near as one process can come to it: nothing catches it but `finally`."""


def states(content: dict[str, Any], number: int = 1) -> dict[str, str]:
    return {name: one["state"] for name, one in content["pictures"].items() if one.get("round") == number}


def test_a_person_decides_and_the_accepted_are_trained_next(
    loop: Run, content: Content, quick: dict, tmp_path: Path, capsys: Any
) -> None:
    assert loop() == 0
    assert states(content()) == dict.fromkeys(["r01-001.png", "r01-002.png", "r01-003.png"], "waiting")
    loop("--accept", "r01-002.png", "--reject", "r01-001.png", begin=False)
    loop("--status", "--json", begin=False)
    told = json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))
    assert told["phase"] == "choosing" and told["by_round"][0]["accepted"] == 1 and told["by_round"][0]["waiting"] == 1
    loop("--next", begin=False)
    assert loop() == 0
    after = content()
    assert states(after) == {"r01-001.png": "rejected", "r01-002.png": "accepted", "r01-003.png": "left out"}
    folder = next((tmp_path / "loop" / "rounds" / "02" / "pictures").iterdir())
    assert sorted(path.name for path in folder.glob("*.png")) == ["mia.png", "r01-002.png"]
    assert folder.name == "20_mia"  # 40 pictures an epoch
    for name in ("mia", "r01-002"):
        assert (folder / f"{name}.txt").read_text(encoding="utf-8").split(", ")[0] == "mia"
    one = after["pictures"]["r01-002.png"]
    assert one["decided"]["by"] == "person" and one["lora"] == "rounds/01/lora/mia-r01.safetensors"
    assert one["request"]["prompt"] == "mia, smile" and one["source"] == "mia.png" and one["joined"].keys() == {"2"}
    assert quick["trained"] == ["mia-r01.safetensors", "mia-r02.safetensors"]
    assert list(read_events(tmp_path / "loop"))[-1]["kind"] == "done"


def test_the_tagger_decides_by_scores_and_no_more_than_it_may(loop: Run, content: Content, quick: dict) -> None:
    loop(*WANTED)
    drawn = {name: one for name, one in content()["pictures"].items() if one["kind"] == "drawn"}
    scores = {name: one["scores"]["1creature"] for name, one in drawn.items()}
    best = sorted(scores, key=lambda name: (-scores[name], name))
    assert [drawn[name]["state"] for name in best] == ["accepted", "accepted", "rejected"]
    assert drawn[best[2]]["decided"]["how"] == "2 better ones were accepted"
    assert all(one["decided"]["by"] == "rule" for one in drawn.values())


def test_the_tagger_gives_up_in_one_sentence_and_nothing_is_lost(loop: Run, content: Content, quick: dict) -> None:
    with pytest.raises(UserError, match=r"accepted none of the 6 candidates of round 1 .* lower --wanted_above"):
        loop("--accept_by=tagger", "--wanted", "crown", "--wanted_above=0.999999", "--tries=2")
    seeds = [one["request"]["seed"] for one in content()["pictures"].values() if one["kind"] == "drawn"]
    assert len(set(seeds)) == 6 and quick["trained"] == ["mia-r01.safetensors"]
    loop(*WANTED)
    assert len(content()["rounds"]) == 2 and quick["trained"][1:] == ["mia-r02.safetensors"]


def test_cut_off_at_any_write_it_goes_on_and_does_nothing_twice(
    loop: Run, content: Content, quick: dict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before and after each renaming of a finished file, one after the other, until a run gets through in one go."""
    real, left, written = os.replace, [0], Counter()

    def counted(source: Any, target: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Cut
        real(source, target)
        written[Path(target).name, Path(target).suffix == ".safetensors" or Path(target).parent.name == "candidates"] += 1
        left[0] -= 1
        if left[0] == 0:
            raise Cut

    def plain(value: dict[str, Any]) -> str:
        return json.dumps(value, sort_keys=True).replace(str(tmp_path), "")

    def without_times(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: without_times(one) for name, one in value.items() if name not in ("time", "begun", "closed")}
        return [without_times(one) for one in value] if isinstance(value, list) else value

    loop(*WANTED)
    expected, files = plain(without_times(content())), everything(tmp_path / "loop")
    assert expected.count('"accepted"') == 3
    monkeypatch.setattr(os, "replace", counted)
    cuts = 0
    for step in (1, 2, 3, 4, 5, 6, 7, 8, 13, 21):
        (tmp_path / "loop").rename(tmp_path / f"before-{step}")
        written.clear()
        for number in range(1, 1000, step):
            left[0] = number
            try:
                loop(*WANTED)
                break
            except Cut:
                cuts += 1
        assert plain(without_times(content())) == expected
        assert everything(tmp_path / "loop") == files
        made = {name: count for (name, counts), count in written.items() if counts}
        assert len(made) == 5 and set(made.values()) == {1}  # each LoRA and each candidate once, whatever came between
    assert cuts > 45


def everything(folder: Path) -> dict[str, bytes]:
    """All pictures, captions and LoRAs, and nothing half-made beside them."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert not [name for name in found if name.endswith(".tmp") or ".making" in name]
    return {name: path.read_bytes() for name, path in found.items() if path.suffix in (".png", ".txt", ".safetensors")}


def test_stop_at_each_place_and_go_on(loop: Run, content: Content, quick: dict, tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "loop"
    loop()
    requests.ask(folder, requests.STOP)
    assert loop() == 0
    assert "stopped in round 1, while candidates waited" in capsys.readouterr().out
    assert list(read_events(folder))[-1]["kind"] == "stopped" and not requests.asked(folder)
    loop("--accept", "r01-001.png", "--next", begin=False)
    requests.ask(folder, requests.STOP)
    loop()
    assert "stopped" in capsys.readouterr().out and quick["trained"] == ["mia-r01.safetensors"]
    loop()
    assert quick["trained"][1:] == ["mia-r02.safetensors"]


def test_a_copy_of_a_training_picture_is_left_out(loop: Run, content: Content, quick: dict, start: Path) -> None:
    loop()
    seed = content()["pictures"]["r01-002.png"]["request"]["seed"]
    noise(seed).save(start)
    loop_folder = start.parent / "loop"
    loop_folder.rename(start.parent / "first")
    loop()
    one = content()["pictures"]["r01-002.png"]
    assert one["state"] == "left out" and one["distance"] == 0 and one["decided"]["how"] == "near copy of mia.png"
    loop("--accept", "r01-002.png", "--next", begin=False)  # a person may want it all the same
    loop()
    assert states(content())["r01-002.png"] == "accepted"


def test_all_rejected_draws_others_of_the_same_round(loop: Run, content: Content, quick: dict) -> None:
    loop()
    loop("--reject", *states(content()), begin=False)
    loop()
    assert len(states(content())) == 6 and quick["trained"] == ["mia-r01.safetensors"]
    assert list(states(content()).values()) == ["rejected"] * 3 + ["waiting"] * 3


def test_undo_drop_and_a_picture_of_ones_own(loop: Run, content: Content, quick: dict, tmp_path: Path) -> None:
    loop()
    loop("--accept", "r01-001.png", "r01-002.png", begin=False)
    loop("--undo", "r01-001.png", begin=False)
    mended = tmp_path / "mended.png"
    noise(77).save(mended)
    loop("--add", str(mended), "--from", "r01-003.png", begin=False)
    loop("--drop", "mia.png", "--next", begin=False)
    loop("--rounds=3")
    after = content()
    assert states(after)["r01-001.png"] == "left out"
    assert after["rounds"][1]["pictures"] == ["r01-002.png", "mended.png"]
    assert (
        after["pictures"]["mended.png"]["source"] == "r01-003.png"
        and after["pictures"]["mended.png"]["decided"]["how"] == "add"
    )
    assert after["pictures"]["mia.png"]["dropped"] is True


def test_captions_changed_by_hand_are_kept_for_later_rounds(loop: Run, content: Content, quick: dict, tmp_path: Path) -> None:
    loop()
    folder = next((tmp_path / "loop" / "rounds" / "01" / "pictures").iterdir())
    (folder / "mia.txt").write_text("red scarf, mia", encoding="utf-8")
    loop("--accept", "r01-001.png", "--next", begin=False)
    loop()
    later = next((tmp_path / "loop" / "rounds" / "02" / "pictures").iterdir())
    assert (later / "mia.txt").read_text(encoding="utf-8") == "mia, red scarf"
    assert content()["pictures"]["mia.png"]["joined"]["2"] == "mia, red scarf"


def test_checkpoints_and_styles_take_turns(loop: Run, content: Content, quick: dict, random_base: Path, tmp_path: Path) -> None:
    loop("--checkpoints", str(random_base), "other.safetensors", "--styles", "none", "ink.safetensors:0.6", "--rounds=3")
    loop("--accept", "r01-001.png", "--next", begin=False)
    loop("--no_wait", begin=False)
    found = content()["pictures"]
    assert (found["r01-001.png"]["checkpoint"], found["r01-001.png"].get("style")) == (str(random_base), "none")
    assert (found["r02-001.png"]["checkpoint"], found["r02-001.png"]["style"]) == ("other.safetensors", "ink.safetensors:0.6")
    assert found["r02-001.png"]["request"]["prompt"] == "mia, smile"  # the suite goes on where the round before ended


def test_lines_that_are_no_decision_are_told_and_harm_nothing(
    loop: Run, content: Content, quick: dict, tmp_path: Path, capsys: Any
) -> None:
    loop()
    (tmp_path / "loop" / decisions.FILE).write_bytes(b"akzept r01-001.png\nreject r09-001.png\naccept r01-0")
    loop("--accept", "r01-003.png", begin=False)
    loop()
    told = capsys.readouterr().out
    assert "line 1: 'akzept r01-001.png' is no decision" in told and "line 2: there is no picture r09-001.png" in told
    assert "line 3: there is no picture r01-0" in told
    assert states(content())["r01-003.png"] == "accepted"


@pytest.mark.parametrize(
    ("words", "kind", "sentence"),
    [
        (("--start", "missing.png"), UserError, "picture missing.png is missing"),
        (("--tag", "a, b"), WordsError, "--tag: the one activation tag"),
        (("--tagger", ""), WordsError, "needs --tagger"),
        (("--accept_by=tagger",), WordsError, "needs --wanted"),
        (("--rounds=0",), WordsError, "--rounds 0: it must be 1 or more"),
        (("--train_data_dir=x",), WordsError, "take train_data_dir out"),
        (("--sampler=LMS 2000",), UserError, "There is no sampler"),
        (("--networkdim=4",), WordsError, "networkdim"),
        (("--from", "mia.png"), WordsError, "--from goes with --add"),
        (("--suite", "zoo"), WordsError, "no suite zoo"),
    ],
)
def test_wrong_words_begin_nothing(
    loop: Run, quick: dict, tmp_path: Path, words: tuple[str, ...], kind: type, sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        loop(*words)
    assert not (tmp_path / "loop").exists()


def test_wrong_decisions_write_nothing(loop: Run, quick: dict, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no loop in"):
        loop("--status", begin=False)
    loop()
    with pytest.raises(UserError, match=r"no picture r01-009\.png"):
        loop("--accept", "r01-001.png", "r01-009.png", begin=False)
    with pytest.raises(UserError, match="nothing to stop"):
        loop("--stop", begin=False)
    with pytest.raises(UserError, match=r"can't be taken as a picture"):
        (tmp_path / "no.png").write_text("no picture", encoding="utf-8")
        loop("--add", str(tmp_path / "no.png"), begin=False)
    assert not (tmp_path / "loop" / decisions.FILE).exists()
    (tmp_path / "loop" / "loop.json").write_text('{"version": 1}', encoding="utf-8")
    with pytest.raises(UserError, match=r"loop\.json can't be read"):
        loop("--status", begin=False)


def test_two_loops_in_one_folder_and_another_start(loop: Run, quick: dict, tmp_path: Path) -> None:
    loop()
    other = tmp_path / "other.png"
    noise(9).save(other)
    with pytest.raises(UserError, match=r"has begun without .*other\.png: take that picture in with --add"):
        command.main([str(tmp_path / "loop"), "--start", str(other)])
    lock = hold_job(tmp_path / "loop")
    with pytest.raises(UserError, match="Another run is working"):
        loop()
    lock.release()


def test_a_job_hears_what_happens(loop: Run, quick: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "_TOLD", -1.0)
    loop()
    drawing = [event for event in read_events(tmp_path / "loop") if event.get("what") == "drawing"]
    told = [(one["step"], one.get("share")) for one in drawing]  # batches of two and of one
    assert told == [(0, 0.3333), (1, None), (2, None), (2, 0.8333), (3, None)]
    kinds = [event["kind"] for event in read_events(tmp_path / "loop")]
    assert kinds[:2] == ["start", "round"] and kinds.count("candidate") == 3 and kinds[-1] == "waiting"
    assert [event["count"] for event in read_events(tmp_path / "loop") if event["kind"] == "waiting"] == [3]
    own = tmp_path / "job"
    events = EventLog(own)
    actions, given, rest = command.read_words([str(tmp_path / "loop"), "--no_wait"])
    command.work(actions, given, rest, lambda: False, events)
    events.close()
    assert [event["kind"] for event in read_events(own)] == ["start", "round", "waiting"]


def test_the_picture_of_provenance_can_be_read_by_a_person(loop: Run, content: Content, quick: dict, tmp_path: Path) -> None:
    loop()
    text = (tmp_path / "loop" / "loop.json").read_text(encoding="utf-8")
    assert len(text.splitlines()) > 50  # one value a line
    one = content()["pictures"]["r01-001.png"]
    assert {
        "round",
        "lora",
        "lora_sha256",
        "checkpoint",
        "checkpoint_sha256",
        "request",
        "infotext",
        "sha256",
        "source",
        "distance",
    } <= one.keys()
    with Image.open(tmp_path / "loop" / one["file"]) as image:
        assert image.info["parameters"] == one["infotext"]
