"""The resident helper: answers at once what needs more than the standard library, and imports no torch.

    python -I -X utf8 -m lora_workbench.trainer_core.worker [plan|thumbs|tagger|words]

A JSON object a line on stdin, one on stdout: {"id": 1, "what": "plan", "settings": {…}} → {"id": 1, "result": {…}}, or
{"id": 1, "error": "a sentence"}. It ends when stdin does; as `tagger` (a model is in its memory) and as `words` after five idle
minutes too. Thumbnails and sizes are made beside the rest, so answers may come in another order than the questions.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from .command_errors import system_sentence
from .problems import UserError
from .questions import Request, settings_of, text_of, texts_of

IDLE = 300.0  # seconds until a tagger that nobody asks lets its memory go
FAINTEST = 0.01  # tags below are not told: a tagger has ten thousand of them
_BESIDE = ("thumb", "sizes")
_DRAWING = ("reg_plan", "grid_plan", "grid_read", "grid_choose", "grid_suites", "whose_fault")
_LOOP = ("loop_read", "loop_decide")
_GUIDED = ("advise", "plan_fix", "plan_unfix", "plan_crops")
_CUTS = ("cut_places", "cut", "cuts_made", "cut_back", "aside", "set_aside", "put_back")
_VARIANTS = ("variants_read", "variants_decide", "variants_look", "variants_mask", "variants_alpha")
_LORA_FILES = ("block_norms", "inspect", "edit_metadata")
_THREADS = 2
_DAMAGES = (ValueError, SyntaxError, EOFError, MemoryError, IndexError, KeyError, OverflowError)


class Worker:
    """Takes requests and writes their answers; holds the pool for pictures."""

    def __init__(self, output: BinaryIO) -> None:
        self._output, self._writing = output, threading.Lock()
        self._pool = ThreadPoolExecutor(_THREADS)
        self._answers: dict[str, Callable[[Request], dict[str, Any]]] = {
            "plan": plan_answer,
            "export": export_answer,
            "import": import_answer,
            "sizes": sizes_answer,
            "thumb": thumb_answer,
            "interrogate": interrogate_answer,
            "tokens": tokens_answer,
            "substitute": substitute_answer,
            **{what: partial(drawing_answer, what) for what in _DRAWING},
            **{what: partial(lora_answer, what) for what in _LORA_FILES},
            **{what: partial(loop_answer, what) for what in _LOOP},
            **{what: partial(cut_answer, what) for what in _CUTS},
            **{what: partial(variants_answer, what) for what in _VARIANTS},
            **{what: partial(guided_answer, what) for what in _GUIDED},
        }

    def take(self, line: bytes) -> None:
        """Answers one line, now or beside the next ones; whatever is wrong with it becomes its answer."""
        try:
            request = json.loads(line)
        except (ValueError, RecursionError) as error:
            self._write({"id": None, "error": f"The request is not JSON ({error})."})
            return
        if not isinstance(request, dict):
            self._write({"id": None, "error": "The request is not a JSON object."})
        elif request.get("what") in _BESIDE:
            self._pool.submit(self._answer, request)
        else:
            self._answer(request)

    def finish(self) -> None:
        """Waits for the answers that are still being made."""
        self._pool.shutdown()
        self._output.flush()

    def _answer(self, request: dict[str, Any]) -> None:
        reply: dict[str, Any] = {"id": request.get("id")}
        try:
            answer = self._answers.get(str(request.get("what")))
            if answer is None:
                raise UserError(f"There is no {request.get('what')!r}; there are {', '.join(self._answers)}.")
            reply["result"] = answer(request)
        except UserError as error:
            reply["error"] = str(error)
        except OSError as error:
            reply["error"] = system_sentence(error)
        except Exception as error:  # noqa: BLE001  one bad request must not end the others; the log has all of it
            traceback.print_exc()
            reply["error"] = f"Something went wrong that should not have ({type(error).__name__}: {error})."
        self._write(reply)

    def _write(self, reply: dict[str, Any]) -> None:
        line = json.dumps(reply, ensure_ascii=True).encode("ascii") + b"\n"
        with self._writing:
            self._output.write(line)
            self._output.flush()


def plan_answer(request: Request) -> dict[str, Any]:
    """{"settings"} → the plan for programs, with its text; what is wrong with the settings is a problem among others."""
    from .plan import make_plan
    from .settings import SettingsError

    try:
        plan = make_plan(settings_of(request))
    except SettingsError as error:
        return {**_NO_PLAN, "problems": [one.as_dict() for one in error.problems]}
    return {**plan.as_dict(), "output_name": plan.output_name, "text": plan.text()}


def export_answer(request: Request) -> dict[str, Any]:
    """{"settings", "as"} → {"name", "text"}."""
    from .export import export, file_name

    settings, form = settings_of(request), text_of(request, "as")
    text = export(settings, form)
    return {"name": file_name(settings, form), "text": text}


def import_answer(request: Request) -> dict[str, Any]:
    """{"text", "name"} → what the text says as settings; `datasets`: its folders as a dataset file, or an empty text."""
    from .imports import import_text
    from .imports.command import dataset_text

    found = import_text(str(request.get("text") or ""), str(request.get("name") or ""))
    return {**found.as_dict(), "datasets": dataset_text(found)}


def sizes_answer(request: Request) -> dict[str, Any]:
    """{"paths"} → {"sizes": [[width, height] or None]}, in their order; None for what is no picture."""
    from .thumbnails import picture_size

    sizes: list[list[int] | None] = []
    for path in request.get("paths") or ():
        try:
            with _damage_told(str(path)):
                sizes.append(list(picture_size(Path(path))))
        except (UserError, OSError):
            sizes.append(None)
    return {"sizes": sizes}


def thumb_answer(request: Request) -> dict[str, Any]:
    """{"path", "size", "cache"} → {"path"}: a WebP file."""
    from .thumbnails import thumbnail

    path = Path(text_of(request, "path"))
    with _damage_told(str(path)):
        return {"path": str(thumbnail(path, int(request.get("size") or 256), Path(text_of(request, "cache"))))}


def interrogate_answer(request: Request) -> dict[str, Any]:
    """{"model", "path" | "image_base64"} → {"tags": [{tag, score, kind}], "seconds"}, likeliest first; the model stays."""
    from ..tagger.preview import interrogate

    begun, model, path = time.monotonic(), text_of(request, "model"), request.get("path")
    picture: str | bytes = str(path) if path else _decoded(text_of(request, "image_base64"))
    tags = [{"tag": tag, "score": round(score, 6), "kind": kind} for tag, score, kind in interrogate(model, picture, FAINTEST)]
    return {"tags": tags, "seconds": round(time.monotonic() - begun, 3)}


def tokens_answer(request: Request) -> dict[str, Any]:
    """{"texts"} → {"counts"}: how many of the text encoder's tokens each takes, in their order."""
    from .models.tokenizer import count_tokens

    return {"counts": [count_tokens(text) for text in texts_of(request, "texts")]}


def substitute_answer(request: Request) -> dict[str, Any]:
    """{"pattern", "new", "tags"} → {"tags": {tag: what the regular expression makes of it}}, of those that it changes. Whoever
    asks ends this process where an expression takes too long: Python can't stop it otherwise."""
    from ..tagger.edit import substitution

    change = substitution(text_of(request, "pattern"), str(request.get("new") or ""))
    made = {tag: change(tag) for tag in texts_of(request, "tags")}
    return {"tags": {tag: new for tag, new in made.items() if new != tag}}


def drawing_answer(what: str, request: Request) -> dict[str, Any]:
    """Plans of regularization sets and grids, grids that are drawn, suites: drawn_answers.py says what each takes."""
    from .drawn_answers import answer

    return answer(what, request)


def loop_answer(what: str, request: Request) -> dict[str, Any]:
    """How far a loop is, and decisions about its candidates: loop/answers.py says what each takes."""
    from .loop.answers import answer

    return answer(what, request)


def guided_answer(what: str, request: Request) -> dict[str, Any]:
    """Advice for pictures, and mends of the plan's problems: guided_answers.py says what each takes."""
    from .guided_answers import answer

    return answer(what, request)


def cut_answer(what: str, request: Request) -> dict[str, Any]:
    """Parts of pictures as new files: pictures/answers.py says what each takes."""
    from .pictures.answers import answer

    return answer(what, request)


def variants_answer(what: str, request: Request) -> dict[str, Any]:
    """Variants of training pictures, decisions on them, masks: variants/answers.py says what each takes."""
    from .variants.answers import answer

    return answer(what, request)


def lora_answer(what: str, request: Request) -> dict[str, Any]:
    """What a LoRA file holds and does, and new files made of it: tools/answers.py says what each takes."""
    from .tools.answers import answer

    return answer(what, request)


_NO_PLAN: dict[str, Any] = {
    "steps": 0, "epochs": 0, "stages": [], "batches_per_epoch": 0, "images": 0, "subsets": [], "ignored": [], "buckets": [],
    "learning_rates": {}, "file_size_bytes": None, "forecast": None, "problems": [], "output_name": "", "text": "",
}  # fmt: skip


def _decoded(coded: str) -> bytes:
    """The bytes of a picture in base64, as a data URL or bare."""
    try:
        return base64.b64decode(coded.rpartition(",")[2])
    except ValueError as error:
        raise UserError(f"The picture is not base64 ({error}).") from error


@contextmanager
def _damage_told(name: str) -> Iterator[None]:
    """Each of Pillow's decoders fails in its own way; what the system refuses (a missing file) is handed on."""
    from PIL import Image

    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise
        raise UserError(f"{name} can't be read, it is damaged or no picture.") from error
    except (*_DAMAGES, Image.DecompressionBombError) as error:
        raise UserError(f"{name} can't be read, it is damaged or no picture ({error or type(error).__name__}).") from error


def _lines(idle: float | None) -> Iterator[bytes]:
    """stdin's lines, to its end or until none has come for `idle` seconds."""
    if idle is None:
        yield from sys.stdin.buffer
        return
    lines: queue.Queue[bytes] = queue.Queue()

    def read() -> None:
        for line in sys.stdin.buffer:
            lines.put(line)
        lines.put(b"")

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=idle)
        except queue.Empty:
            return
        if not line:
            return
        yield line


def main(words: list[str]) -> None:
    """Reads requests until stdin ends. Nothing but answers may reach stdout, so whatever prints goes to stderr."""
    mode = words[0] if words else "plan"
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    worker = Worker(output)
    try:
        for line in _lines(IDLE if mode in ("tagger", "words") else None):
            if line.strip():
                worker.take(line)
        worker.finish()
    except BrokenPipeError:
        print("Whoever asked has gone.", file=sys.stderr, flush=True)
    os._exit(0)  # a thread may still wait for stdin, and Python would wait for that thread


if __name__ == "__main__":
    main(sys.argv[1:])
