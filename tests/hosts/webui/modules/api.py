"""The host's own routes: those that webui has and extensions' users use, and a look inside for the tests."""

from __future__ import annotations

import sys
import threading

from fastapi import Body
from modules import loras, processing, sd_models, shared, timings


def add(app) -> None:
    @app.get("/sdapi/v1/loras")
    def get_loras():
        return list(loras.available.values())

    @app.post("/sdapi/v1/refresh-loras")
    def refresh_loras():
        loras.refresh()

    @app.get("/sdapi/v1/sd-models")
    def get_models():
        return [{"title": info.title, "filename": info.filename} for info in sd_models.checkpoints_list.values()]

    @app.get("/sdapi/v1/options")
    def get_options():
        return shared.opts.data

    @app.post("/sdapi/v1/options")
    def set_options(values: dict = Body(...)):  # noqa: B008
        for name, value in values.items():
            shared.opts.set(name, value)

    @app.get("/internal/ping")
    def ping():
        return {}

    @app.post("/host/reload")
    def reload():
        shared.state.request_restart()

    @app.get("/host/inside")
    def inside():
        """What Reload UI must not double, and what must not get into the host's process."""
        return {
            "lives": shared.lives,
            "routes": sorted(str(getattr(route, "path", route)) for route in app.routes),
            "threads": sorted(thread.name for thread in threading.enumerate()),
            "modules": sorted(sys.modules),
            "sys_path": sys.path,
            "timings": timings.seconds,
            "is_guarded": processing.process_images_inner.__module__ != "modules.processing",
        }
