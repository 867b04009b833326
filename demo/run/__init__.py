"""The end-to-end demo: a creature that the base model has never seen becomes a LoRA, and another model judges it."""
