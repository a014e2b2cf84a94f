"""Draw the results of a run as an SVG on stdout: `python -m bench.scale.plot results.json > docs/sizing.svg`.

By hand, so that no library is needed: four small charts, a logarithmic axis of sizes, each bound as a dashed line.
"""

import sys
from collections.abc import Callable, Sequence
from html import escape
from math import log10
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import msgspec

from bench.scale import report
from bench.scale.figures import Measured, Results, Round, create_cpu_ratio, create_ratio

_WIDTH: Final = 760
_HEIGHT: Final = 520
_PANEL: Final = (380, 250)
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 20, 34, 40
_COLOURS: Final = ("#1f5fa8", "#c2571a", "#3b7d3a")


class _Line(NamedTuple):
    """One line of a chart."""

    name: str
    value: Callable[[Measured], float]


class _Chart(NamedTuple):
    """One chart; `top` is where its axis ends."""

    title: str
    bound: float
    top: float
    lines: tuple[_Line, ...]


def _of(value: Callable[[Round], float]) -> Callable[[Measured], float]:
    """Return the median of the rounds of ours."""
    return lambda found: median(map(value, found.ours))


_CHARTS: Final = (
    _Chart(
        "Creation, as a ratio to bare applies",
        report.RATIO,
        2.0,
        (
            _Line("ratio", lambda found: create_ratio(found).value),
            _Line("CPU of all", lambda found: create_cpu_ratio(found).value),
        ),
    ),
    _Chart(
        "Memory, MiB",
        report.MEMORY,
        300.0,
        (
            _Line("restart, peak", _of(lambda each: each.restart_peak_rss)),
            _Line("creation, at rest", _of(lambda each: each.rest_rss)),
            _Line("restart, at rest", _of(lambda each: each.restart_rss)),
        ),
    ),
    _Chart(
        "Restart until idle, seconds",
        report.RESTART,
        32.0,
        (
            _Line("time", _of(lambda each: each.restart)),
            _Line("CPU time", _of(lambda each: each.restart_cpu)),
        ),
    ),
    _Chart(
        "Repair of an edited child, seconds",
        report.REPAIR,
        1.2,
        (
            _Line("at rest, median", _of(lambda each: median(each.repair))),
            _Line("resync, median", lambda found: median(found.once.repair_in_resync)),
            _Line("resync, slowest", lambda found: max(found.once.repair_in_resync)),
        ),
    ),
)


def draw(sizes: Sequence[Measured]) -> str:
    """Return an SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">',
        '<g font-family="sans-serif" font-size="11" fill="#222">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    for index, chart in enumerate(_CHARTS):
        row, column = divmod(index, 2)
        parts.append(f'<g transform="translate({column * _PANEL[0]},{row * (_PANEL[1] + 10)})">')
        parts += _chart(chart, sizes)
        parts.append("</g>")
    return "\n".join([*parts, "</g></svg>"]) + "\n"


def _chart(chart: _Chart, sizes: Sequence[Measured]) -> list[str]:
    def x(size: float) -> float:
        first, last = log10(sizes[0].size), log10(sizes[-1].size)
        share = (log10(size) - first) / (last - first) if last > first else 0.5
        return _LEFT + share * (_PANEL[0] - _LEFT - _RIGHT)

    top = max([chart.top, *(1.1 * line.value(found) for line in chart.lines for found in sizes)])

    def y(value: float) -> float:
        return _PANEL[1] - _BOTTOM - value / top * (_PANEL[1] - _BOTTOM - _TOP)

    left, right = _LEFT, _PANEL[0] - _RIGHT
    parts = [f'<text x="{left}" y="16" font-size="13" font-weight="bold">{escape(chart.title)}</text>']
    for step in range(5):
        value = top * step / 4
        parts.append(_straight(left, y(value), right, y(value), 'stroke="#ddd"'))
        parts.append(f'<text x="{left - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>')
    parts += [
        f'<text x="{x(found.size):.1f}" y="{y(0) + 16:.1f}" text-anchor="middle">{found.size}</text>'
        for found in sizes
    ]
    parts.append(_straight(left, y(chart.bound), right, y(chart.bound), 'stroke="#b00" stroke-dasharray="5 4"'))
    parts.append(
        f'<text x="{left + 4}" y="{y(chart.bound) - 4:.1f}" fill="#b00">bound {chart.bound:g}</text>',
    )
    place = left
    for number, line in enumerate(chart.lines):
        colour = _COLOURS[number]
        points = [(x(found.size), y(line.value(found))) for found in sizes]
        corners = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
        parts.append(f'<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" fill="{colour}"/>' for across, down in points]
        parts.append(f'<text x="{place}" y="{_PANEL[1] - 4}" fill="{colour}">{escape(line.name)}</text>')
        place += 6 * len(line.name) + 12
    return parts


def _straight(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


if __name__ == "__main__":
    sys.stdout.write(draw(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Results).sizes))
