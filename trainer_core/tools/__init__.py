"""What is done with finished LoRA files: looking into them and changing them."""
