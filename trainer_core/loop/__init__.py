"""From one picture of a rare character to a LoRA of it: train quickly, draw, keep the good ones, train again."""
