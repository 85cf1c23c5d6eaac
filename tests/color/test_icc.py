"""Curves of grey profiles, as every kind that the standard knows, and as files have them broken."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.color.icc import grey_curve, space_of
from colorize_cli.color.icc_convert import grey_to_srgb, rgb_to_srgb


def grey_profile(curve: bytes, tags: int = 1) -> bytes:
    head = bytes(12) + b"mntrGRAYXYZ " + bytes(12) + b"acsp" + bytes(88)
    return head + struct.pack(">I4sII", tags, b"kTRC", 144, len(curve)) + curve


def parametric(kind: int, *values: float) -> bytes:
    return (
        b"para"
        + bytes(4)
        + struct.pack(">HH", kind, 0)
        + struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))
    )


def table(*values: int) -> bytes:
    return b"curv" + bytes(4) + struct.pack(f">I{len(values)}H", len(values), *values)


def encoded(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    srgb = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * srgb), np.uint8)


X = np.arange(256) / 255
CURVES = {
    "straight": (b"curv" + bytes(8), X),
    "gamma": (table(round(1.8 * 256)), X ** (round(1.8 * 256) / 256)),
    "table": (table(0, 6554, 65535), np.interp(X, [0, 0.5, 1], [0, 6554 / 65535, 1])),
    "0": (parametric(0, 2.0), X**2),
    "1": (parametric(1, 2.0, 1.25, -0.25), np.where(X >= 0.2, np.maximum(1.25 * X - 0.25, 0) ** 2, 0)),
    "2": (parametric(2, 2.0, 1.0, -0.25, 0.125), np.where(X >= 0.25, np.maximum(X - 0.25, 0) ** 2 + 0.125, 0.125)),
    "3": (parametric(3, 2.0, 0.75, 0.25, 0.5, 0.125), np.where(X >= 0.125, (0.75 * X + 0.25) ** 2, 0.5 * X)),
    "4": (
        parametric(4, 2.0, 0.75, 0.125, 0.5, 0.125, 0.0625, 0.03125),
        np.where(X >= 0.125, (0.75 * X + 0.125) ** 2 + 0.0625, 0.5 * X + 0.03125),
    ),
}


@pytest.mark.parametrize("name", CURVES)
def test_a_grey_profile_is_applied_as_the_standard_has_its_curve(name: str) -> None:
    curve, light = CURVES[name]
    done = grey_to_srgb(np.arange(256, dtype=np.uint8)[None], grey_profile(curve))
    assert done is not None and done.dtype == np.uint8
    assert np.abs(done[0].astype(int) - encoded(light)).max() <= 1  # parameters are rounded to 1/65536
    assert (done[0] == encoded(light)).mean() > 0.97


def test_sixteen_bits_are_toned_at_their_own_depth() -> None:
    done = grey_to_srgb(np.arange(65536, dtype=np.uint16)[None], grey_profile(b"curv" + bytes(8)))
    assert done is not None and done.dtype == np.uint16
    light = np.arange(65536) / 65535
    srgb = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(done[0] - srgb * 65535).max() <= 0.51


@pytest.mark.parametrize(
    "curve",
    [
        table(0, 6554, 65535)[:-1],
        parametric(3, 2.0, 1.0),
        parametric(5, 2.0),
        parametric(1, 2.0, 0.0, 1.0),
        b"name" + bytes(20),
    ],
)
def test_a_curve_that_cannot_be_read_is_none(curve: bytes) -> None:
    assert grey_curve(grey_profile(curve)) is None
    assert grey_to_srgb(np.zeros((2, 2), np.uint8), grey_profile(curve)) is None


def test_a_profile_that_is_cut_short_or_for_other_pixels_is_not_applied() -> None:
    whole = grey_profile(CURVES["gamma"][0])
    assert space_of(whole) == "grey" and space_of(whole[:100]) is None and space_of(None) is None
    for length in range(0, len(whole), 5):
        assert grey_curve(whole[:length]) is None
    assert grey_curve(grey_profile(CURVES["gamma"][0], tags=0)) is None
    assert rgb_to_srgb(np.zeros((2, 2, 3), np.uint8), whole) is None
