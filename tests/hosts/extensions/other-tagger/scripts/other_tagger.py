"""Another extension that tags: its tab and its route show whose `tagger` it gets, at its start and in its callbacks."""

import gradio as gr
from modules import script_callbacks

from tagger import interrogator


def on_ui_tabs():
    with gr.Blocks(analytics_enabled=False) as interface:
        gr.HTML(f"<p id='other-tagger'>{interrogator.WHOSE}</p>")
    return [(interface, "Other tagger", "other_tagger")]


def on_app_started(_, app):
    from tagger import api

    api.add(app)


script_callbacks.on_ui_tabs(on_ui_tabs)
script_callbacks.on_app_started(on_app_started)
