"""Decoded colour photos in one flat memory-mapped file: decoded once, read by every epoch and every worker.

In:  a data set's members
Out: `PhotoSet`: RGB, uint8, (H, W, 3), by index, with names, sources and labels; a split by a hash of the name
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.data.sources import read_members, shards_of
from colorize_cli.errors import DataError

MIN_CHROMA = 2.0  # Lab units; below it a truth counts as grey
_VERSION = 1


@dataclass(frozen=True)
class PhotoSet:
    """Photos decoded into memory, which the operating system pages in and out.

    Attributes:
        pixels: all photos one after the other, uint8.
        offsets: where each begins, (n,), int64.
        shapes: height and width of each, (n, 2), int32.
        names, sources, labels: of each; a label is None where there is none.
        dropped: how many were left out, by reason.
    """

    pixels: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    shapes: NDArray[np.int32]
    names: Sequence[str]
    sources: Sequence[str]
    labels: Sequence[str | None]
    dropped: dict[str, int]

    def __len__(self) -> int:
        return len(self.names)

    def rgb(self, index: int) -> NDArray[np.uint8]:
        """One photo: sRGB, uint8, (H, W, 3)."""
        height, width = (int(side) for side in self.shapes[index])
        start = int(self.offsets[index])
        return self.pixels[start : start + height * width * 3].reshape(height, width, 3)


def held_out(name: str, share: float) -> bool:
    """Whether a photo belongs to the held-out part: by a hash of its name, so adding files moves none."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def mean_chroma(rgb: NDArray[np.uint8]) -> float:
    """Mean CIE chroma of a photo, (H, W, 3), uint8; Lab units."""
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return float(np.hypot(lab[..., 1], lab[..., 2]).mean())


def cache_folder() -> Path:
    """Where decoded data sets lie: `COLORIZE_CACHE`, or the user's cache folder."""
    root = os.environ.get("COLORIZE_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "colorize-cli"


def _cache_key(path: Path, short_side: int) -> str:
    files = shards_of(path) or sorted(file for file in path.rglob("*") if file.is_file())
    stats = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr((_VERSION, str(path.resolve()), short_side, stats)).encode()).hexdigest()[:16]


def open_photos(path: Path, short_side: int = 128, on_photo: Callable[[int], None] | None = None) -> PhotoSet:
    """Open a data set, decoding it on the first use and from the cache later.

    Args:
        path: a folder of photos, a tar shard or a folder of shards.
        short_side: larger photos are reduced to this, by area averaging; pixels.
        on_photo: called with the count while decoding.

    Raises:
        DataError: nothing usable is there.
    """
    if not path.exists():
        raise DataError(f"no data set at {path}", hint="Give --data a folder of photos, or a folder of .tar shards.")
    folder = cache_folder() / "decoded" / _cache_key(path, short_side)
    if not (folder / "index.json").exists():
        _decode_all(path, short_side, folder, on_photo)
    index = json.loads((folder / "index.json").read_text())
    if not index["names"]:
        raise DataError(
            f"no usable colour photo in {path} ({index['dropped']})", hint="Photos must be RGB, readable and not grey."
        )
    shapes = np.asarray(index["shapes"], np.int32).reshape(-1, 2)
    sizes = shapes.astype(np.int64).prod(1) * 3
    pixels = np.memmap(folder / "pixels.u8", np.uint8, "r")
    offsets = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    return PhotoSet(pixels, offsets, shapes, index["names"], index["sources"], index["labels"], index["dropped"])


def _decode_all(path: Path, short_side: int, folder: Path, on_photo: Callable[[int], None] | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names, sources, labels, shapes = [], [], [], []
    dropped = {"broken": 0, "grey": 0}
    partial = folder / f"pixels.{os.getpid()}.part"
    with partial.open("wb") as file:
        for count, member in enumerate(read_members(path), 1):
            bgr = cv2.imdecode(np.frombuffer(member.data, np.uint8), cv2.IMREAD_COLOR)
            if bgr is None:
                dropped["broken"] += 1
                continue
            rgb = cv2.cvtColor(reduce_to(bgr, short_side), cv2.COLOR_BGR2RGB)
            if mean_chroma(rgb) < MIN_CHROMA:
                dropped["grey"] += 1
                continue
            file.write(rgb.tobytes())
            names.append(member.name)
            sources.append(member.source)
            labels.append(member.label)
            shapes.append(rgb.shape[:2])
            if on_photo is not None:
                on_photo(count)
    partial.replace(folder / "pixels.u8")
    index = {"names": names, "sources": sources, "labels": labels, "shapes": shapes, "dropped": dropped}
    beside = folder / f"index.{os.getpid()}.part"
    beside.write_text(json.dumps(index))
    beside.replace(folder / "index.json")


def reduce_to(picture: NDArray[np.uint8], short_side: int) -> NDArray[np.uint8]:
    """Reduce a picture, (H, W, 3), to a short side in pixels by area averaging; a smaller one stays."""
    height, width = picture.shape[:2]
    scale = short_side / min(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
