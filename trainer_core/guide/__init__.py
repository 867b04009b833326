"""The training guide as data, and what follows from it for a dataset or for what is wrong with a LoRA."""
