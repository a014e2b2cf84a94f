"""The source that is released: a commit's files, in a folder of their own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from hack import ROOT
from hack.release import ReleaseError
from hack.release.commands import run
from hack.release.versions import current


class Source(NamedTuple):
    """A commit's files."""

    root: Path
    revision: str
    epoch: str
    """When it was committed, in seconds: the only time that is in what is made of it."""

    @property
    def version(self) -> str:
        """The packages' version."""
        return current(self.root)


@contextmanager
def exported(*, umask: int = 0o022) -> Iterator[Source]:
    """Give the files of the present commit in a new folder, with the permissions that a umask leaves.

    Raises:
        ReleaseError: This is no clone.

    """
    revision = run("git", "rev-parse", "HEAD", cwd=ROOT).strip()
    epoch = run("git", "log", "-1", "--format=%ct", cwd=ROOT).strip()
    with tempfile.TemporaryDirectory() as folder:
        root, archive = Path(folder) / "source", Path(folder) / "source.tar"
        root.mkdir()
        run("git", "archive", "--output", archive, revision, cwd=ROOT)
        # The times of the files are those of now, as in a clone.
        run(
            "tar",
            "--extract",
            "--no-same-permissions",
            "--touch",
            "--file",
            archive,
            "--directory",
            root,
            umask=umask,
        )
        yield Source(root, revision, epoch)


def check_committed() -> None:
    """Raise ReleaseError where something is not committed: it would not be in the release."""
    changed = run("git", "status", "--porcelain", cwd=ROOT).rstrip().splitlines()
    if changed:
        raise ReleaseError(
            f"{len(changed)} files are not committed, such as {changed[0][3:]}; what is checked is the last commit"
        )


def check_tagged(version: str) -> None:
    """Raise ReleaseError where the present commit is not that of the version's tag."""
    tag = f"v{version}"
    if tag not in run("git", "tag", "--points-at", "HEAD", cwd=ROOT).split():
        raise ReleaseError(f"this commit has not the tag {tag}: check out the release's tag first")
