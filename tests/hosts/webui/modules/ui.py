"""The tabs: txt2img with a ControlNet, img2img, those of extensions, settings; and ui-config.json, which keeps values."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
from modules import paths, processing, script_callbacks, shared

_UPLOAD = "sources" if int(gr.__version__.partition(".")[0]) >= 4 else "source"
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
        with gr.Group(elem_id="txt2img_controlnet"):
            picture = _picture("txt2img_controlnet_ControlNet-0_input_image", "sketch")
        _told("txt2img", [picture])
    return interface


def _img2img():
    """The ways that a picture can be put in, in webui's order; none draws."""
    with gr.Blocks(analytics_enabled=False) as interface:
        gr.Textbox(label="Prompt", elem_id="img2img_prompt", lines=3)
        with gr.Tabs(elem_id="mode_img2img"):
            with gr.TabItem("img2img"):
                pictures = [_picture("img2img_image", "editor")]
            with gr.TabItem("Sketch"):
                pass
            with gr.TabItem("Inpaint"):
                pictures.append(_picture("img2maskimg", "sketch"))
            with gr.TabItem("Inpaint sketch"):
                pass
            with gr.TabItem("Inpaint upload"):
                pictures += [_picture("img_inpaint_base"), _picture("img_inpaint_mask")]
        _told("img2img", pictures)
    return interface


def _picture(name: str, tool: str = ""):
    """A field for a picture; what can be done with it there is gradio 3's word."""
    words = {"tool": tool} if tool and _UPLOAD == "source" else {}
    return gr.Image(elem_id=name, interactive=True, type="pil", show_label=False, **{_UPLOAD: "upload"}, **words)


def _told(name: str, pictures: list) -> None:
    """A button that says which pictures arrived here: their sizes and the brightness of their middles."""
    button, told = gr.Button("What is there", elem_id=f"{name}_look"), gr.HTML(elem_id=f"{name}_told")
    button.click(lambda *found: " ".join(map(_seen, found)), inputs=pictures, outputs=[told])


def _seen(value) -> str:
    picture = value["image"] if isinstance(value, dict) else value  # a sketch has its mask beside it
    if picture is None:
        return "none"
    return f"{picture.width}x{picture.height}/{picture.convert('L').getpixel((picture.width // 2, picture.height // 2))}"


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
    own = [(_txt2img(), "txt2img", "txt2img"), (_img2img(), "img2img", "img2img")]
    interfaces = [*own, *added, (_settings(), "Settings", "settings")]
    remembered: dict[str, object] = {}
    with gr.Blocks(analytics_enabled=False, title="Small webui") as demo, gr.Tabs(elem_id="tabs"):
        for interface, label, name in interfaces:
            with gr.TabItem(label, id=name, elem_id=f"tab_{name}"):
                interface.render()
            _remember(interface, name, remembered)
    Path(paths.data_path, "ui-config.json").write_text(json.dumps(remembered, indent=1), encoding="utf-8")
    return demo
