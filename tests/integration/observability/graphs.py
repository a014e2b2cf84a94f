"""Panels with an axis of values: lines, and the heatmap."""

from collections.abc import Sequence
from math import isfinite

from support.tools.prometheus import Series

from .drawing import (
    FAINT,
    GRID,
    RED,
    Box,
    Times,
    colours_of,
    key,
    line,
    number,
    rect,
    rounded,
    text,
    time_axis,
)
from .queries import Panel

_LEFT, _RIGHT, _TOP, _AXIS, _KEY = 48, 10, 28, 18, 46
"""Pixels for the values' names, on the right, for the title, for the time axis, and for the legends."""
_MOST = 6
"""Series of a panel that are drawn."""


def timeseries(panel: Panel, named: Sequence[tuple[str, Series]], box: Box, times: Times) -> list[str]:
    """Return lines over time, the largest ones; where red begins is a red line."""
    shown = sorted(named, key=lambda each: -max((value for value in _values(each[1])), default=0))[:_MOST]
    plot = Box(box.left + _LEFT, box.top + _TOP, box.width - _LEFT - _RIGHT, box.height - _TOP - _AXIS - _KEY)
    values = [value for _, series in shown for value in _values(series)]
    top = rounded(max(values, default=0))
    bottom = -rounded(-min(values)) if values and min(values) < 0 else 0.0

    def y(value: float) -> float:
        return plot.bottom - (min(max(value, bottom), top) - bottom) / (top - bottom) * plot.height

    parts = time_axis(plot, times)
    for step in range(4):
        value = bottom + (top - bottom) * step / 3
        parts.append(line([(plot.left, y(value)), (plot.right, y(value))], f'stroke="{GRID}"'))
        label = number(value, panel.field.unit)
        parts.append(text(plot.left - 5, y(value) + 4, label, f'fill="{FAINT}" text-anchor="end"'))
    for bound in panel.field.bounds:
        if bottom <= bound <= top:
            across = [(plot.left, y(bound)), (plot.right, y(bound))]
            parts.append(line(across, f'stroke="{RED}" stroke-dasharray="6 3"'))
    colours = colours_of(sorted(legend for legend, _ in shown), panel.colours)
    by_legend = dict(zip(sorted(legend for legend, _ in shown), colours, strict=True))
    for legend, series in reversed(shown):
        course = [(times.x(moment, plot), y(value)) for moment, value in series.points if isfinite(value)]
        parts.append(line(course, f'stroke="{by_legend[legend]}" stroke-width="1.6"'))
    legends = [(legend, by_legend[legend]) for legend, _ in shown]
    legends += [(legend, FAINT) for legend, _ in named if legend not in by_legend]
    return parts + key(Box(box.left + 10, plot.bottom + _AXIS + 1, box.width - 20, _KEY - 2), legends, most=_MOST)


def heatmap(panel: Panel, named: Sequence[tuple[str, Series]], box: Box, times: Times) -> list[str]:
    """Return cells: a column for each moment, a row for each bucket, the darker, the more."""
    plot = Box(box.left + _LEFT, box.top + _TOP, box.width - _LEFT - _RIGHT, box.height - _TOP - _AXIS - 8)
    buckets = sorted(((float(legend), dict(series.points)) for legend, series in named), key=lambda each: each[0])
    cells: dict[tuple[float, int], float] = {}
    below: dict[float, float] = {}
    for row, (_, counts) in enumerate(buckets):
        for moment, count in counts.items():
            cells[moment, row] = max(0.0, count - below.get(moment, 0.0))
            below[moment] = count
    most = max(cells.values(), default=1.0) or 1.0
    height, width = plot.height / max(1, len(buckets)), plot.width / (times.end - times.begin)
    parts = [
        rect(
            Box(times.x(moment, plot), plot.bottom - (row + 1) * height, width + 0.3, height - 1),
            f'fill="#1f60c4" fill-opacity="{(count / most) ** 0.5:.2f}"',
        )
        for (moment, row), count in cells.items()
        if count > 0
    ]
    for row, (bound, _) in enumerate(buckets):
        if isfinite(bound) and row % 2:
            label = number(bound, panel.field.unit)
            y = plot.bottom - (row + 1) * height + 4
            parts.append(text(plot.left - 5, y, label, f'fill="{FAINT}" text-anchor="end"'))
    return parts + time_axis(plot, times)


def _values(series: Series) -> list[float]:
    return [value for _, value in series.points if isfinite(value)]
