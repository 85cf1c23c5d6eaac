"""Which TIFFs are read, and what is said of the others: they may be whole, and are no damaged ones.

In:  a page's tags
Out: nothing; or `Unsupported`, or `Damaged` where tags are that say how the pixels are stored
"""

from __future__ import annotations

import tifffile

from colorize_cli.formats.decoded import Damaged, Unsupported
from colorize_cli.formats.tiff.tiff_tags import ICC
from colorize_cli.metadata.ifd import Ifd
from colorize_cli.notes import Loss, Note

_READ = frozenset({0, 1, 2, 3, 4, 5, 6, 8, 9, 10})  # the photometric interpretations
_LOG_LUV = {32844: "LogL", 32845: "LogLuv"}
_LOG_CODED = {34676: "LogLuv", 34677: "LogLuv"}
_SELF_CODED = frozenset({1, 6, 7, 33007, 34892})  # no compression, and the kinds of JPEG

# What the pixels, and the way up, depend on: without one of these a reader would take the default, and read noise.
_OF_PIXELS = frozenset(
    {*range(256, 260), 262, 266, 273, 274, *range(277, 280), 284, 292, 293, 317, 320, *range(322, 326), 332}
    | {334, *range(338, 342), 347, *range(512, 522), *range(529, 533)}
)


def check_tags(ifd: Ifd, salvage: bool = False) -> list[Note]:
    """Refuse a page whose pixels would be read in another way than they were stored; or say so.

    Raises:
        Damaged: `salvage` is not given, and a tag that they depend on points outside the file, or is of no known type.
    """
    codes = sorted(_OF_PIXELS.intersection(ifd.damaged))
    if stored_as_told(ifd):
        return []
    fault = f"{_tags(codes)} cannot be read, and the pixels depend on {'them' if len(codes) > 1 else 'it'}"
    if not salvage:
        raise Damaged(f"damaged TIFF: {fault}", salvageable=True)
    return [Note(f"salvaged: {fault}", Loss.salvage)]


def stored_as_told(ifd: Ifd) -> bool:
    """Whether all tags that a page's pixels depend on can be read."""
    return _OF_PIXELS.isdisjoint(ifd.damaged)


def left_out(ifd: Ifd) -> list[Note]:
    """What is said of damaged tags, of a page and of the directories that belong to it."""
    notes = [note for tag in ifd.tags if tag.child is not None for note in left_out(tag.child)]
    if ICC in ifd.damaged:
        notes.append(Note("its color profile is damaged and was left out", Loss.profile))
    if codes := sorted({*ifd.damaged} - {ICC} - _OF_PIXELS):
        was = "is damaged and was" if len(codes) == 1 else "are damaged and were"
        notes.append(Note(f"{_tags(codes)} {was} left out", Loss.metadata))
    return notes


def _tags(codes: list[int]) -> str:
    shown = ", ".join(f"{code}{_tag_named(code)}" for code in codes[:5]) + (", ..." if len(codes) > 5 else "")
    return f"TIFF tag{'s' * (len(codes) > 1)} {shown}"


def _tag_named(code: int) -> str:
    try:
        return f" ({tifffile.TIFF.TAGS[code]})"
    except KeyError:
        return ""


def check_kind(ifd: Ifd) -> None:
    """Refuse pages that hold no picture, or one that no reader here knows.

    Raises:
        Unsupported: it says which kind it is.
    """
    photometric, compression = ifd.integer(262, 1), ifd.integer(259, 1)
    bits = tuple(int(value) for value in ifd.numbers(258))
    if log := _LOG_LUV.get(photometric) or _LOG_CODED.get(compression):
        raise Unsupported(f"unsupported TIFF: {log}, light on a logarithmic scale; convert it to 16-bit RGB first")
    if photometric not in _READ:
        raise Unsupported(f"unsupported TIFF: photometric {photometric}, which no reader here knows")
    if compression not in _SELF_CODED and not _has_decoder(compression):
        name = _named(compression)
        raise Unsupported(f"unsupported TIFF: compression {compression}{name}; save it with LZW or deflate first")
    if len(set(bits)) > 1:
        raise Unsupported(f"unsupported TIFF: samples of different depths ({', '.join(map(str, bits[:6]))} bits)")
    formats = {int(value) for value in ifd.numbers(339)}
    if formats & {5, 6}:
        raise Unsupported("unsupported TIFF: its samples are complex numbers")
    if len(formats - {4}) > 1:
        raise Unsupported("unsupported TIFF: its samples are numbers of different kinds")


def _has_decoder(compression: int) -> bool:
    try:
        return callable(tifffile.TIFF.DECOMPRESSORS[compression])
    except KeyError:
        return False


def _named(compression: int) -> str:
    try:
        return f" ({tifffile.COMPRESSION(compression).name})"
    except ValueError:
        return ""
