"""Color photos by index, wherever their pixels lie: decoded in one flat file, encoded in their archives, in memory.

In:  what `dataset.open_photos` found
Out: sRGB, uint8, (H, W, 3), by index, with names, sources, labels and parts
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.data.srgb_photo import decode_rgb
from colorize_cli.errors import PhotoError

Pixels = NDArray[np.uint8]


class PhotoSet(Protocol):
    """Photos to learn from or to measure on.

    Attributes:
        names, sources, labels, parts: of each photo; a label is None where there is none, a part "" where the data set
            does not say "train", "val" or "test".
        dropped: how many were left out, by reason.
    """

    names: Sequence[str]
    sources: Sequence[str]
    labels: Sequence[str | None]
    parts: Sequence[str]
    dropped: dict[str, int]

    def __len__(self) -> int:
        """How many."""
        ...

    def rgb(self, index: int) -> Pixels:
        """One photo: sRGB, uint8, (H, W, 3)."""
        ...


@dataclass
class _Listed:
    names: Sequence[str]
    sources: Sequence[str]
    labels: Sequence[str | None]
    parts: Sequence[str]
    dropped: dict[str, int]

    def __len__(self) -> int:
        return len(self.names)


@dataclass
class DecodedPhotos(_Listed):
    """Photos decoded one after the other into one file, which the operating system pages in and out.

    Attributes:
        file: all pixels, uint8.
        shapes: height and width of each, (n, 2), int32.
    """

    file: Path
    shapes: NDArray[np.int32]
    offsets: NDArray[np.int64] = field(init=False)
    _pixels: Pixels | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        sizes = self.shapes.astype(np.int64).prod(1) * 3
        self.offsets = np.concatenate(([0], np.cumsum(sizes)[:-1]))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pixels": None}  # a worker process maps the file itself instead of being sent it

    def rgb(self, index: int) -> Pixels:
        """One photo: sRGB, uint8, (H, W, 3)."""
        if self._pixels is None:
            self._pixels = np.memmap(self.file, np.uint8, "r")
        height, width = (int(side) for side in self.shapes[index])
        start = int(self.offsets[index])
        return self._pixels[start : start + height * width * 3].reshape(height, width, 3)


@dataclass
class EncodedPhotos(_Listed):
    """Photos that are decoded each time they are asked for: sets too large to keep decoded.

    Attributes:
        files, offsets, sizes: where each one's bytes lie; size -1 is the whole file.
        short_side: larger ones are reduced to this, pixels.
    """

    files: Sequence[Path]
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]
    short_side: int

    def rgb(self, index: int) -> Pixels:
        """One photo: sRGB, uint8, (H, W, 3); black where the file has become unreadable since it was surveyed."""
        with self.files[index].open("rb") as file:
            file.seek(int(self.offsets[index]))
            data = file.read(int(self.sizes[index]))
        try:
            return reduce_to(decode_rgb(data, self.files[index]), self.short_side)
        except PhotoError:
            return np.zeros((self.short_side, self.short_side, 3), np.uint8)


@dataclass
class HeldPhotos(_Listed):
    """Photos in memory."""

    pictures: Sequence[Pixels]

    def rgb(self, index: int) -> Pixels:
        """One photo: sRGB, uint8, (H, W, 3)."""
        return self.pictures[index]


class JoinedPhotos(_Listed):
    """Several sets as one; names and sources begin with the set's own name, so that none are taken for one."""

    def __init__(self, sets: dict[str, PhotoSet]) -> None:
        def gather(what: str, prefix: bool) -> list[Any]:
            return [
                f"{name}/{value}" if prefix else value for name, one in sets.items() for value in getattr(one, what)
            ]

        dropped: dict[str, int] = {}
        for one in sets.values():
            for reason, count in one.dropped.items():
                dropped[reason] = dropped.get(reason, 0) + count
        super().__init__(
            gather("names", True), gather("sources", True), gather("labels", False), gather("parts", False), dropped
        )
        self.sets = list(sets.values())
        self.starts = np.cumsum([0] + [len(one) for one in self.sets])

    def rgb(self, index: int) -> Pixels:
        """One photo: sRGB, uint8, (H, W, 3)."""
        which = int(np.searchsorted(self.starts, index, side="right")) - 1
        return self.sets[which].rgb(index - int(self.starts[which]))


def reduce_to(picture: Pixels, short_side: int) -> Pixels:
    """Reduce a picture, (H, W, 3), to a short side in pixels by area averaging; a smaller one stays."""
    height, width = picture.shape[:2]
    scale = short_side / min(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
