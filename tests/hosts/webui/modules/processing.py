"""Generating, without pictures: what txt2img's button runs into."""

from __future__ import annotations

from types import SimpleNamespace

from modules import call_queue


def process_images(p):
    with call_queue.queue_lock:
        return process_images_inner(p)


def process_images_inner(p):
    return SimpleNamespace(images=[], info=f"generated: {p.prompt}")
