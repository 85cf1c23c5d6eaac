"""Patterns over the bytes of files take time in proportion to them, whatever the bytes are."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

import pytest

from colorize_cli.formats.gif import gif_blocks, gif_lzw
from colorize_cli.formats.heif import heif_boxes
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.photo import PageMetadata
from colorize_cli.formats.png import png_text
from colorize_cli.formats.ppm import decode_ppm
from colorize_cli.formats.tiff import tiff_tags
from colorize_cli.metadata.ifd import Ifd, Tag

ONE_SAMPLE = PageMetadata(tags=Ifd("<", (Tag(277, 3, 1, b"\1\0"),)))


def quiet(call: Callable[[bytes], object]) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        try:
            call(data)
        except Exception as error:  # damaged: here it matters only how long that takes to see
            assert "Memory" not in type(error).__name__

    return run


def description(data: bytes) -> None:
    tiff_tags.told_anew(Tag(270, 2, len(data), data), ONE_SAMPLE)


def coded_gif(code: bytes) -> bytes:
    blocks = b"".join(bytes((len(code[i : i + 255]),)) + code[i : i + 255] for i in range(0, len(code), 255))
    return b"GIF89a" + bytes(7) + struct.pack("<cHHHHB", b",", 0, 0, 1000, 1000, 0) + b"\2" + blocks + b"\0;"


CASES: dict[str, tuple[Callable[[bytes], object], Callable[[int], bytes]]] = {
    "JPEG: fill bytes": (jpeg_file.parse, lambda n: b"\xff\xd8" + b"\xff" * n + b"\0"),
    "JPEG: fill bytes, bare": (jpeg_file.bare, lambda n: b"\xff\xd8" + b"\xff" * n + b"\0"),
    "JPEG: empty segments": (jpeg_file.parse, lambda n: b"\xff\xd8" + b"\xff\xe0\0\2" * (n // 4)),
    "JPEG: EXIF in pieces": (
        lambda data: jpeg_file.exif_blocks(jpeg_file.parse(data)),
        lambda n: b"\xff\xd8" + b"\xff\xe1\0\x0aExif\0\0ab" * (n // 12) + FRAME,
    ),
    "OME-XML: open channels": (description, lambda n: b"<?xml <OME" + b"<Channel " * (n // 9)),
    "OME-XML: channels": (description, lambda n: b"<?xml <OME" + b"<Channel/>" * (n // 10)),
    "OME-XML: digits": (description, lambda n: b'<?xml <OME<Pixels SizeC="' + b"1" * n + b">"),
    "OME-XML: blanks": (description, lambda n: b"<?xml <OME<Channel" + b" " * n + b"/>"),
    "tifffile's JSON": (description, lambda n: b'{"shape": [' + b"1, " * (n // 3)),
    "PPM: blanks": (decode_ppm.header, lambda n: b"P2\n" + b" " * n),
    "PPM: comments": (decode_ppm.header, lambda n: b"P2\n" + b"# \r" * (n // 3)),
    "PPM: an endless comment": (decode_ppm.header, lambda n: b"P2\n" + b"#" * n),
    "PNG: raw profiles": (
        lambda data: png_text.around([(b"tEXt", data)] * 8),
        lambda n: b"Raw profile type iptc\0\n8BIM\n" + b" " * n,
    ),
    "GIF: comments": (gif_blocks.around, lambda n: b"GIF89a" + bytes(7) + b"\x21\xfe\1a\0" * (n // 5)),
    "GIF: a table cleared at each word": (gif_lzw.fault, lambda n: coded_gif(b"\x24\x49\x92" * (n // 3))),
    "GIF: a table cleared after two pixels": (gif_lzw.fault, lambda n: coded_gif(gif_lzw._plain_code(bytes(n), 2))),
    "HEIF: items": (
        heif_boxes.around,
        lambda n: struct.pack(">I4sI", n // 8 * 8 + 12, b"meta", 0) + b"\0\0\0\x08infe" * (n // 8),
    ),
}  # fmt: skip
FRAME = b"\xff\xc0\0\x0b\x08\0\1\0\1\1\1\x11\0\xff\xda\0\x08\1\1\0\0\x3f\0\xff\xd9"


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_twice_the_bytes_take_at_most_three_times_as_long(case: str) -> None:
    call, make = CASES[case]

    def seconds(size: int) -> float:
        data, best = make(size), 60.0
        for _ in range(2):
            start = time.process_time()
            quiet(call)(data)
            best = min(best, time.process_time() - start)
        return best

    times = [seconds(size) for size in (125_000, 250_000, 500_000, 1_000_000)]
    assert times[3] < 2.0, times
    assert times[3] <= max(27 * times[0], 0.05), times
