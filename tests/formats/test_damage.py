"""Lies and damage: each one clear line with the reason; salvage takes what is there and says so."""

from __future__ import annotations

import io
import os
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.errors import DecodeError, PhotoError, TooLargeError
from colorize_cli.formats import decode as decoding
from colorize_cli.formats.decode import DecodeLimits, decode
from colorize_cli.formats.encode import read_provenance
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.photo import Photo, PhotoFormat
from colorize_cli.formats.png import png_file
from colorize_cli.formats.probe import probe

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


def bomb(suffix: str) -> bytes:
    side = 65_000
    if suffix == ".png":
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        return png_file.assemble(header, (), zlib.compress(bytes(1000)), ())
    if suffix == ".jpg":
        data = bytearray(encoded(np.zeros((8, 8), np.uint8), ".jpg"))
        at = data.index(b"\xff\xc0")
        struct.pack_into(">HH", data, at + 5, side, side)
        return bytes(data)
    if suffix == ".tif":
        out = io.BytesIO()
        tifffile.imwrite(out, np.zeros((8, 8), np.uint8), metadata=None)
        data = bytearray(out.getvalue())
        with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
            for code in (256, 257):
                tag = file.pages[0].tags[code]
                struct.pack_into("<HII", data, tag.offset + 2, 4, 1, side)
        return bytes(data)
    if suffix == ".bmp":
        data = bytearray(encoded(np.zeros((8, 8), np.uint8), ".bmp"))
        struct.pack_into("<ii", data, 18, side, side)
        return bytes(data)
    if suffix == ".gif":
        data = bytearray(encoded(np.zeros((8, 8), np.uint8), ".gif"))
        struct.pack_into("<HH", data, 6, side, side)
        return bytes(data)
    if suffix == ".jp2":
        data = bytearray(encoded(np.zeros((40, 40), np.uint8), ".jp2"))
        at = data.index(b"\xff\x4f\xff\x51")
        struct.pack_into(">II", data, at + 8, side, side)
        return bytes(data)
    return b"P6\n65000 65000\n255\n" + bytes(100)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".gif", ".jp2", ".ppm"])
def test_a_bomb_is_refused_before_memory_is_taken_and_names_the_option(tmp_path: Path, suffix: str) -> None:
    import resource

    path = tmp_path / f"bomb{suffix}"
    path.write_bytes(bomb(suffix))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TooLargeError, match="--max-pixels") as caught:
        decode(path)
    assert "65,000 x 65,000" in one_line(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


def test_limits_can_be_lowered_and_name_themselves(tmp_path: Path, grey: U8) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(grey).save(path)
    with pytest.raises(TooLargeError, match=r"more than --max-pixels 2\.[23]K allows"):
        decode(path, DecodeLimits(max_pixels=2239))
    with pytest.raises(TooLargeError, match="--max-memory"):
        decode(path, DecodeLimits(max_memory=1000))
    assert decode(path, DecodeLimits(max_pixels=2240)).pages[0].size == (56, 40)


def test_a_file_too_large_for_any_allowed_picture_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse.tif"
    with path.open("wb") as file:
        file.write(b"II*\0\x08\0\0\0")
        file.truncate(1 << 34)
    with pytest.raises(TooLargeError, match="--max-pixels"):
        decode(path)
    with pytest.raises(TooLargeError, match="--max-memory"):
        decode(path, DecodeLimits(max_memory=1 << 30))
    path = tmp_path / "sparse.jpg"
    with path.open("wb") as file:
        file.truncate(1 << 34)
    with pytest.raises(DecodeError, match="nothing but zeros"):
        decode(path)


def test_a_deflated_text_cannot_fill_the_memory(tmp_path: Path, grey: U8) -> None:
    plain = png_file.parse(encoded(grey, ".png"))
    text = (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(60_000_000), 1))
    path = tmp_path / "text.png"
    path.write_bytes(png_file.assemble(plain.header(), [text], plain.coded, ()))
    assert decode(path).pages[0].size == (56, 40)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (bytes(100), "nothing but zeros"),
        (b"hello\n", "it is text"),
        ("Grüße aus München".encode(), "it is text"),
        (b"%PDF-1.7\n", "PDF"),
        (b"PK\x03\x04abc", "ZIP"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\x9c\x81\x93\xf7\x00\xe0" * 9, "not a picture"),
        (b"\xff\xd8\xff", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"II*\0\x08\0\0\0\0\0\0\0\0\0", "TIFF"),
        (b"RIFF\0\0\0\0WEBP", "WEBP"),
        (b"GIF89a", "GIF"),
        (b"P6\n", "PPM"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    ],
)
def test_what_is_no_picture_says_what_it_is(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    for read in (decode, probe):
        with pytest.raises(DecodeError) as caught:
            read(path)
        assert reason.lower() in one_line(caught.value).lower() or read is probe
    assert read_provenance(path) is None


def test_a_wrong_extension_is_read_and_said(tmp_path: Path, grey: U8, rewrite: Rewrite) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(grey, ".jpg"))
    photo, after, out = rewrite(path)
    assert photo.format is PhotoFormat.jpeg and out.suffix == ".jpg" and after.format is PhotoFormat.jpeg
    assert "wrong extension: it is JPEG, not .png" in photo.notes


def test_a_folder_a_pipe_and_a_missing_file(tmp_path: Path) -> None:
    folder, pipe = tmp_path / "photo.jpg", tmp_path / "pipe.jpg"
    folder.mkdir()
    os.mkfifo(pipe)
    for path, word in ((folder, "folder"), (pipe, "pipe"), (tmp_path / "gone.jpg", "gone")):
        with pytest.raises(DecodeError, match=word) as caught:
            decode(path)
        one_line(caught.value)
        with pytest.raises(DecodeError):
            probe(path)
        assert read_provenance(path) is None
    with pytest.raises(DecodeError):
        decode(Path("a\0b.jpg"))


def test_a_pipe_that_takes_a_files_place_does_not_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, file = tmp_path / "pipe.jpg", tmp_path / "file.jpg"
    os.mkfifo(pipe)
    file.write_bytes(b"x")
    honest = os.stat
    monkeypatch.setattr(decoding.os, "stat", lambda path, **kw: honest(file if path == pipe else path, **kw))
    caught: list[BaseException] = []

    def run() -> None:
        try:
            decode(pipe)
        except DecodeError as error:
            caught.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive() and caught


def test_a_file_that_changes_while_it_is_read(tmp_path: Path, grey: U8, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(grey, ".jpg"))
    honest, calls = os.fstat, []

    def changing(number: int) -> os.stat_result:
        calls.append(number)
        if len(calls) == 2:
            os.utime(path, ns=(1, 1))
        return honest(number)

    monkeypatch.setattr(decoding.os, "fstat", changing)
    with pytest.raises(DecodeError, match="changed while it was read"):
        decode(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.jpg"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(DecodeError, match="cannot be read"):
        decode(path)


def test_native_libraries_do_not_chatter(tmp_path: Path, grey: U8, capfd: pytest.CaptureFixture[str]) -> None:
    """libjpeg, libpng, libtiff, OpenCV and Pillow warn of such files on their own."""
    data = bytearray(encoded(cv2.resize(grey, (224, 160)), ".jpg"))
    data[len(data) // 2 : len(data) // 2 + 40] = b"\xff\xd0" + b"\x12" * 38
    path = tmp_path / "torn.jpg"
    path.write_bytes(data)
    decode(path, salvage=True)
    for suffix in FORMATS:
        whole = encoded(grey, suffix)
        for start in range(0, len(whole), max(len(whole) // 12, 1)):
            broken = bytearray(whole)
            broken[start : start + 5] = b"\xff\x00\x7f\x80\x01"
            path = tmp_path / f"broken{suffix}"
            path.write_bytes(broken)
            for salvage in (False, True):
                try:
                    decode(path, salvage=salvage)
                except (DecodeError, TooLargeError) as error:
                    one_line(error)
    assert capfd.readouterr() == ("", "")


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
