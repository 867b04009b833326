"""A server with the API's answers made up, so that the page can be tried without trainer, tagger and webui.

    python tests/extension/page/fake_server.py [PORT]

Its world: a folder tree, pictures drawn as SVG, training runs that go on by the clock.
"""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

sys.path.insert(0, str(Path(__file__).parent))
from fake_world import World

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "extension" / "page"
PREFIX = "/lora_workbench/api/v1/"
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8", ".json": "application/json"}
HOST_PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>host</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="lora_workbench/page/page.css"><style>
:root {{ --body-background-fill: {ground}; --background-fill-primary: {ground}; --background-fill-secondary: {second};
 --body-text-color: {text}; --border-color-primary: {edge}; --input-background-fill: {second}; --color-accent: #f97316;
 --button-primary-background-fill: linear-gradient(to bottom right, {primary}); --button-primary-text-color: {on_primary};
 --button-secondary-background-fill: {second}; --button-secondary-text-color: {text}; --font: sans-serif; }}
body {{ margin: 0; background: var(--body-background-fill); color: var(--body-text-color); }}
.prose h2 {{ color: red; }} button {{ text-transform: uppercase; border-radius: 0; }} label {{ display: block; margin: 9px; }}
</style></head><body class="{theme}"><div id="txt2img_prompt"><textarea rows="1"></textarea></div>
<div class="prose" style="padding: 12px">
<div id="lw-root" data-api="lora_workbench/api/v1"></div></div><script>
window.switched = 0; window.switch_to_txt2img = () => {{ window.switched += 1; }};</script>
<script type="module" src="lora_workbench/page/main.js"></script></body></html>"""
THEMES = {
    "light": {
        "ground": "#ffffff", "second": "#f9fafb", "text": "#1f2937", "edge": "#e5e7eb", "theme": "",
        "primary": "#ffedd5, #fdba74", "on_primary": "#ea580c",
    },
    "dark": {
        "ground": "#0b0f19", "second": "#111827", "text": "#f3f4f6", "edge": "#374151", "theme": "dark",
        "primary": "#ea580c, #c2410c", "on_primary": "#ffffff",
    },
}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """Answers from the world; every request is noted, so that tests can count them."""

    protocol_version = "HTTP/1.1"
    world: World

    def log_message(self, form: str, *values: Any) -> None:
        self.world.requests.append(form % values)

    def do_GET(self) -> None:
        address = urlparse(self.path)
        path, query = unquote(address.path), {name: words[0] for name, words in parse_qs(address.query).items()}
        if path.startswith("/sub/"):  # the whole server below another path, as behind a proxy
            path = path[4:]
        if path.startswith(PREFIX):
            self.api(path[len(PREFIX) :], query, None)
        elif path in ("/", "/index.html"):
            self.file(PAGE / "index.html")
        elif path.startswith("/host"):
            self.send(HOST_PAGE.format(**THEMES[query.get("theme", "light")]).encode(), "text/html; charset=utf-8")
        elif path.startswith("/lora_workbench/page/"):
            self.file(PAGE / Path(path).name)
        else:
            self.send(b"not here", "text/plain", 404)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        path = urlparse(self.path).path.removeprefix("/sub")
        if self.headers.get("X-LoRA-Workbench") != "1":
            self.send_json({"error": "The request does not come from the page."}, 403)
        else:
            self.api(path[len(PREFIX) :], {}, body)

    def api(self, path: str, query: dict[str, str], body: dict[str, Any] | None) -> None:
        if self.world.down:
            self.close_connection = True
            return
        if path == "events":
            self.events()
            return
        try:
            answer = self.world.get(path, query) if body is None else self.world.post(path, body)
        except KeyError as error:
            self.send_json({"error": f"There is nothing at {path} ({error})."}, 404)
        except PermissionError as error:
            self.send_json({"error": str(error)}, 403)
        except ValueError as error:
            self.send_json({"error": str(error)}, 400)
        else:
            if isinstance(answer, tuple):
                self.send(*answer)
            else:
                self.send_json(answer)

    def events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        last = ""
        while not self.world.closing and not self.world.down:
            now = json.dumps(self.world.events())
            try:
                if now != last:
                    self.wfile.write(f"data: {now}\n\n".encode())
                    self.wfile.flush()
            except OSError:  # the page was closed
                return
            last = now
            time.sleep(self.world.pace)

    def send_json(self, value: Any, status: int = 200) -> None:
        self.send(json.dumps(value, allow_nan=False).encode(), "application/json", status)

    def file(self, path: Path) -> None:
        if path.is_file():
            self.send(path.read_bytes(), TYPES.get(path.suffix, "application/octet-stream"))
        else:
            self.send(b"not here", "text/plain", 404)

    def send(self, content: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        self.wfile.write(content)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def serve(world: World, port: int = 0) -> Server:
    """A running server for the world, on a free port; `shutdown` ends it."""
    server = Server(("127.0.0.1", port), type("WorldHandler", (Handler,), {"world": world}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


if __name__ == "__main__":
    running = serve(World(), int(sys.argv[1]) if len(sys.argv) > 1 else 7870)
    print(address(running), f"(loss {math.pi / 30:.2f} and everything else here is made up)")
    threading.Event().wait()
