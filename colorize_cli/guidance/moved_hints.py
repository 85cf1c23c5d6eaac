"""Hints that were made for a photo, for a part of it, or for the photo enlarged.

In:  a side-car, and where the photo's places lie now
Out: a side-car of the same kind
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from colorize_cli.guidance.hint_points import Point, Sidecar
from colorize_cli.guidance.hints import check_inside


def moved(
    sidecar: Sidecar,
    was: tuple[int, int],
    now: tuple[int, int],
    place: Callable[[float, float], tuple[float, float]],
    layer: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
    scale: float = 1.0,
) -> Sidecar:
    """A side-car for a photo of which a part was kept, or that was enlarged; points outside the part are left out.

    Args:
        sidecar: as a person made it.
        was: (H, W) of the photo that it was made for.
        now: the same of what is colored.
        place: where a place (x, y) of the photo lies now, pixels.
        layer: a layer of scribbles over the photo to one over what is colored.
        scale: pixels that one of the photo's has across now.

    Raises:
        HintError: a point lies outside the photo.
    """
    if sidecar.scribbles is not None:
        return replace(sidecar, scribbles=layer(sidecar.scribbles))
    points, (tall, wide) = list[Point](), was
    for i, point in enumerate(sidecar.points):
        x, y = (point.x * wide, point.y * tall) if sidecar.unit == "fraction" else (point.x, point.y)
        check_inside(sidecar, i, point, (x, y), was)
        radius = point.radius
        if radius is not None:
            radius *= scale * (min(was) if sidecar.unit == "fraction" else 1)
        start = end = place(x, y)
        if point.to is not None:
            there = (point.to[0] * wide, point.to[1] * tall) if sidecar.unit == "fraction" else point.to
            end = place(*there)
        kept = _clipped(start, end, now)
        if kept is not None:
            (x, y), to = kept
            points.append(replace(point, x=x, y=y, radius=radius, to=None if point.to is None else to))
    return replace(sidecar, points=tuple(points), unit="pixel")


def _clipped(
    start: tuple[float, float], end: tuple[float, float], size: tuple[int, int]
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """The part of a piece of a stroke that lies on a photo of (H, W) pixels; None where none does."""
    first, last = 0.0, 1.0
    for a, b, most in ((start[0], end[0], size[1]), (start[1], end[1], size[0])):
        if a == b:
            if not 0 <= a <= most:
                return None
            continue
        near, far = sorted(((0 - a) / (b - a), (most - a) / (b - a)))
        first, last = max(first, near), min(last, far)
    if first > last:
        return None
    ends = [
        tuple(min(max(a + t * (b - a), 0.0), float(most)) for a, b, most in zip(start, end, size[::-1], strict=True))
        if t not in (0.0, 1.0)
        else (start, end)[int(t)]
        for t in (first, last)
    ]
    return (ends[0][0], ends[0][1]), (ends[1][0], ends[1][1])


def enlarged_hints(sidecars: Sequence[Sidecar], was: tuple[int, int], scale: int) -> tuple[Sidecar, ...]:
    """Side-cars for a photo that was enlarged.

    Args:
        sidecars: as people made them.
        was: (H, W) of the photo before.
        scale: by how much it was enlarged.

    Raises:
        HintError: a point lies outside the photo.
    """
    now = (scale * was[0], scale * was[1])

    def layer(scribbles: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return scribbles.repeat(scale, 0).repeat(scale, 1)

    return tuple(moved(one, was, now, lambda x, y: (scale * x, scale * y), layer, scale) for one in sidecars)
