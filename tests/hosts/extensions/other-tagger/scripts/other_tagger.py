"""Another extension that tags: its tab shows whose `tagger` it gets, at its start and in its callbacks."""

import gradio as gr
from modules import script_callbacks

from tagger import interrogator


def on_ui_tabs():
    with gr.Blocks(analytics_enabled=False) as interface:
        gr.Textbox(label="Whose", value=interrogator.WHOSE, elem_id="other_tagger_whose")
        gr.HTML(f"<p id='other-tagger'>{interrogator.WHOSE}</p>")
    return [(interface, "Other tagger", "other_tagger")]


script_callbacks.on_ui_tabs(on_ui_tabs)
