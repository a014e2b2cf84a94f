"""Traces (OpenTelemetry): beside the code that is traced, never in it."""
