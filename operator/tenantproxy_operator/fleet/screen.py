"""The table on a terminal, renewed in place; what else is said scrolls by above it. All that imports rich."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from tenantproxy_operator.fleet.table import Line
from tenantproxy_operator.fleet.trouble import Level

if TYPE_CHECKING:
    from rich.text import Text

Draw = Callable[[int, int], Sequence[Line]]
"""Returns lines for a width and a height."""

_STYLES: Final = {
    Level.DOWN: "red",
    Level.FAILING: "red",
    Level.DEGRADED: "yellow",
    Level.UNSEEN: "yellow",
    Level.FINE: "",
}


def is_terminal() -> bool:
    """Tell whether a table can be renewed in place: standard output is a terminal that can move its cursor."""
    from rich.console import Console  # noqa: PLC0415 - only for those who look

    console = Console()
    return console.is_terminal and not console.is_dumb_terminal


class Screen:
    """A terminal; `whole`: the table has it to itself, and the screen is as before at the end."""

    def __init__(self, *, whole: bool) -> None:
        from rich.console import Console  # noqa: PLC0415 - only for those who look
        from rich.live import Live  # noqa: PLC0415

        self._console = Console(highlight=False, markup=False, emoji=False)
        self._live = Live(
            console=self._console,
            screen=whole,
            auto_refresh=False,  # no thread
            redirect_stdout=False,
            redirect_stderr=False,
            transient=True,
            vertical_overflow="crop",
        )
        self._draw: Draw | None = None

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        if self._draw is not None:
            # The last table stays to be read, as what was printed.
            self._console.print(self._rendered(self._draw))

    def show(self, draw: Draw) -> None:
        """Show a table in place of the last one."""
        self._draw = draw
        self._live.update(self._rendered(draw), refresh=True)

    def say(self, line: str) -> None:
        """Print a line above the table; it may have colours."""
        from rich.text import Text  # noqa: PLC0415

        self._console.print(Text.from_ansi(line), soft_wrap=True)

    def _rendered(self, draw: Draw) -> "Text":
        from rich.text import Text  # noqa: PLC0415

        lines = draw(self._console.width, max(1, self._console.height - 1))  # a full screen would scroll
        return Text("\n", no_wrap=True, end="").join(
            Text(line.text, style=_STYLES[line.level], no_wrap=True, end="") for line in lines
        )
