"""Makes a release: `python -m hack.release --help`; docs/development.md, "Releasing", has the steps."""


class ReleaseError(Exception):
    """A release can't be made of what is here; the message says why, and what to do."""
