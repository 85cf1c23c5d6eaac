"""Damage inside the coded picture of a JPEG is seen, however it is read; what only looks like it passes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.errors import DecodeError
from colorize_cli.formats.blocks import open_in_strips
from colorize_cli.formats.decode import DecodeLimits, decode
from colorize_cli.formats.row_cache import RowCache

U8 = NDArray[np.uint8]
KINDS = ("grey", "color", "progressive", "restarts", "cmyk")


def coded(grey: U8, kind: str, quality: int = 85) -> bytes:
    noise = np.random.default_rng(0).normal(0, 6, (160, 224))
    picture = Image.fromarray(np.clip(cv2.resize(grey, (224, 160)) + noise, 0, 255).astype(np.uint8))
    options = {"progressive": {"progressive": True}, "restarts": {"restart_marker_rows": 1}}.get(kind, {})
    mode = {"color": "RGB", "cmyk": "CMYK"}.get(kind, "L")
    out = io.BytesIO()
    picture.convert(mode).save(out, "JPEG", quality=quality, **options)
    return out.getvalue()


def lost_bytes(data: bytes) -> bytes:
    middle = len(data) * 2 // 3
    while 0xFF in (data[middle - 1], data[middle], data[middle + 199], data[middle + 200]):
        middle += 1
    return data[:middle] + data[middle + 200 :]


def added_bytes(data: bytes) -> bytes:
    middle = len(data) * 2 // 3
    while b"\xff" in data[middle - 1 : middle + 2]:
        middle += 1
    return data[:middle] + bytes(range(0x21, 0x51)) + data[middle:]


def added_at_the_end(data: bytes) -> bytes:
    """Bits that were lost further up let the last rows end too early: bytes are left over before the end."""
    return data[:-2] + bytes(range(0x31, 0x39)) + data[-2:]


def lost_at_the_end(data: bytes) -> bytes:
    at = len(data) - 2
    return data[: at - 12].rstrip(b"\xff") + data[at:]


def wrong_marker(data: bytes) -> bytes:
    at = len(data) // 2
    while b"\xff" in data[at - 1 : at + 2]:
        at += 1
    return data[:at] + b"\xff\x2b" + data[at + 2 :]


DAMAGE = (lost_bytes, added_bytes, added_at_the_end, lost_at_the_end, wrong_marker)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_scans_are_refused_and_salvaged(
    tmp_path: Path, grey: U8, kind: str, damage: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "rot.jpg"
    path.write_bytes(damage(coded(grey, kind)))
    with pytest.raises(DecodeError, match="damaged JPEG: ") as caught:
        decode(path)
    assert caught.value.hint is not None and "--salvage" in caught.value.hint
    assert "Corrupt" not in caught.value.message and "Vips" not in caught.value.message
    photo = decode(path, salvage=True)
    assert photo.pages[0].size == (224, 160)
    assert any(text.startswith("salvaged: part of the picture is damaged (") for text in photo.notes)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("kind", ["grey", "color", "restarts"])
@pytest.mark.parametrize("factor", [1, 2, 8])
def test_damaged_scans_are_refused_when_they_are_read_in_strips(
    tmp_path: Path, grey: U8, kind: str, damage: Callable[[bytes], bytes], factor: int
) -> None:
    path = tmp_path / "rot.jpg"
    path.write_bytes(damage(coded(grey, kind)))
    scan = open_in_strips(path, DecodeLimits())
    with pytest.raises(DecodeError, match="damaged JPEG: "):
        list(scan.blocks(0, factor))
    kept = RowCache().caching(open_in_strips(path, DecodeLimits()))
    with pytest.raises(DecodeError, match="damaged JPEG: "):
        list(kept.blocks(0))


def test_rows_that_are_kept_are_those_that_are_streamed(tmp_path: Path, grey: U8) -> None:
    for kind in ("grey", "color"):
        path = tmp_path / f"{kind}.jpg"
        path.write_bytes(coded(grey, kind))
        streamed, kept = open_in_strips(path, DecodeLimits()), RowCache().caching(open_in_strips(path, DecodeLimits()))
        expected = decode(path).pages[0].pixels
        for scan in (streamed, kept, kept):
            rows = np.concatenate([block.rows.pixels for block in scan.blocks(0)])
            np.testing.assert_array_equal(rows, expected)


def zeros_before_the_end(data: bytes) -> bytes:
    return data[:-2] + bytes(37) + data[-2:]


def unknown_jfif(data: bytes) -> bytes:
    at = data.index(b"JFIF\0") + 5
    return data[:at] + b"\x09\x09" + data[at + 2 :]


def zeros_between_segments(data: bytes) -> bytes:
    at = data.index(b"\xff\xdb")
    return data[:at] + bytes(9) + data[at:]


def unknown_adobe(data: bytes) -> bytes:
    return data[:2] + b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x07" + data[2:]


@pytest.mark.parametrize(
    "oddity", [zeros_before_the_end, unknown_jfif, zeros_between_segments, unknown_adobe], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("kind", ["grey", "color", "progressive", "restarts"])
def test_whole_files_that_libjpeg_warns_of_are_read(
    tmp_path: Path, grey: U8, kind: str, oddity: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "odd.jpg"
    for quality in (30, 85, 99):
        path.write_bytes(coded(grey, kind, quality))
        expected = decode(path).pages[0].pixels
        path.write_bytes(oddity(coded(grey, kind, quality)))
        photo = decode(path)
        np.testing.assert_array_equal(photo.pages[0].pixels, expected)
        assert photo.notes == ()
        if kind != "progressive":
            rows = np.concatenate([block.rows.pixels for block in open_in_strips(path, DecodeLimits()).blocks(0)])
            np.testing.assert_array_equal(rows, expected)


def test_zeros_after_a_stuffed_byte(tmp_path: Path) -> None:
    """A scan that ends in FF 00 and is filled up with zeros: the first zero belongs to the scan."""
    from colorize_cli.formats.jpeg.jpeg_pixels import without_harmless

    start = b"\xff\xd8\xff\xda\x00\x02"
    assert without_harmless(start + b"\x12\xff\x00\x00\x00\xff\xd9", 1) == start + b"\x12\xff\x00\xff\xd9"
    assert without_harmless(start + b"\x12\x00\x00\xff\xd9", 1) == start + b"\x12\xff\xd9"
    assert without_harmless(start + b"\x12\xff\x00\xff\xd9", 1) == start + b"\x12\xff\x00\xff\xd9"


@pytest.mark.slow
def test_valid_jpegs_of_the_collection_pass(shared: Path) -> None:
    """Real files, of many cameras and encoders; these three alone are known to be damaged."""
    damaged = {"bit-rot.jpg", "truncated.jpg", "found_5482a54657765056f1a94116a8dbffe7.jpg"}
    files = [file for file in sorted(shared.rglob("*.jpg")) if file.read_bytes()[:3] == b"\xff\xd8\xff"]
    if not files:
        pytest.skip("no collection")
    refused = set()
    for file in files:
        try:
            decode(file)
        except DecodeError:
            refused.add(file.name)
    assert refused <= damaged


def test_libvips_is_quoted_by_what_it_says(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (32, 48)).astype(np.uint8)
    data = bytearray(imagecodecs.jpeg8_encode(np.stack([grey] * 3, -1)))
    frame = data.index(b"\xff\xc0")
    data[frame + 11] = 0x31  # a sampling without a name, which libvips alone reads; and wrong bits
    scan = data.index(b"\xff\xda") + 30
    data[scan : scan + 40] = b"\xff\0" * 20
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(DecodeError, match="^damaged JPEG: ") as caught:
        decode(path)
    assert "load error" not in str(caught.value) and "buffer" not in str(caught.value)
