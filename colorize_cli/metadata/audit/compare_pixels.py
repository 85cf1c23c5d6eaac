"""Look at the pictures themselves with another library: do they show the same, the same way up; is the source whole?

In:  paths
Out: what is wrong, each a few words; nothing where that library does not read the format

libvips decodes here. It is asked for a small grey copy, which is turned by this reader's own rule.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from colorize_cli.metadata.audit.file_blocks import Inventory
from colorize_cli.metadata.lossless_jpeg import is_lossless

_SIDE = 32  # of the small copies; less of small pictures, so that each of its pixels is the mean of several
_LEAST = 8  # pixels of a picture's shorter side
_LEAST_SPREAD = 6.0  # of 255: less is blank, and a blank picture looks the same every way up
_ALIKE = 0.9  # correlation of two small copies; equal lightness gives 0.99 and more
_COMPRESSION, _PHOTOMETRIC, _SUBSAMPLING = 259, 262, 530  # tags of TIFF
_YCBCR, _JPEG_IN_TIFF, _FAX = 6, frozenset({6, 7}), frozenset({2, 3, 4})
# What the readers say of damaged code; other things they warn of may be odd, but do no harm to the picture.
_JPEG_DAMAGE = ("bad huffman", "premature end", "instead of rst", "extraneous bytes", "corrupt arithmetic")
# Bytes before the head's segments and tables: the picture's own code is not among them.
_BEFORE_THE_PICTURE = re.compile(r"before marker 0x(e.|fe|db)")
_FAX_DAMAGE = ("bad code word", "premature eo", "line length mismatch", "uncompressed data", "missing eol")

logging.getLogger("pyvips").setLevel(logging.CRITICAL)  # what it would warn of is said here


def turned(source: Path, result: Path, orientation: int, before_it: Inventory, after_it: Inventory) -> list[str]:
    """Whether a result shows something else than its source, or shows it another way up.

    Args:
        source: the file as it was given.
        result: what was made of it.
        orientation: by which the source is to be turned, 1 to 8.
        before_it: what stands in the source.
        after_it: what stands in the result.
    """
    place = before_it.place
    before = _small(source, place, raw=_has_raw_luma(before_it))
    after = _small(result, place, len(before), _has_raw_luma(after_it)) if before is not None else None
    if before is None or after is None:
        return []
    before = upright(before, orientation)
    if before.std() < _LEAST_SPREAD:
        return []
    if after.std() < _LEAST_SPREAD / 6:
        return ["pixels: the result is blank"]
    alike = _correlation(before, after)
    if alike >= _ALIKE:
        return []
    others = {way: _correlation(upright(before, way), after) for way in range(2, 9)}
    best = max(others, key=lambda way: others[way])
    if others[best] >= _ALIKE:
        return [f"pixels: the result is turned (as by orientation {best})"]
    return [f"pixels: the result shows something else than the source (correlation {alike:.2f})"]


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """A picture turned as EXIF's orientation says, by its definition: which sides row 0 and column 0 become."""
    return {
        1: pixels,
        2: np.fliplr(pixels),
        3: np.rot90(pixels, 2),
        4: np.flipud(pixels),
        5: pixels.T,
        6: np.rot90(pixels, -1),
        7: np.rot90(pixels, 2).T,
        8: np.rot90(pixels),
    }[orientation]


def damage(path: Path, found: Inventory) -> list[str]:
    """Whether a file's code of the picture is damaged, though something can be decoded of it."""
    fax = found.tiff is not None and found.tiff.number(_COMPRESSION) in _FAX
    if found.format == "jpeg":
        said, known = _said_of_jpeg(path), _JPEG_DAMAGE
    elif fax:
        said, known = _said_by_vips(path, "warning", page=found.place), _FAX_DAMAGE
    else:
        return []
    low = said.lower()
    if _BEFORE_THE_PICTURE.search(low):
        return []
    if not any(word in low for word in known) or "marker 0xd9" in low and _padded(path):
        return []
    return [f"source: its picture is damaged ({said[:100]})"]


def _said_of_jpeg(path: Path) -> str:
    """What libjpeg-turbo says of the code of a JPEG's first picture; its whole code is read for a small copy."""
    data = path.read_bytes()
    if is_lossless(data):
        return _said_by_vips(path, "warning")
    try:
        simplejpeg.decode_jpeg(data, colorspace="GRAY", min_height=1, min_width=1)
    except ValueError as error:  # of four components, or sampled in unusual ways: read by libjpeg itself
        said = " ".join(str(error).split())
        return said if "Corrupt" in said or "remature" in said else _said_by_vips(path, "warning")
    return ""


def _said_by_vips(path: Path, fail_on: str, **options: int) -> str:
    import pyvips  # its libraries take a while to load, and only --verify asks

    try:
        with _opened(path, fail_on=fail_on, **options) as picture:
            picture.avg()
    except pyvips.Error as error:
        return " ".join(str(error.detail or error).split())
    return ""


def _padded(path: Path) -> bool:
    """Whether zeros fill up a JPEG before its end, as some cameras write it."""
    data = path.read_bytes()
    end = data.rfind(b"\xff\xd9")
    return end > 0 and data[end - 1] == 0


def _has_raw_luma(found: Inventory) -> bool:
    """Whether libvips takes luma and chroma, each of full size, for red, green and blue: it asks JPEG's code alone."""
    if found.tiff is None or found.tiff.number(_PHOTOMETRIC) != _YCBCR:
        return False
    sampled = found.tiff.tags.get(("IFD0", _SUBSAMPLING))
    whole = sampled is not None and tuple(sampled.value) == (1, 1)  # where nothing is said, chroma is halved
    return whole and found.tiff.number(_COMPRESSION) not in _JPEG_IN_TIFF


def _small(path: Path, place: int, side: int = 0, raw: bool = False) -> NDArray[np.float64] | None:
    """A square grey copy of a picture as stored; None where there is none, or where some of it is transparent.

    Args:
        path: the file.
        place: of the page in it.
        side: of the copy; 0 is for what suits the picture.
        raw: its first plane is the lightness.
    """
    import pyvips

    with contextlib.suppress(pyvips.Error, ValueError):
        with _opened(path) as probe:
            if probe.hasalpha() or probe.format in ("float", "double", "complex", "dpcomplex"):
                return None
            shorter = min(probe.width, probe.height)
            if shorter < _LEAST:
                return None
            side = side or min(_SIDE, shorter // 2)
            if raw or probe.format in ("uint", "int", "short", "char"):  # what libvips takes for linear, or clips
                image = probe.extract_band(0).resize(side / probe.width, vscale=side / probe.height)
                values = np.asarray(image.numpy(), np.float64)
                scaled: NDArray[np.float64] = 255 * (values - values.min()) / max(float(np.ptp(values)), 1.0)
                return scaled
        with _opened(path, **({"page": place} if place else {})) as picture:
            image = picture.thumbnail_image(side, height=side, size="force", no_rotate=True, output_profile="srgb")
            image = image.colourspace("b-w")
            grey: NDArray[np.float64] = np.asarray(image.extract_band(0).cast("float").numpy(), np.float64)
            return grey
    return None


@contextlib.contextmanager
def _opened(path: Path, **options: Any) -> Iterator[Any]:
    """A picture that libvips reads from its first row on, while the context lasts.

    A JPEG is given to libjpeg: the reader of gain maps, which libvips would try first, writes of their XMP to stderr.
    The bytes are handed over one block after another: libvips itself would map the files of some formats into memory,
    and the process would end if somebody cut one meanwhile.

    Raises:
        pyvips.Error: it cannot be read.
    """
    import pyvips

    file = path.open("rb")
    try:
        is_jpeg = file.read(3) == b"\xff\xd8\xff"
        file.seek(0)
        source = pyvips.SourceCustom()
        source.on_read(lambda count: b"" if file.closed else file.read(count))
        source.on_seek(lambda offset, whence: -1 if file.closed else file.seek(offset, whence))
        if is_jpeg:
            yield pyvips.Image.jpegload_source(source, access="sequential", **options)
        else:
            yield pyvips.Image.new_from_source(source, "", access="sequential", **options)
    finally:
        file.close()


def _correlation(a: NDArray[Any], b: NDArray[Any]) -> float:
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])
