"""Draws pictures: sampling as webui does it, sample prompts, infotext."""
