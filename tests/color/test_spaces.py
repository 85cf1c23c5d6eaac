"""ICC profiles are read as color management reads them."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from colorize_cli.color.icc import rgb_space
from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import SRGB, Curve

# Primaries adapted to D50, as profiles hold them: red, green, blue; XYZ each.
_ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
_PROPHOTO = ((0.79767, 0.28804, 0.0), (0.13519, 0.71187, 0.0), (0.03134, 0.00009, 0.82491))
_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))

_GAMMA = struct.pack(">4s4xIH2x", b"curv", 1, round(2.19921875 * 256))
_PARAMETRIC = struct.pack(
    ">4s4xH2x5i", b"para", 3, *(round(v * 65536) for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
)
_TABLE = struct.pack(">4s4xI1024H", b"curv", 1024, *(round((i / 1023) ** 1.8 * 65535) for i in range(1024)))


def _profile(primaries: tuple[tuple[float, ...], ...], curve: bytes, version: int = 2) -> bytes:
    def xyz(values: tuple[float, ...]) -> bytes:
        return struct.pack(">4s4x3i", b"XYZ ", *(round(value * 65536) for value in values))

    def text(words: str) -> bytes:
        if version == 2:
            tag = struct.pack(">4s4xI", b"desc", len(words) + 1) + words.encode() + b"\0" + bytes(78)
        else:
            tag = struct.pack(">4s4xII2s2sII", b"mluc", 1, 12, b"en", b"US", 2 * len(words), 28) + words.encode(
                "utf-16-be"
            )
        return tag + bytes(-len(tag) % 4)

    tags = {
        b"desc": text("made by a test"),
        b"wtpt": xyz((0.9642, 1.0, 0.8249)),
        b"rXYZ": xyz(primaries[0]),
        b"gXYZ": xyz(primaries[1]),
        b"bXYZ": xyz(primaries[2]),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
        b"cprt": text("none") if version == 4 else struct.pack(">4s4x8s", b"text", b"none"),
    }
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, 132 + 12 * len(tags) + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s12x4s", 0, b"", version << 24, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    head += bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    whole = head + bytes(128 - len(head)) + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


@pytest.mark.parametrize("version", [2, 4])
@pytest.mark.parametrize("curve", [_GAMMA, _PARAMETRIC, _TABLE], ids=["gamma", "parametric", "table"])
@pytest.mark.parametrize("primaries", [_ADOBE, _PROPHOTO, _P3], ids=["adobe", "prophoto", "p3"])
def test_lightness_agrees_with_littlecms(primaries: tuple[tuple[float, ...], ...], curve: bytes, version: int) -> None:
    profile = _profile(primaries, curve, version)
    space = rgb_space(profile)
    assert space is not None and space is not SRGB and space.name == "made by a test"
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    to_lab = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("LAB"),
        "RGB",
        "LAB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert to_lab is not None
    converted = ImageCms.applyTransform(Image.fromarray(pixels), to_lab)
    assert converted is not None
    expected = np.asarray(converted)[..., 0] * (100 / 255)
    assert np.abs(lightness_of(pixels, space) - expected).max() < 0.5  # LittleCMS rounds to 100/255


def test_srgb_is_known_in_all_its_dresses() -> None:
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert rgb_space(made) is SRGB
    srgb = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
    table = struct.pack(
        ">4s4xI1024H", b"curv", 1024, *(round(float(v) * 65535) for v in SRGB.curves[0].decode(np.arange(1024) / 1023))
    )
    assert rgb_space(_profile(srgb, table)) is SRGB
    assert rgb_space(_profile(srgb, _PARAMETRIC, 4)) is SRGB
    assert rgb_space(_profile(srgb, _GAMMA)) is not SRGB, "gamma 2.2 is darker in the shadows"
    assert rgb_space(_profile(_P3, _PARAMETRIC, 4)) is not SRGB


def test_what_no_matrix_describes_is_left_to_others() -> None:
    whole = _profile(_ADOBE, _GAMMA)
    assert rgb_space(whole.replace(b"cprt", b"A2B0")) is None, "tables come before the matrix"
    assert rgb_space(whole.replace(b"RGB ", b"CMYK")) is None
    assert rgb_space(whole.replace(b"gTRC", b"none")) is None
    flat = struct.pack(">4s4xI4H", b"curv", 4, 0, 40000, 20000, 65535)
    assert rgb_space(_profile(_ADOBE, flat)) is None, "a curve that falls cannot be read backwards"
    for length in range(0, len(whole), 7):
        rgb_space(whole[:length])  # cut short: never an exception


@pytest.mark.parametrize("curve", [*SRGB.curves[:1], Curve(g=1.8), Curve(table=tuple((np.arange(99) / 98) ** 2.2))])
def test_a_curve_is_undone_by_its_inverse(curve: Curve) -> None:
    levels = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(curve.encode(curve.decode(levels)), levels, atol=1e-6)
