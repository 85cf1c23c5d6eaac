"""Which files are films, and what each container can hold.

In:  a file's suffix or its first bytes; a codec's name
Out: the `Container` that a result is written into

Source of the signatures: ISO/IEC 14496-12 (ftyp), Apple's QuickTime File Format, RFC 8794 (EBML), ISO/IEC 11172-1 and
13818-1 (pack header), Microsoft's RIFF and ASF.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Container:
    """A kind of file that films are written into.

    Attributes:
        muxer: FFmpeg's name of it.
        suffixes: in lower case; the first is the usual one.
        codecs: of the picture that it can hold, the usual one first.
        headers_apart: the codec's headers stand once at the start instead of before each key frame.
        has_times: each frame has a time of its own; else all last equally long.
        turns: it says by how much a player is to turn the picture.
        chapters: it has some.
    """

    muxer: str
    suffixes: tuple[str, ...]
    codecs: tuple[str, ...]
    headers_apart: bool = True
    has_times: bool = True
    turns: bool = False
    chapters: bool = True


CODECS = ("h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2", "mpeg1", "prores", "ffv1", "mjpeg")

MATROSKA = Container("matroska", (".mkv",), CODECS)
CONTAINERS = (
    Container("mp4", (".mp4", ".m4v"), ("h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2"), turns=True),
    Container("mov", (".mov", ".qt"), ("h264", "hevc", "prores", "mpeg4", "mpeg2", "mjpeg"), turns=True),
    MATROSKA,
    Container("webm", (".webm",), ("vp9", "av1")),
    Container(
        "avi", (".avi",), ("mpeg4", "h264", "mjpeg", "ffv1"), headers_apart=False, has_times=False, chapters=False
    ),
    Container(
        "vob", (".mpg", ".mpeg", ".vob"), ("mpeg2", "mpeg1"), headers_apart=False, has_times=False, chapters=False
    ),
)

# Read, and written as Matroska, which holds whatever they hold.
_READ_ONLY = (".wmv", ".asf", ".flv", ".ts", ".mts", ".m2ts", ".ogv", ".3gp", ".3g2", ".mxf", ".dv", ".m2v")

WRITTEN_SUFFIXES = frozenset(suffix for container in CONTAINERS for suffix in container.suffixes)
FILM_SUFFIXES = WRITTEN_SUFFIXES | frozenset(_READ_ONLY)

_SOUND_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ")
_PICTURE_BRANDS = (
    b"heic",
    b"heix",
    b"hevc",
    b"heim",
    b"heis",
    b"mif1",
    b"msf1",
    b"avif",
    b"avis",
    b"crx ",
    b"jp2 ",
    b"jpx ",
)
_STARTS = (b"\x1aE\xdf\xa3", b"\0\0\1\xba", b"\0\0\1\xb3", b"FLV\1", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11")
_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def sniff_film(head: bytes) -> bool:
    """Whether the first 64 bytes of a file are a film's; sound alone in a film's container cannot be told by them."""
    kind, brand = head[4:8], head[8:12]
    if kind == b"ftyp":
        return brand not in _SOUND_BRANDS and brand not in _PICTURE_BRANDS
    return head.startswith(_STARTS) or kind in _ATOMS or (head[:4] == b"RIFF" and brand == b"AVI ")


def written_as(suffix: str) -> Container:
    """The container that a film with this suffix is written into."""
    low = suffix.lower()
    return next((container for container in CONTAINERS if low in container.suffixes), MATROSKA)


def written_suffix(suffix: str) -> str:
    """The suffix of the result of a film with this one."""
    return suffix if suffix.lower() in WRITTEN_SUFFIXES else MATROSKA.suffixes[0]
