"""Read the color photos that `--reference` names.

In:  a photo, or a folder of some
Out: references, reduced; a hash of them all
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from colorize_cli.color.pixels import ab_of, lightness_of
from colorize_cli.errors import HintError, NothingToDoError, PhotoError, counted, one_line, printable
from colorize_cli.files.discover import discover
from colorize_cli.formats.decode import decode
from colorize_cli.formats.photo import DecodeLimits
from colorize_cli.formats.table import PHOTO_NAMES
from colorize_cli.guidance.reference import Reference, reduced_size
from colorize_cli.inference.geometry import View, reduce
from colorize_cli.inference.page_spaces import in_known_spaces, space_of
from colorize_cli.models.store import sha256_of

_AREA = 512 * 512  # pixels of one reference
_AREA_OF_ALL = 64 * _AREA  # many references are kept smaller: 200 MB are enough
_MOST = 1000
_LEAST_CHROMA = 2.0  # Lab units, on the mean; below it a photo is grey


@dataclass(frozen=True)
class References:
    """What colors are taken from.

    Attributes:
        photos: each reduced.
        sha256: of the files' own, in hexadecimal.
    """

    photos: tuple[Reference, ...] = ()
    sha256: str = ""


def read_references(path: Path, limits: DecodeLimits, on_notice: Callable[[str], None]) -> References:
    """Read a color photo, or all color photos of a folder and those below it.

    Args:
        path: what `--reference` names.
        limits: of decoding.
        on_notice: told of every photo in a folder that is of no use.

    Raises:
        PhotoError: the one photo cannot be read, or has no color.
        NothingToDoError: no such file or folder, or none in color in it.
    """
    sources = [source.path for source in discover([path], photos=PHOTO_NAMES).sources]
    if len(sources) > _MOST:
        on_notice(f"{printable(path)} holds {counted(len(sources), 'photo')}: the first {_MOST} are the references.")
        sources = sources[:_MOST]
    area = min(_AREA, _AREA_OF_ALL // max(1, len(sources)))
    found, hashes = [], []
    for source in sources:
        try:
            found.append(_read(source, limits, area))
            hashes.append(sha256_of(source))
        except PhotoError as error:
            if not path.is_dir():
                raise
            on_notice(f"Not used as a reference: {one_line(error)}")
    if not found:
        raise NothingToDoError(f"no color photo in {printable(path)}", hint="--reference wants a photo in color.")
    whole = hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
    return References(tuple(found), whole)


def _read(path: Path, limits: DecodeLimits, area: int) -> Reference:
    try:
        page = in_known_spaces(decode(path, limits)).pages[0]
    except PhotoError as error:
        raise HintError(f"the reference {printable(path)}: {one_line(error)}", path=path) from error
    pixels, space = page.pixels, space_of(page)
    height, width = reduced_size(pixels.shape[0], pixels.shape[1], area)
    small = np.ascontiguousarray(reduce(pixels, View(height, width, 0, 0)))
    ab = ab_of(small, space)
    # not own_color: a blue sky over brown earth is a curve over lightness, and a fine reference
    if np.hypot(*ab).mean() < _LEAST_CHROMA:
        raise HintError(f"the reference {printable(path)} has no color", path=path, hint="Give a photo in color.")
    return Reference(np.asarray(lightness_of(small, space), np.float32), ab)
