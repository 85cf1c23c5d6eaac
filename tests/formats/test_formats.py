"""Every format and depth that is read, and what it is read as."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageOps

from colorize_cli.formats.decode import decode, turn
from colorize_cli.formats.encode import EncodeSettings
from colorize_cli.formats.photo import Photo, PhotoFormat
from colorize_cli.formats.png import png_file
from colorize_cli.formats.probe import probe

Rewrite = Callable[..., tuple[Photo, Photo, Path]]
U8, U16 = NDArray[np.uint8], NDArray[np.uint16]


def as_rgb(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, 2)


def deep(grey16: U16, kind: str) -> U16:
    planes = {"grey": [grey16], "rgb": [grey16, grey16 ^ 0x0F, grey16[::-1]]}
    planes["rgba"] = [*planes["rgb"], grey16[:, ::-1]]
    return np.dstack(planes[kind]).squeeze()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("kind", ["grey", "rgb", "rgba"])
def test_low_byte_of_16_bits_survives_reading_and_writing(
    tmp_path: Path, rewrite: Rewrite, grey16: U16, kind: str, suffix: str
) -> None:
    array, path = deep(grey16, kind), tmp_path / f"deep{suffix}"
    if suffix == ".png":
        path.write_bytes(imagecodecs.png_encode(array))
    else:
        extra = {"extrasamples": ["unassalpha"]} if kind == "rgba" else {}
        tifffile.imwrite(path, array, photometric="minisblack" if kind == "grey" else "rgb", **extra)
    before, after, _ = rewrite(path)
    for photo in (before, after):
        assert photo.pages[0].pixels.dtype == np.uint16
        np.testing.assert_array_equal(as_rgb(photo.pages[0].pixels), as_rgb(array)[..., :3])
        if kind == "rgba":
            np.testing.assert_array_equal(photo.pages[0].alpha, array[..., 3])
    assert len(np.unique(after.pages[0].pixels & 0xFF)) > 200


def small_png(color: int, depth: int, rows: list[bytes], width: int, *chunks: tuple[bytes, bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", width, len(rows), depth, color, 0, 0, 0)
    return png_file.assemble(header, chunks, zlib.compress(b"".join(b"\0" + row for row in rows)), ())


@pytest.mark.parametrize(
    ("depth", "row", "expected"),
    [(1, b"\xa0", [255, 0, 255]), (2, b"\x1b", [0, 85, 170]), (4, b"\x0f\x70", [0, 255, 119])],
)
def test_png_of_few_bits_is_stretched_to_eight(tmp_path: Path, depth: int, row: bytes, expected: list[int]) -> None:
    path = tmp_path / "few.png"
    path.write_bytes(small_png(0, depth, [row], 3))
    assert decode(path).pages[0].pixels.tolist() == [expected]
    assert probe(path).depth == depth


def test_png_palette_becomes_its_colors_and_transparency_an_alpha(tmp_path: Path) -> None:
    path = tmp_path / "palette.png"
    path.write_bytes(small_png(3, 2, [b"\x1b"], 4, (b"PLTE", bytes(range(12))), (b"tRNS", b"\x00\x80")))
    page = decode(path).pages[0]
    assert page.pixels.tolist() == [[[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]]
    assert page.alpha is not None and page.alpha.tolist() == [[0, 128, 255, 255]]


def test_png_palette_of_greys_is_grey(tmp_path: Path) -> None:
    path = tmp_path / "palette.png"
    path.write_bytes(small_png(3, 8, [b"\x01\x00"], 2, (b"PLTE", b"\x0a\x0a\x0a\xc8\xc8\xc8")))
    assert decode(path).pages[0].pixels.tolist() == [[200, 10]]


def test_png_transparent_value_becomes_alpha_in_16_bits(tmp_path: Path, rewrite: Rewrite) -> None:
    path = tmp_path / "key.png"
    path.write_bytes(small_png(0, 16, [b"\x12\x34\x12\x35"], 2, (b"tRNS", b"\x12\x34")))
    _, after, _ = rewrite(path)
    assert after.pages[0].alpha is not None and after.pages[0].alpha.tolist() == [[0, 65535]]
    assert after.pages[0].pixels[..., 0].tolist() == [[0x1234, 0x1235]]


@pytest.mark.parametrize("array", ["grey", "rgb"])
def test_interlaced_png_reads_as_the_plain_one_without_a_word(
    tmp_path: Path, request: pytest.FixtureRequest, array: str, caplog: pytest.LogCaptureFixture
) -> None:
    pixels = request.getfixturevalue(array)
    path = tmp_path / "laced.png"
    Image.fromarray(pixels).save(path)
    plain = png_file.parse(path.read_bytes())
    height, width, size = plain.height, plain.width, plain.channels
    flat, rows = pixels.reshape(height, width, size), bytearray()
    for x0, y0, dx, dy in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        for row in flat[y0::dy, x0::dx]:
            rows += b"\0" + row.tobytes()
    header = plain.header()[:-1] + b"\1"
    path.write_bytes(png_file.assemble(header, (), zlib.compress(bytes(rows)), ()))
    np.testing.assert_array_equal(decode(path).pages[0].pixels, pixels)
    assert not caplog.records, "libpng's reader is asked in a way that it warns of"


def test_grey_jpeg_stays_grey_and_rgb_jpeg_rgb(tmp_path: Path, grey: U8, rgb: U8) -> None:
    for array in (grey, rgb):
        for progressive in (False, True):
            path = tmp_path / "photo.jpg"
            Image.fromarray(array).save(path, quality=95, progressive=progressive)
            pixels = decode(path).pages[0].pixels
            assert pixels.shape == array.shape
            np.testing.assert_array_equal(pixels, np.asarray(Image.open(path)))


def test_12_bit_jpeg_becomes_16_bit_png(tmp_path: Path, rewrite: Rewrite, grey: U8) -> None:
    path = tmp_path / "medical.jpg"
    path.write_bytes(imagecodecs.jpeg_encode(grey.astype(np.uint16) << 4, level=98, bitspersample=12))
    assert probe(path).depth == 12
    before, after, out = rewrite(path)
    assert np.abs(before.pages[0].pixels / 65535 - (grey / 255.94)).max() < 0.01
    assert out.suffix == ".png" and after.pages[0].pixels.dtype == np.uint16


def test_cmyk_jpegs_become_rgb_whichever_way_adobe_marked_them(tmp_path: Path, rgb: U8, rewrite: Rewrite) -> None:
    """Inverted CMYK and YCCK of one picture look alike, and like the picture."""
    path = tmp_path / "ink.jpg"
    image = Image.fromarray(rgb).convert("CMYK")
    image.save(path, quality=95)
    before, after, _ = rewrite(path)
    page = before.pages[0]
    assert page.pixels.shape == rgb.shape
    assert np.abs(page.pixels.astype(int) - rgb).mean() < 3
    assert after.pages[0].pixels.shape == rgb.shape
    data = imagecodecs.jpeg8_encode(255 - np.asarray(image), level=95, colorspace="CMYK", outcolorspace="YCCK")
    if b"Adobe" in data:
        path.write_bytes(data)
        assert np.abs(decode(path).pages[0].pixels.astype(int) - rgb).mean() < 4


def test_white_is_zero_is_inverted(tmp_path: Path, grey: U8, rewrite: Rewrite) -> None:
    path = tmp_path / "negative.tif"
    tifffile.imwrite(path, 255 - grey, photometric="miniswhite")
    before, after, _ = rewrite(path)
    np.testing.assert_array_equal(before.pages[0].pixels, grey)
    np.testing.assert_array_equal(after.pages[0].pixels, as_rgb(grey))


@pytest.mark.parametrize("compression", ["group4", "group3", "packbits", "tiff_lzw", "raw"])
def test_bilevel_tiff_becomes_black_and_white_of_8_bits(tmp_path: Path, grey: U8, compression: str) -> None:
    path = tmp_path / "fax.tif"
    Image.fromarray(grey).point(lambda v: 255 * (v > 127), "1").save(path, compression=compression)
    np.testing.assert_array_equal(decode(path).pages[0].pixels, np.where(grey > 127, 255, 0))


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits", "zstd"])
@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_codings_round_trip(
    tmp_path: Path, rewrite: Rewrite, grey16: U16, compression: str | None, predictor: bool, big: bool, order: str
) -> None:
    if predictor and compression in (None, "packbits"):
        pytest.skip("no predictor for this coding")
    path = tmp_path / "coded.tif"
    tifffile.imwrite(
        path, grey16, compression=compression, predictor=predictor, bigtiff=big, byteorder=order, rowsperstrip=5
    )
    _, after, out = rewrite(path)
    np.testing.assert_array_equal(after.pages[0].pixels, as_rgb(grey16))
    np.testing.assert_array_equal(tifffile.imread(out), as_rgb(grey16))
    with tifffile.TiffFile(out) as file:
        assert (file.is_bigtiff, file.byteorder) == (big, order)
        kept = {None: 1, "lzw": 5, "zlib": 8, "packbits": 32773, "zstd": 50000}[compression]
        assert file.pages[0].tags["Compression"].value == kept


@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_tiled_and_planar_tiff(tmp_path: Path, rgb: U8, tile: tuple[int, int] | None, planar: str) -> None:
    path = tmp_path / "planes.tif"
    array = rgb if planar == "contig" else np.moveaxis(rgb, -1, 0)
    tifffile.imwrite(path, array, photometric="rgb", planarconfig=planar, tile=tile)
    np.testing.assert_array_equal(decode(path).pages[0].pixels, rgb)


def test_pages_keep_their_own_depth_and_size(tmp_path: Path, rewrite: Rewrite, grey: U8, grey16: U16, rgb: U8) -> None:
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as writer:
        for array in (grey, grey16, rgb):
            writer.write(array, photometric="rgb" if array.ndim == 3 else "minisblack")
    before, after, out = rewrite(path)
    assert [page.pixels.dtype for page in after.pages] == [np.uint8, np.uint16, np.uint8]
    for array, one, two in zip((grey, grey16, rgb), before.pages, after.pages, strict=True):
        np.testing.assert_array_equal(one.pixels, array)
        np.testing.assert_array_equal(two.pixels, as_rgb(array))
    assert probe(path).pages == 3
    with Image.open(out) as independent:
        assert independent.n_frames == 3


def test_jpeg_in_tiff_stays_jpeg_in_tiff(tmp_path: Path, rewrite: Rewrite, rgb: U8) -> None:
    path = tmp_path / "inside.tif"
    Image.fromarray(rgb).save(path, compression="jpeg", quality=90)
    before, after, out = rewrite(path)
    assert np.abs(before.pages[0].pixels.astype(int) - rgb).max() < 12
    assert np.abs(after.pages[0].pixels.astype(int) - rgb).max() < 18
    with Image.open(out) as independent:
        assert independent.info["compression"] == "jpeg"
        assert np.abs(np.asarray(independent.convert("RGB")).astype(int) - after.pages[0].pixels).max() <= 2


def test_planes_beyond_alpha_are_kept(tmp_path: Path, rewrite: Rewrite, grey: U8) -> None:
    path = tmp_path / "spot.tif"
    stack = np.dstack((grey, 255 - grey, grey // 2))
    tifffile.imwrite(
        path, stack, photometric="minisblack", planarconfig="contig", extrasamples=["unassalpha", "unspecified"]
    )
    before, after, _ = rewrite(path)
    np.testing.assert_array_equal(before.pages[0].alpha, 255 - grey)
    np.testing.assert_array_equal(after.pages[0].alpha, 255 - grey)
    np.testing.assert_array_equal(after.pages[0].metadata.extra[..., 0], grey // 2)


def test_multiplied_alpha_stays_multiplied(tmp_path: Path, rewrite: Rewrite, rgb: U8, grey: U8) -> None:
    path = tmp_path / "premultiplied.tif"
    tifffile.imwrite(path, np.dstack((rgb, grey)), photometric="rgb", extrasamples=["assocalpha"])
    _, after, _ = rewrite(path)
    assert after.pages[0].metadata.premultiplied
    np.testing.assert_array_equal(after.pages[0].pixels, rgb)


@pytest.mark.parametrize("bits", [2, 4])
def test_tiff_of_few_bits(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "few.tif"
    values = np.arange(16, dtype=np.uint8).reshape(2, 8) % 2**bits
    tifffile.imwrite(path, values, bitspersample=bits)
    np.testing.assert_array_equal(decode(path).pages[0].pixels, values.astype(int) * 255 // (2**bits - 1))


def test_tiff_palette_in_16_and_in_8_bit_entries(tmp_path: Path, rewrite: Rewrite) -> None:
    path = tmp_path / "palette.tif"
    colors = np.random.default_rng(1).integers(0, 256, (3, 256)).astype(np.uint16)
    index = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for scale in (257, 1):
        tifffile.imwrite(path, index, photometric="palette", colormap=colors * scale)
        before, after, _ = rewrite(path)
        np.testing.assert_array_equal(before.pages[0].pixels.reshape(256, 3), colors.T)
        np.testing.assert_array_equal(after.pages[0].pixels, before.pages[0].pixels)


def test_sixteen_bits_become_eight_only_when_jpeg_is_asked_for(tmp_path: Path, rewrite: Rewrite, grey16: U16) -> None:
    path = tmp_path / "deep.png"
    path.write_bytes(imagecodecs.png_encode(grey16))
    _, after, _ = rewrite(path, EncodeSettings(format=PhotoFormat.jpeg, quality=100))
    assert after.format is PhotoFormat.jpeg
    assert np.abs(after.pages[0].pixels[..., 0] - np.rint(grey16 / 257)).max() <= 3


def test_probe_says_what_decode_finds(tmp_path: Path, grey: U8, rgb: U8) -> None:
    for suffix in (".jpg", ".png", ".tif", ".webp", ".bmp", ".jp2", ".gif", ".ppm", ".avif"):
        path = tmp_path / f"photo{suffix}"
        Image.fromarray(rgb if suffix == ".ppm" else grey).save(path)
        seen = probe(path)
        assert seen.size == (56, 40) == decode(path).pages[0].size
        assert seen.format is decode(path).format and seen.pages == 1 and seen.total_pixels == 56 * 40


def test_pixels_are_contiguous_and_own_their_memory(tmp_path: Path, rgb: U8) -> None:
    for suffix in (".jpg", ".png", ".tif", ".webp"):
        out = io.BytesIO()
        Image.fromarray(rgb).save(out, {".jpg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:]))
        path = tmp_path / f"photo{suffix}"
        path.write_bytes(out.getvalue())
        assert decode(path).pages[0].pixels.flags.c_contiguous


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_are_turned_as_pillow_turns_them(orientation: int) -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    picture = Image.fromarray(pixels)
    picture.getexif()[0x0112] = orientation
    np.testing.assert_array_equal(turn(pixels, orientation), np.asarray(ImageOps.exif_transpose(picture)))
