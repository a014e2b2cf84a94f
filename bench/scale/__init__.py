"""The operator's benchmark: `python -m bench.scale`."""
