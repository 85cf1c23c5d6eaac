"""RGB profiles that are tables: what a scanner's or a press's profile says of its colors is what comes out."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.color import icc
from colorize_cli.color.icc_convert import rgb_to_srgb
from colorize_cli.color.spaces import SRGB
from colorize_cli.formats.decode import decode
from colorize_cli.inference.page_spaces import in_known_spaces, space_of

GRID = 17
# sRGB to XYZ of D50, by Bradford (IEC 61966-2-1; ICC.1, annex E)
TO_XYZ = np.array([[0.43607, 0.38515, 0.14308], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
D50 = np.array([0.9642, 1.0, 0.8249])


def lab_of(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIE L*a*b* of D50 of sRGB, [0, 1]."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    ratio = linear @ TO_XYZ.T / D50
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack((116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])), -1)


def table_profile(meaning: tuple[int, int, int]) -> bytes:
    """A profile, ICC 2.4, whose table says that channel i of a pixel is sRGB's channel meaning[i]."""
    axis = np.linspace(0, 1, GRID)
    stored = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1)
    true = np.empty_like(stored)
    true[..., list(meaning)] = stored
    lab = lab_of(true)
    coded = np.stack((lab[..., 0] / 100 * 65280, (lab[..., 1] + 128) * 256, (lab[..., 2] + 128) * 256), -1)
    table = np.clip(np.rint(coded), 0, 65535).astype(">u2").tobytes()
    line = struct.pack(">HH", 0, 65535)
    unit = struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    lut = b"mft2" + bytes(4) + bytes((3, 3, GRID, 0)) + unit + struct.pack(">HH", 2, 2) + line * 3 + table + line * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in D50))
    name = b"desc" + bytes(4) + struct.pack(">I", 6) + b"table\0" + bytes(78)
    rights = b"text" + bytes(4) + b"none\0"
    tags, body, at = b"", b"", 128 + 4 + 12 * 4
    for code, data in ((b"desc", name), (b"cprt", rights), (b"wtpt", white), (b"A2B0", lut)):
        data += bytes(-len(data) % 4)
        tags += code + struct.pack(">II", at + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"none", 0x02400000, b"scnr", b"RGB ", b"Lab ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", *(round(v * 65536) for v in D50))
    return head.ljust(128, b"\0") + struct.pack(">I", 4) + tags + body


def colors() -> NDArray[np.uint8]:
    y, x = np.mgrid[0:24, 0:32]
    return np.stack((40 + 5 * x, 200 - 6 * y, 90 + 2 * x + 2 * y), -1).astype(np.uint8)


@pytest.mark.parametrize("meaning", [(0, 1, 2), (1, 2, 0)])
def test_pixels_become_what_the_table_says(meaning: tuple[int, int, int]) -> None:
    pixels = colors()
    done = rgb_to_srgb(pixels, table_profile(meaning))
    assert done is not None
    expected = np.empty_like(pixels)
    expected[..., list(meaning)] = pixels
    assert np.abs(done.astype(int) - expected).max() <= 4  # between the points of the table it is straight


def test_strips_of_a_tall_picture_fit_together() -> None:
    tall = np.tile(colors(), (50, 1, 1))
    done = rgb_to_srgb(tall, table_profile((1, 2, 0)))
    assert done is not None
    np.testing.assert_array_equal(done, np.tile(done[:24], (50, 1, 1)))


def test_what_is_no_profile_is_refused() -> None:
    assert rgb_to_srgb(colors(), b"nonsense") is None
    assert rgb_to_srgb(colors(), table_profile((0, 1, 2))[:300]) is None


def test_a_photo_with_a_table_is_read_in_srgb_and_said(tmp_path: Path) -> None:
    path, profile = tmp_path / "scan.tif", table_profile((1, 2, 0))
    assert icc.space_of(profile) == "rgb" and icc.rgb_space(profile) is None
    Image.fromarray(colors()).save(path, icc_profile=profile)
    photo = in_known_spaces(decode(path))
    assert photo.pages[0].icc is None and photo.pages[0].metadata.tag_srgb
    np.testing.assert_array_equal(photo.pages[0].pixels, rgb_to_srgb(colors(), profile))
    assert any("table" in note and "brought to sRGB" in note for note in photo.notes)
    assert space_of(photo.pages[0]) is SRGB


def test_sixteen_bits_with_a_table_are_read_as_srgb_and_said(tmp_path: Path) -> None:
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, colors().astype(np.uint16) * 257, photometric="rgb", iccprofile=table_profile((1, 2, 0)))
    photo = in_known_spaces(decode(path))
    np.testing.assert_array_equal(photo.pages[0].pixels, colors().astype(np.uint16) * 257)
    assert any("read as sRGB" in note for note in photo.notes)
