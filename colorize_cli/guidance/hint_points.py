"""Colored points and brush strokes, as a JSON side-car holds them.

In:  `name.hints.json`, or what it would hold
Out: `Sidecar`

{"unit": "pixel", "points": [{"x": 120, "y": 64.5, "color": "#7a5230", "radius": 8}],
"strokes": [{"path": [[10, 20], [60, 25]], "color": "khaki", "radius": 5}]}. x and y count from the top left corner of
the upright photo; fractions of a pixel are allowed. With "unit": "fraction" x and y are shares of the width and height,
and the radius a share of the short side. A color is hex or a CSS name.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from colorize_cli.color.lab import lab_from_srgb
from colorize_cli.errors import HintError, in_words, quoted
from colorize_cli.files.small_files import NotPlain, read_plain

MOST_BYTES = 256 << 20
_MOST_JSON = 8 << 20  # bytes of a list of points, of which at most so many are taken: its objects take far more
_MOST_POINTS, _FARTHEST = 10_000, 1e9
_POINT, _STROKE = ("x", "y", "color", "radius"), ("path", "color", "radius")
_EXAMPLE = 'An example: {"points": [{"x": 10, "y": 20, "color": "#7a5230"}]}'
_Wrong = Callable[[str, str], HintError]


@dataclass(frozen=True)
class Point:
    """One colored place, or a piece of a brush stroke.

    Attributes:
        x, y: its center, in the side-car's unit.
        ab: Lab units.
        radius: in the side-car's unit; None for the default.
        to: where the piece of a stroke ends; None for a point.
        place: how a message names it; "" by its number.
    """

    x: float
    y: float
    ab: tuple[float, float]
    radius: float | None = None
    to: tuple[float, float] | None = None
    place: str = ""


@dataclass(frozen=True)
class Sidecar:
    """A side-car as read, before it is laid over a photo.

    Attributes:
        path: its file, for messages.
        scribbles: (H, W, 4), uint8, sRGB and alpha, or None.
        points: the points, empty for scribbles.
        unit: what the points' coordinates count.
    """

    path: Path
    scribbles: NDArray[np.uint8] | None = None
    points: tuple[Point, ...] = ()
    unit: Literal["pixel", "fraction"] = "pixel"


def ab_of_srgb(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Color of sRGB values: (n, 3), uint8, to CIE a* and b*, (n, 2), float32, Lab units (D65)."""
    if not len(rgb):
        return np.zeros((0, 2), np.float32)
    lab = lab_from_srgb(rgb[None])
    return np.ascontiguousarray(lab[0, :, 1:], np.float32)


def read_json(path: Path) -> Sidecar:
    """Read a JSON side-car.

    Raises:
        HintError: it cannot be read, or says something else; it names the file and the field.
    """
    try:
        said = json.loads(read_plain(path, _MOST_JSON).decode("utf-8-sig"))
    except NotPlain as error:
        raise HintError(f"{path}: {error.reason}", hint='Expected {"points": [...]}.') from None
    except RecursionError:
        raise HintError(f"{path}: it is nested too deeply", hint='Expected {"points": [...]}.') from None
    except (OSError, ValueError) as error:
        raise HintError(
            f"{path}: cannot be read as JSON: {in_words(error)}", hint='Expected {"points": [...]}.'
        ) from error
    return parse_points(said, path)


def parse_points(said: object, path: Path) -> Sidecar:
    """What a JSON side-car says.

    Args:
        said: as it was read.
        path: how messages name it.

    Raises:
        HintError: it says something else; it names the field.
    """

    def wrong(field: str, what: str) -> HintError:
        return HintError(f"{path}: {field}: {what}", hint=_EXAMPLE)

    if not isinstance(said, dict):
        raise wrong("points", "expected an object that holds a list of points")
    unknown = sorted(set(said) - {"points", "strokes", "unit"})
    if unknown:
        raise wrong(unknown[0], "no such field; there are points, strokes, unit")
    if said.get("unit", "pixel") not in ("pixel", "fraction"):
        raise wrong("unit", f"expected pixel or fraction, got {quoted(said['unit'])}")
    points, strokes = said.get("points", [] if "strokes" in said else None), said.get("strokes", [])
    if not isinstance(points, list):
        raise wrong("points", "expected a list" if "points" in said else "is missing")
    if not isinstance(strokes, list):
        raise wrong("strokes", "expected a list")
    paths = [stroke.get("path") for stroke in strokes if isinstance(stroke, dict)]
    count = len(points) + sum(len(path) for path in paths if isinstance(path, list))
    if count > _MOST_POINTS:
        raise wrong("points", f"there are {count:,}, at most {_MOST_POINTS:,} are taken")
    found = [_point(f"points[{i}]", point, wrong) for i, point in enumerate(points)]
    for i, stroke in enumerate(strokes):
        found += _stroke(f"strokes[{i}]", stroke, wrong)
    return Sidecar(path, points=tuple(found), unit=said.get("unit", "pixel"))


def _point(place: str, point: Any, wrong: _Wrong) -> Point:
    _check_fields(place, point, _POINT, wrong)
    x, y = (_number(f"{place}.{field}", point.get(field), field in point, wrong) for field in ("x", "y"))
    return Point(x, y, _color(place, point, wrong), _radius(place, point, wrong), place=place)


def _stroke(place: str, stroke: Any, wrong: _Wrong) -> list[Point]:
    """The pieces of a stroke; the last is a point, so that each place of the path is where some piece begins."""
    _check_fields(place, stroke, _STROKE, wrong)
    path = stroke.get("path")
    if not isinstance(path, list) or not path:
        raise wrong(f"{place}.path", "expected a list of [x, y]" if "path" in stroke else "is missing")
    at = list[tuple[float, float]]()
    for k, pair in enumerate(path):
        if not isinstance(pair, list) or len(pair) != 2:
            raise wrong(f"{place}.path[{k}]", f"expected [x, y], got {quoted(pair)}")
        x, y = (_number(f"{place}.path[{k}]", value, True, wrong) for value in pair)
        at.append((x, y))
    ab, radius = _color(place, stroke, wrong), _radius(place, stroke, wrong)
    return [
        Point(*start, ab, radius, to=end, place=f"{place}.path[{k}]")
        for k, (start, end) in enumerate(zip(at, [*at[1:], at[-1]], strict=True))
    ]


def _check_fields(place: str, said: Any, fields: tuple[str, ...], wrong: _Wrong) -> None:
    if not isinstance(said, dict):
        raise wrong(place, f"expected an object, got {quoted(said)}")
    unknown = sorted(set(said) - set(fields))
    if unknown:
        raise wrong(f"{place}.{unknown[0]}", f"no such field; there are {', '.join(fields)}")


def _number(place: str, value: Any, given: bool, wrong: _Wrong) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _FARTHEST:
        raise wrong(place, f"expected a number, got {quoted(value)}" if given else "is missing")
    return float(value)


def _radius(place: str, said: dict[str, Any], wrong: _Wrong) -> float | None:
    if said.get("radius") is None:
        return None
    radius = _number(f"{place}.radius", said["radius"], True, wrong)
    if radius < 0:
        raise wrong(f"{place}.radius", f"expected 0 or more, got {radius:g}")
    return radius


def _color(place: str, said: dict[str, Any], wrong: _Wrong) -> tuple[float, float]:
    try:
        rgb = ImageColor.getrgb(said["color"])[:3]
    except KeyError:
        raise wrong(f"{place}.color", "is missing") from None
    except (ValueError, AttributeError, TypeError):
        raise wrong(f"{place}.color", f"no color {quoted(said['color'])}; hex (#7a5230) or a CSS name") from None
    a, b = ab_of_srgb(np.array([rgb], np.uint8))[0].tolist()
    return a, b
