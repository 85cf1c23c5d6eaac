"""A part of a picture, turned level: of pixels, of points, of masks, in memory or as rows come.

In:  pixels, (H, W) or (H, W, n), uint8 or uint16
Out: those of the part, of the same kind; where nothing is turned they are the same numbers
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]
_COLUMNS = 8192  # that are turned at once: OpenCV counts them in shorts
_NEAR = 3  # rows beside a place that its value is made of, where it is turned


@dataclass(frozen=True)
class Frame:
    """A rectangle in a picture.

    Attributes:
        source: (H, W) of the picture.
        angle: degrees by which the rectangle is turned against the picture, clockwise, about the picture's middle.
        top, left: its corner in the picture turned level, pixels.
        size: (H, W) of the rectangle.
    """

    source: Size
    angle: float
    top: int
    left: int
    size: Size

    @classmethod
    def of(cls, source: Size, angle: float, box: tuple[float, float, float, float]) -> Frame:
        """The whole pixels within top, bottom, left, right."""
        top, left = (int(np.ceil(max(0.0, box[i]) - 1e-6)) for i in (0, 2))
        bottom, right = (int(np.floor(min(float(most), box[i]) + 1e-6)) for i, most in ((1, source[0]), (3, source[1])))
        return cls(source, angle, top, left, (max(1, bottom - top), max(1, right - left)))

    @classmethod
    def turned(cls, source: Size, angle: float) -> Frame:
        """The picture turned level, all of it but its corners."""
        return cls(source, angle, 0, 0, source)

    def said(self) -> str:
        """For the report: where it lay."""
        height, width = self.size
        tilt = f", turned level by {abs(self.angle):.2f} degrees" if self.angle else ""
        return f"{width} x {height} pixels at {self.left}, {self.top} of {self.source[1]} x {self.source[0]}{tilt}"

    def matrix(self) -> NDArray[np.float64]:
        """From a place (x, y, 1) of the part to that of the picture, (2, 3)."""
        middle = np.array(((self.source[1] - 1) / 2, (self.source[0] - 1) / 2))
        cos, sin = np.cos(np.deg2rad(self.angle)), np.sin(np.deg2rad(self.angle))
        turn = np.array(((cos, -sin), (sin, cos)))
        return np.column_stack((turn, middle + turn @ (np.array((self.left, self.top)) - middle)))

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the picture lies in the part; it may lie outside."""
        if not self.angle:
            return x - self.left, y - self.top
        back = cv2.invertAffineTransform(self.matrix())
        found = back @ np.array((x, y, 1.0))
        return float(found[0]), float(found[1])

    def pixels(self, whole: NDArray[Any], smooth: bool = True) -> NDArray[Any]:
        """The part's pixels, (h, w) or (h, w, n).

        Args:
            whole: the picture, or a copy of another size.
            smooth: what is turned is interpolated; else the nearest pixel is taken, as for masks.
        """
        frame = self if whole.shape[:2] == self.source else self.at(whole.shape[:2])
        rows, columns = frame.size
        if not frame.angle:
            return np.ascontiguousarray(whole[frame.top : frame.top + rows, frame.left : frame.left + columns])
        return frame._warped(whole, 0, 0, rows, cv2.INTER_CUBIC if smooth else cv2.INTER_NEAREST)

    def at(self, size: Size) -> Frame:
        """The same of a copy of the picture, (H, W)."""
        down, across = size[0] / self.source[0], size[1] / self.source[1]
        top, left = round(self.top * down), round(self.left * across)
        rows = min(max(1, round(self.size[0] * down)), size[0] - top)
        return Frame(size, self.angle, top, left, (rows, min(max(1, round(self.size[1] * across)), size[1] - left)))

    def back(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """A mask of the part, of any size, as one of the picture; false around it."""
        height, width = self.source
        small = (
            max(1, round(height * mask.shape[0] / self.size[0])),
            max(1, round(width * mask.shape[1] / self.size[1])),
        )
        frame = self if mask.shape == self.size else self.at(small)
        if mask.shape != frame.size:
            mask = cv2.resize(mask.astype(np.uint8), frame.size[::-1], interpolation=cv2.INTER_NEAREST) > 0
        out = cv2.warpAffine(
            mask.astype(np.uint8), frame.matrix(), frame.source[::-1], flags=cv2.INTER_NEAREST, borderValue=0
        )
        return np.asarray(out > 0)

    def strips(self, rows: Iterator[tuple[int, NDArray[Any]]], count: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """The part's rows, about `count` at a time, from the picture's, each with its number; the least is kept.

        Args:
            rows: (number of the first, pixels), from the top on.
            count: rows of the part to give at once.
        """
        height = self.size[0]
        held, first, done = list[NDArray[Any]](), 0, 0
        have = 0  # the row behind the last that was read
        for top, block in rows:
            if not held:
                first = top
            held.append(block)
            have = top + len(block)
            while done < height and self._needed(done, min(done + count, height))[1] <= have:
                some = min(count, height - done)
                part = np.concatenate(held) if len(held) > 1 else held[0]
                yield done, self._some(part, first, done, some)
                done += some
                keep = self._needed(done, min(done + count, height))[0] if done < height else have
                cut = max(0, min(keep, have) - first)
                held, first = [part[cut:].copy()], first + cut

    def _needed(self, start: int, stop: int) -> tuple[int, int]:
        """The picture's rows that some of the part's are made of."""
        if not self.angle:
            return self.top + start, self.top + stop
        matrix, width = self.matrix(), self.size[1]
        ys = [matrix[1] @ (x, y, 1) for x in (0, width - 1) for y in (start, stop - 1)]
        low, high = int(np.floor(min(ys))) - _NEAR, int(np.ceil(max(ys))) + _NEAR + 1
        return max(0, low), min(self.source[0], max(high, 1))

    def _some(self, part: NDArray[Any], first: int, start: int, count: int) -> NDArray[Any]:
        if not self.angle:
            top = self.top + start - first
            return np.ascontiguousarray(part[top : top + count, self.left : self.left + self.size[1]])
        return self._warped(part, first, start, count)

    def _warped(
        self, part: NDArray[Any], first: int, start: int, count: int, way: int = cv2.INTER_CUBIC
    ) -> NDArray[Any]:
        """Rows from `start` on, of the picture's rows from `first` on."""
        if part.ndim == 3 and part.shape[2] > 4:  # OpenCV turns no more planes at once
            planes = [self._warped(plane, first, start, count, way) for plane in np.moveaxis(part, 2, 0)]
            return np.stack(planes, 2)
        matrix = self.matrix()
        matrix[:, 2] += matrix[:, 1] * start
        matrix[1, 2] -= first
        ys, xs = np.mgrid[:count, : self.size[1]].astype(np.float32)
        columns = (matrix[0, 0] * xs + matrix[0, 1] * ys + matrix[0, 2]).astype(np.float32)
        lines = (matrix[1, 0] * xs + matrix[1, 1] * ys + matrix[1, 2]).astype(np.float32)
        out = np.empty((count, self.size[1], *part.shape[2:]), part.dtype)
        for left in range(0, self.size[1], _COLUMNS):
            x, y = columns[:, left : left + _COLUMNS], lines[:, left : left + _COLUMNS]
            begin, end = max(0, int(x.min()) - _NEAR), min(part.shape[1], int(x.max()) + _NEAR + 1)
            out[:, left : left + _COLUMNS] = cv2.remap(
                np.ascontiguousarray(part[:, begin:end]), x - begin, y, way, borderMode=cv2.BORDER_REPLICATE
            )
        return out
