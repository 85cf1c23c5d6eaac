"""Cameras' raw files: named as such whatever they are called, or read at full size where rawpy is there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from colorize_cli.errors import DecodeError
from colorize_cli.files.discover import discover
from colorize_cli.formats.decode import decode, probe
from colorize_cli.formats.encode import EncodeSettings, target_format
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.formats.table import PHOTO_NAMES

HEIGHT, WIDTH = 180, 240
STARTS = {
    "olympus": b"IIRO\x08\0\0\0",
    "panasonic": b"IIU\0\x18\0\0\0",
    "fuji": b"FUJIFILMCCD-RAW 0201FF",
    "canon cr2": b"II*\0\x10\0\0\0CR\x02\0",
    "canon cr3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "canon crw": b"II\x1a\0\0\0HEAPCCDR",
    "minolta": b"\0MRM\0\0\0\0",
    "sigma": b"FOVb\0\0\2\0",
}


@pytest.fixture
def without_rawpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)


def scene() -> NDArray[np.float64]:
    x, y = np.meshgrid(np.linspace(0.1, 0.9, WIDTH), np.linspace(0.1, 0.9, HEIGHT))
    return np.stack((x, y, np.full_like(x, 0.4)), -1)


def mosaic() -> NDArray[np.uint16]:
    rgb, out = scene(), np.empty((HEIGHT, WIDTH))
    for (row, column), channel in {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 2}.items():
        out[row::2, column::2] = rgb[row::2, column::2, channel]
    return (out * 65535).astype(np.uint16)


SENSOR = [(33421, 3, 2, (2, 2), True), (33422, 1, 4, b"\0\1\1\2", True)]
DNG = [
    (50706, 1, 4, b"\1\4\0\0", True),
    (50708, 2, 0, "Test Camera", True),
    (271, 2, 0, "Test", True),
    (272, 2, 0, "Test Camera", True),
    (50721, 10, 9, (31, 10, -15, 10, -5, 10, -10, 10, 19, 10, 0, 10, 1, 10, -2, 10, 11, 10), True),
    (50728, 5, 3, (1, 1, 1, 1, 1, 1), True),
    (50778, 3, 1, 21, True),
    (50717, 4, 1, 65535, True),
]


def dng(path: Path, orientation: int = 1) -> Path:
    tags = [*DNG, *SENSOR, (274, 3, 1, orientation, True)]
    tifffile.imwrite(path, mosaic(), photometric=32803, extratags=tags, metadata=None)
    return path


def nef(path: Path) -> Path:
    """A small picture first, and what the sensor saw in a directory below it, as Nikon and Sony write them."""
    thumbnail = np.zeros((60, 80, 3), np.uint8)
    with tifffile.TiffWriter(path) as file:
        make = [(271, 2, 0, "NIKON CORPORATION", True), (272, 2, 0, "NIKON D70", True)]
        file.write(thumbnail, photometric="rgb", subifds=1, subfiletype=1, extratags=make, metadata=None)
        file.write(mosaic(), photometric=32803, extratags=SENSOR, metadata=None)
    return path


@pytest.mark.parametrize("suffix", [".nef", ".dng", ".tif", ".jpg", ""])
@pytest.mark.parametrize("make", [nef, dng])
def test_raw_files_are_named_and_never_their_thumbnails_alone(
    tmp_path: Path, without_rawpy: None, make: Any, suffix: str
) -> None:
    path = make(tmp_path / f"photo{suffix}")
    for read in (decode, probe):
        with pytest.raises(DecodeError) as caught:
            read(path)
        assert caught.value.message == "camera raw: convert it first"
        assert caught.value.hint is not None and "pip install rawpy" in caught.value.hint
    with pytest.raises(DecodeError, match="camera raw"):
        decode(path, salvage=True)


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())
def test_makers_own_kinds_are_found_and_named(tmp_path: Path, without_rawpy: None, start: bytes) -> None:
    path = tmp_path / "photo.unknown"
    path.write_bytes(start.ljust(4000, b"\0"))
    assert [source.path for source in discover([tmp_path], photos=PHOTO_NAMES).sources] == [path]
    for read in (decode, probe):
        with pytest.raises(DecodeError, match="^camera raw: convert it first"):
            read(path)


def test_what_rawpy_cannot_read_is_no_damage(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    path = tmp_path / "photo.raf"
    path.write_bytes(STARTS["fuji"].ljust(4000, b"\0"))
    for read in (decode, probe):
        with pytest.raises(DecodeError, match="^camera raw: rawpy cannot read it .*; convert it first$"):
            read(path)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_raw_files_are_read_at_full_size_with_rawpy(tmp_path: Path, orientation: int) -> None:
    pytest.importorskip("rawpy")
    path = dng(tmp_path / "photo.dng", orientation)
    photo, found = decode(path), probe(path)
    assert photo.format is found.format is PhotoFormat.raw
    pixels = photo.pages[0].pixels
    assert pixels.dtype == np.uint16 and photo.pages[0].size == found.size
    assert photo.pages[0].size == ((WIDTH, HEIGHT) if orientation < 5 else (HEIGHT, WIDTH))
    stored = np.rot90(pixels, {1: 0, 3: 2, 6: 1, 8: -1}[orientation])
    linear = scene()[20:-20, 20:-20]
    encoded = 1.055 * linear ** (1 / 2.4) - 0.055
    error = np.abs(stored[20:-20, 20:-20] / 65535 - encoded)
    assert np.median(error) < 0.06, "the scene, by the camera's own primaries"
    assert photo.metadata.exif is not None and b"Test Camera" in photo.metadata.exif
    form, note = target_format(photo, EncodeSettings())
    assert form is PhotoFormat.tiff and note is not None and "raw file is read, but not written" in note
    assert target_format(found, EncodeSettings()) == (form, note)


def test_a_raw_file_becomes_a_tiff_of_sixteen_bits(tmp_path: Path, rewrite: Any) -> None:
    pytest.importorskip("rawpy")
    before, after, out = rewrite(dng(tmp_path / "photo.dng", 6))
    assert after.format is PhotoFormat.tiff and after.pages[0].pixels.dtype == np.uint16
    np.testing.assert_array_equal(after.pages[0].pixels, before.pages[0].pixels)
    with tifffile.TiffFile(out) as file:
        assert file.pages[0].tags[272].value == "Test Camera"
        assert 274 not in file.pages[0].tags or file.pages[0].tags[274].value == 1


def test_a_plain_tiff_of_a_camera_is_no_raw_file(tmp_path: Path, rgb: Any) -> None:
    """What a camera wrote as TIFF, or a DNG that holds a finished picture alone."""
    path = tmp_path / "plain.dng"
    tifffile.imwrite(path, rgb, photometric="rgb", extratags=DNG[:4], metadata=None)
    np.testing.assert_array_equal(decode(path).pages[0].pixels, rgb)
