"""A tone is no colour; a tinted cheek is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from colorize_cli.color.gamut import recombine
from colorize_cli.color.tint import COLOUR_THRESHOLD, residual_chroma


def _scene() -> NDArray[np.float64]:
    """L* of clouds of all sizes, (240, 320), [5, 95]."""
    noise = np.random.default_rng(0)
    layers = [cv2.resize(noise.normal(0, 1, (n, n)), (320, 240), interpolation=cv2.INTER_CUBIC) for n in (3, 7, 15, 40)]
    total = np.sum(layers, 0)
    return 5 + 90 * (total - total.min()) / np.ptp(total)


def _photo(lightness: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.uint8]:
    rgb = recombine(torch.from_numpy(lightness)[None, None], torch.from_numpy(np.stack([a, b]))[None])
    return (rgb[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)


def test_sepia_and_split_tones_are_black_and_white() -> None:
    lightness = _scene()
    sepia = _photo(lightness, np.full_like(lightness, 10.0), np.full_like(lightness, 30.0))
    split_tone = _photo(lightness, 14 - 0.28 * lightness, 0.5 * lightness - 25)
    for photo in (sepia, split_tone, np.repeat(lightness.astype(np.uint8)[..., None], 3, 2)):
        assert residual_chroma(photo) < COLOUR_THRESHOLD / 2


def test_jpeg_noise_of_a_grey_photo_is_no_colour() -> None:
    lightness = _scene()
    photo = _photo(lightness, np.full_like(lightness, 6.0), np.full_like(lightness, 18.0))
    noisy = np.clip(photo + np.random.default_rng(1).normal(0, 12, photo.shape), 0, 255).astype(np.uint8)
    _, file = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 30])
    assert residual_chroma(cv2.imdecode(file, cv2.IMREAD_COLOR)) < COLOUR_THRESHOLD


def test_a_hand_tinted_print_has_colour() -> None:
    lightness = _scene()
    sky = np.arange(240)[:, None] < 100
    a, b = np.where(sky, -4.0, 12.0) + 0 * lightness, np.where(sky, -14.0, 20.0) + 0 * lightness
    photo = _photo(lightness, a, b)
    assert residual_chroma(photo) > COLOUR_THRESHOLD
    assert residual_chroma(photo.astype(np.uint16) * 257) > COLOUR_THRESHOLD


def test_tinted_and_toned_prints_of_the_past_are_told_apart(shared: Path) -> None:
    tinted = {"deoldify_FadedDelores.PNG", "msoldphotos_h.png"}  # a tinted portrait and an autochrome
    for path in sorted((shared / "data" / "historical").iterdir()):
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if pixels is not None:
            coloured = residual_chroma(np.ascontiguousarray(pixels[..., ::-1])) > COLOUR_THRESHOLD
            assert coloured == (path.name in tinted), path.name
