"""Files of very many tiny parts: read in time that grows as they do, or refused for having more than any photo has."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from colorize_cli.errors import PhotoError
from colorize_cli.formats.decode import decode
from colorize_cli.notes import Loss, losses
from tests.metadata import blocks as b

GREY = b.picture((48, 48))
JPEG, PNG, GIF = b.jpeg(GREY), b.png(GREY), b.saved(GREY, "GIF")
WEBP = b.saved(np.dstack([GREY] * 3), "WEBP")
TABLE = 13 + 3 * 2 ** ((GIF[10] & 7) + 1)


def segments(marker: int, payload: bytes = b"") -> Callable[[int], bytes]:
    one = struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload
    return lambda n: JPEG[:2] + one * n + JPEG[2:]


def chunks(kind: bytes, payload: bytes) -> Callable[[int], bytes]:
    one = struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))
    return lambda n: PNG[:33] + one * n + PNG[33:]


def extensions(one: bytes) -> Callable[[int], bytes]:
    return lambda n: GIF[:TABLE] + one * n + GIF[TABLE:]


def riff(one: bytes) -> Callable[[int], bytes]:
    def make(n: int) -> bytes:
        body = b"WEBP" + WEBP[12:] + one * n
        return b"RIFF" + struct.pack("<I", len(body)) + body

    return make


def psd(n: int) -> bytes:
    resources = b"8BIM\x03\xf0\0\0\0\0\0\0" * n
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 1, 48, 48, 8, 1) + bytes(4)
    return head + struct.pack(">I", len(resources)) + resources + bytes(6) + GREY.tobytes()


def frames(n: int) -> bytes:
    one = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0"
    return GIF[:-1] + one * n + b";"


REFUSED = {
    "JPEG: empty APP13": segments(0xED),
    "JPEG: Photoshop": segments(0xED, b"Photoshop 3.0\0"),
    "JPEG: comments": segments(0xFE, b"a"),
    "JPEG: tables": segments(0xDB, b"\0" + bytes(range(1, 65))),
    "JPEG: empty tables": segments(0xDB),
    "JPEG: EXIF": segments(0xE1, b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"),
    "JPEG: extended XMP": segments(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + bytes(8)),
    "PNG: texts": chunks(b"tEXt", b"a\0b"),
    "PNG: packed texts": chunks(b"zTXt", b"a\0\0" + zlib.compress(b"b")),
    "PNG: unknown": chunks(b"abCd", b""),
    "GIF: comments": extensions(b"\x21\xfe\1a\0"),
    "GIF: empty comments": extensions(b"\x21\xfe\0"),
    "GIF: applications": extensions(b"\x21\xff\x0bXMP DataXMP\0"),
    "WebP: unknown": riff(b"abcd\0\0\0\0"),
    "WebP: XMP": riff(b"XMP \0\0\0\0"),
    "PPM: comments": lambda n: b"P5\n" + b"#a\n" * n + b"48 48\n255\n" + GREY.tobytes(),
}
READ: dict[str, Callable[[int], bytes]] = {
    "JPEG: fill bytes": lambda n: JPEG[:2] + b"\xff" * (20 * n) + JPEG[2:],
    "PNG: empty pixels": chunks(b"IDAT", b""),
    "GIF: frames": frames,
    "GIF: stray bytes": extensions(bytes(10)),
    "PGM: plain": lambda n: b"P2\n48 %d\n255\n" % (n // 12) + b"7 " * (48 * (n // 12)),
    "PGM: blanks": lambda n: b"P5\n" + b" " * (20 * n) + b"48 48\n255\n" + GREY.tobytes(),
    "PSD: resources": psd,
}


@pytest.mark.parametrize("case", REFUSED)
def test_more_parts_than_any_photo_has_are_refused_and_named(tmp_path: Path, case: str):
    (path := tmp_path / "few").write_bytes(REFUSED[case](20))
    decode(path)
    (path := tmp_path / "many").write_bytes(REFUSED[case](20_001))
    with pytest.raises(PhotoError, match=r"more than 20,000 .*, more than any p\w+ has"):
        decode(path)


@pytest.mark.parametrize("case", {**REFUSED, **READ})
def test_twice_as_many_parts_take_at_most_three_times_as_long(tmp_path: Path, case: str):
    def seconds(count: int) -> float:
        (path := tmp_path / "a").write_bytes((REFUSED | READ)[case](count))
        best = 60.0
        for _ in range(2):
            start = time.process_time()
            try:
                decode(path)
            except PhotoError:
                assert case in REFUSED
            best = min(best, time.process_time() - start)
        return best

    small, large = seconds(30_000), seconds(60_000)
    assert large <= max(3 * small, 0.3), (small, large)


def test_image_resources_that_cannot_be_followed_are_told(tmp_path: Path):
    (path := tmp_path / "a.psd").write_bytes(psd(20_001))
    photo = decode(path)
    assert Loss.metadata in losses(photo.notes)
    np.testing.assert_array_equal(photo.pages[0].pixels, GREY)
