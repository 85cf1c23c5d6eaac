"""One page that a person guides: what the network says of it is asked once, and hints are laid over it again and again.

In:  a page's preview; side-cars, vividness and saturation, which change
Out: ab, (2, h, w), Lab units; pixels of the page at any size; palettes; hints that lead to other proposals
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.keep import Kept
from colorize_cli.guidance.hint_points import Point, Sidecar
from colorize_cli.guidance.hints import HintMap, hint_map
from colorize_cli.guidance.likely import LikelyColor, likely_colors
from colorize_cli.guidance.variants import objects, variant_hints
from colorize_cli.inference.detail import page_lightness, refine
from colorize_cli.inference.geometry import View, reduce, reduced_lightness
from colorize_cli.inference.option_values import Detail
from colorize_cli.inference.painting import Guided, Painter, along_edges, constrain
from colorize_cli.inference.predictor import HintPlanes, Plane, Predictor, Request
from colorize_cli.inference.previews import Preview

_KEPT_ANSWERS = 8  # vividnesses whose answers are kept
_PRECISION = 2  # digits after the point of a vividness by which answers are told apart


@dataclass(frozen=True)
class _Answer:
    """What the network said without hints: ab, (2, h, w), and the lightness that it belongs to."""

    ab: Plane
    lightness: Plane


class GuidedPage:
    """A page on its way from a network's colors to a person's; used by several threads at once.

    Args:
        predictor: the network.
        preview: the page, or a smaller copy of it.
        kept: the regions whose own color stays.
        detail: how closely large pages are looked at where there are no hints.
    """

    def __init__(self, predictor: Predictor, preview: Preview, kept: Kept | None, detail: Detail) -> None:
        self.predictor, self.preview, self.kept, self.detail = predictor, preview, kept, detail
        self.lightness = reduced_lightness(preview.pixels, predictor.view(*preview.size), preview.space)
        self._plain = dict[float | None, _Answer]()
        self._likely: Plane | None = None
        self._lock = Lock()

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the page."""
        return self.preview.size

    def colors(self, sidecars: Sequence[Sidecar], vividness: float | None, quick: bool = False) -> Plane:
        """The page's colors, as a file of the same page gets them.

        Args:
            sidecars: what a person says of it; where there are any, large pages are not looked at more closely.
            vividness: as `Predictor.predict` takes it.
            quick: for a first look: see `propagate`.

        Returns:
            ab, (2, h, w), Lab units, along the page's edges.

        Raises:
            HintError: a point lies outside the page.
            OutOfMemoryError, PredictionError: see `Predictor.predict`.
        """
        known = hint_map(sidecars, self.size, self._seen) if sidecars else None
        ab, lightness = self._predicted(known, vividness)
        ab = constrain(lightness, ab, known, quick)
        pixels, size = (lightness, self._seen) if quick else (self.preview.pixels, self.size)
        return along_edges(ab, lightness, pixels, size, self.preview.space)

    def check(self, sidecars: Sequence[Sidecar]) -> None:
        """Refuse hints that cannot be laid over the page: `HintError`."""
        hint_map(sidecars, self.size, self._seen)

    def painter(self, ab: Plane | Guided, size: tuple[int, int], saturation: float) -> Painter:
        """What paints a copy of the page of (h, w) with its colors."""
        return Painter(ab, size, self.preview.space, saturation, kept=self.kept)

    def likely(self, across: float, down: float) -> list[LikelyColor]:
        """The colors that the network holds likely at a place, most likely first; none where it gives no chances.

        Args:
            across: share of the page's width, [0, 1].
            down: share of its height.
        """
        probabilities, bins = self._probabilities()
        if bins is None or probabilities is None:
            return []
        h, w = self._seen
        there = self.lightness[min(int(down * h), h - 1), min(int(across * w), w - 1)]
        return likely_colors(probabilities, bins, (across, down), float(there))

    def proposals(self, count: int, seed: int, vividness: float | None) -> list[tuple[Point, ...]]:
        """Hints that lead to other colorings: for each of `count` proposals its points, in shares of the page.

        The first is the plain one, without hints. Empty where the network gives one coloring only.
        """
        probabilities, bins = self._probabilities()
        if bins is None or probabilities is None:
            return []
        h, w = probabilities.shape[1:]
        lightness = np.asarray(cv2.resize(self.lightness, (w, h), interpolation=cv2.INTER_AREA), np.float32)
        plain, _ = self._predicted(None, vividness, refined=False)
        kept = np.stack([cv2.resize(plane, (w, h), interpolation=cv2.INTER_AREA) for plane in plain])
        found = objects(probabilities, bins, lightness)
        maps = [variant_hints(probabilities, bins, lightness, seed, i, found=found, plain=kept) for i in range(count)]
        return [_points(hints) for hints in maps]

    @property
    def _seen(self) -> tuple[int, int]:
        return self.lightness.shape[0], self.lightness.shape[1]

    def _probabilities(self) -> tuple[Plane | None, Plane | None]:
        bins = self.predictor.palette
        if bins is None:
            return None, None
        with self._lock:
            if self._likely is None:
                self._likely = self.predictor.probabilities([Request(self.lightness)])[0]
            return self._likely, bins

    def _predicted(self, known: HintMap | None, vividness: float | None, refined: bool = True) -> tuple[Plane, Plane]:
        """The network's ab, (2, h, w), and the lightness that it belongs to."""
        if known is not None and all(member.spec.follows_hints for member in self.predictor.model.members):
            request = replace(Request(self.lightness), hints=HintPlanes(known.ab, known.mask))
            return self.predictor.predict([request], vividness)[0], self.lightness
        key = vividness if vividness is None else round(vividness, _PRECISION)
        with self._lock:
            answer = self._plain.pop(key, None)
            if answer is None:
                answer = _Answer(self.predictor.predict([Request(self.lightness)], vividness)[0], self.lightness)
            self._plain[key] = answer
            if len(self._plain) > _KEPT_ANSWERS:
                del self._plain[next(iter(self._plain))]
        if known is None and refined and self.detail.levels != 0:
            preview = self.preview
            at = page_lightness(preview.pixels, preview.space, self.lightness)
            shown = preview.pixels.shape[0] * preview.pixels.shape[1]
            found = refine(self.predictor, answer.ab, at, preview.size, self.detail, vividness, shown)
            return found.ab, found.lightness
        return answer.ab, answer.lightness


def shown(pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """A copy of pixels, (H, W) or (H, W, 3), of at most (h, w)."""
    height, width = min(size[0], pixels.shape[0]), min(size[1], pixels.shape[1])
    if (height, width) == pixels.shape[:2]:
        return np.ascontiguousarray(pixels)
    return np.ascontiguousarray(reduce(pixels, View(height, width, 0, 0)))


def _points(hints: HintMap) -> tuple[Point, ...]:
    """The spots of a small map of hints as points: the middle of each, its mean color, its radius as a share."""
    h, w = hints.mask.shape
    count, spots = cv2.connectedComponents((hints.mask > 0).astype(np.uint8), connectivity=4)
    found = []
    for spot in range(1, count):
        rows, columns = np.nonzero(spots == spot)
        a, b = hints.ab[:, rows, columns].mean(1).tolist()
        middle = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
        x, y = (columns[middle] + 0.5) / w, (rows[middle] + 0.5) / h
        found.append(Point(float(x), float(y), (a, b)))
    return tuple(found)
