"""Lies and damage: each one clear line with the reason; salvage takes what is there and says so."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.errors import DecodeError, PhotoError
from colorize_cli.formats import decode as decoding
from colorize_cli.formats.decode import decode
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.photo import Photo

Rewrite = Callable[..., tuple[Photo, Photo, Path]]
U8 = NDArray[np.uint8]
FORMATS = [".jpg", ".png", ".tif", ".webp", ".jp2", ".ppm", ".avif", ".gif", ".bmp"]


def encoded(grey: U8, suffix: str) -> bytes:
    if suffix == ".jp2":
        return bytes(imagecodecs.jpeg2k_encode(grey, reversible=True, codecformat="jp2"))
    out = io.BytesIO()
    noisy = np.clip(grey + np.random.default_rng(0).integers(-30, 30, grey.shape), 0, 255).astype(np.uint8)
    name = {".jpg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:])
    Image.fromarray(noisy).save(out, name, **({"compression": "tiff_lzw"} if suffix == ".tif" else {}))
    return out.getvalue()


def one_line(error: PhotoError) -> str:
    assert "\n" not in error.message and 5 < len(error.message) < 200 and error.path is not None
    return error.message


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_cut_file_fails_without_salvage(tmp_path: Path, grey: U8, suffix: str, share: float) -> None:
    data = encoded(grey, suffix)
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(DecodeError) as caught:
        decode(path)
    one_line(caught.value)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".ppm"])
def test_salvage_takes_the_upper_part_and_says_so(tmp_path: Path, grey: U8, suffix: str, rewrite: Rewrite) -> None:
    big = cv2.resize(grey, (224, 160))
    data = encoded(big, suffix)
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(data)
    whole = decode(path).pages[0].pixels
    path.write_bytes(data[: int(len(data) * 0.6)])
    with pytest.raises(DecodeError) as caught:
        decode(path)
    assert caught.value.hint is not None and "--salvage" in caught.value.hint
    photo, after, _ = rewrite(path, salvage=True)
    assert any("salvaged" in text for text in photo.notes)
    np.testing.assert_array_equal(photo.pages[0].pixels[:50], whole[:50])
    assert after.pages[0].size == (224, 160)


def test_salvage_of_a_tiff_takes_its_whole_strips(tmp_path: Path, grey: U8) -> None:
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, grey, rowsperstrip=4, compression="zlib", metadata=None)
    with tifffile.TiffFile(path) as file:
        offset = file.pages[0].dataoffsets[5]
    data = bytearray(path.read_bytes())
    data[offset : offset + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    with pytest.raises(DecodeError):
        decode(path)
    photo = decode(path, salvage=True)
    expected = grey.copy()
    expected[20:24] = 0
    np.testing.assert_array_equal(photo.pages[0].pixels, expected)
    assert any("1 of 10 strips" in text for text in photo.notes)


def test_a_damaged_page_is_left_out_only_with_salvage(tmp_path: Path, grey: U8) -> None:
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as writer:
        for _ in range(3):
            writer.write(grey, compression="zlib", metadata=None)
    with tifffile.TiffFile(path) as file:
        offset, size = file.pages[1].dataoffsets[0], file.pages[1].databytecounts[0]
    data = bytearray(path.read_bytes())
    data[offset : offset + size] = bytes(size)
    path.write_bytes(data)
    with pytest.raises(DecodeError, match="page 2"):
        decode(path)
    photo = decode(path, salvage=True)
    assert len(photo.pages) == 2 and any("page 2 was left out" in text for text in photo.notes)


def test_a_wrong_checksum_fails_and_salvages(tmp_path: Path, grey: U8) -> None:
    data = bytearray(encoded(grey, ".png"))
    at = data.index(b"IDAT")
    length = struct.unpack_from(">I", data, at - 4)[0]
    data[at + 4 + length] ^= 0xFF
    path = tmp_path / "bad.png"
    path.write_bytes(data)
    with pytest.raises(DecodeError, match="checksum"):
        decode(path)
    assert decode(path, salvage=True).pages[0].size == (56, 40)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_junk_after_the_picture_is_said_and_left_out(tmp_path: Path, grey: U8, rewrite: Rewrite, suffix: str) -> None:
    path = tmp_path / f"junk{suffix}"
    path.write_bytes(encoded(grey, suffix) + b"junk" * 500)
    photo, _, out = rewrite(path)
    assert any("2,000 bytes after the picture" in text for text in photo.notes)
    assert b"junkjunk" not in out.read_bytes()


def test_a_torn_scan_is_said(tmp_path: Path, grey: U8) -> None:
    data = bytearray(encoded(cv2.resize(grey, (224, 160)), ".jpg"))
    data[len(data) // 2 : len(data) // 2 + 2] = b"\xff\x2b"
    path = tmp_path / "torn.jpg"
    path.write_bytes(data)
    try:
        notes = decode(path).notes
    except DecodeError as error:  # so do some releases of libjpeg
        assert error.hint is not None and "--salvage" in error.hint
        notes = decode(path, salvage=True).notes
    assert any("damaged" in text for text in notes)


def test_a_missing_end_marker_alone_is_salvageable(tmp_path: Path, grey: U8) -> None:
    data = encoded(grey, ".jpg")
    path = tmp_path / "cut.jpg"
    path.write_bytes(data)
    whole = decode(path).pages[0].pixels
    path.write_bytes(data[:-2])
    np.testing.assert_array_equal(decode(path, salvage=True).pages[0].pixels[:32], whole[:32])


def test_a_file_that_gives_less_than_its_size_says_is_refused(
    tmp_path: Path, grey: U8, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(encoded(grey, ".png") + bytes(1000))

    class Short(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            return data[:-1000] if size == -1 else data

    monkeypatch.setattr(decoding, "open", lambda number, mode: Short(number, mode), raising=False)
    with pytest.raises(DecodeError, match="changed while it was read"):
        decode(tmp_path / "a.png")


def test_every_file_of_the_collection_is_read_or_says_why(shared: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = shared / "data" / "formats"
    if not folder.is_dir():
        pytest.skip("no collection of formats")
    failed = set()
    for path in sorted(folder.iterdir()):
        try:
            assert decode(path).pages
        except DecodeError as error:
            one_line(error)
            failed.add(path.name)
    garbled = "found_5482a54657765056f1a94116a8dbffe7.jpg"  # codes without a meaning: nobody can see a picture in it
    assert failed == {"Thumbs.db", "empty.jpg", "not_a_picture.jpg", "truncated.jpg", garbled}
    assert decode(folder / "truncated.jpg", salvage=True).pages
    assert capfd.readouterr().err == ""


def test_segments_of_a_jpeg_survive_assembling() -> None:
    coded = encoded(np.zeros((8, 8), np.uint8), ".jpg")
    parsed = jpeg_file.parse(jpeg_file.assemble(coded, [(0xE7, b"seven"), (0xFE, b"")]))
    assert parsed.segments == ((0xE7, b"seven"), (0xFE, b"")) and parsed.complete
