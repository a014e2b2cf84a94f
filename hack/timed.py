"""Run the parts of something long, one after the other; at the end, say how long each took.

A part is TITLE=COMMAND, or TITLE:SECONDS=COMMAND where it has a target. The first one that fails is the last one.
Needs Python 3.11 and nothing else.
"""

import argparse
import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

_PART: Final = re.compile(r"(?P<title>[^=:]+)(:(?P<target>\d+))?=(?P<command>.+)", re.DOTALL)


class Part(NamedTuple):
    """A step, by its words on the command line."""

    title: str
    target: str
    command: str


class Times:
    """How long each part took, and all of them."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._rows = [("part", "seconds", "target")]

    @contextlib.contextmanager
    def part(self, title: str, target: str = "") -> Iterator[None]:
        """Take the time of a part, whether it succeeds or not; `target` is what it shall take, for people."""
        start = time.monotonic()
        try:
            yield
        finally:
            self._rows.append((title, _seconds(start), target))

    def show(self, target: str = "") -> None:
        """Print a table."""
        rows = [*self._rows, ("whole", _seconds(self._begin), target)]
        width = max(len(title) for title, _, _ in rows)
        lines = [f"{title:{width}} {seconds:>8}  {target}".rstrip() for title, seconds, target in rows]
        print("\n".join(lines), flush=True)


def main() -> int:
    """Do it; return the exit status of the last part."""
    parser = argparse.ArgumentParser(description="Run parts, and print how long each took.")
    parser.add_argument("--target", default="", help="what the whole shall take; for people")
    parser.add_argument("parts", nargs="+", type=_part, metavar="TITLE[:SECONDS]=COMMAND")
    options = parser.parse_args()
    status, times = 0, Times()
    for part in options.parts:
        print(f"== {part.title}: {part.command}", flush=True)
        with times.part(part.title, part.target):
            # Parts are written by this project, in its own Makefile, as a shell's commands.
            status = subprocess.run(part.command, shell=True, check=False).returncode  # noqa: S602
        if status:
            break
    times.show(options.target)
    return status


def _seconds(start: float) -> str:
    return f"{time.monotonic() - start:.0f}"


def _part(text: str) -> Part:
    found = _PART.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a part; write TITLE=COMMAND or TITLE:SECONDS=COMMAND")
    return Part(found["title"], found["target"] or "", found["command"])


if __name__ == "__main__":
    sys.exit(main())
