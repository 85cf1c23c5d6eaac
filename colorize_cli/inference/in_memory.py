"""One picture in memory, colored as a file of the same pixels would be.

In:  pixels, (H, W) or (H, W, 3), uint8 or uint16, sRGB; hints
Out: pixels, (H, W, 3), sRGB, of the same depth
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.edges import follow_edges
from colorize_cli.color.spaces import SRGB
from colorize_cli.errors import HintError, ShapeError
from colorize_cli.formats.photo import Page
from colorize_cli.guidance.hint_points import Point, Sidecar, ab_of_srgb
from colorize_cli.guidance.hints import read_sidecar
from colorize_cli.inference.geometry import reduce
from colorize_cli.inference.guided_page import GuidedPage
from colorize_cli.inference.option_values import Detail
from colorize_cli.inference.own_colors import plan_pages
from colorize_cli.inference.painting import Painter
from colorize_cli.inference.photo_options import ColorOptions
from colorize_cli.inference.predictor import Plane, Predictor, Request
from colorize_cli.inference.previews import Preview

if TYPE_CHECKING:
    import torch

Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
PointHint: TypeAlias = tuple[float, float, tuple[int, int, int]]  # x and y, pixels; sRGB, 0 to 255
Hints: TypeAlias = "Sequence[PointHint] | NDArray[np.uint8] | str | Path"

_IN_MEMORY = Path("hints")  # how messages name hints that are in no file


def check_pixels(pixels: NDArray[Any]) -> Pixels:
    """The pixels, in one block of memory.

    Raises:
        ShapeError: their shape or type is another than the module's `In`.
    """
    array = np.asarray(pixels)
    shaped = array.ndim == 2 or array.ndim == 3 and array.shape[2] == 3
    depth = array.dtype.newbyteorder("=")
    if not shaped or not array.size or depth not in (np.uint8, np.uint16):
        raise ShapeError(
            f"pixels of shape {array.shape} and type {array.dtype} are no picture: (H, W) or (H, W, 3) of uint8 or "
            "uint16 is"
        )
    return np.ascontiguousarray(array, depth)


def read_hints(hints: Hints) -> Sidecar:
    """Hints as they may be given to `Colorizer`.

    Args:
        hints: points, `(x, y, (red, green, blue))`; or scribbles, sRGB and alpha, (H, W, 4), uint8, that are laid over
            the whole picture; or the path of a side-car, `NAME.hints.png` or `NAME.hints.json`.

    Raises:
        HintError: they are none of these.
    """
    if isinstance(hints, str | Path):
        return read_sidecar(Path(hints))
    if isinstance(hints, np.ndarray):
        if hints.ndim != 3 or hints.shape[2] != 4 or hints.dtype != np.uint8 or not hints.size:
            raise HintError(f"scribbles of shape {hints.shape} and type {hints.dtype}: expected (H, W, 4) of uint8")
        return Sidecar(_IN_MEMORY, scribbles=np.ascontiguousarray(hints))
    points = []
    for number, hint in enumerate(hints):
        try:
            x, y, rgb = hint
            red, green, blue = (int(value) for value in rgb)
            x, y = float(x), float(y)
        except (TypeError, ValueError):
            raise HintError(f"hints[{number}]: expected (x, y, (red, green, blue)), got {hint!r}") from None
        if not all(0 <= value <= 255 for value in (red, green, blue)):
            raise HintError(f"hints[{number}]: the color {rgb!r} is outside 0 to 255")
        a, b = ab_of_srgb(np.array([(red, green, blue)], np.uint8))[0].tolist()
        points.append(Point(x, y, (a, b)))
    return Sidecar(_IN_MEMORY, points=tuple(points))


def chroma_of(predictor: Predictor, lightness: Sequence[Plane], vividness: float | None, as_is: bool) -> list[Plane]:
    """The colors of pictures by their lightness alone; arguments, result and errors are those of `Colorizer.chroma`."""
    found = predictor.predict([Request(plane, as_is=as_is) for plane in lightness], vividness)
    if as_is:
        return found
    seen = [predictor.view(plane.shape[0], plane.shape[1]) for plane in lightness]
    return [
        follow_edges(ab, np.asarray(reduce(plane, view), np.float32))
        for ab, plane, view in zip(found, lightness, seen, strict=True)
    ]


def color_pixels(
    predictor: Predictor,
    pixels: Pixels,
    *,
    hints: Hints | None,
    color: ColorOptions,
    detail: Detail,
    gpu: torch.device | None = None,
) -> Pixels:
    """Color one picture; the arguments are those of `Colorizer`.

    Raises:
        HintError: the hints cannot be read, or lie outside the picture.
        OutOfMemoryError, PredictionError: see `Predictor.predict`.
    """
    preview = Preview.of(Page(pixels), SRGB)
    page_plan = plan_pages((preview,), color.on_color)
    if not page_plan.pages:  # it has color already
        grey = pixels.ndim == 2
        same: Pixels = np.array(np.broadcast_to(pixels[..., None] if grey else pixels, (*preview.size, 3)))
        return same
    page = GuidedPage(predictor, preview, page_plan.kept.get(0), detail)
    ab = page.colors([] if hints is None else [read_hints(hints)], color.vividness)
    painter = Painter(ab, preview.size, SRGB, color.saturation, gpu, kept=page_plan.kept.get(0))
    colored: Pixels = painter.paint(0, pixels)
    return colored
