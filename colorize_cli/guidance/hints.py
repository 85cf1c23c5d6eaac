"""Side-cars: what a person says about the colors of a photo, in a file beside it.

In:  `name.hints.png`, scribbles on a transparent layer, of any size; `name.hints.json`, points; or both
Out: `HintMap`: ab, (2, h, w), Lab units, and mask, (h, w), [0, 1], at the size that the caller asks for

What a JSON side-car says is told in `hint_points`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.errors import HintError, ShapeError, in_words
from colorize_cli.files.small_files import NotPlain, read_plain
from colorize_cli.formats.decoded import Damaged, TooManyPixels
from colorize_cli.formats.limits import check_need
from colorize_cli.formats.photo import DecodeLimits
from colorize_cli.formats.pillow_open import open_image
from colorize_cli.formats.png import png_file
from colorize_cli.formats.png.png_format import Png
from colorize_cli.guidance.hint_points import MOST_BYTES, Point, Sidecar, ab_of_srgb, read_json

Floats = NDArray[np.float32]

DEFAULT_RADIUS = 0.01  # of the short side: what a fingertip covers on a print
_SOLID = 128  # alpha from which a scribble's pixel counts; below it is the soft rim of a brush
_DEFAULT_LIMITS = DecodeLimits()
_EACH = 32  # bytes that a scribbles' pixel takes while it is read, and as many for the photo beside it
_AT_ONCE = 1 << 20  # cells


@dataclass(frozen=True)
class HintMap:
    """Colors that somebody knows, on a grid over the whole photo.

    Attributes:
        ab: (2, h, w), float32, Lab units; zero where the mask is.
        mask: (h, w), float32, [0, 1]: how far the color is known; 1 is certain.
    """

    ab: Floats
    mask: Floats

    def __post_init__(self) -> None:
        if self.mask.ndim != 2 or self.ab.shape != (2, *self.mask.shape):
            raise ShapeError(f"hints of shapes {self.ab.shape} and {self.mask.shape} do not fit each other")

    @property
    def count(self) -> int:
        """How many cells have a hint."""
        return int(np.count_nonzero(self.mask))

    def over(self, other: HintMap | None) -> HintMap:
        """These hints, and where they say nothing those of `other`, of the same size."""
        if other is None:
            return self
        known = self.mask > 0
        return HintMap(np.where(known, self.ab, other.ab), np.where(known, self.mask, other.mask))

    def resized(self, size: tuple[int, int]) -> HintMap:
        """The same hints on a grid of (h, w): repeated where it is finer; their mean, however few, where coarser."""
        repeats = [math.ceil(want / have) for want, have in zip(size, self.mask.shape, strict=True)]
        mask, ab = (np.repeat(np.repeat(p, repeats[0], -2), repeats[1], -1) for p in (self.mask, self.ab))
        rows, columns = np.nonzero(mask)
        cells = _cells(rows, columns, mask.shape, size)
        weight = mask[rows, columns].astype(np.float64)
        h, w = size
        total = np.bincount(cells, weight, h * w)
        means = [np.bincount(cells, weight * p[rows, columns], h * w) / np.maximum(total, 1e-12) for p in ab]
        share = total / np.maximum(np.bincount(cells, minlength=h * w), 1)
        return HintMap(np.stack(means).reshape(2, h, w).astype(np.float32), share.reshape(h, w).astype(np.float32))


def _cells(
    rows: NDArray[np.intp], columns: NDArray[np.intp], have: tuple[int, ...], want: tuple[int, int]
) -> NDArray[np.intp]:
    """The flat cell of a grid of size `want` in which each pixel of a grid of size `have` has its centre."""
    down, across = (2 * rows + 1) * want[0] // (2 * have[0]), (2 * columns + 1) * want[1] // (2 * have[1])
    return down * want[1] + across


def read_sidecar(path: Path, limits: DecodeLimits = _DEFAULT_LIMITS) -> Sidecar:
    """Read a side-car, PNG or JSON by its suffix.

    Args:
        path: the file.
        limits: what scribbles may declare.

    Raises:
        HintError: the file cannot be read or says something else; it names the file and the field.
    """
    if path.suffix.lower() == ".json":
        return read_json(path)
    try:
        data = read_plain(path, MOST_BYTES)
        Png().check(data, limits)
        png = png_file.parse(data, headers_only=True)
        check_need(png.width, png.height, _EACH * png.width * png.height, limits)
        with open_image(data, "PNG") as image:
            if not image.has_transparency_data:
                raise HintError(
                    f"{path}: alpha: the picture has no transparency, so nothing says where the hints are",
                    hint="Draw the hints on a transparent layer and save that layer alone.",
                )
            return Sidecar(path, scribbles=np.asarray(image if image.mode == "RGBA" else image.convert("RGBA")))
    except (Damaged, TooManyPixels, NotPlain) as error:
        raise HintError(f"{path}: {error}", hint="Give hints of a usual size.") from None
    except MemoryError:
        raise HintError(f"{path}: not enough memory to read it", hint="Give hints of a usual size.") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise HintError(
            f"{path}: cannot be read as a PNG: {in_words(error)}", hint="Save the hints as PNG again."
        ) from error


def hint_map(sidecars: Sequence[Sidecar], photo_size: tuple[int, int], size: tuple[int, int]) -> HintMap:
    """Lay side-cars over a photo.

    Args:
        sidecars: all that belong to the photo.
        photo_size: (H, W) of the upright photo, pixels.
        size: (h, w) of the map that is wanted, pixels.

    Returns:
        The hints. A cell takes the mean of all hints in it and a mask of 1, however little of it they cover: a thin
        scribble lives through any reduction.

    Raises:
        HintError: a point lies outside the photo.
    """
    h, w = size
    total, count = np.zeros((2, h * w)), np.zeros(h * w)
    for sidecar in sidecars:
        parts = (
            _points_on_grid(sidecar, photo_size, size)
            if sidecar.scribbles is None
            else _scribbles_on_grid(sidecar.scribbles, size)
        )
        for cells, ab in parts:
            count += np.bincount(cells, minlength=h * w)
            for channel in range(2):
                total[channel] += np.bincount(cells, weights=ab[:, channel], minlength=h * w)
    mean = total / np.maximum(count, 1)
    return HintMap(mean.reshape(2, h, w).astype(np.float32), (count > 0).reshape(h, w).astype(np.float32))


def check_inside(sidecar: Sidecar, number: int, point: Point, at: tuple[float, float], size: tuple[int, int]) -> None:
    """Refuse a point that lies outside its photo.

    Args:
        sidecar: that the point is of.
        number: of the point in it.
        point: as it was said.
        at: x and y of it, pixels.
        size: (H, W) of the photo.

    Raises:
        HintError: it lies outside.
    """
    tall, wide = size
    place = point.place or f"points[{number}]"
    for field, value, said, end in (("x", at[0], point.x, wide), ("y", at[1], point.y, tall)):
        if not 0 <= value <= end:
            raise HintError(
                f"{sidecar.path}: {place}.{field}: {said:g} lies outside the photo of {wide} x {tall} pixels",
                hint="Points count pixels of the upright photo from its top left corner.",
            )


def _scribbles_on_grid(
    scribbles: NDArray[np.uint8], size: tuple[int, int]
) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """The cell, (n,), and the color, (n, 2), of each solid pixel of a layer that covers the photo, by some rows."""
    # a layer coarser than the grid is first repeated, so that every cell under it gets a pixel
    repeats = [math.ceil(want / have) for want, have in zip(size, scribbles.shape[:2], strict=True)]
    fine = tuple(have * times for have, times in zip(scribbles.shape[:2], repeats, strict=True))
    step = max(1, _AT_ONCE // (repeats[0] * fine[1]))
    for top in range(0, scribbles.shape[0], step):
        part = scribbles[top : top + step]
        rows, columns = np.nonzero(np.repeat(np.repeat(part[..., 3], repeats[0], 0), repeats[1], 1) >= _SOLID)
        colors = ab_of_srgb(part[rows // repeats[0], columns // repeats[1], :3])
        yield _cells(rows + top * repeats[0], columns, fine, size), colors


def _points_on_grid(
    sidecar: Sidecar, photo_size: tuple[int, int], size: tuple[int, int]
) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """The cells, (n,), within each point's radius, and always the one it lies in; and their colors, (n, 2)."""
    tall, wide = photo_size
    (h, w), short = size, min(photo_size)
    cells, colors, held = [np.zeros(0, np.intp)], [np.zeros((0, 2), np.float32)], 0
    for i, point in enumerate(sidecar.points):
        fraction = sidecar.unit == "fraction"
        x, y = (point.x * wide, point.y * tall) if fraction else (point.x, point.y)
        end = None
        if point.to is not None:
            end = (point.to[0] * wide, point.to[1] * tall) if fraction else point.to
        check_inside(sidecar, i, point, (x, y), photo_size)
        end_x, end_y = (x, y) if end is None else end
        default = DEFAULT_RADIUS * short
        radius = default if point.radius is None else point.radius * (short if fraction else 1)
        # cell centres in the photo's pixels, only those in reach
        left, right = np.clip((np.array([min(x, end_x) - radius, max(x, end_x) + radius])) * w / wide, 0, w - 1)
        top, bottom = np.clip((np.array([min(y, end_y) - radius, max(y, end_y) + radius])) * h / tall, 0, h - 1)
        columns, rows = np.arange(int(left), int(right) + 1), np.arange(int(top), int(bottom) + 1)
        down, across = (rows[:, None] + 0.5) * tall / h - y, (columns + 0.5) * wide / w - x
        steps = 1
        if point.to is not None:  # a piece of a stroke: distances to the nearest place on it
            run, rise = end_x - x, end_y - y
            along = np.clip((across * run + down * rise) / max(run * run + rise * rise, 1e-12), 0, 1)
            down, across = down - along * rise, across - along * run
            steps = 2 + int(2 * max(abs(run) * w / wide, abs(rise) * h / tall))
        near = down**2 + across**2 <= radius**2
        way = np.linspace(0, 1, steps)  # the cells that it lies in always count
        own_rows = np.minimum(((y + way * (end_y - y)) * h / tall).astype(np.intp), h - 1)
        own_columns = np.minimum(((x + way * (end_x - x)) * w / wide).astype(np.intp), w - 1)
        near[own_rows - rows[0], own_columns - columns[0]] = True
        inside = (rows[:, None] * w + columns)[near]
        cells.append(inside)
        colors.append(np.broadcast_to(np.array(point.ab, np.float32), (len(inside), 2)))
        held += len(inside)
        if held > _AT_ONCE:  # points may cover the photo many times
            yield np.concatenate(cells), np.concatenate(colors)
            cells, colors, held = [], [], 0
    if cells:
        yield np.concatenate(cells), np.concatenate(colors)
