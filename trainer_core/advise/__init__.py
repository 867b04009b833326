"""`advise`: settings for pictures, and the next run for what one sees, each value with its reason."""
