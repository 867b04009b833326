"""More of a picture that there is: drawn anew over it, or only a part of it, looked through, and taken into the dataset."""
