"""Puts the host's script, the extensions' javascript/*.js and style.css into gradio's page, as files that gradio serves."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from modules import extensions, paths


def _address(path: str) -> str:
    here = Path.cwd()
    shown = Path(path).relative_to(here) if Path(path).is_relative_to(here) else path
    return f"file={shown}?{Path(path).stat().st_mtime}"


def _head() -> str:
    scripts = [str(Path(paths.script_path, "script.js")), *(path for _, path in extensions.files("javascript", ".js"))]
    styles = [path for _, path in extensions.files("", ".css") if Path(path).name == "style.css"]
    lines = ["<script>window.localization = {}</script>"]
    lines += [f'<script type="text/javascript" src="{_address(path)}"></script>' for path in scripts]
    lines += [f'<link rel="stylesheet" property="stylesheet" href="{_address(path)}">' for path in styles]
    return "\n".join(lines)


def install() -> None:
    """Once a process: gradio asks its templates for each page."""
    original = gr.routes.templates.TemplateResponse

    def response(*words, **named):
        page = original(*words, **named)
        page.body = page.body.replace(b"</head>", _head().encode("utf-8") + b"</head>")
        page.init_headers()
        return page

    gr.routes.templates.TemplateResponse = response
