"""Builds and checks the image."""
