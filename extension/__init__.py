"""LoRA Workbench inside webui, or alone: a page of our own over an HTTP API of our own. Imports the standard library only."""
