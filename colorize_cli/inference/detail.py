"""Look closer where the network's one look at the whole is too coarse: picture by picture, and by tiles.

In:  a network's ab of a whole scan, (2, h, w), Lab units; its lightness at any size that is asked for
Out: ab, (2, h', w'), Lab units, of the whole scan, on a finer grid where that was worth while

Two things are done, each only where it was measured to help (tests/benchmarks/detail.py):

- A scan that holds several pictures in rows and columns is colored picture by picture, each seen as large as a photo
  of its own; what was said of it within the whole counts for the lesser part. This is what `auto` does; a scan of one
  picture it leaves as it is, since closer looks at parts of a photo, whatever they are told of the whole, know less
  of it and gain nothing on the average.
- With a number of levels, each picture is gone over by tiles at twice the size, then at four times, and so on. Tiles
  overlap; each is given the colors found so far as hints, every `HINT_EVERY` pixels; a network that takes no hints
  has its tiles' coarse colors replaced by those found so far. Tiles are joined by windows that sum to one, and the
  result is the mean of what was known before and what the tiles say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.spaces import RgbSpace
from colorize_cli.errors import OutOfMemoryError, UsageError
from colorize_cli.inference.geometry import View, reduce, reduced_lightness
from colorize_cli.inference.option_values import Detail
from colorize_cli.inference.pictures import Box, find_pictures
from colorize_cli.inference.predictor import HintPlanes, Predictor, Request
from colorize_cli.inference.tiling import STEP, lay, part_of, put_together, resized

Plane = NDArray[np.float32]
LightnessAt = Callable[[int, int], Plane]

HINT_EVERY = 32  # pixels: closer, tiles only repeat what they are told; farther, they drift from the whole
_HINT_SIDE = 4  # pixels of a hint: the smallest that nearly every training sample with hints had
MOST_AREA = 1 << 24  # pixels of lightness that are looked at, 64 MB: what a level may take
_SMALLEST_TILE = 128  # below it, memory is not what is lacking
_LOOK = 256  # pixels of the shorter side at which pictures are looked for
_MOST_LOOKED_AT = 64 * _LOOK * _LOOK  # pixels: of the longest strip of pictures
_OWN = 0.7  # weight of a picture's own look against the whole scan's: two opinions err less than one
_AT_ONCE = 16  # tiles that wait for one another


@dataclass(frozen=True)
class Refined:
    """What came of it.

    Attributes:
        ab: (2, h, w), Lab units.
        lightness: L* of the whole scan at the size at which the network saw it last.
        pictures: how many were found on the scan and colored each by itself; 1 where it is one picture.
        levels: how many times tiles went over it.
    """

    ab: Plane
    lightness: Plane
    pictures: int = 1
    levels: int = 0


def page_lightness(pixels: NDArray[Any], space: RgbSpace, seen: Plane) -> LightnessAt:
    """A page's L* at any size; `seen` is how the network saw it, which need not be made again."""

    def at(height: int, width: int) -> Plane:
        if seen.shape == (height, width):
            return seen
        return reduced_lightness(pixels, View(height, width, 0, 0), space)

    return at


def check_tileable(predictor: Predictor, detail: Detail) -> None:
    """Refuse levels that were asked for by number where the network must not be tiled.

    Raises:
        UsageError: names the model.
    """
    if detail.levels and not predictor.model.spec.tileable:
        name = predictor.model.name
        raise UsageError(f"model {name} must not be tiled", hint="Leave --detail out, or use --model mini.")


def refine(
    predictor: Predictor,
    whole: Plane,
    lightness: LightnessAt,
    size: tuple[int, int],
    detail: Detail,
    vividness: float | None = None,
    most: int = MOST_AREA,
) -> Refined:
    """Refine the colors of one scan.

    Args:
        predictor: the network.
        whole: what it said of the whole scan, (2, h, w), Lab units.
        lightness: gives L* of the whole scan, float32, [0, 100], reduced to the (height, width) it is asked for; at
            most `most` pixels, and never more than the scan has. A scan that is read as a stream need keep no more than
            a plane of that area, from which smaller ones are reduced.
        size: (H, W) of the scan, pixels.
        detail: what the user asked for.
        vividness: as `Predictor.predict` takes it.
        most: pixels of the whole scan's lightness that can be had at once, where that is less than `MOST_AREA`.

    Returns:
        The colors; `whole` itself where nothing is to be done: `off`, a network that must not be tiled, or `auto`
        and one picture. Memory: the lightness of the finest level and twice its ab, whatever the scan's size.

    Raises:
        UsageError: the overlap does not fit the tile.
        OutOfMemoryError: not even a small tile fits.
    """
    view = predictor.view(*size)
    seen = lightness(view.height, view.width)
    if detail.levels == 0 or not predictor.model.spec.tileable:
        return Refined(whole, seen)
    boxes = find_pictures(_to_look_at(seen, lightness, size))
    if not boxes and detail.levels is None:
        return Refined(whole, seen)
    scan = _Scan(predictor, boxes or (Box(0, 1, 0, 1),), lightness, size, min(most, MOST_AREA))
    levels = min(detail.levels or 0, scan.deepest)
    colors = [whole]
    if boxes:
        seen, parts = scan.at(0)
        own = predictor.predict([Request(part) for part in parts], vividness)
        colors = [_mixed(whole, box, ab) for box, ab in zip(boxes, own, strict=True)]
    for level in range(1, levels + 1):
        seen, parts = scan.at(level)
        colors = [_gone_over(predictor, part, ab, detail, vividness) for part, ab in zip(parts, colors, strict=True)]
    ab = put_together(whole, boxes, colors) if boxes else colors[0]
    return Refined(ab, seen, max(1, len(boxes)), levels)


def _to_look_at(seen: Plane, lightness: LightnessAt, size: tuple[int, int]) -> Plane:
    """L* in which pictures are looked for: from what the network saw if that will do, for it costs next to nothing."""
    have = seen.shape if min(seen.shape) >= _LOOK else size
    scale = min(1.0, _LOOK / min(have), (_MOST_LOOKED_AT / (have[0] * have[1])) ** 0.5)
    view = View(max(1, round(have[0] * scale)), max(1, round(have[1] * scale)), 0, 0)
    if have is size:
        return lightness(view.height, view.width)
    return seen if seen.shape == (view.height, view.width) else np.asarray(reduce(seen, view), np.float32)


class _Scan:
    """The pictures of a scan at the sizes at which they are looked at."""

    def __init__(
        self,
        predictor: Predictor,
        boxes: Sequence[Box],
        lightness: LightnessAt,
        size: tuple[int, int],
        most: int,
    ) -> None:
        self._boxes, self._lightness, self._size = boxes, lightness, size
        shrink = min(1.0, (most / (size[0] * size[1])) ** 0.5)
        self._most = [side * shrink for side in size]
        own = (
            size[0] * sum(box.bottom - box.top for box in boxes) / len(boxes),
            size[1] * sum(box.right - box.left for box in boxes) / len(boxes),
        )
        view = predictor.view(max(1, round(own[0])), max(1, round(own[1])))
        self._scale = (view.height / own[0], view.width / own[1])  # of each side: some networks see them stretched
        self.deepest = 0
        while all(big <= have for big, have in zip(self._sides(self.deepest + 1), self._most, strict=True)):
            self.deepest += 1

    def _sides(self, level: int) -> list[float]:
        """Of the whole scan where each picture is 2 ** `level` times as large as the network sees it."""
        return [side * scale * 2**level for side, scale in zip(self._size, self._scale, strict=True)]

    def at(self, level: int) -> tuple[Plane, list[Plane]]:
        """L* of the whole scan, and of each picture, whose sides are multiples of `STEP`; never larger than it is."""
        sides = [max(1, round(min(pair))) for pair in zip(self._sides(level), self._most, strict=True)]
        plane, parts = self._lightness(sides[0], sides[1]), []
        for box in self._boxes:
            top, bottom = (round(share * plane.shape[0]) for share in (box.top, box.bottom))
            left, right = (round(share * plane.shape[1]) for share in (box.left, box.right))
            part = plane[top:bottom, left:right]
            fit = (max(STEP, round(part.shape[0] / STEP) * STEP), max(STEP, round(part.shape[1] / STEP) * STEP))
            if fit != part.shape:
                part = np.asarray(cv2.resize(part, fit[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
            parts.append(np.ascontiguousarray(part))
        return plane, parts


def _mixed(whole: Plane, box: Box, own: Plane) -> Plane:
    """What a picture's own look says, tempered by what was said of it within the whole scan."""
    size = (own.shape[1], own.shape[2])
    height, width = (size[0] / (box.bottom - box.top), size[1] / (box.right - box.left))
    top, left = round(box.top * height), round(box.left * width)
    there = part_of(whole, (slice(top, top + size[0]), slice(left, left + size[1])), (round(height), round(width)))
    return np.asarray(_OWN * own + (1 - _OWN) * there, np.float32)


def _gone_over(predictor: Predictor, lightness: Plane, before: Plane, detail: Detail, vividness: float | None) -> Plane:
    """What was known and what tiles of `lightness`, (H, W), say, in equal parts: (2, h, w)."""
    tile = detail.tile or predictor.model.members[0].spec.sizes.short_side
    while True:
        divisible = tile // 2 >= _SMALLEST_TILE
        try:
            said = _by_tiles(predictor, lightness, before, replace(detail, tile=tile), vividness, divisible)
        except OutOfMemoryError:
            if not divisible:
                raise
            tile //= 2
            predictor.on_notice(f"Out of memory on {predictor.device}: going on with --tile {tile}.")
            continue
        known = resized(before, (said.shape[1], said.shape[2]))
        if not predictor.model.spec.takes_hints:
            reach = HINT_EVERY * said.shape[1] / lightness.shape[0]
            change = said - known
            said -= np.stack([cv2.GaussianBlur(p, (0, 0), reach, borderType=cv2.BORDER_REPLICATE) for p in change])
        return (known + said) / np.float32(2)


def _by_tiles(
    predictor: Predictor, lightness: Plane, before: Plane, detail: Detail, vividness: float | None, divisible: bool
) -> Plane:
    """What tiles say of their places, joined by windows: (2, h, w)."""
    overlap = detail.tile // 2 if detail.overlap is None else detail.overlap
    down, across = (lay(side, detail.tile, min(overlap, side)) for side in lightness.shape)
    tall, wide = down.tile, across.tile
    places = [(y, x) for y in range(len(down.starts)) for x in range(len(across.starts))]
    joined: Plane | None = None
    for some in _runs(places, max(_AT_ONCE, predictor.batch)):
        requests = []
        for y, x in some:
            rows = slice(down.starts[y], down.starts[y] + tall)
            columns = slice(across.starts[x], across.starts[x] + wide)
            hints = None
            if predictor.model.spec.takes_hints:
                known = part_of(before, (rows, columns), (lightness.shape[0], lightness.shape[1]))
                hints = HintPlanes(known, _points(rows, columns))
            requests.append(Request(lightness[rows, columns], hints, as_is=True))
        for (y, x), ab in zip(some, predictor.predict(requests, vividness, divisible), strict=True):
            shrink = max(1, round(tall / ab.shape[1]))
            if shrink not in (1, 2, STEP) or ab.shape[1:] != (tall // shrink, wide // shrink):
                shrink = STEP  # a network whose output has another grid
                ab = resized(ab, (tall // shrink, wide // shrink))
            if joined is None:
                joined = np.zeros((2, down.length // shrink, across.length // shrink), np.float32)
                windows = down.windows(shrink), across.windows(shrink)
            top, left = down.starts[y] // shrink, across.starts[x] // shrink
            weight = windows[0][y][:, None] * windows[1][x]
            joined[:, top : top + ab.shape[1], left : left + ab.shape[2]] += weight * ab
    assert joined is not None  # there is always a tile
    return joined


def _runs(places: list[tuple[int, int]], count: int) -> Iterator[list[tuple[int, int]]]:
    return (places[i : i + count] for i in range(0, len(places), count))


def _points(rows: slice, columns: slice) -> Plane:
    """The mask of hints of a tile: small squares on a grid that is the scan's, not the tile's."""
    half = (HINT_EVERY - _HINT_SIDE) // 2
    on = [(np.arange(s.start, s.stop) - half) % HINT_EVERY < _HINT_SIDE for s in (rows, columns)]
    return np.asarray(on[0][:, None] & on[1], np.float32)
