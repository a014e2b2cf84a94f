"""Parts of an SVG: texts, lines, colours, numbers with their units, a time axis."""

import re
from collections.abc import Iterable, Mapping
from html import escape
from math import floor, log10
from typing import Final, NamedTuple

from support.tools.prometheus import Series

INK, FAINT, GRID = "#24292e", "#6a737d", "#e4e7eb"
FONT: Final = 11
_CHARACTER: Final = 6.4
"""How wide a character is at that size, on average."""
_HEX: Final = {
    "semi-dark-green": "#56a64b",
    "semi-dark-orange": "#ff780a",
    "semi-dark-red": "#e02f44",
    "semi-dark-blue": "#3274d9",
}
"""Grafana's."""
RED: Final = _HEX["semi-dark-red"]
_PALETTE: Final = ("#3274d9", "#a352cc", "#0f8f8f", "#8f6b3b", "#5b6b8c", "#c15c9c", "#7a8a00", "#2b2f77")
"""For what has no meaning of its own: neither green nor orange nor red."""
_SHADES: Final = (0, -0.4, 0.4, -0.6, 0.6)
"""Of several that mean the same."""
_TICKS: Final = (5, 10, 15, 20, 30, 60, 120, 300)
"""Seconds between two marks of the time axis."""
_MOST_TICKS: Final = 4


class Box(NamedTuple):
    """Where something is drawn."""

    left: float
    top: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def right(self) -> float:
        return self.left + self.width


class Times(NamedTuple):
    """Where the time axis begins and ends, and the moment that is marked on it; Unix time."""

    begin: float
    end: float
    marked: float

    def x(self, moment: float, box: Box) -> float:
        """Return where a moment is."""
        return box.left + (moment - self.begin) / (self.end - self.begin) * box.width


def colour_of(name: str, shade: float = 0) -> str:
    """Return one of Grafana's colours, darker (down to -1) or lighter (up to 1)."""
    parts = (int(_HEX[name][at : at + 2], 16) for at in (1, 3, 5))
    mixed = (part * (1 + shade) if shade < 0 else part + (255 - part) * shade for part in parts)
    return "#" + "".join(f"{round(part):02x}" for part in mixed)


def colours_of(legends: Iterable[str], meanings: Iterable[tuple[str, str]]) -> list[str]:
    """Return each legend's colour: that of what it means, else one of its own."""
    found, counts, others = [], dict[str, int](), 0
    meanings = list(meanings)
    for legend in legends:
        name = next((name for expression, name in meanings if re.search(expression, legend)), None)
        if name is None:
            found.append(_PALETTE[others % len(_PALETTE)])
            others += 1
        else:
            found.append(colour_of(name, _SHADES[counts.get(name, 0) % len(_SHADES)]))
            counts[name] = counts.get(name, 0) + 1
    return found


def legend_of(template: str, labels: Mapping[str, str]) -> str:
    """Fill a legend as Grafana does: {{label}}."""
    for name, value in labels.items():
        template = template.replace(f"{{{{{name}}}}}", value)
    return re.sub(r"\{\{.*?\}\}", "none", template)


def number(value: float, unit: str) -> str:
    """Return a value with its unit, as Grafana shows it."""
    match unit:
        case "percentunit":
            return f"{round(value * 100):,} %" if abs(value) > 1 else f"{value * 100:.3g} %"
        case "reqps" | "ops":
            return f"{value:.3g}/s"
        case "s" | "dtdurations" if abs(value) >= 7200:
            return f"{value / 3600:.3g} h"
        case "s" | "dtdurations" if value and abs(value) < 1:
            return f"{value * 1000:.3g} ms"
        case "s" | "dtdurations":
            return f"{value:.3g} s"
    return f"{value:.3g}"


def rounded(value: float) -> float:
    """Return where an axis ends: a round number that can be divided by three."""
    if value <= 0:
        return 3.0
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in (1.2, 1.5, 3, 4.5, 6, 9, 15) if step * power >= value)


def text(x: float, y: float, words: str, attributes: str = "") -> str:
    """Return a text; `y` is its base line."""
    return f'<text x="{x:.4g}" y="{y:.5g}" {attributes}>{escape(words)}</text>'


def line(points: Iterable[tuple[float, float]], attributes: str) -> str:
    """Return a line through points."""
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{joined}" fill="none" {attributes}/>'


def rect(box: Box, attributes: str) -> str:
    """Return a rectangle."""
    place = f'x="{box.left:.5g}" y="{box.top:.5g}" width="{box.width:.5g}" height="{box.height:.5g}"'
    return f"<rect {place} {attributes}/>"


def width_of(words: str) -> float:
    """Return about how many pixels a text takes."""
    return len(words) * _CHARACTER


def cut(words: str, width: float) -> str:
    """Leave out the middle of what is too long: what tells legends apart is at their ends."""
    most = max(4, int(width / _CHARACTER))
    half = most // 2
    return words if len(words) <= most else f"{words[: half - 1]}…{words[-(most - half) :]}"


def time_axis(box: Box, times: Times) -> list[str]:
    """Return the marks of the time axis below a box, as minutes and seconds, and when the trouble begins."""
    seconds = times.end - times.begin
    step = next(step for step in _TICKS if seconds / step <= _MOST_TICKS)
    parts = []
    for passed in range(0, int(seconds) + 1, step):
        x = times.x(times.begin + passed, box)
        parts.append(line([(x, box.top), (x, box.bottom + 3)], f'stroke="{GRID}"'))
        label = f"{passed // 60}:{passed % 60:02d}"
        parts.append(text(x, box.bottom + 14, label, f'fill="{FAINT}" text-anchor="middle"'))
    x = times.x(times.marked, box)
    parts.append(line([(x, box.top), (x, box.bottom)], f'stroke="{FAINT}" stroke-dasharray="2 3"'))
    return parts


def key(box: Box, legends: list[tuple[str, str]], *, most: int) -> list[str]:
    """Return the legends, each with the square of its colour: in two columns, or in one if they are long."""
    columns = 2 if max((len(legend) for legend, _ in legends), default=0) * _CHARACTER < box.width / 2 - 16 else 1
    rows = int(box.height // 14)
    room = min(most, rows * columns)
    parts = []
    for place, (legend, colour) in enumerate(legends[:room]):
        row, column = divmod(place, columns)
        x, y = box.left + column * box.width / columns, box.top + row * 14
        parts.append(rect(Box(x, y + 2, 9, 9), f'rx="2" fill="{colour}"'))
        words = legend
        if place == room - 1 and len(legends) > room:
            words = cut(legend, box.width / columns - 70) + f", {len(legends) - room} more"
        parts.append(text(x + 13, y + 10.5, cut(words, box.width / columns - 16)))
    return parts


def last(series: Series) -> float | None:
    """Return a series' last value, if it lasts until the end."""
    return series.points[-1][1] if series.points else None
