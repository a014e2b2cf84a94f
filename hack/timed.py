"""Run the parts of something long, one after the other; at the end, say how long each took.

A part is TITLE=COMMAND, or TITLE:SECONDS=COMMAND where it has a target. The first one that fails is the last one.
Needs Python 3.11 and nothing else.
"""

import argparse
import re
import subprocess
import sys
import time
from typing import Final, NamedTuple

_PART: Final = re.compile(r"(?P<title>[^=:]+)(:(?P<target>\d+))?=(?P<command>.+)", re.DOTALL)


class Part(NamedTuple):
    """A step, by its words on the command line."""

    title: str
    target: str
    command: str


def main() -> int:
    """Do it; return the exit status of the last part."""
    parser = argparse.ArgumentParser(description="Run parts, and print how long each took.")
    parser.add_argument("--target", default="", help="what the whole shall take; for people")
    parser.add_argument("parts", nargs="+", type=_part, metavar="TITLE[:SECONDS]=COMMAND")
    options = parser.parse_args()
    rows: list[tuple[str, str, str]] = [("part", "seconds", "target")]
    status, begin = 0, time.monotonic()
    try:
        for part in options.parts:
            print(f"== {part.title}: {part.command}", flush=True)
            start = time.monotonic()
            # Parts are written by this project, in its own Makefile, as a shell's commands.
            status = subprocess.run(part.command, shell=True, check=False).returncode  # noqa: S602
            failed = f" (failed: {status})" if status else ""
            rows.append((f"{part.title}{failed}", f"{time.monotonic() - start:.0f}", part.target))
            if status:
                break
    finally:
        rows.append(("whole", f"{time.monotonic() - begin:.0f}", options.target))
        width = max(len(title) for title, _, _ in rows)
        for title, seconds, target in rows:
            print(f"{title:{width}} {seconds:>8}  {target}".rstrip(), flush=True)
    return status


def _part(text: str) -> Part:
    found = _PART.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a part; write TITLE=COMMAND or TITLE:SECONDS=COMMAND")
    return Part(found["title"], found["target"] or "", found["command"])


if __name__ == "__main__":
    sys.exit(main())
