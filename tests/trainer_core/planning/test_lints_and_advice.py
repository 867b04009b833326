"""What `advise` writes, the plan doesn't find fault with."""

from __future__ import annotations

import itertools
import types

import pytest

from lora_workbench.trainer_core.guide.advice import Answers, BaseFacts, DatasetFacts, FolderFacts, advise
from lora_workbench.trainer_core.planning import subject
from lora_workbench.trainer_core.settings import Settings

KINDS = (None, "character", "style", "concept", "vehicle")


@pytest.mark.parametrize(("family", "width"), [("sd1", 320), ("sdxl", 320), ("sd1", 64)])
@pytest.mark.parametrize("kind", KINDS)
def test_advised_ranks_and_networks_are_those_of_the_class(
    kind: str, family: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "identify", lambda header: family)
    monkeypatch.setattr(subject, "unet_width", lambda header: width)
    for difficulty, male, count, use in itertools.product(
        (None, *"ABCDEFGHI"), (False, True), (20, 300), ("usual", "accurate")
    ):
        facts = DatasetFacts(folders=(FolderFacts("1_penny", count, 1),), sides=(768,) * count, captioned=count)
        answers = Answers(kind=kind, difficulty=difficulty, male=male, use=use)
        settings = Settings.of(**advise(facts, answers, BaseFacts(family=family, width=width)).settings())
        assert settings.subject_kind == (kind or "character")
        found = [*subject._rank_problems(settings, object()), *subject._network_problems(settings)]
        assert found == [], (answers, settings.network_dim)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reg", [False, True])
def test_advised_lengths_are_no_fault(kind: str | None, reg: bool) -> None:
    """With regularization pictures too, of which the advice counts as many as there are of the subject.

    A style that the base knows is left out: that isn't among the settings, and the advice then goes below what styles want.
    """
    item = types.SimpleNamespace(subset=types.SimpleNamespace(is_reg=reg))
    for difficulty, known, network, vram in itertools.product(
        (None, *"ABCDEFGHI"), (None, False, *([] if kind == "style" else [True])), (None, "lokr"), (8, 24)
    ):
        facts = DatasetFacts(folders=(FolderFacts("1_penny", 40, 1),), sides=(768,) * 40, captioned=40)
        answers = Answers(kind=kind, difficulty=difficulty, known=known, reg=reg, network=network, vram_gb=vram)
        settings = Settings.of(**advise(facts, answers, BaseFacts()).settings())
        steps = settings.max_train_epochs * (80 if reg else 40) // settings.train_batch_size
        training_set = types.SimpleNamespace(items=[item])
        few = [one for one in subject._step_problems(settings, training_set, steps) if one.severity == "warning"]
        assert few == [], (answers, steps)
