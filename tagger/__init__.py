"""WD taggers on onnxruntime, and the only owner of caption files."""
