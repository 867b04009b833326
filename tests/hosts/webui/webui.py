"""A small webui: what the real ones offer to an extension, and nothing of what they draw with.

It runs as they do: reads its words, executes the extensions' scripts, builds its tabs, launches gradio, adds its API, tells the
extensions, and on "Reload UI" does all but the first again in the same process.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from modules import timings

with timings.taken_by("gradio"):  # first, as in the real ones
    import gradio as gr  # noqa: F401
from modules import api, page_files, paths, script_callbacks, scripts, shared, ui
from starlette.middleware.gzip import GZipMiddleware


def launch(demo):
    """Serves the tabs; returns gradio's app with the middlewares that the real ones give it."""
    words = shared.cmd_opts
    passwords = [tuple(pair.split(":", 1)) for pair in (words.gradio_auth or "").split(",") if ":" in pair]
    demo.queue(max_size=64)
    app, _, _ = demo.launch(
        server_name="0.0.0.0" if words.listen else words.server_name,
        server_port=words.port,
        auth=passwords or None,
        prevent_thread_lock=True,
        allowed_paths=[paths.data_path],
        root_path=f"/{words.subpath}" if words.subpath else "",
    )
    app.user_middleware = [one for one in app.user_middleware if one.cls.__name__ != "CORSMiddleware"]
    app.middleware_stack = None
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.build_middleware_stack()
    return app


def serve_until_command() -> str:
    """One life of the tabs; returns why it ended."""
    script_callbacks.call("before_ui")
    demo = shared.demo = ui.build()
    app = launch(demo)
    api.add(app)
    script_callbacks.call("app_started", demo, app)
    shared.lives += 1
    print(f"host: ready {shared.lives} {json.dumps(timings.seconds)}", flush=True)
    command = shared.state.wait_for_command()
    demo.close()
    time.sleep(0.5)
    script_callbacks.call("on_reload")
    script_callbacks.call("script_unloaded")
    return command


def serve_api_only() -> None:
    """`--nowebui`: no tabs, the extensions are told of an app without them."""
    import uvicorn
    from fastapi import FastAPI

    app = FastAPI()
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    api.add(app)
    script_callbacks.call("before_ui")
    script_callbacks.call("app_started", None, app)
    print(f"host: ready 1 {json.dumps(timings.seconds)}", flush=True)
    uvicorn.run(app, host="127.0.0.1", port=shared.cmd_opts.port, log_level="warning")


def main() -> None:
    page_files.install()
    scripts.load()
    if shared.cmd_opts.nowebui:
        serve_api_only()
        return
    while serve_until_command() == "restart":
        shared.list_checkpoints()
        scripts.load()


if __name__ == "__main__":
    main()
