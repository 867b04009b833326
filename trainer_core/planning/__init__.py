"""The parts of the plan: what is counted, what is checked, and how it is told. `plan.py` puts them together."""
