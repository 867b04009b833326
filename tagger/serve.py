"""The tagger behind HTTP on this machine, with the endpoints of the wd14-tagger extension, so that its users' scripts work.

GET /tagger/v1/interrogators · POST /tagger/v1/interrogate {image (base64), model, threshold} ·
POST /tagger/v1/unload-interrogators. Answers: {"caption": {"tag": {…}, "rating": {…}}}, tags with underscores.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ..trainer_core.problems import UserError

HOST = "127.0.0.1"
_LARGEST = 64 << 20  # bytes of a request
_LOCAL = ("127.0.0.1", "localhost", "[::1]")


class Service:
    """The models by name; one is loaded at a time, and one picture looked at."""

    def __init__(self, models: Mapping[str, Path]) -> None:
        self.models = dict(models)
        self._busy = threading.Lock()
        self._loaded: tuple[str, Any] | None = None

    def interrogate(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one request; UserError where it can't be answered."""
        from .labels import RATING
        from .pictures import load_picture

        name = str(asked.get("model") or next(iter(self.models)))
        if name not in self.models:
            raise UserError(f"There is no model {name!r} here: there are {', '.join(self.models)}.")
        threshold = _threshold(asked.get("threshold", 0.0))
        image = load_picture(_picture(asked.get("image")))
        if isinstance(image, str):
            raise UserError(f"The picture can't be tagged: {image}.")
        with self._busy:
            tagger = self._tagger(name)
            scores = tagger.probabilities([image])[0].tolist()
        found: dict[str, dict[str, float]] = {"tag": {}, "rating": {}}
        for label, score in sorted(zip(tagger.labels, scores, strict=True), key=lambda one: -one[1]):
            if label.category == RATING:
                found["rating"][label.raw] = score
            elif score > threshold:
                found["tag"][label.raw] = score
        return {"caption": found}

    def unload(self) -> str:
        """Frees the model's memory; says what was done."""
        with self._busy:
            loaded, self._loaded = self._loaded, None
        return f"Unloaded {loaded[0]}." if loaded else "No model was loaded."

    def _tagger(self, name: str) -> Any:
        from .model import Tagger

        if self._loaded is None or self._loaded[0] != name:
            self._loaded = None  # before the next one is loaded: two may not fit
            self._loaded = (name, Tagger.load(self.models[name]))
        return self._loaded[1]


def _picture(given: Any) -> bytes:
    text = str(given or "")
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise UserError("The picture is not in base64: send the file's bytes so encoded as image.") from None


def _threshold(given: Any) -> float:
    try:
        return float(given)
    except (TypeError, ValueError):
        raise UserError(f"The threshold {given!r} is no number.") from None


def server(service: Service, port: int) -> ThreadingHTTPServer:
    """A server on loopback alone, not yet running. OSError where the port is taken."""

    class Handler(_Handler):
        offered = service

    return ThreadingHTTPServer((HOST, port), Handler)


class _Handler(BaseHTTPRequestHandler):
    offered: Service
    server_version = "lora-workbench"
    timeout = 60

    def do_GET(self) -> None:
        if self._refused():
            return
        if self.path.rstrip("/") == "/tagger/v1/interrogators":
            self._answer(200, {"models": list(self.offered.models)})
        else:
            self._answer(404, {"error": f"There is nothing at {self.path}."})

    def do_POST(self) -> None:
        if self._refused():
            return
        path = self.path.rstrip("/")
        if path == "/tagger/v1/unload-interrogators":
            self._answer(200, self.offered.unload())
        elif path == "/tagger/v1/interrogate":
            self._interrogate()
        else:
            self._answer(404, {"error": f"There is nothing at {self.path}."})

    def _interrogate(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _LARGEST:
            self.close_connection = True
            self._answer(413, {"error": f"A request may have up to {_LARGEST >> 20} MiB, and must say how many it has."})
            return
        try:
            asked = json.loads(self.rfile.read(int(length)))
            if not isinstance(asked, dict):
                raise ValueError("no object")
        except ValueError as error:
            self._answer(400, {"error": f"The request is no JSON object ({error})."})
            return
        try:
            self._answer(200, self.offered.interrogate(asked))
        except UserError as error:
            self._answer(404 if "no model" in str(error) else 400, {"error": str(error)})

    def _refused(self) -> bool:
        """Web pages that the user visits must not use the tagger: not from another origin, nor by another name of this host."""
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        origin = self.headers.get("Origin")
        if host in _LOCAL and (origin is None or origin.partition("//")[2].rpartition(":")[0] in _LOCAL):
            return False
        self._answer(403, {"error": "Only programs on this machine may ask."})
        return True

    def _answer(self, status: int, content: Any) -> None:
        body = json.dumps(content, ensure_ascii=False).encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *values: object) -> None:
        """One line a request is too much for a terminal that someone watches."""
