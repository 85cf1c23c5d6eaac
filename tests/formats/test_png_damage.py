"""PNG's checksums: those of the picture count, however it is read; a profile that lacks its own is a profile."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.color.icc import srgb_profile
from colorize_cli.errors import DecodeError
from colorize_cli.formats.blocks import open_in_strips
from colorize_cli.formats.decode import DecodeLimits, decode
from colorize_cli.formats.png import png_file
from colorize_cli.notes import Loss, losses

U8 = NDArray[np.uint8]


def png(grey: U8, *before: tuple[bytes, bytes], coded: Callable[[bytes], bytes] = bytes) -> bytes:
    noise = np.random.default_rng(0).normal(0, 6, (160, 224))
    large = np.clip(cv2.resize(grey, (224, 160)) + noise, 0, 255).astype(np.uint8)
    parsed = png_file.parse(bytes(imagecodecs.png_encode(large)))
    return png_file.assemble(parsed.header(), before, coded(parsed.coded), ())


def streamed(path: Path) -> U8:
    return np.concatenate([block.rows.pixels for block in open_in_strips(path, DecodeLimits()).blocks(0)])


def wrong_checksum(data: bytes, kind: bytes) -> bytes:
    at = data.index(kind)
    end = at + 4 + struct.unpack_from(">I", data, at - 4)[0]
    return data[:end] + bytes((data[end] ^ 0x55,)) + data[end + 1 :]


@pytest.mark.parametrize("end", ["whole", "none", "wrong"])
def test_a_profile_needs_no_checksum_of_its_own(tmp_path: Path, grey: U8, end: str) -> None:
    stream = zlib.compress(srgb_profile())
    stream = {"whole": stream, "none": stream[:-4], "wrong": stream[:-4] + b"abcd"}[end]
    path = tmp_path / "profile.png"
    path.write_bytes(png(grey, (b"iCCP", b"a name\0\0" + stream)))
    for photo in (decode(path), open_in_strips(path, DecodeLimits()).photo):
        assert photo.notes == ()
        assert photo.pages[0].icc == srgb_profile() or photo.pages[0].pixels.ndim == 2
    assert png_file.icc_of(png_file.parse(path.read_bytes()).chunks) == srgb_profile()


def test_a_profile_that_cannot_be_read_is_told(tmp_path: Path, grey: U8) -> None:
    stream = zlib.compress(srgb_profile())
    path = tmp_path / "profile.png"
    half = png(grey, (b"iCCP", b"a name\0\0" + stream[: len(stream) // 2]))
    for data in (half, wrong_checksum(png(grey, (b"iCCP", b"a name\0\0" + stream)), b"iCCP")):
        path.write_bytes(data)
        for photo in (decode(path), open_in_strips(path, DecodeLimits()).photo):
            assert losses(photo.notes) == (Loss.profile,)


def test_a_text_with_a_wrong_checksum_is_left_out_and_told(tmp_path: Path, grey: U8) -> None:
    path = tmp_path / "text.png"
    path.write_bytes(wrong_checksum(png(grey, (b"tEXt", b"Title\0A title")), b"tEXt"))
    photo = decode(path)
    assert losses(photo.notes) == (Loss.metadata,) and "tEXt" in photo.notes[0]


def flipped(coded: bytes) -> bytes:
    middle = len(coded) // 2
    return coded[:middle] + bytes((coded[middle] ^ 0x10,)) + coded[middle + 1 :]


def without_adler(coded: bytes) -> bytes:
    return coded[:-4] + bytes(4)


@pytest.mark.parametrize("damage", [flipped, without_adler, lambda coded: coded[: len(coded) // 2]])
def test_a_damaged_picture_is_refused_or_salvaged(tmp_path: Path, grey: U8, damage: Callable[[bytes], bytes]) -> None:
    """Chunks with right checksums, whose stream is damaged."""
    path = tmp_path / "rot.png"
    path.write_bytes(png(grey))
    whole = decode(path).pages[0].pixels
    path.write_bytes(png(grey, coded=damage))
    for read in (decode, streamed):
        with pytest.raises(DecodeError, match="damaged PNG") as caught:
            read(path)
        assert caught.value.hint is not None and "--salvage" in caught.value.hint
    photo = decode(path, salvage=True)
    np.testing.assert_array_equal(photo.pages[0].pixels[:60], whole[:60])
    assert Loss.salvage in losses(photo.notes)


@pytest.mark.parametrize("kind", [b"IDAT", b"tRNS"])
def test_wrong_checksums_of_what_is_seen_are_damage(tmp_path: Path, grey: U8, kind: bytes) -> None:
    path = tmp_path / "wrong.png"
    path.write_bytes(wrong_checksum(png(grey, *([(b"tRNS", b"\0\7")] if kind == b"tRNS" else [])), kind))
    for read in (decode, streamed):
        with pytest.raises(DecodeError, match="damaged PNG"):
            read(path)
    assert decode(path, salvage=True).pages[0].size == (224, 160)
