"""The photos that are open on the page, a few at a time, and all that is shown of them.

In:  entries of the list; wishes
Out: JPEG files: previews, tiles, thumbnails; palettes; proposals
"""

from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Semaphore
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colorize_cli.color.pixels import reduced
from colorize_cli.errors import UsageError
from colorize_cli.files.machine import cores
from colorize_cli.guidance.hint_points import Point, Sidecar
from colorize_cli.guidance.likely import srgb_of_ab
from colorize_cli.inference.guided_page import shown
from colorize_cli.inference.painting import Painter
from colorize_cli.inference.predictor import Plane
from colorize_cli.pipeline.guided_photos import GuidedPhoto, GuidedPhotos
from colorize_cli.serve.display import encode_jpeg, to_display
from colorize_cli.serve.pyramid import TILE, Pyramid
from colorize_cli.serve.wishes import Wish

_MOST_OPEN = 3
_MOST_LOOKS = 4  # of one photo, whose colors are kept for tiles
_THUMB, _THUMB_QUALITY = 400, 82  # pixels of the longer side; of JPEG
_MOST_THUMBS = 96 << 20  # bytes
BEFORE = "before"  # in a look's place: the photo as it is


@dataclass(frozen=True)
class Look:
    """Colors that a preview was made with: ab, (2, h, w), Lab units, and the factor on them."""

    ab: Plane
    saturation: float
    painters: dict[int, Painter] = field(default_factory=dict)


class OpenPhoto:
    """A photo that is open; used by several threads at once.

    Args:
        photo: as `GuidedPhotos.open` gives it.
        scribbles: hints in files that the page does not edit.
    """

    def __init__(self, photo: GuidedPhoto, scribbles: tuple[Sidecar, ...]) -> None:
        self.photo, self.page, self.scribbles = photo, photo.page, scribbles
        self.pyramid = Pyramid(photo.reader, photo.page.size)
        self._looks, self._lock = OrderedDict[str, Look](), Lock()

    def sidecars(self, wish: Wish) -> tuple[Sidecar, ...]:
        """All hints: those of files, and those of the page."""
        return (*self.scribbles, wish.sidecar) if wish.sidecar is not None else self.scribbles

    def preview(self, wish: Wish) -> tuple[bytes, str]:
        """The colored photo, small.

        Returns:
            JPEG, and the name of the look for tiles; "" for a first look, which has none.

        Raises:
            HintError: a point lies outside the photo.
            UsageError: the photo has color of its own.
        """
        self._check()
        ab = self.page.colors(self.sidecars(wish), wish.vividness, wish.quick)
        name = "" if wish.quick else self._keep(wish, ab)
        return encode_jpeg(self._painted(ab, wish.saturation, wish.side)), name

    def before(self, side: int) -> bytes:
        """The photo as it is, small, as JPEG."""
        small = shown(self.page.preview.pixels, self._size(side))
        return encode_jpeg(to_display(small, self.page.preview.space))

    def tile(self, name: str, level: int, column: int, row: int) -> bytes | None:
        """A tile of a look, or of the photo as it is, as JPEG; None where there is none.

        Raises:
            DecodeError: the photo's file is damaged or has changed.
        """
        look = None if name == BEFORE else self._looks.get(name)
        if name != BEFORE and look is None or not 0 <= level < self.pyramid.levels or min(column, row) < 0:
            return None
        top, left, space = row * TILE, column * TILE, self.page.preview.space
        size = self.pyramid.level_size(level)
        if top >= size[0] or left >= size[1]:
            return None
        pixels = np.ascontiguousarray(self.pyramid.part(level, top, left))
        if look is not None:
            painter = look.painters.get(level)
            if painter is None:
                painter = look.painters[level] = self.page.painter(look.ab, size, look.saturation)
            pixels = painter.paint_tile(top, left, pixels)
        return encode_jpeg(to_display(pixels, space))

    def proposals(self, wish: Wish) -> list[dict[str, Any]]:
        """Other colorings: of each its hints, in pixels of the photo, and how the photo looks with them."""
        self._check()
        height, width = self.page.size
        found = []
        for points in self.page.proposals(wish.count, wish.seed, wish.vividness):
            said = [self._said(point, height, width) for point in points]
            hints = {**wish.hints, "unit": "pixel", "points": [*wish.hints.get("points", []), *said]}
            own = Sidecar(Path("hints"), points=tuple(_of_said(point) for point in said)) if said else None
            sidecars = (*self.sidecars(wish), *((own,) if own is not None else ()))
            ab = self.page.colors(sidecars, wish.vividness, quick=True)
            picture = base64.b64encode(encode_jpeg(self._painted(ab, wish.saturation, wish.side))).decode()
            found.append({"points": hints["points"], "picture": f"data:image/jpeg;base64,{picture}"})
        return found

    def close(self) -> None:
        """Free what it holds."""
        self.pyramid.close()

    def _check(self) -> None:
        if not self.photo.takes_color:
            raise UsageError("this photo has color of its own, which stays", hint="--on-color recolor colors it anew.")

    def _said(self, point: Point, height: int, width: int) -> dict[str, Any]:
        seen = self.page.lightness
        row, column = int(point.y * seen.shape[0]), int(point.x * seen.shape[1])
        rgb = srgb_of_ab(np.array(point.ab), float(seen[row, column]))
        return {
            "x": round(point.x * width, 1),
            "y": round(point.y * height, 1),
            "color": f"#{rgb[0]:02x}{rgb[1]:02x}{rgb[2]:02x}",
        }

    def _keep(self, wish: Wish, ab: Plane) -> str:
        name = hashlib.sha256(repr(wish.key).encode()).hexdigest()[:16]
        with self._lock:
            self._looks[name] = Look(ab, wish.saturation)
            self._looks.move_to_end(name)
            while len(self._looks) > _MOST_LOOKS:
                self._looks.popitem(last=False)
        return name

    def _size(self, side: int) -> tuple[int, int]:
        height, width = self.page.size
        scale = min(1.0, side / max(height, width))
        return max(1, round(height * scale)), max(1, round(width * scale))

    def _painted(self, ab: Plane, saturation: float, side: int) -> NDArray[np.uint8]:
        small = shown(self.page.preview.pixels, self._size(side))
        painter = self.page.painter(ab, (small.shape[0], small.shape[1]), saturation)
        return to_display(painter.paint(0, small), self.page.preview.space)


class OpenPhotos:
    """Opens photos, and keeps the last few open; used by several threads at once.

    Args:
        guided: opens them.
    """

    def __init__(self, guided: GuidedPhotos) -> None:
        self.guided = guided
        self._open, self._lock = OrderedDict[tuple[Path, int, int], OpenPhoto](), Lock()
        self._few = Semaphore(cores())  # photos that are decoded at once, each with its own memory
        self._thumbs, self._held = OrderedDict[tuple[Path, int, int], bytes](), 0

    def get(self, path: Path, scribbles: tuple[Sidecar, ...] = ()) -> OpenPhoto:
        """An open photo, opened now where it is not, or where its file changed since.

        Raises:
            PhotoError: it cannot be read.
        """
        key = _key(path)
        with self._lock:  # one at a time: a large scan takes its memory while it is opened
            found = self._open.pop(key, None)
            if found is None:
                while len(self._open) >= _MOST_OPEN:
                    self._open.popitem(last=False)[1].close()
                found = OpenPhoto(self.guided.open(path), scribbles)
            self._open[key] = found
            return found

    def thumbnail(self, path: Path) -> bytes:
        """A small copy of a file, as JPEG.

        Raises:
            PhotoError: it cannot be read.
        """
        key = _key(path)
        with self._lock:
            found = self._thumbs.get(key)
        if found is None:
            with self._few:
                pixels, space = self.guided.first_pixels(path)
            found = encode_jpeg(to_display(np.ascontiguousarray(reduced(pixels, _THUMB)), space), _THUMB_QUALITY)
            with self._lock:
                self._held += len(found) - len(self._thumbs.pop(key, b""))
                self._thumbs[key] = found
                while self._held > _MOST_THUMBS:
                    self._held -= len(self._thumbs.popitem(last=False)[1])
        return found

    def close(self) -> None:
        """Close all."""
        with self._lock:
            for photo in self._open.values():
                photo.close()
            self._open.clear()


def _key(path: Path) -> tuple[Path, int, int]:
    try:
        status = path.stat()
    except OSError:
        return path, 0, 0  # opening it says why
    return path, status.st_mtime_ns, status.st_size


def _of_said(point: dict[str, Any]) -> Point:
    from colorize_cli.guidance.hint_points import parse_points

    return parse_points({"points": [point]}, Path("hints")).points[0]
