"""What the reader sees: colour on a terminal that wants it, plain text in a pipe."""

import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from typing import Final

from hack.demo.exchange import Answer, Request
from hack.demo.pretty import layout

_MAX_LINES: Final = 40
_MIN_WIDTH: Final = 40
_MAX_WIDTH: Final = 110
_INDENT: Final = "   "
_STYLES: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "cyan": "36"}
_SHOWN_HEADERS: Final = ("Allow", "WWW-Authenticate", "Content-Type")


class Terminal:
    """Writes to standard output."""

    def __init__(self) -> None:
        self._variables: dict[str, str] = {}
        self._coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        # In a pipe there is no width to ask for: COLUMNS, or this.
        columns = shutil.get_terminal_size(fallback=(100, 24)).columns
        self._width = max(_MIN_WIDTH, min(columns, _MAX_WIDTH))
        self._tick, self._cross, self._ellipsis = (
            ("✓", "✗", "…") if _can_write("✓✗…") else ("ok:", "FAILED:", "...")
        )

    def title(self, text: str) -> None:
        """Print a heading."""
        self.line(self._styled(text, "bold"))

    def paragraph(self, text: str) -> None:
        """Print prose, wrapped."""
        self.line(textwrap.fill(text, min(self._width, 96)))

    def line(self, text: str = "") -> None:
        """Print a line as it is, now: a reader of a pipe waits for it, too."""
        print(text, flush=True)

    def step(self, number: int, title: str) -> None:
        """Print the heading of a step."""
        self.line()
        self.title(f"{number:2} {title}")

    def define(self, name: str, value: str) -> None:
        """Set a variable of the reader's shell, by which commands call `value` from now on: lines stay short."""
        self.command(f"{name}={value}")
        self._variables[name] = value

    def command(self, text: str) -> None:
        """Print what the reader would type; the lines of `text` end in a backslash where they must."""
        for name, value in self._variables.items():
            text = text.replace(value, f"${name}")
        for prompt, line in zip(chain("$", repeat(" ")), text.splitlines(), strict=False):
            self.line(_INDENT + self._styled(f"{prompt} {line}", "cyan"))

    def request(self, request: Request, *, pipe: str | None = None) -> None:
        """Print a request as a curl command; `pipe` is a command that its answer goes through."""
        if pipe is None:
            self.command(request.as_curl())
        else:
            self.command(f"{request.as_curl(quiet=True)} \\\n    | {pipe}")

    def answer(self, answer: Answer, *, brief: bool = False) -> None:
        """Print an answer: its status, the headers that tell something, its body unless `brief`."""
        style = "green" if answer.status < 400 else "red"
        self.line(_INDENT + self._styled(f"HTTP/1.1 {answer.status} {answer.reason}", style))
        for name in _SHOWN_HEADERS:
            if (value := answer.headers.get(name)) is not None:
                self.detail(f"{name}: {value}")
        if brief:
            self.detail("(the order, as before)")
        elif answer.text:
            self._body(answer.text)

    def lines(self, lines: Iterable[str]) -> None:
        """Print lines of text, each cut to the width, the first ones if there are many."""
        shown = list(lines)
        for line in shown[:_MAX_LINES]:
            self.line(_INDENT + self._fitted(line))
        if (more := len(shown) - _MAX_LINES) > 0:
            self.detail(f"({more} more lines)")

    def detail(self, text: str) -> None:
        """Print a line of lesser importance."""
        self.line(_INDENT + self._styled(self._fitted(text), "dim"))

    def excerpt(self, title: str, lines: Iterable[str]) -> None:
        """Print lines of a log in full, if there are any: they are there to be searched."""
        if shown := list(lines):
            self.line(f"{_INDENT}{title}")
            for line in shown:
                self.line(f"{_INDENT}  {line}")

    @contextmanager
    def progress(self) -> Iterator[Callable[[str], None]]:
        """Give a function that appends marks to a line, and end that line."""
        print(end=_INDENT)
        try:
            yield lambda mark: print(mark, end="", flush=True)
        finally:
            self.line()

    def passed(self, text: str) -> None:
        """Print what a step has shown."""
        self._verdict(self._tick, text, "green")

    def failed(self, text: str) -> None:
        """Print why a step failed."""
        self._verdict(self._cross, text, "red")

    def _body(self, text: str) -> None:
        try:
            lines = layout(text, self._width - len(_INDENT))
        except ValueError:
            lines = text.splitlines()
        self.lines(lines)

    def _verdict(self, mark: str, text: str, style: str) -> None:
        lines = textwrap.wrap(text, self._width - len(_INDENT) - len(mark) - 1)
        self.line(f"{_INDENT}{self._styled(mark, style)} {lines[0]}")
        for line in lines[1:]:
            self.line(_INDENT + " " * (len(mark) + 1) + line)

    def _fitted(self, text: str) -> str:
        room = self._width - len(_INDENT)
        return text if len(text) <= room else text[: room - len(self._ellipsis)] + self._ellipsis

    def _styled(self, text: str, style: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self._coloured else text


def _can_write(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True
