"""The dashboard with a run's data, as an SVG, laid out as in Grafana: by hand, so that no library is needed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import floor, isfinite, log10
from typing import Final, NamedTuple

from support.tools.prometheus import Series

from .queries import Panel, Place

_WIDTH: Final = 1140
_COLUMN: Final = _WIDTH / 24
_UNIT: Final = 24
"""Height of one of Grafana's units."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 26, 44
_LEGEND_WIDTH: Final = 108
_LEGEND: Final = 18
"""Characters of a legend that fit."""
_COLOURS: Final = ("#1f5fa8", "#c2571a", "#3b7d3a", "#8a3ba8", "#a82f4b", "#6b6b6b")
_MOST: Final = len(_COLOURS)
"""Series of a panel that are drawn."""
_GREEN, _RED = "#3b7d3a", "#c0253f"
_UNITS: Final = {"percentunit": (100.0, " %"), "reqps": (1.0, "/s"), "ops": (1.0, "/s"), "s": (1.0, " s")}

Data = Mapping[tuple[str, str], Sequence[Series]]


class Times(NamedTuple):
    """Where the time axis begins and ends, and the moment that is marked on it; Unix time."""

    begin: float
    end: float
    marked: float


def draw(rows: Iterable[tuple[str, Place]], panels: Sequence[Panel], data: Data, times: Times) -> str:
    """Return the SVG of all rows and panels; `data` has a panel's series by its title and query."""
    parts = []
    for title, place in rows:
        parts.append(f'<rect y="{place.y * _UNIT}" width="{_WIDTH}" height="{_UNIT}" fill="#eef1f5"/>')
        parts.append(_text(12, place.y * _UNIT + 17, title, 'font-size="14" font-weight="bold"'))
    for panel in panels:
        width, height = panel.place.w * _COLUMN, panel.place.h * _UNIT
        parts.append(f'<g transform="translate({panel.place.x * _COLUMN:g},{panel.place.y * _UNIT})">')
        named = _named(panel, data)
        parts += (_stat if panel.kind == "stat" else _graph)(panel, named, width, height, times)
        parts.append("</g>")
    height = max(panel.place.y + panel.place.h for panel in panels) * _UNIT
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}">',
            '<g font-family="sans-serif" font-size="10" fill="#222">',
            f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
            *parts,
            "</g></svg>\n",
        ]
    )


def _named(panel: Panel, data: Data) -> list[tuple[str, Series]]:
    """Return a panel's series with their legends, those with the largest values first."""
    found = [
        (_legend(legend, series.labels), series)
        for query, legend in panel.queries
        for series in data[panel.title, query]
    ]
    return sorted(
        found, key=lambda each: -max((value for _, value in each[1].points if isfinite(value)), default=0)
    )


def _legend(template: str, labels: Mapping[str, str]) -> str:
    """Fill a legend as Grafana does: {{label}}."""
    for name, value in labels.items():
        template = template.replace(f"{{{{{name}}}}}", value)
    return re.sub(r"\{\{.*?\}\}", "none", template)


def _rounded(value: float) -> float:
    """Return where an axis ends: a round number that can be divided by three."""
    if value <= 0:
        return 3.0
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in (1.5, 3, 4.5, 6, 9, 15) if step * power >= value)


def _text(x: float, y: float, text: str, attributes: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" {attributes}>{escape(text)}</text>'


def _line(points: Iterable[tuple[float, float]], attributes: str) -> str:
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{joined}" fill="none" {attributes}/>'


def _stat(
    panel: Panel, named: Sequence[tuple[str, Series]], width: float, height: float, times: Times
) -> list[str]:
    """Return the last number on its colour, over the course of it."""
    factor, unit = _UNITS.get(panel.unit, (1.0, ""))
    points = [point for _, series in named for point in series.points if isfinite(point[1])]
    last = points[-1][1]
    top = max(value for _, value in points) or 1.0
    course = [
        (4 + (moment - times.begin) / (times.end - times.begin) * (width - 8), height - 6 - value / top * 30)
        for moment, value in points
    ]
    colour = _RED if panel.is_red(last) else _GREEN
    shape = f'x="2" y="2" width="{width - 4:g}" height="{height - 4}" rx="3" fill="{colour}"'
    return [
        f"<rect {shape}/>",
        _text(10, 19, panel.title, 'font-size="11" font-weight="bold" fill="#fff"'),
        _text(width / 2, 62, f"{last * factor:.3g}{unit}", 'font-size="30" fill="#fff" text-anchor="middle"'),
        _line(course, 'stroke="#fff" stroke-opacity="0.6"'),
    ]


def _graph(
    panel: Panel, named: Sequence[tuple[str, Series]], width: float, height: float, times: Times
) -> list[str]:
    """Return the series over time, from 0 on; where it is red begins is a red line."""
    factor, unit = _UNITS.get(panel.unit, (1.0, ""))
    top = _rounded(max((value for _, series in named for _, value in series.points if isfinite(value)), default=0))

    def x(moment: float) -> float:
        return _LEFT + (moment - times.begin) / (times.end - times.begin) * (width - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return height - _BOTTOM - max(value, 0) / top * (height - _BOTTOM - _TOP)

    def across(value: float, attributes: str) -> str:
        return _line([(_LEFT, y(value)), (width - _RIGHT, y(value))], attributes)

    parts = [_text(_LEFT, 15, panel.title, 'font-size="12" font-weight="bold"')]
    for step in range(4):
        value = top * step / 3
        parts.append(across(value, 'stroke="#ddd"'))
        parts.append(_text(_LEFT - 4, y(value) + 3, f"{value * factor:.3g}{unit}", 'text-anchor="end"'))
    marked = [(x(times.marked), y(0)), (x(times.marked), y(top))]
    parts.append(_line(marked, 'stroke="#999" stroke-dasharray="2 3"'))
    parts += [across(value, f'stroke="{_RED}" stroke-dasharray="6 3"') for value in panel.bounds if value <= top]
    columns = int((width - _LEFT) // _LEGEND_WIDTH)
    for place, ((legend, series), colour) in enumerate(zip(named[:_MOST], _COLOURS, strict=False)):
        course = [(x(moment), y(value)) for moment, value in series.points if isfinite(value)]
        parts.append(_line(course, f'stroke="{colour}" stroke-width="1.3"'))
        row, column = divmod(place, columns)
        left, base = _LEFT + column * _LEGEND_WIDTH, height - _BOTTOM + 18 + row * 13
        parts.append(_text(left, base, _cut(legend), f'fill="{colour}"'))
    return parts


def _cut(legend: str) -> str:
    """Leave out the middle: what tells legends apart is at their ends."""
    half = _LEGEND // 2
    return legend if len(legend) <= _LEGEND else f"{legend[: half - 1]}…{legend[-half:]}"
