"""Small plots as SVG: how a metric is distributed over the photos, a curve for each row of the table.

In:  values by row
Out: SVG text that stands in a page by itself
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

COLORS = ("#0a6cbd", "#d9480f", "#7048e8", "#0c8599", "#c2255c", "#5c940d", "#e67700", "#364fc7")
_WIDTH, _HEIGHT, _MOST_BINS = 240, 96, 32


def row_colors(rows: list[str]) -> dict[str, str]:
    """A color for each row; grey is grey and the truth green."""
    fixed = {"grey": "#868e96", "truth": "#2f9e44"}
    others = [row for row in rows if row not in fixed]
    return {**fixed, **{row: COLORS[i % len(COLORS)] for i, row in enumerate(others)}}


def distribution(values: Mapping[str, NDArray[np.float64]], colors: Mapping[str, str], title: str, digits: int) -> str:
    """Histograms of a metric, one outline a row over a common axis, with a tick at each mean.

    Args:
        values: by row; what is not finite is left out.
        colors: by row.
        title: for those who cannot see it.
        digits: of the axis' ends.

    Returns:
        An SVG element; "" where no row has two finite values.
    """
    finite = {row: data[np.isfinite(data)] for row, data in values.items()}
    finite = {row: data for row, data in finite.items() if len(data) > 1}
    if not finite:
        return ""
    everything = np.concatenate(list(finite.values()))
    low, high = float(everything.min()), float(everything.max())
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    bins = min(_MOST_BINS, max(8, round(2 * max(map(len, finite.values())) ** 0.5)))
    counts = {row: np.histogram(data, bins, (low, high))[0] / len(data) for row, data in finite.items()}
    top = max(float(count.max()) for count in counts.values())
    base = _HEIGHT - 14
    shapes = []
    for row, count in counts.items():
        steps = [
            f"{'M' if i == 0 else 'L'}{x:.1f} {base - (base - 6) * c / top:.1f}"
            for i, c in enumerate(count)
            for x in (i * _WIDTH / bins, (i + 1) * _WIDTH / bins)
        ]
        path = "M" + " L".join(step[1:] for step in steps)
        mean = (float(finite[row].mean()) - low) / (high - low) * _WIDTH
        color = colors[row]
        shapes.append(
            f'<path d="{path} L{_WIDTH} {base} L0 {base} Z" fill="{color}" fill-opacity=".18" stroke="{color}"/>'
            f'<line x1="{mean:.1f}" x2="{mean:.1f}" y1="2" y2="{base}" stroke="{color}" stroke-dasharray="3 2"/>'
        )
    ends = (
        f'<text x="0" y="{_HEIGHT - 3}">{low:.{digits}f}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT - 3}" text-anchor="end">{high:.{digits}f}</text>'
    )
    label = escape(f"{title}: distribution over photos", quote=True)
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{"".join(shapes)}{ends}</svg>'


def curves(values: Mapping[str, Sequence[float]], colors: Mapping[str, str], title: str) -> str:
    """Shares of pixels within each threshold, one line a row.

    Args:
        values: by row; shares, [0, 1], of the thresholds 0, 1, 2, ... in Lab units.
        colors: by row.
        title: for those who cannot see it.

    Returns:
        An SVG element.
    """
    base, last = _HEIGHT - 14, max(len(shares) for shares in values.values()) - 1
    lines = []
    for row, shares in values.items():
        points = " ".join(
            f"{x * _WIDTH / max(1, last):.1f},{base - (base - 6) * share:.1f}"
            for x, share in enumerate(shares)
            if np.isfinite(share)
        )
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colors[row]}" stroke-width="1.5"/>')
    ends = (
        f'<text x="0" y="{_HEIGHT - 3}">0</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT - 3}" text-anchor="end">{last}</text>'
        '<text x="2" y="10">100 %</text>'
    )
    label = escape(f"{title}: share of pixels within each threshold", quote=True)
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{"".join(lines)}{ends}</svg>'
