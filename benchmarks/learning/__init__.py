"""What settings do to learning, measured on the toy world over several seeds (docs/learning.md)."""
