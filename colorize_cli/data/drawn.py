"""Neutral training examples: flat and blank pictures, pages of text, photos in album and film margins.

In:  a random generator, a training crop as CIE Lab
Out: lightness (S, S), [0, 100], and ab (S, S, 2), Lab units: 0 wherever the picture is drawn
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,.;:-  "
_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_COMPLEX_SMALL,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)


def surface(size: int, rng: np.random.Generator) -> Floats:
    """A blank surface: one level, sometimes shaded from side to side, sometimes with grain; (size, size)."""
    picture = np.full((size, size), rng.uniform(0, 100), np.float32)
    if rng.random() < 0.5:
        y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
        turn, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0, 15)
        picture += np.float32(depth) * (np.cos(turn) * x + np.sin(turn) * y)
        if rng.random() < 0.5:
            picture -= np.float32(rng.uniform(0, 15)) * (x * x + y * y)
    if rng.random() < 0.6:
        grain = rng.normal(0, rng.uniform(0.2, 4), picture.shape).astype(np.float32)
        picture += cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.4, 2)) * 2 if rng.random() < 0.5 else grain
    return picture


def page(size: int, rng: np.random.Generator) -> Floats:
    """A page of text, dark on light or the other way round, sometimes turned; (size, size)."""
    picture = surface(size, rng)
    middle = float(picture.mean())
    ink = float(rng.uniform(max(0, middle - 90), max(0, middle - 25)) if middle > 45 else rng.uniform(middle + 25, 100))
    font, scale = _FONTS[int(rng.integers(len(_FONTS)))], float(rng.uniform(0.15, 0.9))
    step, left = max(4, int(scale * rng.uniform(24, 40))), int(rng.integers(-4, size // 5))
    text = np.zeros((size, size), np.uint8)
    bottom, y = int(rng.uniform(0.3, 1.2) * size), int(rng.integers(0, size // 3))
    while y < bottom:
        words = "".join(rng.choice(list(_LETTERS), int(rng.integers(3, 60))))
        cv2.putText(text, words, (left, y), font, scale, 255, 1, cv2.LINE_AA)
        y += step
    picture += (np.float32(ink) - picture) * (text / np.float32(255))
    if rng.random() < 0.3:
        turn = cv2.getRotationMatrix2D((size / 2, size / 2), float(rng.uniform(-12, 12)), 1)
        picture = np.asarray(cv2.warpAffine(picture, turn, (size, size), borderMode=cv2.BORDER_REFLECT), np.float32)
    return picture


def framed(lab: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A photo, (S, S, 3), made smaller and laid on a blank surface: an album's leaf, a mount, a film's margins."""
    size = lab.shape[0]
    lightness, ab = surface(size, rng), np.zeros((size, size, 2), np.float32)
    height, width = (int(size * rng.uniform(0.45, 0.95)) for _ in range(2))
    y, x = int(rng.integers(0, size - height + 1)), int(rng.integers(0, size - width + 1))
    if rng.random() < 0.25:  # a film's perforation along two sides
        step, hole = size // int(rng.integers(6, 12)), float(rng.uniform(80, 100))
        for at in range(0, size, step):
            for top in (1, size - 1 - step // 2):
                lightness[top : top + step // 2, at : at + step // 2] = hole
    photo = cv2.resize(lab, (width, height), interpolation=cv2.INTER_AREA)
    lightness[y : y + height, x : x + width] = photo[..., 0]
    ab[y : y + height, x : x + width] = photo[..., 1:]
    if rng.random() < 0.5:  # a white rim, as prints have it
        cv2.rectangle(lightness, (x, y), (x + width - 1, y + height - 1), float(rng.uniform(70, 100)), 2)
        rim = np.zeros((size, size), np.uint8)
        cv2.rectangle(rim, (x, y), (x + width - 1, y + height - 1), 1, 2)
        ab[rim > 0] = 0
    return lightness, ab


def neutral_example(lab: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """One of these pictures; `lab` is the photo that a frame is laid around."""
    kind = rng.random()
    if kind < 0.5:
        lightness, ab = framed(lab, rng)
    else:
        lightness = surface(lab.shape[0], rng) if kind < 0.75 else page(lab.shape[0], rng)
        ab = np.zeros((*lightness.shape, 2), np.float32)
    return np.clip(lightness, 0, 100), ab
