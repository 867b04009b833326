"""The loop from top to bottom. Each step looks at what is there first, so that it may be killed anywhere and gone on with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..endings import Stopped
from ..events import EventLog
from ..generate.telling import Between, Pace
from ..problems import UserError
from . import decisions
from .candidates import draw_planned, plan
from .dataset import gather
from .project import ACCEPTED, CANDIDATES, LEFT_OUT, PLANNED, WAITING, Picture, Project, Round, named, now
from .rule import decide
from .training import forget_states, train_round

_LOOK = 0.5  # seconds between two looks for decisions
_TOLD = 0.5  # seconds between two progress events


@dataclass
class Loop:
    """The loop at work: its project, where it tells what it does, and whether it is to stop."""

    project: Project
    events: EventLog
    stop: Callable[[], bool]
    wait: bool = True
    told_at: float = 0.0

    def run(self) -> Path | None:
        """Goes on to the last round's LoRA; None where candidates wait and it isn't to wait. Raises Stopped, UserError."""
        project = self.project
        self.events.write("start", round=len(project.rounds) or 1, rounds=project.options.rounds, folder=str(project.folder))
        while True:
            current = self.open_round()
            self.events.write("round", number=current.number, rounds=project.options.rounds, pictures=len(current.pictures))
            self.train(current)
            if current.number >= project.options.rounds:
                path = project.lora(current.number)
                summary = f"Round {current.number}: the LoRA is trained on {len(current.pictures)} pictures, {path}"
                self.events.write("done", path=str(path), round=current.number, pictures=len(current.pictures), summary=summary)
                self.say(f"Done: {path}, trained on {len(current.pictures)} pictures in round {current.number}.")
                return path
            while not current.closed:
                self.draw(current)
                if not self.choose(current):
                    return None

    def open_round(self) -> Round:
        """The round that isn't closed, or the next one."""
        project = self.project
        if project.rounds and not project.rounds[-1].closed:
            return project.rounds[-1]
        _, _, lines = decisions.taken_in(project)  # what was added or dropped since the last round was closed
        members = project.members()
        if not members:
            raise UserError(f"No picture is left in {project.folder}: take one in with --add.")
        project.rounds.append(Round(len(project.rounds) + 1, now(), members, decisions_before=lines))
        project.save()
        return project.rounds[-1]

    def train(self, current: Round) -> None:
        project = self.project
        if current.lora and project.lora(current.number).is_file():
            return
        self.say(f"Round {current.number} of {project.options.rounds}: {named(current.pictures)}")
        if not gather(project, current, self.stop):
            raise self.stopped(current, "while its pictures were tagged")
        project.save()
        if not train_round(project, current, self.stop, self.training_told(current)):
            raise self.stopped(current, "during its training")
        project.save()
        forget_states(project, current)
        self.say(f"Round {current.number}: trained {project.lora(current.number).name} in {current.steps} steps")

    def draw(self, current: Round) -> None:
        """Candidates where none are planned, and those that are planned and not there."""
        project = self.project
        if not current.attempts:
            plan(project, current)
            project.save()
        if not project.of_round(current.number, PLANNED):
            return
        if not draw_planned(project, current, self.stop, self.drawn, self.drawing_told(current)):
            raise self.stopped(current, "while candidates were drawn")
        copies = project.of_round(current.number, LEFT_OUT)
        if copies:
            self.say(f"Round {current.number}: near copies of training pictures, left out: {named(copies)}")

    def choose(self, current: Round) -> bool:
        """Lets the rule or a person decide; False where a person is to decide and nobody waits for him."""
        if self.project.options.accept_by == "tagger":
            _, _, lines = decisions.taken_in(self.project)
            decide(self.project, current)
            return self.close(current, lines)
        waiting, wrong = -1, []
        while True:
            if self.stop():
                raise self.stopped(current, "while candidates waited")
            ended, now_wrong, lines = decisions.taken_in(self.project)
            for sentence in now_wrong:
                if sentence not in wrong:
                    self.events.write("warning", code="decision", message=sentence)
                    self.say(f"warning: {sentence}")
            wrong = now_wrong
            left = len(self.project.of_round(current.number, WAITING))
            if ended or not left:
                return self.close(current, lines)
            if left != waiting:
                self.project.save()
                self.events.write("waiting", count=left, round=current.number)
                folder = self.project.round_folder(current.number) / CANDIDATES
                self.say(f"Round {current.number}: {left} candidates wait in {folder}: --accept, --reject or --next")
                waiting = left
            if not self.wait:
                return False
            time.sleep(_LOOK)

    def close(self, current: Round, lines: int) -> bool:
        """Ends the round where something was accepted; else other candidates are planned."""
        project = self.project
        for one in project.of_round(current.number, WAITING).values():
            one.state, one.decided = LEFT_OUT, {"by": "person", "how": "next", "time": now()}
        current.decisions_before = lines
        accepted = [*project.of_round(current.number, ACCEPTED), *self.added(current)]
        if accepted:
            current.closed = now()
            self.say(f"Round {current.number}: accepted {named(accepted)}")
        else:
            if project.options.accept_by == "tagger" and current.attempts >= project.options.tries:
                project.save()
                raise UserError(self.nothing_accepted(current))
            self.say(f"Round {current.number}: nothing was accepted, others are drawn")
            plan(project, current)
        project.save()
        return True

    def added(self, current: Round) -> list[str]:
        return [name for name, one in self.project.pictures.items() if one.kind == "added" and one.round == current.number]

    def nothing_accepted(self, current: Round) -> str:
        found = self.project.of_round(current.number)
        best = max((min(one.scores.values()) for one in found.values() if one.scores), default=0.0)
        return (
            f"The tagger accepted none of the {len(found)} candidates of round {current.number} (the best scores {best:.2f}): "
            "lower --wanted_above, train longer, take in a picture of your own with --add, or raise --tries."
        )

    def stopped(self, current: Round, when: str) -> Stopped:
        self.project.save()
        return Stopped(f"The loop was stopped in round {current.number}, {when}; the same command goes on.", current.number)

    def training_told(self, current: Round) -> Callable[[dict[str, Any]], None]:
        def told(event: dict[str, Any]) -> None:
            if event["step"] == event["steps"] or time.monotonic() - self.told_at > _TOLD:
                self.told_at = time.monotonic()
                shown = {name: event.get(name) for name in ("step", "steps", "loss", "average", "seconds_left")}
                self.events.write("progress", what="training", round=current.number, **shown)

        return told

    def drawing_told(self, current: Round) -> Between:
        """Tells of steps between two batches, and ends the drawing where it is to stop: a batch may take minutes."""
        of_round = self.project.of_round(current.number)
        before, pace = len(of_round) - len(self.project.of_round(current.number, PLANNED)), Pace()

        def told(pictures: float, total: int) -> None:
            if self.stop():
                raise self.stopped(current, "while candidates were drawn")
            left = pace.left(before + pictures, len(of_round))
            if time.monotonic() - self.told_at > _TOLD:
                self.told_at = time.monotonic()
                self.progress(current, (before + pictures) / len(of_round), left)

        return told

    def progress(self, current: Round, share: float | None = None, left: float | None = None) -> None:
        """How many of the round's candidates are there; with `share` also what is under way."""
        of_round = self.project.of_round(current.number)
        done = sum(one.state != PLANNED for one in of_round.values())
        more = {} if share is None else {"share": round(share, 4), "seconds_left": left and round(left, 1)}
        self.events.write("progress", what="drawing", round=current.number, step=done, steps=len(of_round), **more)

    def drawn(self, name: str, one: Picture) -> None:
        path = self.project.path(name)
        self.events.write("candidate", path=str(path), name=name, round=one.round, state=one.state)
        self.progress(self.project.rounds[one.round - 1])

    def say(self, text: str) -> None:
        print(text, flush=True)
