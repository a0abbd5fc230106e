"""Charts of the report, drawn as SVG that stands in the page itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import log2

import numpy as np

from medtk_monai.evaluation.report.html import text

Values = Sequence[float] | np.ndarray

BLUE, AMBER, GRAY = "#1f5fa8", "#b45309", "#8795a1"
_WIDTH, _HEIGHT = 520, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 30, 52


@dataclass(frozen=True)
class Axis:
    """One axis of a chart.

    Args:
        label: with the unit.
        low, high: the values at its ends.
        ticks: values with a line and a number.
        names: of the ticks; their numbers unless given.
        is_log: distances are those of logarithms.
    """

    label: str
    low: float
    high: float
    ticks: Sequence[float]
    names: Sequence[str] | None = None
    is_log: bool = False

    def share(self, value: float) -> float:
        """Where a value lies between the ends, in [0, 1]; values beyond lie at the ends."""
        scale: Callable[[float], float] = log2 if self.is_log else float
        low, high, at = scale(self.low), scale(self.high), scale(min(max(value, self.low), self.high))
        return (at - low) / (high - low)

    def marks(self) -> list[tuple[float, str]]:
        return list(zip(self.ticks, self.names or [f"{tick:g}" for tick in self.ticks]))


@dataclass
class Chart:
    """A chart that is drawn step by step.

    Args:
        title: told to those who cannot see it.
        across, up: the axes.
    """

    title: str
    across: Axis
    up: Axis
    _parts: list[str] = field(default_factory=list)
    _legend: list[tuple[str, str, float]] = field(default_factory=list)

    def line(self, x: Values, y: Values, color: str, name: str = "", dash: str = "") -> None:
        """A line through points; those that are not finite are left out."""
        points = " ".join(self._point(a, b) for a, b in zip(x, y) if np.isfinite(a) and np.isfinite(b))
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"{dashes}/>')
        self._name(name, color)

    def band(self, x: np.ndarray, low: np.ndarray, high: np.ndarray, color: str, name: str = "") -> None:
        """The area between two curves."""
        known = np.isfinite(low) & np.isfinite(high)
        corners = [*zip(x[known], high[known]), *zip(x[known][::-1], low[known][::-1])]
        points = " ".join(self._point(a, b) for a, b in corners)
        self._parts.append(f'<polygon points="{points}" fill="{color}" fill-opacity="0.16"/>')
        self._name(name, color, 0.25)

    def dots(self, x: Values, y: Values, color: str, ends: Sequence[tuple[float, float]] = (), name: str = "") -> None:
        """Points, perhaps with vertical intervals."""
        for index, (a, b) in enumerate(zip(x, y)):
            if not np.isfinite(b):
                continue
            if len(ends) and np.isfinite(ends[index]).all():
                low, high = ends[index]
                start, stop = self._point(a, low).split(","), self._point(a, high).split(",")
                place = f'x1="{start[0]}" y1="{start[1]}" x2="{stop[0]}" y2="{stop[1]}"'
                self._parts.append(f'<line {place} stroke="{color}" stroke-width="2" stroke-opacity="0.5"/>')
            cx, cy = self._point(a, b).split(",")
            self._parts.append(f'<circle cx="{cx}" cy="{cy}" r="4.5" fill="{color}"/>')
        self._name(name, color)

    def bars(self, left: Values, right: Values, heights: Values, color: str, name: str = "") -> None:
        """Upright bars between values."""
        for a, b, height in zip(left, right, heights):
            x, y = map(float, self._point(a, height).split(","))
            end, floor = map(float, self._point(b, self.up.low).split(","))
            if height > 0:
                self._parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{end - x:.1f}" height="{floor - y:.1f}" fill="{color}"/>')
        self._name(name, color)

    def note(self, words: str) -> None:
        """Words in the middle, where there is nothing to draw."""
        self._parts.append(_text((_WIDTH + _LEFT) / 2, _HEIGHT / 2, words, "middle"))

    def svg(self) -> str:
        """The chart as an element of the page."""
        head = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{text(self.title)}" font-size="14" fill="#3b4a57">'
        return head + f"<title>{text(self.title)}</title>" + self._frame() + "".join(self._parts) + self._key() + "</svg>"

    def _name(self, name: str, color: str, opacity: float = 1.0) -> None:
        if name:
            self._legend.append((name, color, opacity))

    def _point(self, x: float, y: float) -> str:
        across = _LEFT + self.across.share(float(x)) * (_WIDTH - _LEFT - _RIGHT)
        return f"{across:.1f},{_HEIGHT - _BOTTOM - self.up.share(float(y)) * (_HEIGHT - _TOP - _BOTTOM):.1f}"

    def _frame(self) -> str:
        parts, floor, right = [], _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        for value, name in self.across.marks():
            x = self._point(value, self.up.low).split(",")[0]
            parts.append(
                f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{floor}" stroke="#e7ebef"/>' + _text(float(x), floor + 19, name, "middle")
            )
        for value, name in self.up.marks():
            y = self._point(self.across.low, value).split(",")[1]
            parts.append(
                f'<line x1="{_LEFT}" y1="{y}" x2="{right}" y2="{y}" stroke="#e7ebef"/>' + _text(_LEFT - 8, float(y) + 5, name, "end")
            )
        parts.append(f'<path d="M{_LEFT} {_TOP}V{floor}H{right}" fill="none" stroke="#8795a1"/>')
        parts.append(_text((_LEFT + right) / 2, _HEIGHT - 10, self.across.label, "middle"))
        middle = (_TOP + floor) / 2
        turn = f' transform="rotate(-90 16 {middle})"'
        return "".join(parts) + _text(16, middle, self.up.label, "middle", turn)

    def _key(self) -> str:
        """The legend, above the axes."""
        parts, x = [], float(_LEFT)
        for name, color, opacity in self._legend:
            parts.append(
                f'<rect x="{x:.0f}" y="9" width="12" height="12" fill="{color}" fill-opacity="{opacity}"/>'
                + _text(x + 17, 20, name, "start")
            )
            x += 17 + 8.4 * len(name) + 18
        return "".join(parts)


def _text(x: float, y: float, words: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{text(words)}</text>'


def shares_axis(label: str) -> Axis:
    """From 0 to 1."""
    return Axis(label, 0, 1, (0, 0.2, 0.4, 0.6, 0.8, 1))


def plain_axis(label: str, low: float, high: float) -> Axis:
    """With about five round ticks."""
    if not high > low:
        high = low + 1
    step = 10 ** np.floor(np.log10((high - low) / 4))
    step *= next((factor for factor in (1, 2, 5) if (high - low) / (step * factor) <= 6), 10)
    first = np.ceil(low / step - 1e-9) * step
    return Axis(label, low, high, [float(round(tick, 10)) + 0.0 for tick in np.arange(first, high + step * 1e-6, step)])


def rates_axis(rates: Sequence[float]) -> Axis:
    """Numbers of false positives per case, each as far from the next as it is many times as large."""
    ticks = [rate for rate in rates if rate > 0]
    names = [f"1/{1 / rate:g}" if rate < 1 and (1 / rate).is_integer() else f"{rate:g}" for rate in ticks]
    return Axis("false positives per case", min(ticks) / 1.15, max(ticks) * 1.15, ticks, names, True)
