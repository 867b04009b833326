"""The tabs: txt2img, those of the extensions, settings; and ui-config.json, which remembers what components were set to."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
from modules import paths, processing, script_callbacks, shared

_REMEMBERED = (gr.Slider, gr.Radio, gr.Checkbox, gr.Textbox, gr.Number, gr.Dropdown)


def _generate(prompt: str) -> str:
    """As webui's wrapper shows what went wrong: in the page, by the error's words."""
    try:
        return processing.process_images(SimpleNamespace(prompt=prompt)).info
    except Exception as error:  # noqa: BLE001  (whatever an extension raises)
        return f"<div class='error'>{type(error).__name__}: {error}</div>"


def _txt2img():
    with gr.Blocks(analytics_enabled=False) as interface:
        prompt = gr.Textbox(label="Prompt", elem_id="txt2img_prompt", lines=3)
        button = gr.Button("Generate", elem_id="txt2img_generate")
        log = gr.HTML(elem_id="html_log_txt2img")
        button.click(_generate, inputs=[prompt], outputs=[log])
    return interface


def _settings():
    """A component for each option that an extension added: they must build under this gradio."""
    with gr.Blocks(analytics_enabled=False) as interface:
        restart = gr.Button("Reload UI", elem_id="settings_restart_gradio")
        restart.click(shared.state.request_restart, inputs=[], outputs=[])
        for name, info in shared.opts.data_labels.items():
            words = info.component_args() if callable(info.component_args) else info.component_args or {}
            component = info.component or (gr.Checkbox if isinstance(info.default, bool) else gr.Textbox)
            component(label=info.label, value=getattr(shared.opts, name), elem_id=f"setting_{name}", **words)
    return interface


def _remember(block, path: str, found: dict[str, object]) -> None:
    for child in getattr(block, "children", []):
        _remember(child, path, found)
    label = getattr(block, "label", None)
    if isinstance(block, _REMEMBERED) and label is not None and not getattr(block, "do_not_save_to_config", False):
        found[f"{path}/{label}"] = block.value if isinstance(block.value, (str, int, float, bool, list, type(None))) else ""


def build() -> gr.Blocks:
    script_callbacks.call("ui_settings")
    added = [tab for tabs in script_callbacks.call("ui_tabs") for tab in tabs or []]
    interfaces = [(_txt2img(), "txt2img", "txt2img"), *added, (_settings(), "Settings", "settings")]
    remembered: dict[str, object] = {}
    with gr.Blocks(analytics_enabled=False, title="Small webui") as demo, gr.Tabs(elem_id="tabs"):
        for interface, label, name in interfaces:
            with gr.TabItem(label, id=name, elem_id=f"tab_{name}"):
                interface.render()
            _remember(interface, name, remembered)
    Path(paths.data_path, "ui-config.json").write_text(json.dumps(remembered, indent=1), encoding="utf-8")
    return demo
