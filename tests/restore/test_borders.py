"""A scanner's borders are found, however the picture lies in them; a picture's own black and white are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.data.samples import sample_photos
from colorize_cli.restore.borders import find_frame
from colorize_cli.restore.frame import Frame


def cat() -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(dict(sample_photos())["cat"], cv2.COLOR_RGB2GRAY), np.uint8)


def laid(grey: NDArray[np.uint8], angle: float, margin: int = 60) -> NDArray[np.float64]:
    """From the picture's places to the scan's."""
    height, width = grey.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1)
    matrix[:, 2] += margin
    return matrix


def scanned(grey: NDArray[np.uint8], angle: float, tone: int, margin: int = 60) -> NDArray[np.uint8]:
    """As it lies on a scanner's glass, turned by an angle."""
    height, width = grey.shape
    scan = cv2.warpAffine(grey, laid(grey, angle, margin), (width + 2 * margin, height + 2 * margin), borderValue=tone)
    noise = np.random.default_rng(0).normal(0, 1.5, scan.shape)
    return np.clip(scan + noise, 0, 255).round().astype(np.uint8)


def plane(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return pixels.astype(np.float32) / np.float32(255)


@pytest.mark.parametrize("tone", [0, 255])
@pytest.mark.parametrize("angle", [0.0, 2.5, -1.3])
def test_what_is_kept_is_the_picture_and_stands_level(tone: int, angle: float):
    grey = cat()
    scan = scanned(grey, angle, tone)
    frame = find_frame(plane(scan), (scan.shape[0], scan.shape[1]))
    assert frame is not None and abs(frame.angle + angle) < 0.15
    part = frame.pixels(scan)
    assert part.size > 0.93 * grey.size
    back = cv2.invertAffineTransform(laid(grey, angle))
    for corner in ((0, 0, 1), (part.shape[1] - 1, 0, 1), (0, part.shape[0] - 1, 1)):
        x, y = back @ (*(frame.matrix() @ corner), 1)
        assert -1 <= x <= grey.shape[1] and -1 <= y <= grey.shape[0]
    for rim in (part[0], part[-1], part[:, 0], part[:, -1]):
        assert np.mean(np.abs(rim.astype(int) - tone) < 8) < 0.5


@pytest.mark.parametrize("name", ["cat", "astronaut", "rocket", "coffee"])
def test_a_photo_without_borders_is_left_alone(name: str):
    photos = dict(sample_photos())
    if name not in photos:
        pytest.skip(f"no sample of that name: {name}")
    grey = np.asarray(cv2.cvtColor(photos[name], cv2.COLOR_RGB2GRAY), np.uint8)
    assert find_frame(plane(grey), (grey.shape[0], grey.shape[1])) is None


def test_a_white_sky_over_hills_is_no_border():
    x = np.arange(400)
    hills = 120 + 30 * np.sin(x / 23) + 14 * np.sin(x / 7)
    sky = np.arange(300)[:, None] < hills
    land = 90 + 40 * np.random.default_rng(0).random((300, 400))
    assert find_frame(plane(np.where(sky, 255, land).astype(np.uint8)), (300, 400)) is None


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("angle", [0.0, 3.0])
@pytest.mark.parametrize("planes", [0, 4, 5])
def test_rows_as_they_come_give_what_the_whole_gives(kind: type, angle: float, planes: int):
    shape = (300, 200, planes) if planes else (300, 200)
    whole = np.random.default_rng(0).integers(0, np.iinfo(kind).max, shape).astype(kind)
    frame = Frame((300, 200), angle, 20, 15, (250, 160))
    parts = [part for _, part in frame.strips(((top, whole[top : top + 17]) for top in range(0, 300, 17)), 64)]
    wanted = frame.pixels(whole)
    assert wanted.dtype == kind and wanted.shape == (250, 160, *shape[2:])
    assert np.abs(np.concatenate(parts).astype(int) - wanted).max() <= (np.iinfo(kind).max // 255 if angle else 0)


def test_a_mask_of_the_part_goes_back_to_its_place():
    frame = Frame((100, 80), 0.0, 10, 5, (60, 50))
    mask = np.zeros((60, 50), bool)
    mask[3, 4] = True
    assert np.argwhere(frame.back(mask)).tolist() == [[13, 9]]
    assert frame.place(9, 13) == (4, 3)
    turned = Frame((100, 80), 4.0, 10, 5, (60, 50))
    x, y = turned.matrix() @ (20, 30, 1)
    assert turned.place(x, y) == pytest.approx((20, 30))
