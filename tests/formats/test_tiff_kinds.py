"""The odd corners of TIFF: each is read as what it is, or refused in one line."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from colorize_cli.errors import DecodeError
from colorize_cli.formats.decode import decode
from colorize_cli.formats.photo import Photo
from colorize_cli.formats.tiff.tiff_levels import Reducer
from colorize_cli.metadata.ifd import Tag
from colorize_cli.metadata.ifd_write import directory, header

Rewrite = Callable[..., tuple[Photo, Photo, Path]]
U8 = NDArray[np.uint8]


def by_hand(path: Path, order: str, pixels: bytes, **tags: int) -> Path:
    """An uncompressed TIFF of one strip, with the tags that are given by number."""
    values = {259: 1, 277: 1, 273: 8, 279: len(pixels), **{int(code[1:]): value for code, value in tags.items()}}
    entries = [Tag(code, 4, 1, struct.pack(f"{order}I", value)) for code, value in values.items()]
    at = 8 + len(pixels) + len(pixels) % 2
    path.write_bytes(header(order, at) + pixels.ljust(at - 8, b"\0") + bytes(directory(order, entries, at)[0]))
    return path


@pytest.mark.parametrize("fill_order", [1, 2])
@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("order", ["<", ">"])
def test_bits_are_read_from_either_end_and_in_either_sense(
    tmp_path: Path, fill_order: int, photometric: int, order: str
) -> None:
    bits = np.random.default_rng(0).integers(0, 2, (7, 19), np.uint8)
    rows = np.packbits(bits, axis=1, bitorder="big" if fill_order == 1 else "little").tobytes()
    path = by_hand(
        tmp_path / "bits.tif", order, rows, t256=19, t257=7, t258=1, t262=photometric, t266=fill_order, t278=7
    )
    seen = decode(path).pages[0].pixels
    np.testing.assert_array_equal(seen, 255 * (bits if photometric else 1 - bits))


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_planes_apart_are_the_same_picture(
    tmp_path: Path, rewrite: Rewrite, rgb: U8, planar: str, tile: tuple[int, int] | None, order: str, dtype: type
) -> None:
    path, pixels = tmp_path / "planes.tif", rgb.astype(dtype) * (257 if dtype is np.uint16 else 1)
    array = pixels if planar == "contig" else np.moveaxis(pixels, -1, 0)
    tifffile.imwrite(
        path, array, photometric="rgb", planarconfig=planar, tile=tile, byteorder=order, compression="zlib"
    )
    _, after, out = rewrite(path)
    np.testing.assert_array_equal(after.pages[0].pixels, pixels)
    with tifffile.TiffFile(out) as file:
        assert file.byteorder == order and file.pages[0].is_tiled == (tile is not None)


@pytest.mark.parametrize("predictor", [1, 3])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_floats_become_sixteen_bits_whatever_their_predictor(
    tmp_path: Path, rewrite: Rewrite, grey: U8, predictor: int, dtype: type, order: str
) -> None:
    path = tmp_path / "float.tif"
    tifffile.imwrite(path, (grey / 255).astype(dtype), predictor=predictor, compression="zlib", byteorder=order)
    before, _, out = rewrite(path)
    wanted = np.rint((grey / 255).astype(dtype).astype(np.float64) * 65535)
    np.testing.assert_array_equal(before.pages[0].pixels, wanted)
    assert any("floating-point" in note for note in before.notes)
    with tifffile.TiffFile(out) as file:
        assert file.pages[0].dtype == np.uint16


def test_what_is_no_picture_is_refused_in_one_line(tmp_path: Path) -> None:
    complex_numbers = tmp_path / "complex.tif"
    tifffile.imwrite(complex_numbers, np.ones((8, 8), np.complex64))
    one_of_three = by_hand(tmp_path / "rgb.tif", "<", bytes(16), t256=4, t257=4, t258=8, t262=2, t278=4)
    for path in (complex_numbers, one_of_three):
        with pytest.raises(DecodeError) as caught:
            decode(path)
        assert "\n" not in caught.value.message and len(caught.value.message) < 200


def test_thirty_two_bits_become_sixteen_and_are_said(tmp_path: Path, grey: U8) -> None:
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, grey.astype(np.uint32) << 24)
    photo = decode(path)
    np.testing.assert_array_equal(photo.pages[0].pixels, grey.astype(np.uint16) << 8)
    assert photo.notes == ("32-bit samples became 16 bits",)


@pytest.mark.parametrize("size", [(53, 37), (26, 18), (17, 5), (1, 1)])
@pytest.mark.parametrize("samples", [3, 6])
def test_a_smaller_copy_is_the_mean_however_the_rows_come(size: tuple[int, int], samples: int) -> None:
    rng = np.random.default_rng(1)
    large = rng.integers(0, 65536, (37, 53, samples)).astype(np.uint16)
    whole = np.concatenate(list(Reducer((53, 37), size).feed(large)))
    assert whole.shape == (size[1], size[0], samples) and whole.dtype == np.uint16
    reducer = Reducer((53, 37), size)
    parts = [part for top in range(0, 37, 5) for part in reducer.feed(large[top : top + 5])]
    assert np.abs(np.concatenate(parts).astype(int) - whole).max() <= 1
    ys, xs = (np.linspace(0, n, m + 1) for n, m in ((37, size[1]), (53, size[0])))
    sums = np.pad(np.cumsum(np.cumsum(large.astype(np.float64), 0), 1), ((1, 0), (1, 0), (0, 0)))

    def at(y: float, x: float) -> NDArray[np.float64]:  # the integral up to a point between pixels
        i, j = min(int(y), 36), min(int(x), 52)
        u, v = y - i, x - j
        corners = sums[i, j] * (1 - u) * (1 - v) + sums[i + 1, j] * u * (1 - v)
        return np.asarray(corners + sums[i, j + 1] * (1 - u) * v + sums[i + 1, j + 1] * u * v)

    for row in range(size[1]):
        for column in range(size[0]):
            (y0, y1), (x0, x1) = ys[row : row + 2], xs[column : column + 2]
            mean = (at(y1, x1) - at(y0, x1) - at(y1, x0) + at(y0, x0)) / ((y1 - y0) * (x1 - x0))
            assert np.abs(whole[row, column] - mean).max() < 1.1
