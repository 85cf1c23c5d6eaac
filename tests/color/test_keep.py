"""Kept regions: the color of their pixels stays, the rest is given color, lightness stays everywhere."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.color.keep import Kept
from colorize_cli.color.merge import merge
from colorize_cli.color.pixels import ab_of, lightness_of
from colorize_cli.color.tint import Kind, OwnColor

HEIGHT, WIDTH = 600, 800


def _stamped() -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A grey picture of slow waves with a red bar on it, and where the bar is."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    grey = 140 + 60 * np.sin(x / 37) * np.cos(y / 29)
    photo = np.repeat(grey[..., None], 3, 2)
    where = np.zeros((HEIGHT, WIDTH), bool)
    where[203:257, 301:502] = True
    photo[where] *= (0.9, 0.2, 0.25)
    return photo.round().astype(np.uint8), where


def _own(photo: NDArray[np.uint8], where: NDArray[np.bool_]) -> OwnColor:
    """What `own_color` would give for it."""
    size = (400, 300)
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(where.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.4
    return OwnColor(Kind.regions, -3.0, mask, ab_of(small), np.zeros((2, 300, 400), np.float32))


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_region_keeps_its_color_and_everything_its_lightness(depth: type) -> None:
    photo, where = _stamped()
    pixels = photo.astype(depth) * (257 if depth is np.uint16 else 1)
    ab = np.stack([np.full((8, 8), -25, np.float32), np.full((8, 8), 30, np.float32)])
    out = merge(pixels, ab)
    plain = out.copy()
    kept = Kept.of(_own(photo, where))
    assert kept is not None and kept.share == pytest.approx(where.mean(), rel=0.05)
    kept.restore(out, pixels, 0, (HEIGHT, WIDTH))
    np.testing.assert_array_equal(out[where], pixels[where])
    away = cv2.dilate(where.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    np.testing.assert_array_equal(out[away], plain[away])  # the seam is no wider than the photo's own
    step = 0.5 if depth is np.uint8 else 0.01
    assert np.abs(lightness_of(out) - lightness_of(pixels)).max() <= step


def test_strips_give_what_the_whole_gives() -> None:
    photo, where = _stamped()
    ab = np.stack([np.full((8, 8), 5, np.float32), np.full((8, 8), -20, np.float32)])
    kept = Kept.of(_own(photo, where))
    assert kept is not None
    whole, strips = merge(photo, ab), merge(photo, ab)
    kept.restore(whole, photo, 0, (HEIGHT, WIDTH))
    for top in range(0, HEIGHT, 37):
        kept.restore(strips[top : top + 37], photo[top : top + 37], top, (HEIGHT, WIDTH))
    np.testing.assert_array_equal(strips, whole)
    assert kept.touches(203, 204, HEIGHT) and not kept.touches(0, 150, HEIGHT) and not kept.touches(320, 600, HEIGHT)


def test_a_soft_seam_is_a_mixture() -> None:
    photo, where = _stamped()
    soft = cv2.GaussianBlur(photo, (0, 0), 3.0)
    kept = Kept.of(_own(soft, where))
    assert kept is not None
    out = merge(soft, np.zeros((2, 4, 4), np.float32))
    kept.restore(out, soft, 0, (HEIGHT, WIDTH))
    along = np.hypot(*ab_of(np.ascontiguousarray(out[180:230, 400:401])))[:, 0]
    assert along[:8].max() < 1.5 and along[-8:].min() > 30  # from grey to the bar's red
    assert (np.diff(along) > -1.5).all() and np.diff(along).max() < 12  # without a step


def test_nothing_is_kept_of_a_monochrome_photo() -> None:
    assert Kept.of(OwnColor(Kind.monochrome)) is None and Kept.of(OwnColor(Kind.colored, 5.0)) is None


def test_a_regions_color_is_not_mixed_with_what_lies_beside_it() -> None:
    mask = np.zeros((40, 50), bool)
    mask[10:30, 15:35] = True
    toning = np.zeros((2, 40, 50), np.float32)
    color = np.where(mask, np.float32(20), np.float32(-30)) * np.ones((2, 1, 1), np.float32)
    kept = Kept.of(OwnColor(Kind.regions, mask=mask, color=color, toning=toning))
    assert kept is not None
    np.testing.assert_allclose(kept.planes[2:4][:, mask], 20, atol=1e-3)
