"""The table of `top` and `local`: which columns fit, what is in them, worst tenants first. Pure; plain text."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Final, NamedTuple

from tenantproxy_operator.fleet.events import EventFigures
from tenantproxy_operator.fleet.figures import Figures
from tenantproxy_operator.fleet.trouble import Level, Trouble, troubles, worst
from tenantproxy_operator.fleet.view import Replica, TenantView
from tenantproxy_operator.kube.kinds import Key

_GAP: Final = 2
NOTE: Final = "TROUBLE"
"""The title of the column that says what is wrong."""
_NARROW: Final = {"TENANT": 20, NOTE: 24}
"""How far the columns of any length may shrink before others are dropped: the end of a name tells more than its
beginning, the beginning of a sentence more than its end."""
_SECOND: Final = 1.0


@dataclass(frozen=True)
class Row:
    """One tenant, looked at."""

    view: TenantView
    figures: Figures
    events: EventFigures | None
    """None: it has no relay."""
    troubles: Sequence[Trouble]

    @property
    def level(self) -> Level:
        """How bad it is."""
        return worst(list(self.troubles))


@dataclass(frozen=True)
class Column:
    """One column."""

    title: str
    cell: Callable[[Row], str]
    to_the_right: bool = False
    dropped: int = 0
    """Where the screen is too narrow, the column with the highest number goes first; 0 never does."""
    concerns: Callable[[Row], bool] | None = None
    """Which tenants it is about; where there are none of them it is left out. None: about all."""


def row(view: TenantView, figures: Figures, events: EventFigures | None = None) -> Row:
    """Return a tenant's row."""
    return Row(view, figures, events, troubles(view, figures, events))


def by_trouble(rows: Iterable[Row]) -> list[Row]:
    """Return the rows, the worst first, then those that most reads go to."""

    def place(each: Row) -> tuple[Level, float, float, Key]:
        of_events = each.events.failed if each.events is not None else None
        return (
            each.level,
            -max(each.figures.errors or 0, of_events or 0),
            -(each.figures.requests or 0),
            each.view.key,
        )

    return sorted(rows, key=place)


def _ready(each: Row, replicas: Sequence[Replica]) -> str:
    if each.view.suspended:
        return "off"
    return f"{sum(replica.ready for replica in replicas)}/{len(replicas)}"


def _of_relay(title: str, cell: Callable[[Row, EventFigures], str], dropped: int) -> Column:
    return Column(
        title,
        lambda each: "" if each.events is None else cell(each, each.events),
        to_the_right=True,
        dropped=dropped,
        concerns=lambda each: each.events is not None,
    )


def note(each: Row) -> str:
    """Return what is wrong with a tenant, the worst first."""
    return "; ".join(trouble.text for trouble in each.troubles)


COLUMNS: Final = (
    Column("TENANT", lambda each: str(each.view.key)),
    Column("API", lambda each: each.view.api or "", concerns=lambda each: each.view.api is not None),
    Column("READY", lambda each: _ready(each, each.view.replicas), to_the_right=True),
    Column("CREDENTIAL", lambda each: each.figures.credential or "-", dropped=1),
    Column("CIRCUIT", lambda each: each.figures.circuit or "-", dropped=5),
    Column("READS/S", lambda each: rate(each.figures.requests), to_the_right=True),
    Column("ERRORS", lambda each: share(each.figures.errors), to_the_right=True),
    Column("P99", lambda each: seconds(each.figures.p99), to_the_right=True, dropped=4),
    Column("OMS", lambda each: share(each.figures.oms), to_the_right=True, dropped=7),
    _of_relay("RELAY", lambda each, _: _ready(each, each.view.relays or ()), dropped=2),
    _of_relay("EVENTS/S", lambda _, events: rate(events.events), dropped=6),
    _of_relay("FAILED", lambda _, events: share(events.failed), dropped=3),
    Column(NOTE, note, dropped=8),
)


class Line(NamedTuple):
    """A line of text, and how bad what it says is."""

    text: str
    level: Level = Level.FINE


def lines(rows: Sequence[Row], width: int | None = None, limit: int | None = None) -> list[Line]:
    """Return the table as lines of plain text.

    No line is longer than `width`: columns that don't fit are dropped, and if what is wrong is one of them, it
    follows below. There are at most `limit` lines. Without either, all is there, at any length.
    """
    shown = list(rows) if limit is None else list(rows[: max(0, limit - 2)])
    text, notes = _drawn(shown, width)
    if limit is not None and notes and len(text) + len(notes) + (len(shown) < len(rows)) > limit:
        # Why the worst are in trouble is worth up to half of the screen.
        shown = shown[: max(1, limit - 2 - min(len(notes), limit // 2))]
        text, notes = _drawn(shown, width)
    if len(shown) < len(rows):
        text.append(Line(f"… and {len(rows) - len(shown)} more"))
    text += notes
    return [line._replace(text=line.text[:width]) for line in text[:limit]]


def _drawn(shown: Sequence[Row], width: int | None) -> tuple[list[Line], list[Line]]:
    """Return the table, and what follows below it where its last column does not fit."""
    columns, table = cells(shown, width)
    widths = _widths(columns, table)
    head = [column.title for column in columns]
    levels = [Level.FINE, *(each.level for each in shown)]
    text = [
        Line(_joined(columns, line, widths), level) for line, level in zip([head, *table], levels, strict=True)
    ]
    if NOTE in head:
        return text, []
    notes = [
        Line(text, each.level)
        for each in shown
        if each.troubles
        for text in wrap(printable(f"{each.view.key}: {note(each)}"), width or 1, subsequent_indent="  ")
    ]
    return text, [Line(""), *notes] if notes else []


def cells(rows: Sequence[Row], width: int | None = None) -> tuple[list[Column], list[list[str]]]:
    """Return the columns that fit into `width` (None: all), and their cells by row."""
    columns = [column for column in COLUMNS if column.concerns is None or any(map(column.concerns, rows))]
    while True:
        table = [[printable(column.cell(each)) for column in columns] for each in rows]
        if width is None:
            return columns, table
        widths = [
            min(size, _NARROW.get(column.title, size))
            for column, size in zip(columns, _widths(columns, table), strict=True)
        ]
        room = width - sum(widths) - _GAP * (len(widths) - 1)
        droppable = [column for column in columns if column.dropped]
        if room >= 0 or not droppable:
            return columns, _cut(columns, table, widths, max(0, room))
        columns.remove(max(droppable, key=lambda column: column.dropped))


def rate(value: float | None) -> str:
    """Return a number per second in at most five characters."""
    if value is None:
        return "-"
    return f"{value:.1f}" if value < 1000 else f"{value / 1000:.1f}k"  # noqa: PLR2004 - a thousand is a k


def share(value: float | None) -> str:
    """Return a share as percents; one that is not zero never looks like it."""
    if value is None:
        return "-"
    return "<1%" if 0 < value < 0.01 else f"{value:.0%}"  # noqa: PLR2004 - one percent


def seconds(value: float | None) -> str:
    """Return a duration; the last bucket has no upper bound."""
    if value is None:
        return "-"
    if math.isinf(value):
        return ">10s"
    return f"{value:.1f}s" if value >= _SECOND else f"{value * 1000:.0f}ms"


def printable(text: str) -> str:
    """Return `text` without what a terminal would obey: some of it comes from pods."""
    return "".join(char if char.isprintable() else " " for char in text)


def _joined(columns: Sequence[Column], line: Sequence[str], widths: Sequence[int]) -> str:
    parts = (
        cell.rjust(size) if column.to_the_right else cell.ljust(size)
        for column, cell, size in zip(columns, line, widths, strict=True)
    )
    return (" " * _GAP).join(parts).rstrip()


def _widths(columns: Sequence[Column], table: Iterable[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip([each.title for each in columns], *table, strict=True)]


def _cut(
    columns: Sequence[Column], table: Sequence[Sequence[str]], narrow: Sequence[int], room: int
) -> list[list[str]]:
    """Shorten cells to `narrow` widths and the room that is left, which names take first."""
    limits = []
    for limit, wanted in zip(narrow, _widths(columns, table), strict=True):
        extra = min(room, wanted - limit)
        limits.append(limit + extra)
        room -= extra
    return [
        [
            cell
            if len(cell) <= limit
            else f"…{cell[1 - limit :]}"
            if column is COLUMNS[0]
            else f"{cell[: limit - 1]}…"
            for column, cell, limit in zip(columns, line, limits, strict=True)
        ]
        for line in table
    ]
