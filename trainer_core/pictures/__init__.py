"""What is wrong with training pictures, and new files cut out of them: nothing is ever deleted or overwritten."""
