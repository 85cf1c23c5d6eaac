"""Masks of damage: PNG files beside the photos' paths, of a photo's size, white where it is damaged.

Photos of more than 100 megapixels have smaller ones of their shape.

In:  the folder of masks, a photo
Out: its mask; or the written file
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np

from colorize_cli.errors import PhotoError, UsageError, in_words
from colorize_cli.files.atomic import replacing
from colorize_cli.files.discover import Source
from colorize_cli.files.small_files import read_plain
from colorize_cli.formats.png import png_file
from colorize_cli.formats.table import PHOTO_NAMES
from colorize_cli.restore.damage import Mask
from colorize_cli.restore.repair import mask_rows

_MOST_BYTES = 256 << 20  # of a mask's file
_MASK_PIXELS = 100_000_000  # of a mask that is written at the photo's size; larger ones are written as they were found


def check_folder(folder: Path) -> None:
    """Refuse a folder of masks that is not there, before any work.

    Raises:
        UsageError: it is no folder.
    """
    if not folder.is_dir():
        raise UsageError(f"--mask {folder}: there is no such folder", hint=f"Make masks first: --mask-out {folder}")


def check_new_folder(folder: Path) -> None:
    """Refuse a place for new masks that cannot become a folder, before any work.

    Raises:
        UsageError: a file is in its place, or in that of a folder above it.
    """
    there = next((one for one in (folder, *folder.parents) if one.exists()), folder)
    if there.exists() and not there.is_dir():
        raise UsageError(
            f"--mask-out {folder}: {there} is a file", hint="Give a folder; it is made where it is not there."
        )


def mask_path(folder: Path, source: Source) -> Path:
    """Where a photo's mask lies: its own path below the folder, with `.png` in place of its suffix.

    Where a photo beside it differs by its suffix alone, both keep it before `.png`, and so does `a.jpg.png` beside
    `a.jpg`: none loses its mask to another.
    """
    whole = _has_twin(source.path) or _has_shorter(source.path)
    return folder / (_with_png(source) if whole else source.relative.with_suffix(".png"))


def _with_png(source: Source) -> Path:
    return source.relative.with_name(source.relative.name + ".png")


def _has_twin(photo: Path) -> bool:
    others = {photo.with_suffix(way) for suffix in PHOTO_NAMES.suffixes for way in (suffix, suffix.upper())} - {photo}
    return any(other.is_file() and not (photo.exists() and other.samefile(photo)) for other in others)


def _has_shorter(photo: Path) -> bool:
    """Whether a photo beside it has its name without the last suffix, so that what would be its mask is that one's."""
    other = photo.with_suffix("")
    return other.suffix.lower() in PHOTO_NAMES.suffixes and other.is_file()


def mask_sha256(folder: Path, source: Source) -> str | None:
    """The hash of a photo's mask, by which a result tells that the mask was edited; None where there is none.

    Raises:
        PhotoError: it cannot be read.
    """
    data = _bytes_of(folder, source)
    return None if data is None else hashlib.sha256(data).hexdigest()


def read_mask(folder: Path, source: Source, size: tuple[int, int]) -> Mask | None:
    """Read a photo's mask; None where the folder has none.

    Args:
        folder: of masks.
        source: the photo.
        size: width and height of its first page.

    Raises:
        PhotoError: it cannot be read, is no picture, or is of another size, see `_fits`.
    """
    data, path = _bytes_of(folder, source), _found(folder, source)
    if data is None:
        return None
    hint = "Write masks with --mask-out, and edit them."
    try:
        png = png_file.parse(data, headers_only=True)
    except png_file.PngError as error:
        raise PhotoError(f"the mask {path} is no PNG: {in_words(error)}", path=source.path, hint=hint) from error
    if not _fits((png.width, png.height), size):  # before anything is allocated for it
        raise PhotoError(
            f"the mask {path} has {png.width} x {png.height} pixels, its photo {size[0]} x {size[1]}",
            path=source.path,
            hint="A mask has its photo's size; white is damage.",
        )
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if found is None:
        raise PhotoError(f"the mask {path} is no PNG that can be read", path=source.path, hint=hint)
    return np.asarray(found > 127)


def _found(folder: Path, source: Source) -> Path:
    """The mask that a photo has: of its whole name rather than of its stem."""
    whole = folder / _with_png(source)
    return whole if whole.exists() or _has_shorter(source.path) else folder / source.relative.with_suffix(".png")


def _fits(mask: tuple[int, int], photo: tuple[int, int]) -> bool:
    """Whether a mask has its photo's size; of what is too large for that its shape, to a pixel."""
    if photo[0] * photo[1] <= _MASK_PIXELS:
        return mask == photo
    return abs(mask[0] * photo[1] - mask[1] * photo[0]) <= max(photo)


def _bytes_of(folder: Path, source: Source) -> bytes | None:
    path = _found(folder, source)
    try:
        return read_plain(path, _MOST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:  # no file but a pipe, say, or one that is too large
        raise PhotoError(f"cannot read the mask {path}: {in_words(error)}", path=source.path) from error


def write_mask(folder: Path, source: Source, mask: Mask | None, size: tuple[int, int]) -> None:
    """Write where a photo was damaged.

    Args:
        folder: of masks.
        source: the photo.
        mask: on a copy of any size; None for no damage.
        size: width and height of the photo.
    """
    width, height = size
    if mask is None:
        mask = np.zeros((height, width), bool)
    if width * height <= _MASK_PIXELS:
        mask = mask_rows(mask, 0, (height, width), height, wider=False)
    path = mask_path(folder, source)
    path.parent.mkdir(parents=True, exist_ok=True)
    coded = cv2.imencode(".png", mask.astype(np.uint8) * 255)[1]
    with replacing(path) as part:
        part.write_bytes(coded.tobytes())
