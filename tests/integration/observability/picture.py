"""The dashboard with a run's data, as an SVG, laid out as in Grafana: by hand, so that no library is needed.

It is as wide as pages are shown, so that its letters have the size that is written here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from support.tools.prometheus import Series

from .drawing import FONT, INK, Box, Times, legend_of, rect, text
from .graphs import heatmap, timeseries
from .queries import Panel, Place
from .states import stat, state_timeline, table

_WIDTH: Final = 830
_COLUMN: Final = _WIDTH / 24
_UNIT: Final = 26
"""Height of one of Grafana's units."""
_GAP: Final = 2
_DRAWN: Final = {"timeseries": timeseries, "heatmap": heatmap, "stat": stat, "state-timeline": state_timeline}

Data = Mapping[tuple[str, str], Sequence[Series]]


def draw(rows: Iterable[tuple[str, Place]], panels: Sequence[Panel], data: Data, times: Times) -> str:
    """Return the SVG of rows and panels; `data` has a panel's series by its title and query."""
    parts = []
    for title, place in rows:
        parts.append(text(8, place.y * _UNIT + 18, title, 'font-size="14" font-weight="bold"'))
    for panel in panels:
        box = _box(panel.place)
        parts.append(rect(box, 'rx="3" fill="#fff" stroke="#d8dbe0"'))
        if panel.kind != "stat":
            parts.append(text(box.left + 9, box.top + 18, panel.title, 'font-size="12" font-weight="bold"'))
        if panel.kind == "table":
            parts += table(panel, data, box)
        else:
            parts += _DRAWN[panel.kind](panel, _named(panel, data), box, times)
    height = max(panel.place.y + panel.place.h for panel in panels) * _UNIT + _GAP
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}">',
            f'<g font-family="Helvetica, Arial, sans-serif" font-size="{FONT}" fill="{INK}">',
            rect(Box(0, 0, _WIDTH, height), 'fill="#f4f5f7"'),
            *parts,
            "</g></svg>\n",
        ]
    )


def _box(place: Place) -> Box:
    left, top = place.x * _COLUMN + _GAP, place.y * _UNIT + _GAP
    return Box(left, top, place.w * _COLUMN - 2 * _GAP, place.h * _UNIT - 2 * _GAP)


def _named(panel: Panel, data: Data) -> list[tuple[str, Series]]:
    """Return a panel's series with their legends."""
    return [
        (legend_of(legend, series.labels), series)
        for query, legend in panel.queries
        for series in data[panel.title, query]
    ]
