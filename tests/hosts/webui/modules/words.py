"""The command line."""

from __future__ import annotations

import argparse

parser = argparse.ArgumentParser()
for name in ("data-dir", "lora-dir", "server-name", "api-auth", "gradio-auth", "gradio-auth-path", "ngrok", "subpath"):
    parser.add_argument(f"--{name}", default=None)
for name in ("listen", "share", "api", "nowebui", "hide-ui-dir-config", "enable-insecure-extension-access", "freeze-settings"):
    parser.add_argument(f"--{name}", action="store_true")
parser.add_argument("--port", type=int, default=7860)

words = parser.parse_args()
words.webui_is_non_local = bool(words.share or words.listen or words.ngrok or words.server_name)
words.disable_extension_access = words.webui_is_non_local and not words.enable_insecure_extension_access
