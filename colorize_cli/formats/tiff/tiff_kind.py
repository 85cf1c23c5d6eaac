"""Which TIFFs are read, and what is said of the others: they may be whole, and are no damaged ones.

In:  a page's tags
Out: nothing; or `Unsupported`
"""

from __future__ import annotations

import tifffile

from colorize_cli.formats.decoded import Unsupported
from colorize_cli.metadata.ifd import Ifd

_READ = frozenset({0, 1, 2, 3, 4, 5, 6, 8, 9, 10})  # the photometric interpretations
_LOG_LUV = {32844: "LogL", 32845: "LogLuv"}
_LOG_CODED = {34676: "LogLuv", 34677: "LogLuv"}
_SELF_CODED = frozenset({1, 6, 7, 33007, 34892})  # no compression, and the kinds of JPEG


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
