"""Panels of states: a number on its colour, bars over time, the table of tenants."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from math import isfinite
from typing import Final

from support.tools.prometheus import Series

from .drawing import (
    FAINT,
    GRID,
    INK,
    Box,
    Times,
    colour_of,
    cut,
    key,
    last,
    line,
    number,
    rect,
    text,
    time_axis,
    width_of,
)
from .queries import Field, Panel

_ROW: Final = 21
_DARKER: Final = -0.15
"""Behind white letters."""
_NAMES: Final = 0.4
"""The share of a panel that the names of its bars have at most."""
_COLUMNS: Final = (104, 88)
"""Of the table: for namespace and tenant; the others share the rest."""


def stat(panel: Panel, named: Sequence[tuple[str, Series]], box: Box, times: Times) -> list[str]:
    """Return the last number on its colour, over the course of it."""
    points = [point for _, series in named for point in series.points if isfinite(point[1])]
    value = points[-1][1]
    most = max(value for _, value in points) or 1.0
    inner = Box(box.left + 1, box.top + 1, box.width - 2, box.height - 2)
    course = [(times.x(moment, inner), inner.bottom - 4 - max(0.0, value) / most * 22) for moment, value in points]
    return [
        rect(inner, f'rx="3" fill="{colour_of(panel.field.colour(value), _DARKER)}"'),
        text(box.left + 9, box.top + 17, panel.title, 'font-weight="bold" fill="#fff" font-size="12"'),
        line(course, 'stroke="#fff" stroke-opacity="0.55" stroke-width="1.5"'),
        text(
            box.left + box.width / 2,
            box.top + 58,
            number(value, panel.field.unit),
            'font-size="27" fill="#fff" text-anchor="middle"',
        ),
    ]


def state_timeline(panel: Panel, named: Sequence[tuple[str, Series]], box: Box, times: Times) -> list[str]:
    """Return a bar for each series, in the colours of its states; those that change first."""
    height = box.height - 28 - 18 - 18
    rows = max(1, int(height // _ROW))
    shown = sorted(named, key=lambda each: (-len({value for _, value in each[1].points}), each[0]))[:rows]
    names = min(_NAMES * box.width, 12 + max(width_of(name) for name, _ in shown))
    plot = Box(box.left + names, box.top + 28, box.width - names - 10, height)
    parts = time_axis(plot, times)
    for row, (name, series) in enumerate(shown):
        y = plot.top + row * _ROW
        parts.append(text(plot.left - 5, y + 14, cut(name, names - 12), 'text-anchor="end"'))
        for value, begin, end in _stretches(series):
            left = times.x(begin, plot)
            bar = Box(left, y + 2, max(1.0, min(plot.right, times.x(end, plot)) - left), _ROW - 4)
            parts.append(rect(bar, f'fill="{colour_of(panel.field.states[value][1])}"'))
    if len(named) > len(shown):
        parts.append(text(box.right - 10, box.top + 18, f"{len(named) - len(shown)} more", 'text-anchor="end"'))
    words = [(word, colour_of(colour)) for word, colour in panel.field.states.values()]
    at, place = box.left + 10, []
    for word, colour in words:
        place += key(Box(at, plot.bottom + 20, 200, 14), [(word, colour)], most=1)
        at += 26 + 6.2 * len(word)
    return parts + place


def _stretches(series: Series) -> list[tuple[float, float, float]]:
    """Return for how long a series had each value: value, begin, end; where it was absent there is a gap."""
    found: list[tuple[float, float, float]] = []
    for value, points in groupby(series.points, key=lambda point: point[1]):
        begin, end = 0.0, 0.0
        for moment, _ in points:
            if not begin or moment - end > 2:
                if begin:
                    found.append((value, begin, end))
                begin = moment
            end = moment + 1
        found.append((value, begin, end))
    return found


def table(panel: Panel, data: Mapping[tuple[str, str], Sequence[Series]], box: Box) -> list[str]:
    """Return the last values, a row for each namespace and tenant, in the colours of their thresholds."""
    cells: dict[tuple[str, str], dict[str, float]] = {}
    for query, column in panel.queries:
        for series in data[panel.title, query]:
            value = last(series)
            if value is not None and isfinite(value):
                labels = series.labels
                cells.setdefault((labels["namespace"], labels["tenant"]), {})[column] = value
    worst = sorted(cells.items(), key=lambda each: (-each[1].get("OMS errors", -1.0), each[0]))
    titles = ["namespace", "tenant", *panel.columns]
    rest = (box.width - 20 - sum(_COLUMNS)) / len(panel.columns)
    lefts = [box.left + 10, box.left + 10 + _COLUMNS[0]]
    lefts += [box.left + 10 + sum(_COLUMNS) + index * rest for index in range(len(panel.columns))]
    parts = [
        text(left + 4, box.top + 40, title, f'font-weight="bold" fill="{FAINT}"')
        for left, title in zip(lefts, titles, strict=True)
    ]
    for row, ((namespace, tenant), values) in enumerate(worst[: int((box.height - 52) // _ROW)]):
        y = box.top + 47 + row * _ROW
        parts.append(line([(box.left + 10, y), (box.right - 10, y)], f'stroke="{GRID}"'))
        parts.append(text(lefts[0] + 4, y + 15, cut(namespace, _COLUMNS[0] - 6)))
        parts.append(text(lefts[1] + 4, y + 15, cut(tenant, _COLUMNS[1] - 6), 'fill="#3274d9"'))
        for (column, field), left in zip(panel.columns.items(), lefts[2:], strict=True):
            if column in values:
                parts += _cell(Box(left, y + 1, rest - 2, _ROW - 2), field, values[column])
    return parts


def _cell(box: Box, field: Field, value: float) -> list[str]:
    word = field.states[value][0] if field.states else number(value, field.unit)
    coloured = bool(field.states or field.bounds)
    ink = "#fff" if coloured else INK
    found = [text(box.left + 5, box.top + 14, word, f'fill="{ink}"')]
    return [rect(box, f'rx="2" fill="{colour_of(field.colour(value), _DARKER)}"'), *found] if coloured else found
