"""Golden files: one whole document, and of each other one what differs from it.

A difference is a unified one whose hunks say where they are by the object's kind and the keys above, not by line
numbers: a change of the whole document touches no difference that it does not concern.
"""

import difflib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TESTS: Final = Path(__file__).parents[1]
_WHOLE: Final = "output.yaml"
_DIFFERENCE: Final = "output.diff"
_SEPARATOR: Final = "---"
_MOST_CONTEXT: Final = 50
"""Lines around a change: so many tell its place from any other one."""


class HunkError(Exception):
    """A part of a difference fits nowhere: the base has changed; write the golden files with --regenerate."""


@dataclass(frozen=True)
class Goldens:
    """A folder of cases; each is a folder with its input and its output."""

    folder: Path
    base: str
    """The case whose output is there as a whole."""

    @property
    def cases(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def read(self, case: str) -> str:
        """Return the whole output of a case. Raises HunkError."""
        whole = self.folder / case / _WHOLE
        if whole.exists():
            return whole.read_text()
        return patched(self.read(self.base), (self.folder / case / _DIFFERENCE).read_text())

    def write(self, case: str, output: str, base: str) -> None:
        """Write the base's output, and that of a case: as what differs, if that is shorter."""
        (self.folder / self.base / _WHOLE).write_text(base)
        changes = difference(base, output)
        name, other, text = (_WHOLE, _DIFFERENCE, output)
        if case != self.base and changes.count("\n") < output.count("\n"):
            name, other, text = (_DIFFERENCE, _WHOLE, changes)
        (self.folder / case / name).write_text(text)
        (self.folder / case / other).unlink(missing_ok=True)


CHILDREN: Final = Goldens(_TESTS / "unit/operator/render/golden", "minimal")
"""What `tenantproxy-operator render` makes of TenantProxies."""
CHART: Final = Goldens(_TESTS / "integration/chart/golden", "default")
"""What `helm template` makes of values."""


def difference(base: str, text: str) -> str:
    """Return what makes `text` of `base`, with as many lines of context as tell where each change is."""
    for context in range(1, _MOST_CONTEXT):
        changes = _unified(base.splitlines(), text.splitlines(), context)
        try:
            if patched(base, changes) == text:
                return changes
        except HunkError:
            continue
    raise HunkError("two documents repeat themselves too much to tell where they differ")


def patched(base: str, changes: str) -> str:
    """Return `base` with a difference applied: each hunk where it fits first, behind the one before it.

    Raises:
        HunkError: One fits nowhere.

    """
    rest = base.splitlines()
    done: list[str] = []
    for title, hunk in _hunks(changes):
        before = [line[1:] for line in hunk if not line.startswith("+")]
        places = range(len(rest) - len(before) + 1)
        place = next((place for place in places if rest[place : place + len(before)] == before), None)
        if place is None:
            raise HunkError(title)
        done += [*rest[:place], *(line[1:] for line in hunk if not line.startswith("-"))]
        rest = rest[place + len(before) :]
    return "".join(f"{line}\n" for line in (*done, *rest))


def _hunks(changes: str) -> Iterator[tuple[str, list[str]]]:
    lines = changes.splitlines()
    starts = [index for index, line in enumerate(lines) if line.startswith("@@ ")]
    for start, end in itertools.pairwise([*starts, len(lines)]):
        yield lines[start], lines[start + 1 : end]


def _unified(base: Sequence[str], text: Sequence[str], context: int) -> str:
    matcher = difflib.SequenceMatcher(None, base, text, autojunk=False)
    lines: list[str] = []
    for group in matcher.get_grouped_opcodes(context):
        tag, base_start, _, start, _ = next(code for code in group if code[0] != "equal")
        place = _place(base, base_start, text[start] if tag == "insert" else base[base_start])
        lines.append(f"@@ {place} @@")
        for tag, base_start, base_end, start, end in group:
            if tag == "equal":
                lines += [line and f" {line}" for line in base[base_start:base_end]]
            else:
                lines += [f"-{line}" for line in base[base_start:base_end]]
                lines += [f"+{line}" for line in text[start:end]]
    return "".join(f"{line}\n" for line in lines)


def _place(base: Sequence[str], index: int, line: str) -> str:
    """Return the kind of the object in which a line is at an index, and the keys above it."""
    begin = next((at for at in range(index - 1, 0, -1) if base[at] == _SEPARATOR), 0)
    end = next((at for at in range(index, len(base)) if base[at] == _SEPARATOR), len(base))
    keys: list[str] = []
    indent, is_item = _indent(line)
    depth = indent + is_item  # a list's items may be as far left as its key
    for each in reversed(base[begin:index]):
        indent, is_item = _indent(each)
        name, colon, _ = each[indent + 2 * is_item :].partition(":")
        if colon and not name.startswith("#") and indent + 2 * is_item < depth:
            keys.append(name.strip('"'))
            depth = indent + 2 * is_item
        if is_item and indent < depth:
            depth = indent + 1
    kinds = [each.removeprefix("kind: ") for each in base[begin:end] if each.startswith("kind: ")]
    return f"{' '.join(kinds)}: {'.'.join(reversed(keys))}".rstrip(" :")


def _indent(line: str) -> tuple[int, bool]:
    """Return how far right a line begins, and whether it is the first one of a list's item."""
    text = line.lstrip(" ")
    return len(line) - len(text), text.startswith("- ")
