"""What the made-up server knows: projects, folders, pictures, a form, runs that go on by the clock."""

from __future__ import annotations

import json
import math
import threading
import time
from pathlib import Path
from typing import Any

from fake_form import FORM
from fake_guide import GuideAnswers

LANGUAGES = Path(__file__).resolve().parents[3] / "extension" / "languages"
TREE: dict[str, int] = {
    "/": 0,
    "/data": 0,
    "/data/sets": 0,
    "/data/sets/penny": 42,
    "/data/sets/many": 5000,
    "/data/sets/<img src=x onerror=alert(1)>": 3,
    "/home": 0,
}
MODEL = "/home/anything.safetensors"
EVIL = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'


TOLD = ("id", "kind", "title", "project", "state", "message", "step", "steps", "created", "started", "ended", "lora")
TAG = {"model": "", "general": 0.35, "character": 0.85, "mcut": False, "mode": "if-empty", "first": [], "exclude": []}


def svg(words: str, hue: int, side: int = 256) -> tuple[bytes, str]:
    safe = "".join(letter if letter.isalnum() else " " for letter in words)[:14]
    text = f'<text x="50%" y="55%" font-size="{side // 8}" text-anchor="middle" fill="#fff">{safe}</text>'
    face = f'<circle cx="50%" cy="40%" r="25%" fill="hsl({hue} 60% 65%)"/>'
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{side}">'
        f'<rect width="100%" height="100%" fill="hsl({hue} 45% 40%)"/>{face}{text}</svg>'
    )
    return picture.encode(), "image/svg+xml"


def fake_stages(asked: list[dict[str, Any]], per_epoch: int) -> list[dict[str, Any]]:
    """The stages of a plan, each an epoch as long."""
    found: list[dict[str, Any]] = []
    for number, one in enumerate(asked, 1):
        before = found[-1] if found else {"first_step": 0, "steps": 0, "first_epoch": 0, "epochs": 0}
        steps = int(one.get("max_train_epochs") or 0) * per_epoch or int(one["max_train_steps"])
        found.append({
            "number": number, "first_step": before["first_step"] + before["steps"], "steps": steps,
            "first_epoch": before["first_epoch"] + before["epochs"], "epochs": -(-steps // per_epoch),
            "optimizer": "AdamW", "schedule": one.get("lr_scheduler", "constant"),
            "learning_rates": {"unet_lr": one.get("unet_lr", 1.0), "text_encoder_lr": one.get("text_encoder_lr", 1.0)},
        })  # fmt: skip
    return found


class World(GuideAnswers):
    """All state of the made-up server. `speed`: steps a second; `pace`: seconds between looks of the event stream."""

    def __init__(self, *, language: str = "en", speed: float = 30, ready: bool = True, project: bool = True) -> None:
        self.lock = threading.RLock()
        self.language, self.speed, self.pace = language, speed, 0.2
        self.closing = self.down = False
        self.samples_share: float | None = None
        self.requests: list[str] = []
        self.posts: list[tuple[str, dict[str, Any]]] = []
        self.setup: dict[str, Any] = {"ready": ready, "wrong": "", "running": False, "failed": False, "lines": []}
        if not ready:
            self.setup["wrong"] = "The trainer's environment is not there."
        self.rights = {"restricted": False, "hide_folders": False}
        self.withheld = {"setup": "", "fetching": ""}
        self.options = {"when_done": "nothing", "command": "", "language": "auto", "models_folder": ""}
        self.projects: dict[str, dict[str, Any]] = {}
        self.current: str | None = None
        self.captions: dict[str, dict[str, str]] = {}
        self.changes: list[dict[str, Any]] = []
        self.jobs: dict[str, dict[str, Any]] = {}
        self.problems: list[dict[str, str]] = []
        self.fetched: list[dict[str, Any]] = []
        self.taggers: list[dict[str, Any]] = [{"name": "wd-swinv2-tagger-v3", "path": "/models/wd-swinv2"}]
        self.models: list[dict[str, Any]] = [
            {"name": "animefull-final-pruned", "path": "/models/animefull.safetensors"},
            {"name": "toy_base", "path": "/models/toy_base.safetensors", "demo": True},
        ]
        self.host, self.folders_wait = "fake", 0.0  # the host's name; seconds that a folder's listing takes
        if project:
            self.new_project("penny", dataset="/data/sets/penny", base_model="/models/animefull.safetensors", page="train")

    def new_project(self, name: str, **values: Any) -> dict[str, Any]:
        empty = {"dataset": "", "base_model": "", "preset": "new_project", "settings": {}, "tag": dict(TAG), "page": "pictures"}
        self.projects[name] = {"name": name, **empty, "prompts": "", **values}
        self.current = name
        return self.projects[name]

    def state(self) -> dict[str, Any]:
        chosen = self.options["language"]
        return {
            "version": "0.2.0",
            "restart_needed": False,
            "host": {"name": self.host, "sends": True, "lora_folder": "/models/Lora", "data": "/data"},
            "language": self.language if chosen == "auto" else chosen,
            "rights": self.rights,
            "withheld": self.withheld,
            "setup": self.setup,
            "project": self.projects.get(self.current or ""),
            "projects": sorted(self.projects),
            "checkpoints": [
                *self.models,
                *([{"name": "anything", "path": MODEL}] if self.options["models_folder"] == "/home" else []),
            ],
            "taggers": [*self.taggers, *self.fetched],
            "taggers_to_fetch": [] if self.fetched else ["wd-vit-tagger-v3"],
            "sampling": {"samplers": ["Euler a", "DDIM"], "scheduled": ["Euler a"], "schedules": ["Automatic", "Karras"]},
            "options": self.options,
        }

    def events(self) -> dict[str, Any]:
        with self.lock:
            self.tick()
            jobs = sorted((self.public(job) for job in self.jobs.values()), key=lambda job: -job["created"])
            return {"jobs": jobs, "setup": self.setup, "project": self.current}

    # Pictures

    def names(self, folder: str) -> list[str]:
        if folder not in TREE:
            raise ValueError(f"The folder {folder} is missing: give the folder that the pictures are in.")
        names = [f"{number:04d}_smile.png" for number in range(TREE[folder])]
        if folder == "/data/sets/penny":
            names[1] = f"{EVIL}.png"
        return names

    def captions_of(self, folder: str) -> dict[str, str]:
        if folder not in self.captions:
            names = self.names(folder)
            self.captions[folder] = dict.fromkeys(names[:31], "penny, smile, red boots")
            if len(names) > 1:
                self.captions[folder][names[1]] = f"penny, {EVIL}"
        return self.captions[folder]

    def get(self, path: str, query: dict[str, str]) -> Any:
        with self.lock:
            name, _, rest = path.partition("/")
            if name == "jobs" and rest:
                return self.job_part(*rest.partition("/")[::2], query)
            return getattr(self, f"get_{name}")(query) if hasattr(self, f"get_{name}") else _missing(path)

    def get_state(self, _: dict[str, str]) -> dict[str, Any]:
        return self.state()

    def get_strings(self, query: dict[str, str]) -> dict[str, str]:
        path = LANGUAGES / f"{query['language']}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def get_form(self, _: dict[str, str]) -> dict[str, Any]:
        return FORM

    def get_jobs(self, _: dict[str, str]) -> dict[str, Any]:
        return {"jobs": self.events()["jobs"], "queue": self.waiting()}

    def get_folders(self, query: dict[str, str]) -> dict[str, Any]:
        time.sleep(self.folders_wait)
        path = query.get("path") or "/data"
        if path not in TREE:
            raise ValueError(f"The folder {path} is not there.")
        inside = [one for one in TREE if one != "/" and one.rpartition("/")[0] == path.rstrip("/")]
        return {
            "path": path,
            "parent": None if path == "/" else (path.rpartition("/")[0] or "/"),
            "folders": [{"name": one.rpartition("/")[2], "pictures": TREE[one]} for one in inside],
            "pictures": TREE[path],
            "models": [MODEL.rpartition("/")[2]] if path == "/home" else [],
            "roots": [{"name": "data", "path": "/data"}, {"name": "home", "path": "/home"}],
        }

    def get_pictures(self, query: dict[str, str]) -> dict[str, Any]:
        names, captions = self.names(query["folder"]), self.captions_of(query["folder"])
        first = int(query["offset"])
        shown = [{"name": one, "caption": captions.get(one, "")} for one in names[first : first + int(query["limit"])]]
        return {"count": len(names), "captioned": sum(bool(one) for one in captions.values()), "pictures": shown}

    def get_thumb(self, query: dict[str, str]) -> tuple[bytes, str]:
        return svg(query["name"], sum(map(ord, query["name"])) * 7 % 360, int(query.get("size", 192)))

    def get_changes(self, _: dict[str, str]) -> dict[str, Any]:
        return {"changes": self.changes[::-1]}

    # Jobs

    def waiting(self) -> list[str]:
        """The queue, the next one first."""
        jobs = [job for job in self.jobs.values() if job["state"] == "queued"]
        return [job["id"] for job in sorted(jobs, key=lambda job: job["place"])]

    def new_job(self, kind: str, steps: int, **values: Any) -> dict[str, Any]:
        number = f"20260101-{len(self.jobs):06d}-{kind}"
        foremost = min([job["place"] for job in self.jobs.values()], default=0) - 1
        place = foremost if values.pop("first", False) else time.time()
        self.jobs[number] = {
            "id": number, "kind": kind, "title": values.pop("title", kind), "project": self.current, "state": "queued",
            "step": 0, "steps": steps, "created": time.time(), "place": place, "base": 0.0, "since": 0.0, "message": "",
            "settings": {}, "warnings": [], **values,
        }  # fmt: skip
        self.tick()
        return self.jobs[number]

    def tick(self) -> None:
        """Moves the running job on, and starts the next one when none runs."""
        for job in self.jobs.values():
            if job["state"] == "running":
                job["step"] = min(job["steps"], int(job["base"] + (time.time() - job["since"]) * self.speed))
                if job["step"] >= job["steps"]:
                    self.finish(job)
        if not any(job["state"] in ("running", "paused") for job in self.jobs.values()):
            for number in self.waiting()[:1]:
                self.jobs[number].update(state="running", since=time.time(), started=time.time())

    def finish(self, job: dict[str, Any]) -> None:
        job.update(state="done", ended=time.time(), message="The LoRA is in /models/Lora.", lora="penny")
        if job["kind"] == "tag":
            if job.get("model") == "wd-vit-tagger-v3":
                self.fetched = [{"name": job["model"], "path": "/models/taggers/wd-vit-tagger-v3"}]
            captions = self.captions_of(job["folder"])
            changed = [name for name in self.names(job["folder"]) if not captions.get(name)]
            captions.update(dict.fromkeys(changed, "penny, 1girl"))
            job.update(message=f"{len(changed)} pictures tagged.", lora=None)
            self.changes.append({"number": len(self.changes) + 1, "what": "what the tagger wrote",
                                 "time": time.time(), "files": len(changed)})  # fmt: skip

    def public(self, job: dict[str, Any]) -> dict[str, Any]:
        left = (job["steps"] - job["step"]) / self.speed if job["state"] == "running" else None
        train = job["kind"] == "train"
        epoch = job["step"] // 42 if train else 0
        return {
            **{name: job.get(name) for name in TOLD},
            "epoch": epoch, "epochs": 25 if train else 0, "loss": self.loss(job["step"]), "average": self.loss(job["step"]),
            "lr": {"unet": 3.1e-4}, "seconds_left": left, "memory": {"ram": 2.1e9, "gpu": 3.9e9} if train else None,
            "place": self.waiting().index(job["id"]) + 1 if job["state"] == "queued" else None,
            "resumable": train and job["state"] in ("stopped", "failed"), "samples": min(epoch, 6) if train else 0,
            "samples_share": self.samples_share if train else None,
        }  # fmt: skip

    @staticmethod
    def loss(step: int) -> float:
        return 0.09 + 0.08 * math.exp(-step / 90) + 0.02 * math.sin(step * 1.7)

    def job_part(self, number: str, what: str, query: dict[str, str]) -> Any:
        self.tick()
        job = self.jobs[number]
        if what == "curve":
            steps = list(range(int(query.get("since", 0)) + 1, job["step"] + 1))
            rates = {"unet": [1e-4 * (1 + math.log10(step)) for step in steps], "text_encoder": [5e-5] * len(steps)}
            loss = [self.loss(step) for step in steps]
            return {"steps": steps, "loss": loss, "average": [0.09 + 0.08 * math.exp(-step / 90) for step in steps],
                    "validation": {"steps": [0, 42], "loss": [0.31, 0.24]}, "lr": rates, "total": job["step"]}  # fmt: skip
        if what == "sample":
            return svg(query["name"], len(query["name"]) * 40 + int(query["name"].partition("e")[2][:1] or 0) * 30)
        if what == "log":
            return b"the log", "text/plain"
        if what:
            _missing(what)
        shown = self.public(job)
        done = [{"epoch": epoch, "step": epoch * 42} for epoch in range(shown["epoch"] + 1)]
        names = [f"penny-{one['epoch']:06d}.safetensors" for one in done]
        return {
            **shown,
            "settings": job["settings"],
            "warnings": job["warnings"],
            "samples": [{"name": f"e{one['epoch']}.png", "prompt": 1, **one} for one in done[: shown["samples"]]],
            "saved": [{"path": f"/runs/{name}", "name": name, **one} for name, one in zip(names[1:], done[1:], strict=True)],
            "log_tail": "",
        }

    # What changes something

    def post(self, path: str, body: dict[str, Any]) -> Any:
        with self.lock:
            self.posts.append((path, body))
            name, _, rest = path.partition("/")
            if name == "jobs" and rest:
                number, _, what = rest.partition("/")
                return self.ask(self.jobs[number], what)
            method = f"post_{path.replace('/', '_')}"
            return getattr(self, method)(body) if hasattr(self, method) else _missing(path)

    def post_projects(self, body: dict[str, Any]) -> dict[str, Any]:
        if not body["name"]:
            raise ValueError("The project's name is empty: give one.")
        return self.new_project(body["name"])

    def post_projects_open(self, body: dict[str, Any]) -> dict[str, Any]:
        self.current = body["name"]
        return self.projects[self.current]

    def post_project(self, body: dict[str, Any]) -> dict[str, Any]:
        project = self.projects[body["project"]]
        for name, value in body["changes"].items():
            if name in ("settings", "tag", "advice"):
                merged = {**project.get(name, {}), **value}
                project[name] = {one: kept for one, kept in merged.items() if kept is not None}
            else:
                project[name] = value
        return project

    def post_plan(self, body: dict[str, Any]) -> dict[str, Any]:
        settings = body["settings"]
        images = TREE.get(settings.get("train_data_dir", ""), 0)
        repeats, batch = int(settings.get("dataset_repeats", 1)), int(settings.get("train_batch_size", 1))
        batches = -(-images * repeats // batch)
        steps = int(settings.get("max_train_steps", 1600))
        stages = fake_stages(settings.get("stages") or [], max(1, batches))
        if stages:
            steps = stages[-1]["first_step"] + stages[-1]["steps"]
        return {
            "stages": stages,
            "steps": steps, "epochs": -(-steps // max(1, batches)), "batches_per_epoch": batches, "images": images,
            "subsets": [{"name": "penny", "folder": "", "images": images, "repeats": repeats, "copies": images * repeats,
                         "is_reg": False, "class_tokens": None}],
            "ignored": [{"path": "/data/sets/penny/g.gif", "reason": "it is animated (3 pictures)"}],
            "buckets": [{"width": 512, "height": 768, "count": 24}, {"width": 640, "height": 576, "count": 11},
                        {"width": 448, "height": 832, "count": 7}],
            "learning_rates": {"unet": 1.0, "text_encoder": 1.0}, "file_size_bytes": 37_861_000, "output_name": "penny",
            "text": "", "problems": list(self.problems), **({"forecast": self.forecast} if self.forecast else {}),
            "idle": {"max_train_steps": "max_train_epochs is given in its place."} if settings.get("max_train_epochs") else {},
        }  # fmt: skip

    def post_jobs(self, body: dict[str, Any]) -> dict[str, Any]:
        first = bool(body.get("first"))
        if body["kind"] == "tag":
            count = sum(not self.captions_of(body["folder"]).get(name) for name in self.names(body["folder"]))
            if body["options"]["mode"] not in ("if-empty", "skip"):
                count = len(self.names(body["folder"]))
            return self.public(self.new_job("tag", count, title=f"Tag {count} pictures", folder=body["folder"], first=first,
                                            model=body["options"]["model"]))  # fmt: skip
        steps = int(body["settings"]["max_train_steps"])
        return self.public(self.new_job("train", steps, title="penny", settings=body["settings"], first=first))

    def ask(self, job: dict[str, Any], what: str) -> dict[str, Any]:
        self.tick()
        if what == "pause":
            job.update(state="paused")
        elif what == "continue":
            job.update(state="running", base=float(job["step"]), since=time.time())
        elif what in ("stop", "kill"):
            words = "Stopped and saved at step {step}." if what == "stop" else "It was ended at once at step {step}."
            state = "stopped" if what == "stop" else "failed"
            job.update(state=state, ended=time.time(), message=words.format(step=job["step"]))
        elif what == "first":
            job["place"] = min(one["place"] for one in self.jobs.values()) - 1
        elif what == "remove":
            removed = {**self.public(job), "state": "removed"}
            self.jobs.pop(job["id"])
            return removed
        elif what in ("again", "resume"):
            again = {name: job[name] for name in ("title", "settings") if name in job}
            return self.public(self.new_job(job["kind"], job["steps"], **again))
        elif what not in ("save", "sample"):
            _missing(what)
        return self.public(job)

    def post_tags_preview(self, body: dict[str, Any]) -> dict[str, Any]:
        scores = [("1girl", 0.998, "general"), ("penny", 0.93, "character"), ("smile", 0.81, "general"), (EVIL, 0.7, "general"),
                  ("boots", 0.36, "general"), ("brown hair", 0.33, "general"), ("hat", 0.12, "general")]  # fmt: skip
        kept = {"general": body["general"], "character": body["character"]}
        tags = [{"tag": tag, "score": score, "kind": kind, "kept": score >= kept[kind]} for tag, score, kind in scores]
        return {"tags": tags, "seconds": 0.1}

    def post_undo(self, _: dict[str, Any]) -> dict[str, Any]:
        change = self.changes.pop()
        captions = self.captions_of(self.projects[self.current or ""]["dataset"])
        for name in list(captions)[-change["files"] :]:
            captions.pop(name)
        return {"what": change["what"], "restored": change["files"], "edited": ["0007_smile.txt"]}

    def post_export(self, body: dict[str, Any]) -> dict[str, Any]:
        names = {"toml": "penny.toml", "bash": "penny.sh", "powershell": "penny.ps1", "notebook": "penny.ipynb"}
        lines = [f"{name} = {json.dumps(value)}" for name, value in body["settings"].items()]
        return {"name": names[body["as"]], "text": "\n".join(lines)}

    def post_import(self, body: dict[str, Any]) -> dict[str, Any]:
        if "network_dim" not in body["text"]:
            raise ValueError("There is no training in it.")
        return {
            "source": f"a script for bash {body['name']}".strip(),
            "settings": {"network_dim": 8, "optimizer_args": ["decouple=True"], "training_comment": "<b>bold</b>"},
            "dataset": "/data/sets/penny",
            "left": [{"name": "--fancy", "value": "3", "why": "has no equivalent here"}],
            "notes": ["Line 2: strange --words is not read."],
            "prompts": "penny, smile",
        }

    def post_options(self, body: dict[str, Any]) -> dict[str, Any]:
        self.options = {**self.options, **body}
        return self.options

    def post_setup(self, _: dict[str, Any]) -> dict[str, Any]:
        lines = ["Collecting torch", "Downloading torch (180 MB)"]
        self.setup = {**self.setup, "running": True, "failed": False, "lines": lines}
        return self.setup

    def post_doctor(self, body: dict[str, Any]) -> dict[str, Any]:
        trained = (
            ["20 steps in full precision: the losses are what they should be (9 s with the start)"] if body.get("train") else []
        )
        return {"lines": ["Python 3.11.7", "No GPU: the CPU trains, slowly.", *trained], "well": True}


def _missing(what: str) -> Any:
    raise KeyError(what)
