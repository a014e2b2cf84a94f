"""Builds: programs from Go modules, Debian packages, archives of images. Standard library only."""
