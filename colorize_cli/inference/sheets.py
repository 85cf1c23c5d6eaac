"""Pictures for looking at: before | after pairs, and a sheet of a photo's variants.

In:  pixels, (H, W) or (H, W, 3), uint8 or uint16, of any size; or luma and chroma
Out: a JPEG beside the result
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize_cli.files.atomic import write_whole
from colorize_cli.files.facts import FileFacts
from colorize_cli.formats.jpeg.jpeg_file import APP0, APP1, XMP, assemble
from colorize_cli.formats.photo import LumaPlanes
from colorize_cli.formats.seal import seal
from colorize_cli.inference.geometry import View, reduce
from colorize_cli.metadata.provenance import Provenance, only_note

PAIR, SHEET = ".compare.jpg", ".variants.jpg"  # endings of their names
_GAP = 12  # pixels of white between the pictures of a sheet
_BAND = 40  # pixels above each, for its name


def thumbnail(pixels: NDArray[Any] | LumaPlanes, side: int) -> NDArray[np.uint8]:
    """At most `side` pixels long, 8 bits, BGR as OpenCV writes it."""
    width, height = pixels.size if isinstance(pixels, LumaPlanes) else pixels.shape[1::-1]
    scale = min(1.0, side / max(height, width))
    view = View(max(1, round(height * scale)), max(1, round(width * scale)), 0, 0)
    if isinstance(pixels, LumaPlanes):
        ycc = np.stack([reduce(plane, view) for plane in (pixels.y, pixels.cr, pixels.cb)], -1)
        return np.asarray(cv2.cvtColor(ycc, cv2.COLOR_YCrCb2BGR), np.uint8)
    small = np.asarray(reduce(pixels, view))
    small = (small >> 8).astype(np.uint8) if small.dtype == np.uint16 else small
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR if small.ndim == 2 else cv2.COLOR_RGB2BGR), np.uint8)


def write_pair(
    pictures: Sequence[NDArray[Any] | LumaPlanes],
    path: Path,
    facts: FileFacts,
    note: Provenance,
    side: int = 1600,
) -> None:
    """Write before | after, or before | restored | colored, as one JPEG, each at most `side` pixels long."""
    small = [thumbnail(picture, side) for picture in pictures]
    height = max(len(picture) for picture in small)
    level = [cv2.resize(one, (max(1, round(one.shape[1] * height / len(one))), height)) for one in small]
    write_picture(np.concatenate(level, 1), path, facts, note)


def write_sheet(thumbnails: Sequence[NDArray[np.uint8]], path: Path, facts: FileFacts, note: Provenance) -> None:
    """Write a photo and its variants as one JPEG: `before`, then 1 (the plain result), 2 and so on.

    Args:
        thumbnails: of one size, as `thumbnail` gives them, the photo first.
        path: where to.
        facts: the photo's, for the times.
        note: the plain result's.
    """
    height, width = thumbnails[0].shape[:2]
    columns = min(len(thumbnails), max(1, round((len(thumbnails) * 1.5 * (height + _BAND) / width) ** 0.5)))
    rows = -(-len(thumbnails) // columns)
    sheet = np.full((rows * (height + _BAND) + _GAP, columns * (width + _GAP) + _GAP, 3), 255, np.uint8)
    for number, picture in enumerate(thumbnails):
        row, column = divmod(number, columns)
        top, left = row * (height + _BAND) + _BAND, column * (width + _GAP) + _GAP
        sheet[top : top + height, left : left + width] = picture
        name = str(number) if number else "before"
        cv2.putText(sheet, name, (left, top - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 1, cv2.LINE_AA)
    write_picture(sheet, path, facts, note)


def write_picture(
    picture: NDArray[np.uint8], path: Path, facts: FileFacts, note: Provenance, quality: int = 92
) -> None:
    """Write a picture as `thumbnail` gives it as JPEG, with a result's note, so that it is never taken for a photo."""
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    segments = [(APP0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"), (APP1, XMP + only_note(note))]
    write_whole(path, [assemble(encoded, segments)], facts, seal)
