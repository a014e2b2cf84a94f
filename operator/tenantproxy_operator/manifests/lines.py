"""Where in a file each value was written. No values are kept."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

Step = str | int
"""A member's name, or an element's index."""

_INDEX: Final = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True)
class Lines:
    """The line of a value, and those of what is in it."""

    line: int = 0
    """From 1, a member's is its name's; 0: not known."""
    inside: Mapping[Step, Self] = field(default_factory=dict)

    def at(self, *steps: Step) -> "Lines":
        """Return the lines of the value at a path; not known ones where there is none."""
        found = self
        for step in steps:
            found = found.inside.get(step) or Lines()
        return found

    def line_of(self, path: str) -> int:
        """Return the line of a field as problems name it (`spec.tenants[0].name`), or of what it is missing in.

        A name may itself have dots, as annotations and the keys of Secrets do.
        """
        if index := _INDEX.match(path):
            step: Step = int(index[1])
            rest = path[index.end() :]
        else:
            names = (name for name in self.inside if isinstance(name, str) and _begins(path, name))
            step = max(names, key=len, default="")
            rest = path[len(str(step)) :]
        if not path or step not in self.inside:
            return self.line
        return self.inside[step].line_of(rest.removeprefix("."))


def _begins(path: str, name: str) -> bool:
    return path.startswith(name) and path[len(name) : len(name) + 1] in {"", ".", "["}
