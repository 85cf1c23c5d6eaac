"""What is no photo, too large or changing is refused with its reason."""

from __future__ import annotations

import io
import os
import struct
import threading
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from colorize_cli.errors import DecodeError, TooLargeError
from colorize_cli.formats import decode as decoding
from colorize_cli.formats.decode import DecodeLimits, decode
from colorize_cli.formats.encode import read_provenance
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.formats.png import png_file
from colorize_cli.formats.probe import probe
from tests.formats.test_damage import FORMATS, U8, Rewrite, encoded, one_line


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
        if len(calls) == 3:  # after the one that opened it, and the one before it was read
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
