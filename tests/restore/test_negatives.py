"""Negatives are told by their margin and film base, in 8 and 16 bits; prints with margins are no negatives."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.data.samples import sample_photos
from colorize_cli.restore.negatives import find_negative

ORANGE = np.array((0.9, 0.6, 0.38))


def photo() -> NDArray[np.float64]:
    return dict(sample_photos())["cat"] / 255


def grey() -> NDArray[np.float64]:
    return cv2.cvtColor(photo().astype(np.float32), cv2.COLOR_RGB2GRAY).astype(float)


def scan(values: NDArray[np.float64], kind: type = np.uint8) -> NDArray[np.uint8]:
    noisy = values + np.random.default_rng(0).normal(0, 0.006, values.shape)
    return (np.clip(noisy, 0, 1) * np.iinfo(kind).max).round().astype(kind)


def film(positive: NDArray[np.float64], base: float) -> NDArray[np.float64]:
    """A negative with its margin."""
    return np.pad(0.08 + (base - 0.08) * (1 - positive), 24, constant_values=base)


def as_floats(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("base", [0.65, 0.85])
def test_a_grey_negative_becomes_the_photo(kind: type, base: float):
    pixels = scan(film(grey(), base), kind)
    found = find_negative(as_floats(pixels))
    assert found is not None and "grey film base" in found.said
    back = found.pixels(pixels)
    assert back.dtype == kind and back.shape == pixels.shape
    inside = back[24:-24, 24:-24] / np.iinfo(kind).max
    assert np.corrcoef(inside.ravel(), grey().ravel())[0, 1] > 0.99
    assert back[:20].mean() / np.iinfo(kind).max < 0.03  # the film's margin is black


def test_a_color_negative_loses_its_orange():
    values = np.pad(0.05 + 0.9 * (1 - photo()), ((24, 24), (24, 24), (0, 0)), constant_values=0.95) * ORANGE
    pixels = scan(values)
    found = find_negative(as_floats(pixels))
    assert found is not None and "orange film base" in found.said
    inside = found.pixels(pixels)[24:-24, 24:-24] / 255
    assert np.corrcoef(inside.ravel(), photo().ravel())[0, 1] > 0.99
    balance, wanted = (values.mean((0, 1)) / values.mean() for values in (inside, photo()))
    assert np.abs(balance - wanted).max() < 0.03


@pytest.mark.parametrize("holder", [0.0, 1.0])
def test_a_holder_around_the_film_is_no_margin(holder: float):
    pixels = scan(np.pad(film(grey(), 0.75), 16, constant_values=holder))
    assert find_negative(as_floats(pixels)) is not None


@pytest.mark.parametrize("margin", [0.0, 0.86, 1.0])
def test_prints_are_no_negatives(margin: float):
    assert find_negative(as_floats(scan(np.pad(0.1 + 0.75 * grey(), 24, constant_values=margin)))) is None
    assert find_negative(as_floats(scan(grey()))) is None


def test_film_without_a_margin_is_not_told():
    assert find_negative(as_floats(scan(film(grey(), 0.8)[24:-24, 24:-24]))) is None
