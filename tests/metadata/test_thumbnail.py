"""The thumbnail of a result shows the result: made anew where the old one stood, or dropped with a note."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.formats.compare_pages import compared
from colorize_cli.formats.decode import decode, turn
from colorize_cli.formats.encode import EncodeSettings, Provenance, suffix_for, write_photo
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.photo import LumaPlanes, PhotoFormat
from colorize_cli.metadata import exif
from colorize_cli.metadata.ifd import Ifd, Tag, read_header, read_ifd
from colorize_cli.metadata.ifd_write import exif_block
from colorize_cli.notes import Loss, Note

NOTE = Provenance("colorize-cli", "1", "mini", "0" * 64)
U8 = NDArray[np.uint8]


def picture(width: int = 320, height: int = 240) -> U8:
    y, x = np.mgrid[0:height, 0:width]
    return np.rint(120 + 60 * np.sin(x / 40) + 50 * np.cos(y / 60)).astype(np.uint8)


def colored(grey: U8) -> U8:
    """Reddish on the left, bluish on the right."""
    across = np.linspace(0, 1, grey.shape[1])[None, :] * np.ones_like(grey, np.float64)
    rgb = np.dstack((grey + 60 * (1 - across), grey, grey + 60 * across))
    return np.clip(rgb, 0, 255).astype(np.uint8)


def block_with(small: bytes, order: str, orientation: int, place: bool) -> bytes:
    """An EXIF block with a thumbnail behind all else, whose directory has an orientation of its own."""
    tags = [Tag(274, 3, 1, struct.pack(f"{order}H", orientation)), Tag(315, 2, 8, b"Agnes B\0")]
    if place:
        tags.append(Tag(34853, 4, 1, b"", child=Ifd(order, (Tag(1, 2, 2, b"N\0"),))))
    block = bytearray(exif_block(order, tags))
    ifd, at = read_ifd(bytes(block), read_header(bytes(block)), 8), len(block)
    struct.pack_into(f"{order}I", block, ifd.next_at, at)
    entries = ((259, 3, 6), (274, 3, orientation), (513, 4, at + 2 + 48 + 4), (514, 4, len(small)))
    block += struct.pack(f"{order}H", len(entries))
    for code, kind, value in entries:
        block += struct.pack(f"{order}HHI", code, kind, 1)
        block += struct.pack(f"{order}HH", value, 0) if kind == 3 else struct.pack(f"{order}I", value)
    return bytes(block) + bytes(4) + small


def shrunk(grey: U8) -> bytes:
    small = cv2.resize(grey, (160, 120), interpolation=cv2.INTER_AREA)
    return bytes(imagecodecs.jpeg8_encode(small, level=92))


def thumbnail_in(block: bytes) -> U8 | None:
    """The thumbnail that the second directory points to."""
    header = read_header(block)
    first = read_ifd(block, header, header.first)
    if not first.next:
        return None
    second = read_ifd(block, header, first.next)
    at, length = second.integer(513), second.integer(514)
    assert second.integer(274) == 1
    return np.asarray(Image.open(io.BytesIO(block[at : at + length])))


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("strip", ["none", "gps"])
def test_a_thumbnail_shows_the_result(tmp_path: Path, turned: int, order: str, strip: str) -> None:
    grey = picture()
    path = tmp_path / "a.jpg"
    block = block_with(shrunk(grey), order, turned, place=True)
    path.write_bytes(
        jpeg_file.assemble(bytes(imagecodecs.jpeg8_encode(grey, level=95)), [(0xE1, jpeg_file.EXIF + block)])
    )
    photo, settings = decode(path), EncodeSettings(strip=strip)  # type: ignore[arg-type]
    rgb = colored(turn(grey, turned))
    out = tmp_path / "out.jpg"
    written = write_photo(photo, [rgb], out, settings, NOTE)
    assert not [note for note in (*photo.notes, *written.notes) if isinstance(note, Note) and note.loss]
    after = jpeg_file.exif_blocks(jpeg_file.parse(out.read_bytes()))[0]
    small = thumbnail_in(after)
    assert small is not None
    assert small.shape[:2] == ((160, 120) if turned >= 5 else (120, 160))
    wanted = cv2.resize(rgb, small.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - wanted).mean() < 6
    assert len(after) == len(block) and (b"Agnes B" in after)
    assert exif.orientation(after) == 1
    assert not [fault for fault in compared(photo, decode(out), settings).faults if "EXIF" in fault]


@pytest.mark.parametrize("format", list(PhotoFormat))
def test_a_thumbnail_in_every_format(tmp_path: Path, format: PhotoFormat) -> None:
    grey = picture()
    path = tmp_path / "a.jpg"
    block = block_with(shrunk(grey), "<", 1, place=False)
    path.write_bytes(jpeg_file.assemble(bytes(imagecodecs.jpeg8_encode(grey)), [(0xE1, jpeg_file.EXIF + block)]))
    if format in (PhotoFormat.gif, PhotoFormat.heic, PhotoFormat.psd, PhotoFormat.raw):
        pytest.skip("not written, or by an extra")
    photo = decode(path)
    out = tmp_path / ("out" + suffix_for(path, format))
    written = write_photo(photo, [colored(grey)], out, EncodeSettings(format=format), NOTE)
    told = any(isinstance(note, Note) and note.loss is Loss.thumbnail for note in written.notes)
    keeps = format not in (PhotoFormat.tiff, PhotoFormat.bmp, PhotoFormat.ppm)
    assert told is not keeps
    small = bytes(shrunk(grey))
    assert small not in out.read_bytes()
    if keeps and shutil.which("exiftool"):
        done = subprocess.run(["exiftool", "-b", "-ThumbnailImage", str(out)], capture_output=True, check=True)
        found = np.asarray(Image.open(io.BytesIO(done.stdout)))
        assert found.shape == (120, 160, 3)
        assert found[:, :40, 0].mean() - found[:, :40, 2].mean() > 30


def test_luma_and_chroma_give_the_same_thumbnail(tmp_path: Path) -> None:
    grey = picture()
    path = tmp_path / "a.jpg"
    block = block_with(shrunk(grey), "<", 1, place=False)
    path.write_bytes(jpeg_file.assemble(bytes(imagecodecs.jpeg8_encode(grey)), [(0xE1, jpeg_file.EXIF + block)]))
    photo, rgb = decode(path), colored(grey)
    ycc = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)
    cr, cb = (cv2.resize(ycc[..., i], (160, 120), interpolation=cv2.INTER_AREA) for i in (1, 2))
    planes = LumaPlanes(np.ascontiguousarray(ycc[..., 0]), cb, cr, (320, 240))
    out = tmp_path / "out.jpg"
    write_photo(photo, [planes], out, EncodeSettings(), NOTE)
    small = thumbnail_in(jpeg_file.exif_blocks(jpeg_file.parse(out.read_bytes()))[0])
    assert small is not None
    wanted = cv2.resize(rgb, (160, 120), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - wanted).mean() < 6


def test_where_no_thumbnail_fits_it_is_said(tmp_path: Path) -> None:
    grey = picture()
    path = tmp_path / "a.jpg"
    block = block_with(b"\xff\xd8" + b"small" * 20 + b"\xff\xd9", "<", 1, place=False)
    path.write_bytes(jpeg_file.assemble(bytes(imagecodecs.jpeg8_encode(grey)), [(0xE1, jpeg_file.EXIF + block)]))
    photo = decode(path)
    out = tmp_path / "out.jpg"
    written = write_photo(photo, [colored(grey)], out, EncodeSettings(), NOTE)
    assert any(isinstance(note, Note) and note.loss is Loss.thumbnail for note in written.notes)
    assert b"smallsmall" not in out.read_bytes()
    assert not exif.has_thumbnail(jpeg_file.exif_blocks(jpeg_file.parse(out.read_bytes()))[0])
