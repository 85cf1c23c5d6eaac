"""Samples of TIFF that are no plain 8 or 16 bits: they become a picture, and what was chosen is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from skimage.color import lab2rgb

from colorize_cli.color.icc_convert import cmyk_to_srgb
from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, Provenance, write_photo
from colorize_cli.formats.tiff.tiff_color import lab_to_rgb

U8 = NDArray[np.uint8]
RAMP = np.linspace(0, 1, 20 * 30).reshape(20, 30)


def stretched(values: NDArray[Any], black: float, white: float) -> NDArray[np.uint16]:
    share = (values.astype(np.float64) - black) / (white - black)
    return np.rint(np.clip(share, 0, 1) * 65535).astype(np.uint16)


CASES = {
    "uint32 full": ((RAMP * (2**32 - 1)).astype(np.uint32), 0, 2**32 - 1),
    "uint32 of 16 bits": ((RAMP * 65535).astype(np.uint32), 0, 65535),
    "uint32 of 8 bits": ((RAMP * 255).astype(np.uint32), 0, 255),
    "uint32 of its own": ((RAMP * 3_000_000).astype(np.uint32), 0, 3_000_000),
    "uint32 far from 0": ((RAMP * 1000 + 3_000_000).astype(np.uint32), 3_000_000, 3_001_000),
    "int32 full": ((RAMP * (2**32 - 1) - 2**31).astype(np.int32), -(2**31), 2**31 - 1),
    "int32 positive": ((RAMP * (2**31 - 1)).astype(np.int32), 0, 2**31 - 1),
    "int32 of 16 bits": ((RAMP * 65535).astype(np.int32), 0, 65535),
    "int32 around 0": ((RAMP * 4000 - 1000).astype(np.int32), -1000, 3000),
    "int16 around 0": ((RAMP * 4000 - 1000).astype(np.int16), -1000, 3000),
    "int16 positive": ((RAMP * 32767).astype(np.int16), 0, 32767),
    "float of 0 to 1": (RAMP.astype(np.float32), 0, 1),
    "float of 8 bits": ((RAMP * 255).astype(np.float32), 0, 255),
    "float of its own": ((RAMP * 1e-4).astype(np.float32), 0, float(np.float32(1e-4))),
    "float beyond 1": ((RAMP * 3).astype(np.float32), 0, 3),
    "float around 0": ((RAMP * 2 - 1).astype(np.float64), -1, 1),
    "uint64": ((RAMP * 2**40).astype(np.uint64), 0, 2**40),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("order", ["<", ">"])
def test_wide_samples_become_a_picture_and_are_said(tmp_path: Path, name: str, order: str) -> None:
    values, black, white = CASES[name]
    path = tmp_path / "wide.tif"
    tifffile.imwrite(path, values, byteorder=order, photometric="minisblack", metadata=None)
    photo = decode(path)
    pixels = photo.pages[0].pixels
    assert pixels.dtype == np.uint16 and pixels.min() == 0 and pixels.max() == 65535
    np.testing.assert_allclose(pixels, stretched(values, black, white), atol=1)
    chosen = (
        "32-bit samples became 16 bits" if name == "uint32 full" else f"{black:.10g} as black and {white:.10g} as white"
    )
    assert any(chosen in note for note in photo.notes), photo.notes


def test_named_black_and_white_are_obeyed_and_nothing_is_black(tmp_path: Path) -> None:
    values = (RAMP * 600).astype(np.float32)
    path = tmp_path / "named.tif"
    named = [(340, 11, 1, 100.0, True), (341, 11, 1, 500.0, True)]
    tifffile.imwrite(path, values, photometric="minisblack", metadata=None, extratags=named)
    np.testing.assert_allclose(decode(path).pages[0].pixels, stretched(values, 100, 500), atol=1)
    values = (RAMP * 255).astype(np.float32)
    values[3, 4:9] = -9999
    empty = [(42113, 2, 0, "-9999", True)]
    tifffile.imwrite(path, values, photometric="minisblack", metadata=None, extratags=empty)
    pixels = decode(path).pages[0].pixels
    assert (pixels[3, 4:9] == 0).all()
    np.testing.assert_allclose(pixels[5:], stretched(values[5:], 0, 255), atol=1)


def test_white_is_zero_is_turned_round(tmp_path: Path) -> None:
    values = (RAMP * (2**32 - 1)).astype(np.uint32)
    path = tmp_path / "negative.tif"
    tifffile.imwrite(path, values, photometric="miniswhite", metadata=None)
    np.testing.assert_allclose(decode(path).pages[0].pixels, 65535 - stretched(values, 0, 2**32 - 1), atol=1)


@pytest.mark.parametrize("how", ["plain", "lzw", "separate", "tiles"])
def test_sixteen_bits_of_ink_stay_sixteen(tmp_path: Path, note: Provenance, how: str) -> None:
    path, rng = tmp_path / "ink.tif", np.random.default_rng(0)
    inks = rng.integers(0, 65536, (40, 56, 4), np.uint16)
    options = {"lzw": {"compression": "lzw"}, "tiles": {"tile": (16, 16)}, "separate": {"planarconfig": "separate"}}
    array = np.moveaxis(inks, -1, 0) if how == "separate" else inks
    tifffile.imwrite(path, array, photometric="separated", metadata=None, **options.get(how, {}))
    photo, out = decode(path), tmp_path / "out.tif"
    write_photo(photo, [photo.pages[0].pixels.copy()], out, EncodeSettings(), note)  # as a colored page, not a kept one
    left = 65535.0 - inks
    np.testing.assert_allclose(photo.pages[0].pixels, left[..., :3] * left[..., 3:] / 65535, atol=1)
    with tifffile.TiffFile(out) as file:
        assert file.pages[0].dtype == np.uint16 and file.pages[0].samplesperpixel == 3
    np.testing.assert_array_equal(decode(out).pages[0].pixels, photo.pages[0].pixels)


@pytest.mark.parametrize(("bits", "lossless"), [(12, False), (16, True)])
def test_deep_inks_in_jpeg_become_sixteen_bits(tmp_path: Path, bits: int, lossless: bool) -> None:
    inks = np.kron(np.random.default_rng(0).integers(0, 2**bits, (5, 7, 4)), np.ones((8, 8, 1))).astype(np.uint16)
    coded = imagecodecs.jpeg_encode(inks, level=98, bitspersample=bits, lossless=lossless)
    path = tmp_path / "ink.jpg"
    path.write_bytes(coded)  # in a JPEG the paper that is left is stored, as Adobe does
    top = 2.0**bits - 1
    pixels = decode(path).pages[0].pixels
    assert pixels.dtype == np.uint16
    wanted = inks[..., :3] / top * (inks[..., 3:] / top) * 65535
    np.testing.assert_allclose(pixels, wanted, atol=1200 if not lossless else 2)


def test_inks_of_both_depths_agree_where_there_is_no_profile() -> None:
    inks = np.random.default_rng(0).integers(0, 256, (30, 40, 4)).astype(np.uint8)
    eight, applied = cmyk_to_srgb(inks, None)
    sixteen, _ = cmyk_to_srgb(inks.astype(np.uint16) * 257, None)
    assert not applied and np.abs(eight - sixteen / 257).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("bits", [8, 16])
def test_lab_is_read_as_cie_or_as_icc_has_it(bits: int) -> None:
    """One color, L* 60, a* 40, b* -30: CIELab stores a and b in two's complement, ICCLab 128 more."""
    unit, top, kind = (1, 255, np.uint8) if bits == 8 else (256, 65535, np.uint16)
    lightness = round(0.6 * top)
    signed = np.array([[[lightness, 40 * unit, -30 * unit % (top + 1)]]], kind)
    offset = np.array([[[lightness, 168 * unit, 98 * unit]]], kind)
    expected = lab2rgb(np.array([[[60.0, 40, -30]]]))[0, 0] * top
    for values, way in ((signed, True), (offset, False)):
        found = lab_to_rgb(values, bits, way)
        assert found.dtype == kind
        assert np.abs(found[0, 0] - expected).max() < 1.5 * top / 255
