"""What the made-up server says about advice, mends, symptoms and the words of the trade."""

from __future__ import annotations

from typing import Any

TERMS = [
    {"term": "rank", "about": "How much a LoRA can hold.", "words": ["rank", "network_dim"]},
    {"term": "UNet", "about": "The part that draws.", "words": ["UNet"]},
    {"term": "epoch", "about": "Once through all pictures.", "words": ["epoch", "max_train_epochs"]},
]
CLASSES = [
    {"code": "A", "about": "A plain person.", "rank": [4, 8]},
    {"code": "B", "about": "A person with hair of her own.", "rank": [4, 16]},
    {"code": "G", "about": "Humanoid mecha.", "rank": [128, 128]},
]
SYMPTOMS = [
    {"code": "noise-blocks", "sees": "Pure noise.", "causes": ["The rate is high."], "advice": ["Rest."], "line": "475"},
    {"code": "weak", "sees": "Nothing is learnt.", "causes": ["Too few steps."], "advice": [], "line": "476"},
    {"code": "pictures", "sees": "Copies.", "causes": ["Too few pictures."], "advice": ["Find more pictures."], "line": "477"},
]  # fmt: skip
FIXABLE = {
    "severity": "warning", "code": "rank-wasted", "message": "Rank 64 is wasted on class B.", "fix": "Set network_dim to 16.",
    "fixable": True,
}  # fmt: skip


class GuideAnswers:
    """For the made-up world: `cards` are the machine's GPUs, `forecast` goes into each plan, `mends` counts those of files."""

    cards: tuple[dict[str, Any], ...] = ()
    forecast: dict[str, Any] | None = None
    problems: list[dict[str, Any]]
    refuse_advice = ""

    def get_glossary(self, _: dict[str, str]) -> dict[str, Any]:
        return {"terms": TERMS}

    def get_advice(self, _: dict[str, str]) -> dict[str, Any]:
        return {
            "kinds": ["character", "style", "concept", "vehicle"],
            "classes": CLASSES,
            "uses": [{"code": "usual", "about": "As most."}, {"code": "face", "about": "The face alone must be right."}],
            "qualities": ["good", "poor"],
            "cards": [6, 8, 12, 16, 24],
            "found": list(self.cards),
        }

    def get_bases(self, query: dict[str, str]) -> dict[str, Any]:
        """NovelAI's model suits what is drawn; it is here as "anime"."""
        look = query.get("looks", "")
        found = [{"name": "anime", "path": "/models/anime.safetensors"}]
        nai = {"title": "NovelAI's model", "about": "Most mixes come from it.", "line": "380", "newer": False, "found": found}
        pony = {"title": "Pony", "about": "Has tags of its own.", "line": "396", "newer": True, "found": []}
        base = self.projects[self.current or ""].get("base_model")  # type: ignore[attr-defined]
        suits = (base == found[0]["path"]) == (look == "drawn") if look else None
        own = {"title": f"The kind of {base}", "suits": suits, "tags": ["Danbooru's tags"], "clip_skip": 2,
               "notices": [] if suits is not False else ["It doesn't suit it."]}  # fmt: skip
        looks = [{"code": code, "about": f"As {code}."} for code in ("drawn", "real", "furry")]
        return {"looks": looks, "bases": [nai, pony] if look == "drawn" else [], "chosen": own if base else None}

    def post_advice(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.refuse_advice:
            raise ValueError(self.refuse_advice)
        answers = body["answers"]
        rank = {"A": 8, "B": 16, "G": 128}.get(answers.get("difficulty", ""), 32)
        values = [
            {"name": "network_dim", "value": rank, "reason": f"rank {rank}: 42 pictures", "source": "guide l. 276"},
            {"name": "network_alpha", "value": rank, "reason": "alpha is the rank here", "source": ""},
            {"name": "optimizer_type", "value": "Prodigy", "reason": "it finds its rate", "source": "guide l. 498"},
            {"name": "max_train_steps", "value": 1000, "reason": "1000 steps", "source": "guide l. 329"},
        ]
        if 0 < answers.get("vram", 0) <= 6:
            values.append({"name": "train_batch_size", "value": 1, "reason": "6 GB", "source": ""})
        return {"values": values, "notices": [f"Taken as {answers['kind']}."]}

    def post_plan_fix(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["code"] == "wrong-folder":
            self.problems = [one for one in self.problems if one["code"] != body["code"]]
            return {"message": "Moved 1 folder.", "changes": [], "undo": {"what": "moves", "number": 0}}
        if body["code"] != "rank-wasted":
            raise ValueError(f"{body['code']} can't be mended by itself.")
        before = body["settings"].get("network_dim")
        self.problems = [one for one in self.problems if one["code"] != body["code"]]
        changes = [{"name": "network_dim", "before": before, "after": 16}]
        return {"message": f"Changed network_dim {before} → 16.", "changes": changes, "undo": None}

    def post_plan_unfix(self, body: dict[str, Any]) -> dict[str, Any]:
        self.problems = [{**FIXABLE, "code": "wrong-folder", "message": "The pictures lie too deep."}]
        return {}

    def get_test(self, _: dict[str, str]) -> dict[str, Any]:
        """Runs and lists of prompts in one answer: the page takes from each what it asked for."""
        run = {"job": "run-1", "name": "old run", "ended": 1_700_000_000.0, "files": []}
        return {"runs": [run], "others": [], "samplers": ["Euler a"], "schedules": ["Automatic"], "suites": []}

    def get_symptoms(self, _: dict[str, str]) -> dict[str, Any]:
        return {"symptoms": SYMPTOMS}

    def post_symptoms_next(self, body: dict[str, Any]) -> dict[str, Any]:
        settings = {"network_dim": 8, "unet_lr": 0.0001} if body.get("run") else body["settings"]
        name = "old run" if body.get("run") else "penny"
        if body["code"] == "pictures":
            return {"name": name, "changes": [], "settings": settings, "base_model": None, "dataset": None}
        change = {"name": "unet_lr", "before": settings.get("unet_lr"), "after": 0.0000125, "value": 0.0000125,
                  "reason": "The rate was too high.", "source": "guide l. 475"}  # fmt: skip
        following = {name: value for name, value in settings.items() if not name.startswith(("pretrained", "train_data"))}
        above = {"base_model": settings.get("pretrained_model_name_or_path"), "dataset": settings.get("train_data_dir")}
        return {"name": name, "changes": [change], "settings": {**following, "unet_lr": 0.0000125}, **above}

    def post_test_plan(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"count": 0, "missing": 0, "seconds": None}
