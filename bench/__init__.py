"""The benchmark: `python -m bench`. README.md says what it measures."""
