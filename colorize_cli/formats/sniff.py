"""Tell a file's format from its first bytes, whatever its name says.

In:  the first 64 bytes
Out: a `PhotoFormat`, or why it is none
"""

from __future__ import annotations

from colorize_cli.formats.bmp.bmp_header import SIZES, starts_as_dib
from colorize_cli.formats.photo import PhotoFormat

SUFFIXES: dict[PhotoFormat, tuple[str, ...]] = {
    PhotoFormat.jpeg: (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    PhotoFormat.png: (".png", ".apng"),
    PhotoFormat.tiff: (".tif", ".tiff", ".btf"),
    PhotoFormat.webp: (".webp",),
    PhotoFormat.bmp: (".bmp", ".dib"),
    PhotoFormat.jp2: (".jp2", ".j2k", ".jpx", ".j2c"),
    PhotoFormat.avif: (".avif",),
    PhotoFormat.gif: (".gif",),
    PhotoFormat.ppm: (".ppm", ".pgm", ".pnm", ".pbm"),
    PhotoFormat.heic: (".heic", ".heif"),
    PhotoFormat.jxl: (".jxl",),
    PhotoFormat.psd: (".psd", ".psb"),
    PhotoFormat.raw: (
        *(".dng", ".nef", ".nrw", ".cr2", ".cr3", ".crw", ".arw", ".srf", ".sr2", ".raf", ".orf", ".rw2", ".rwl"),
        *(".pef", ".srw", ".3fr", ".fff", ".iiq", ".erf", ".kdc", ".dcr", ".mrw", ".mef", ".mos", ".x3f"),
    ),
}
# Starts that only cameras' raw files have: Olympus, Panasonic, Fujifilm, Canon, Minolta, Sigma. Others start as TIFF.
_RAW_STARTS = (b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"II\x1a\0\0\0HEAPCCDR", b"\0MRM", b"FOVb")
_STARTS = (
    (b"\xff\xd8\xff", PhotoFormat.jpeg),
    (b"\x89PNG\r\n\x1a\n", PhotoFormat.png),
    (b"II*\0", PhotoFormat.tiff),
    (b"MM\0*", PhotoFormat.tiff),
    (b"II+\0", PhotoFormat.tiff),
    (b"MM\0+", PhotoFormat.tiff),
    (b"GIF87a", PhotoFormat.gif),
    (b"GIF89a", PhotoFormat.gif),
    (b"\0\0\0\x0cjP  \r\n\x87\n", PhotoFormat.jp2),
    (b"\xff\x4f\xff\x51", PhotoFormat.jp2),
    (b"\0\0\0\x0cJXL \r\n\x87\n", PhotoFormat.jxl),
    (b"\xff\x0a", PhotoFormat.jxl),
    (b"8BPS\0\1", PhotoFormat.psd),
    (b"8BPS\0\2", PhotoFormat.psd),
)


def _is_jpeg_ls(head: bytes) -> bool:
    """JPEG-LS starts like JPEG; it has a frame of its own kind, at once or after a SPIFF header."""
    return head.startswith(b"\xff\xd8\xff\xf7") or head[6:11] == b"SPIFF" and b"\xff\xd8\xff\xf7" in head[12:]


def sniff(head: bytes) -> PhotoFormat | None:
    """The format that the first bytes belong to; None where they are no picture's."""
    if _is_jpeg_ls(head):
        return None
    if head.startswith(_RAW_STARTS) or head[4:12] == b"ftypcrx " or head[:4] == b"II*\0" and head[8:11] == b"CR\x02":
        return PhotoFormat.raw
    for start, format in _STARTS:
        if head.startswith(start):
            return format
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return PhotoFormat.webp
    if head[4:8] == b"ftyp":
        brands = head[8:64]
        if b"avif" in brands or b"avis" in brands:
            return PhotoFormat.avif
        if any(brand in brands for brand in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")):
            return PhotoFormat.heic
    bitmap = head[14:] if head[:2] == b"BA" else head
    if bitmap[:2] == b"BM" and bitmap[14:15] and bitmap[15:18] == b"\0\0\0" and bitmap[14] in SIZES:
        return PhotoFormat.bmp
    if starts_as_dib(head):
        return PhotoFormat.bmp
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in (b" ", b"\t", b"\n", b"\r", b"#"):
        return PhotoFormat.ppm
    return None


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
    if _is_jpeg_ls(head):
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
