"""JPEG 2000 of unusual depths and colors: all of them fill the range."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from colorize_cli.color.icc import srgb_profile
from colorize_cli.formats.decode import decode
from colorize_cli.formats.jp2.jp2_file import with_metadata

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 8, 10, 12, 16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_few_and_many_bits_fill_the_range(tmp_path: Path, bits: int, channels: int) -> None:
    values = RNG.integers(0, 2**bits, (40, 50, channels)).astype(np.uint8 if bits <= 8 else np.uint16)
    given = values[..., 0] if channels == 1 else values
    path = tmp_path / "depth.jp2"
    path.write_bytes(imagecodecs.jpeg2k_encode(given, bitspersample=bits, reversible=True, codecformat="jp2"))
    page, top = decode(path).pages[0], 255 if bits <= 8 else 65535
    wanted = values.astype(np.int64) * top // (2**bits - 1)
    np.testing.assert_array_equal(page.pixels, wanted[..., 0] if channels == 1 else wanted[..., :3])
    if channels == 4:
        np.testing.assert_array_equal(page.alpha, wanted[..., 3])


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
def test_signed_samples_are_around_the_middle(tmp_path: Path, dtype: type) -> None:
    info = np.iinfo(dtype)
    values = RNG.integers(info.min, info.max + 1, (40, 50)).astype(dtype)
    path = tmp_path / "signed.jp2"
    path.write_bytes(imagecodecs.jpeg2k_encode(values, reversible=True, codecformat="jp2"))
    np.testing.assert_array_equal(decode(path).pages[0].pixels, values.astype(int) - info.min)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_inks_become_rgb(tmp_path: Path, dtype: type) -> None:
    top = np.iinfo(dtype).max
    inks = RNG.integers(0, top + 1, (40, 50, 4)).astype(dtype)
    data = bytearray(imagecodecs.jpeg2k_encode(inks, reversible=True, codecformat="jp2"))
    at = data.index(b"colr")
    assert data[at + 4] == 1, "an enumerated color space"
    data[at + 7 : at + 11] = (12).to_bytes(4, "big")
    path = tmp_path / "ink.jp2"
    path.write_bytes(data)
    left = top - inks.astype(float)
    page = decode(path).pages[0]
    assert page.alpha is None and page.pixels.dtype == dtype
    np.testing.assert_allclose(page.pixels, left[..., :3] * left[..., 3:] / top, atol=1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
def test_samples_are_not_converted_by_a_profile(tmp_path: Path, dtype: type, channels: int) -> None:
    values = RNG.integers(0, np.iinfo(dtype).max + 1, (40, 50, channels)).astype(dtype)
    profile = bytearray(srgb_profile())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    coded = bytes(imagecodecs.jpeg2k_encode(values, reversible=True, codecformat="jp2"))
    path = tmp_path / "wide.jp2"
    path.write_bytes(with_metadata(coded, b"", None, bytes(profile), None))
    page = decode(path).pages[0]
    assert page.icc == profile
    np.testing.assert_array_equal(page.pixels, values[..., :3])
