"""Projects and options as files in the data folder."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension.errors import Refused
from lora_workbench.extension.projects import OPTION_DEFAULTS, TAG_DEFAULTS, Projects, checked_tag_options
from lora_workbench.extension.rights import Rights
from lora_workbench.trainer_core.files import read_json


@pytest.fixture
def projects(tmp_path: Path) -> Projects:
    return Projects(tmp_path / "data")


def test_a_new_project_is_open_and_the_last_one_opens_again(projects: Projects) -> None:
    assert projects.current() is None and projects.names() == []
    projects.create("penny")
    projects.create("Anna")
    assert projects.names() == ["Anna", "penny"]
    projects.open("penny")
    again = Projects(projects.data).current()
    assert again is not None and again["name"] == "penny" and again["tag"] == TAG_DEFAULTS and again["preset"] == "new_project"


def test_changes_are_merged_and_none_takes_a_setting_away(projects: Projects, tmp_path: Path) -> None:
    projects.create("penny")
    projects.change(
        {"settings": {"network_dim": 8, "seed": 3}, "tag": {"first": ["penny"]}, "dataset": str(tmp_path)}, Rights()
    )
    made = projects.change({"settings": {"seed": None, "network_alpha": 4}, "tag": {"general": 0.5}, "page": "train"}, Rights())
    assert made["settings"] == {"network_dim": 8, "network_alpha": 4}
    assert made["tag"] == {**TAG_DEFAULTS, "first": ["penny"], "general": 0.5} and made["page"] == "train"
    assert read_json(projects.data / "projects" / "penny" / "project.json")["dataset"] == str(tmp_path)
    assert TAG_DEFAULTS["first"] == []


@pytest.mark.parametrize("name", ["../x", "a/b", "", None, ".git", "nul", "x" * 200, {"a": 1}])
def test_names_that_no_project_may_have(projects: Projects, name: Any) -> None:
    for deed in (projects.create, projects.open, projects.read):
        with pytest.raises(Refused):
            deed(name)
    assert not projects.data.exists()


def test_a_name_is_taken_in_any_letter_case(projects: Projects) -> None:
    projects.create("penny")
    with pytest.raises(Refused, match="already") as refused:
        projects.create("PENNY")
    assert refused.value.status == 409


@pytest.mark.parametrize(
    "changes",
    [
        [], None, {"name": "other"}, {"nonsense": 1}, {"settings": []}, {"settings": {"output_config": True}},
        {"tag": {"mode": "burn"}},
        {"tag": {"general": 2}}, {"tag": {"general": True}}, {"tag": {"first": "penny"}}, {"tag": {"first": ["x" * 501]}},
        {"tag": {"x": 1}},
        {"tag": {"caption_extension": ".py"}}, {"page": "bake"}, {"notes": 5}, {"notes": "x" * 20_001},
        {"dataset": "relative"},
        {"prompts": "a\0b"}, {"tag": {"mcut": 1}}, {"tag": []},
    ],
)  # fmt: skip
def test_changes_that_are_not_taken(projects: Projects, changes: Any) -> None:
    before = projects.create("penny")
    with pytest.raises(Refused):
        projects.change(changes, Rights())
    assert projects.read("penny") == before


def test_without_an_open_project_nothing_is_changed(projects: Projects) -> None:
    with pytest.raises(Refused, match="No project is open"):
        projects.change({"page": "train"}, Rights())


def test_paths_are_confined_where_others_can_reach_it(projects: Projects, tmp_path: Path) -> None:
    projects.create("penny")
    rights = Rights(True, readable=(projects.data,), writable=(projects.data,))
    for changes in (
        {"dataset": str(tmp_path)},
        {"base_model": "/etc/passwd"},
        {"tag": {"model": "/"}},
        {"settings": {"vae": "/x"}},
    ):
        with pytest.raises(Refused):
            projects.change(changes, rights)
    assert projects.change({"dataset": str(projects.data / "sets")}, rights)["dataset"] == str(projects.data / "sets")


def test_hidden_folders_can_not_be_changed(projects: Projects, tmp_path: Path) -> None:
    projects.create("penny")
    with pytest.raises(Refused, match="hide-ui-dir-config"):
        projects.change({"dataset": str(tmp_path)}, Rights(hide_folders=True))


def test_a_damaged_project_is_told_and_breaks_nothing_else(projects: Projects) -> None:
    projects.create("penny")
    (projects.data / "projects" / "penny" / "project.json").write_text("{", encoding="utf-8")
    assert projects.current() is None and projects.names() == ["penny"]
    with pytest.raises(Refused, match="mend or remove"):
        projects.read("penny")
    (projects.data / "state.json").write_text("no", encoding="utf-8")
    assert projects.options() == OPTION_DEFAULTS


def test_options_are_kept(projects: Projects) -> None:
    projects.set_options({"when_done": "command", "command": "notify-send done"}, Rights())
    projects.set_options({"language": "zh_CN"}, Rights())
    expected = {**OPTION_DEFAULTS, "when_done": "command", "command": "notify-send done", "language": "zh_CN"}
    assert Projects(projects.data).options() == expected
    for wrong in ({"when_done": "explode"}, {"x": 1}, {"command": 5}, [], {"language": "fr"}):
        with pytest.raises(Refused):
            projects.set_options(wrong, Rights())


def test_nobody_from_elsewhere_sets_a_command(projects: Projects) -> None:
    for wish in ({"when_done": "shutdown"}, {"command": "rm -rf /"}, {"when_done": "command"}):
        with pytest.raises(Refused) as refused:
            projects.set_options(wish, Rights(True))
        assert refused.value.status == 403
    assert projects.set_options({"when_done": "nothing", "command": ""}, Rights(True)) == OPTION_DEFAULTS


def test_sample_prompts_become_a_file(projects: Projects) -> None:
    project = projects.create("penny")
    assert projects.prompts_file(project) is None
    path = projects.prompts_file(projects.change({"prompts": "penny, smile\n\n"}, Rights()))
    assert (
        path == projects.data / "projects" / "penny" / "sample_prompts.txt"
        and path.read_text(encoding="utf-8") == "penny, smile\n"
    )


def test_changes_reach_their_own_project_whichever_is_open_by_then(projects: Projects) -> None:
    projects.create("penny")
    projects.create("mia")
    projects.change({"prompts": "penny, smile"}, Rights(), "penny")
    assert [projects.read(name)["prompts"] for name in ("penny", "mia")] == ["penny, smile", ""]


def test_many_threads_lose_no_change(projects: Projects) -> None:
    projects.create("penny")
    names = ["network_dim", "seed", "train_batch_size", "max_train_epochs", "clip_skip", "keep_tokens"]
    threads = [threading.Thread(target=projects.change, args=({"settings": {name: 2}}, Rights())) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert projects.read("penny")["settings"] == dict.fromkeys(names, 2)


def test_tag_options_have_their_defaults_for_nothing() -> None:
    assert checked_tag_options({"general": None, "mcut": True}, Rights()) == {"general": 0.35, "mcut": True}
