"""Whether a scan holds several pictures in rows and columns, as contact sheets, strips and pages of slides do.

In:  L*, (h, w) float32, [0, 100], as the network sees the scan
Out: where each picture lies, as shares of the scan's sides; none where the scan is one picture

A line between two pictures goes straight through, from one side of the scan to the other: lightness changes along
much of it, more than beside it; or it is an even strip. Horizons and door frames do so too, but do not part a photo
into three or more parts of one size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_CHANGE = 3.0  # L* from one side of a line to the other
_CLEAR = 0.27  # of a line's length: how much more of it there is a change than on the lines around, on average
_FAINT = 0.09  # and at least, on each line: night may border on night
_EVEN = 1.5  # L*: spread along a strip between pictures
_SLACK = 0.04  # of a picture's side, by which a line may be off its place
_NARROWEST = 12  # pixels of a picture's side; there the network's view of the scan tells no more
_MOST = 20  # pictures along a side


@dataclass(frozen=True)
class Box:
    """A part of a scan, as shares of its height and width."""

    top: float
    bottom: float
    left: float
    right: float


def find_pictures(lightness: Floats) -> tuple[Box, ...]:
    """Find the pictures on a scan, row by row; empty where it is one picture."""
    rows, columns = _spans(lightness.T), _spans(lightness)
    if len(rows) * len(columns) < 3:
        return ()
    h, w = lightness.shape
    boxes = [
        Box(top / h, bottom / h, left / w, right / w)
        for top, bottom in rows
        for left, right in columns
        if lightness[top:bottom, left:right].std() > 2 * _EVEN  # else an empty place of the sheet
    ]
    return tuple(boxes) if len(boxes) >= 3 else ()


def _spans(plane: Floats) -> list[tuple[int, int]]:
    """Where pictures of one width stand side by side: from and to which column; the whole width where none do."""
    width = plane.shape[1]
    even = plane.std(0) < _EVEN
    if even.all():
        return [(0, width)]
    first, last = int(np.argmin(even)), width - int(np.argmin(even[::-1]))  # without the margins
    clear = _clearness(plane)
    clear[1:-1] = np.maximum(clear[1:-1], even[1:] | even[:-1])
    best: list[tuple[int, int]] = [(0, width)]
    for count in range(2, min(_MOST, (last - first) // _NARROWEST) + 1):
        places = _lines(clear, first, last, count)
        if places and clear[places].mean() > _CLEAR:
            edges = [first, *places, last]
            best = list(zip(edges, edges[1:], strict=False))
    return best


def _lines(clear: NDArray[np.float64], first: int, last: int, count: int) -> list[int]:
    """The clearest line near each place where one of `count` equal parts would end; none where one of them is faint."""
    pitch = (last - first) / count
    slack = max(1, round(_SLACK * pitch))
    places = []
    for k in range(1, count):
        place = round(first + k * pitch)
        at = place - slack + int(clear[place - slack : place + slack + 1].argmax())
        if clear[at] <= _FAINT:  # as on almost every photo, soon
            return []
        places.append(at)
    return places


def _clearness(plane: Floats) -> NDArray[np.float64]:
    """How clearly each line between two columns, (w + 1,), parts them: [0, 1]."""
    width = plane.shape[1]
    change = np.zeros(width + 1)
    change[2:-2] = (np.abs(plane[:, 3:] - plane[:, :-3]) > _CHANGE).mean(0)
    reach = max(4, width // 40)
    around = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(change, reach, "edge"), 2 * reach + 1), 1)
    return np.asarray(np.maximum(change - around, 0), np.float64)
