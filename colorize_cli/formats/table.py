"""All formats, in the order in which the first bytes of a file are held against them.

In:  a file's first bytes, a format's name, or a suffix
Out: the `Format`
"""

from __future__ import annotations

from colorize_cli.files.passed_over import PhotoNames
from colorize_cli.formats.base import Format
from colorize_cli.formats.bmp.bmp_format import Bmp
from colorize_cli.formats.camera.raw_format import Raw
from colorize_cli.formats.gif.gif_format import Gif
from colorize_cli.formats.heif.avif_format import Avif
from colorize_cli.formats.heif.heic_format import Heic
from colorize_cli.formats.jp2.jp2_format import Jp2
from colorize_cli.formats.jpeg.jpeg_format import Jpeg, is_jpeg_ls
from colorize_cli.formats.jxl.jxl_format import Jxl
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.formats.png.png_format import Png
from colorize_cli.formats.ppm.ppm_format import Ppm
from colorize_cli.formats.psd.psd_format import Psd
from colorize_cli.formats.tiff.tiff_format import Tiff
from colorize_cli.formats.webp.webp_format import Webp

_ALL = (Raw, Jpeg, Png, Tiff, Gif, Jp2, Jxl, Psd, Webp, Avif, Heic, Bmp, Ppm)
FORMATS: dict[PhotoFormat, Format] = {format.name: format() for format in _ALL}


def sniff(head: bytes) -> Format | None:
    """The format that the first 64 bytes of a file belong to, whatever its name says; None where it is no picture."""
    return next((format for format in FORMATS.values() if format.sniff(head)), None)


# Cameras' raw files are told by their first bytes alone: side-cars and previews beside them have their names.
PHOTO_NAMES = PhotoNames(
    frozenset(suffix for name, format in FORMATS.items() if name is not PhotoFormat.raw for suffix in format.suffixes),
    sniff,
)


def by_suffix(suffix: str) -> Format | None:
    """The format that a suffix, in any case, names."""
    return next((format for format in FORMATS.values() if suffix.lower() in format.suffixes), None)


# Formats of pictures and films that are not read: they are not damaged.
_NOT_READ = (
    (b"II\xbc\1", "JPEG XR"),
    (b"v/1\1", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"#?RGBE", "Radiance HDR"),
    (b"P7\n", "PAM"),
    (b"PF\n", "PFM"),
    (b"Pf\n", "PFM"),
    (b"\0\0\1\0", "ICO (an icon)"),
    (b"gimp xcf", "XCF (GIMP)"),
    (b"DDS ", "DDS"),
    (b"qoif", "QOI"),
    (b"FLIF", "FLIF"),
    (b"BPG\xfb", "BPG"),
    (b"SIMPLE  =", "FITS"),
    (b"AT&TFORM", "DjVu"),
    (b"\x8aMNG\r\n", "MNG"),
    (b"\x8bJNG\r\n", "JNG"),
    (b"\xd7\xcd\xc6\x9a", "WMF"),
    (b"\1\xda\0\1", "SGI"),
    (b"\1\xda\1\1", "SGI"),
    (b"\x59\xa6\x6a\x95", "Sun raster"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM film"),
)


def why_none(head: bytes) -> str:
    """What a file that is no picture is instead."""
    if not head:
        return "the file is empty"
    if not head.strip(b"\0"):
        return "it starts with nothing but zeros, as no picture does"
    name = next((name for start, name in _NOT_READ if head.startswith(start)), None)
    if is_jpeg_ls(head):
        name = "JPEG-LS"
    elif head[4:8] == b"ftyp":
        name = "a film, or a kind of HEIF"
    elif head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        name = "an AVI film"
    if name is not None:
        return f"unsupported: it is {name}, which is not read; convert it to TIFF or PNG first"
    if head.startswith((b"%PDF", b"%!PS")):
        return "it is a PDF or PostScript document, not a picture; export its pages as TIFF first"
    if head.startswith(b"PK\x03\x04"):
        return "it is a ZIP archive, not a picture; unpack it first"
    if head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<svg")):
        return "it is a web page or a drawing in XML, not a picture"
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        text = head[: error.start].decode() if error.start >= len(head) - 3 else "\0"
    if text.isprintable() or all(c.isprintable() or c in "\r\n\t\f" for c in text):
        return "it is text, not a picture"
    return "it is not a picture of a known format"
