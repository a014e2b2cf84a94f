"""Manifests as files: read with positions, written for people."""
