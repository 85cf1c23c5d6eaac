"""What is not read is called unsupported, by its name; it is not damaged."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from colorize_cli.errors import DecodeError
from colorize_cli.formats.decode import decode, probe
from colorize_cli.formats.encode import EncodeSettings, target_format
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.formats.png import png_file

GREY = np.zeros((8, 8), np.uint8)
FILES = {
    "JPEG-LS": bytes(imagecodecs.jpegls_encode(GREY)),
    "JPEG XR": bytes(imagecodecs.jpegxr_encode(GREY)),
    "OpenEXR": b"v/1\1" + bytes(60),
    "Radiance HDR": b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n" + bytes(4),
    "PAM": b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nENDHDR\nab",
    "ICO": b"\0\0\1\0\1\0" + bytes(60),
    "XCF": b"gimp xcf v011\0" + bytes(60),
    "FITS": b"SIMPLE  =                    T" + b" " * 50,
    "a film": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(60),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".bin"])
def test_other_formats_are_named(tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"file{suffix}"
    path.write_bytes(FILES[name])
    for read in (decode, probe):
        with pytest.raises(DecodeError, match=f"^unsupported: it is {name}") as caught:
            read(path)
        assert "damaged" not in str(caught.value) and caught.value.path == path


@pytest.mark.parametrize(
    ("changed", "words"),
    [((1, 0xC5), "hierarchical"), ((9, 2), "2 components"), ((4, 7), "7 bits per sample")],
)
def test_kinds_of_jpeg_that_are_not_read(tmp_path: Path, changed: tuple[int, int], words: str) -> None:
    data = bytearray(imagecodecs.jpeg8_encode(GREY))
    frame = data.index(b"\xff\xc0")
    place, value = changed
    data[frame + place] = value
    if words.startswith("2"):  # room for the second component
        data[frame + 2 : frame + 4] = b"\0\x0e"
        data[frame + 13 : frame + 13] = b"\2\x11\0"
    path = tmp_path / "kind.jpg"
    path.write_bytes(data)
    with pytest.raises(DecodeError, match=f"^unsupported JPEG: .*{words}"):
        decode(path)


def test_a_png_with_a_longer_side_than_its_decoder_takes(tmp_path: Path) -> None:
    path = tmp_path / "line.png"
    header = struct.pack(">IIBBBBB", 1, 1_000_001, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(2 * 1_000_001))
    chunks = (png_file.chunk(kind, data) for kind, data in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")))
    path.write_bytes(png_file.SIGNATURE + b"".join(chunks))
    for read in (decode, probe):
        with pytest.raises(DecodeError, match="^unsupported PNG: a side of more than 1,000,000 pixels"):
            read(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_jpeg_2000_of_five_components(tmp_path: Path, dtype: type) -> None:
    path = tmp_path / "five.jp2"
    path.write_bytes(imagecodecs.jpeg2k_encode(np.zeros((16, 16, 5), dtype), reversible=True, codecformat="jp2"))
    with pytest.raises(DecodeError, match="^unsupported JPEG 2000: 5 components"):
        decode(path)


def test_avif_of_an_unknown_matrix(tmp_path: Path) -> None:
    color = np.random.default_rng(0).integers(0, 1024, (16, 16, 3)).astype(np.uint16)
    data = bytearray(imagecodecs.avif_encode(color, bitspersample=10))
    at = data.index(b"nclx")
    data[at + 8 : at + 10] = b"\0\x0a"  # BT.2020 of constant luminance
    path = tmp_path / "a.avif"
    path.write_bytes(data)
    with pytest.raises(DecodeError, match="unsupported AVIF: its colors are coded"):
        decode(path)


def test_heif_without_hevc(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "a.heic"
    heif.from_pillow(Image.fromarray(GREY)).save(path)
    path.write_bytes(path.read_bytes().replace(b"hvc1", b"unci"))
    with pytest.raises(DecodeError, match="unsupported HEIC: its pixels are stored without HEVC"):
        decode(path)


def test_an_item_beside_the_picture_may_be_of_a_rare_kind(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    path, grey = tmp_path / "a.heic", np.add.outer(np.arange(96), np.arange(128)).astype(np.uint8)
    one = heif.from_pillow(Image.fromarray(grey))
    one.add_from_pillow(Image.fromarray(grey[:64, :64]))
    one.save(path, quality=-1, primary_index=0)
    data = path.read_bytes()
    second = data.index(b"hvc1", data.index(b"hvc1", data.index(b"infe")) + 4)
    path.write_bytes(data[:second] + b"unci" + data[second + 4 :])
    assert decode(path).pages[0].pixels.shape[:2] == grey.shape


def test_words_in_the_metadata_make_no_heif_unsupported(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[0x010E] = "Meeting of the city council; Reformat failed"
    path = tmp_path / "a.heic"
    heif.from_pillow(Image.fromarray(GREY)).save(path, exif=exif.tobytes())
    assert b"unci" in path.read_bytes()
    assert decode(path).pages[0].size == GREY.shape


def test_heif_of_a_sequence_alone(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif")
    path = tmp_path / "a.heic"
    path.write_bytes(
        b"\0\0\0\x18ftypmsf1\0\0\0\0msf1hevc" + b"\0\0\0\x20moov" + bytes(24) + b"\0\0\0\x18mdat" + bytes(16)
    )
    with pytest.raises(DecodeError, match="unsupported HEIC: it holds a film"):
        decode(path)


def test_a_jpeg_of_five_components_is_refused_by_its_header(tmp_path: Path) -> None:
    data = bytes(imagecodecs.jpeg8_encode(GREY))
    at = data.index(b"\xff\xc0")
    frame = data[at + 4 : at + 9] + b"\5" + b"".join(bytes((n, 0x11, 0)) for n in range(5))
    end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
    path = tmp_path / "five.jpg"
    path.write_bytes(data[: at + 2] + (len(frame) + 2).to_bytes(2) + frame + data[end:])
    for read in (probe, decode):
        with pytest.raises(DecodeError, match="unsupported JPEG: 5 components per pixel"):
            read(path)


@pytest.mark.parametrize("wanted", [PhotoFormat.jpeg, PhotoFormat.png, PhotoFormat.tiff])
def test_what_is_longer_than_png_holds_becomes_a_tiff(tmp_path: Path, wanted: PhotoFormat) -> None:
    path = tmp_path / "line.tif"
    tifffile.imwrite(path, np.zeros((1, 1_000_001), np.uint8), metadata=None)
    assert target_format(probe(path), EncodeSettings(format=wanted))[0] is PhotoFormat.tiff
