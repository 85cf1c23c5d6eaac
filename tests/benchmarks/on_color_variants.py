"""Make grey, toned, faded, partly colored and muted variants of color photos, each with where its color is.

In:  a color photo, (H, W, 3) uint8 sRGB; a generator of random numbers
Out: `Made`: the variant as it comes out of its file, (H, W, 3) uint8; mask of the color of its own, (H, W) bool
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from variant_parts import PARTS
from variant_tools import Bytes, Floats, Rng, bytes_of, filed, grey_of, lab_of, scanned, smooth_noise, whole


@dataclass(frozen=True)
class Made:
    """A variant: its pixels, what was done to it, and where it has a color of its own (None: everywhere)."""

    pixels: Bytes
    how: str
    mask: NDArray[np.bool_] | None


def grey(photo: Bytes, rng: Rng) -> Made:
    plane = grey_of(photo, rng)
    pixels, how = scanned(np.repeat(plane[..., None], 3, 2), rng)
    pixels, file = filed(pixels, rng, 25)
    return Made(pixels, "grey" + how + file, np.zeros(plane.shape, bool))


def tone_of(plane: Floats, rng: Rng) -> tuple[Floats, str]:
    """A toned print: (H, W), [0, 255], to (H, W, 3)."""
    x = plane[..., None] / 255
    kind = str(rng.choice(["matrix", "multiply", "duotone", "split", "lab", "cyanotype", "selenium", "tritone"]))
    strength = rng.uniform(0.4, 1)
    if kind == "matrix":
        toned = np.clip(x * np.array([1.351, 1.203, 0.937]), 0, 1)
    elif kind == "multiply":
        toned = x * np.array([1, rng.uniform(0.85, 0.95), rng.uniform(0.55, 0.85)])
    elif kind == "cyanotype":
        dark, light = np.array([0.05, 0.15, 0.35]), np.array([0.9, 0.95, 0.95])
        toned = dark + (light - dark) * x ** rng.uniform(0.8, 1.3)
    elif kind == "selenium":
        toned = x + (1 - x) * x * np.array([0.25, 0.02, 0.15]) * rng.uniform(0.5, 1.5)
    elif kind in ("duotone", "tritone"):
        dark, light = rng.uniform(0, 0.3, 3), rng.uniform(0.75, 1, 3)
        toned = dark + (light - dark) * x
        if kind == "tritone":
            toned = toned + 4 * x * (1 - x) * rng.uniform(-0.12, 0.12, 3)
    else:
        lab = np.concatenate([100 * x, 0 * x, 0 * x], 2)
        hue = rng.uniform(0, 2 * np.pi, 2)
        chroma = rng.uniform(5, 25, 2)
        share = np.clip(x + rng.uniform(-0.2, 0.2), 0, 1) if kind == "split" else 0 * x
        for i, part in enumerate((np.cos, np.sin)):
            ends = chroma * part(hue)
            lab[..., 1 + i] = ((1 - share) * ends[0] + share * ends[1])[..., 0]
        toned = bytes_of(lab) / 255.0
    mixed = np.clip((1 - strength) * x + strength * toned, 0, 1) * 255
    return np.asarray(mixed, np.float64), f"{kind} {strength:.1f}"


def toned(photo: Bytes, rng: Rng) -> Made:
    plane = grey_of(photo, rng)
    rgb, how = tone_of(plane, rng)
    if rng.random() < 0.3:  # yellowed towards its borders
        height, width = plane.shape
        y, x = np.mgrid[:height, :width]
        near = np.minimum.reduce([x / width, 1 - x / width, y / height, 1 - y / height])
        share = np.exp(-near / rng.uniform(0.04, 0.2))[..., None] * rng.uniform(0.3, 1)
        rgb = rgb * (1 - share * np.array([0, rng.uniform(0.03, 0.1), rng.uniform(0.15, 0.4)]))
        how += " borders"
    pixels, scan = scanned(rgb, rng, hard=False)
    pixels, file = filed(pixels, rng)
    return Made(pixels, how + scan + file, np.zeros(plane.shape, bool))


def faded(photo: Bytes, rng: Rng) -> Made:
    plane = grey_of(photo, rng)
    how = "grey"
    rgb = np.repeat(plane[..., None], 3, 2)
    if rng.random() < 0.4:
        rgb, how = tone_of(plane, rng)
    height, width = plane.shape
    y, x = np.mgrid[:height, :width]
    y, x = y / height, x / width
    kind = str(rng.choice(["linear", "corner", "blobs", "field", "band", "mirror"]))
    if kind == "linear":
        angle = rng.uniform(0, 2 * np.pi)
        share = np.clip(0.5 + rng.uniform(0.7, 1.6) * (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5)), 0, 1)
    elif kind == "corner":
        cy, cx = rng.uniform(-0.1, 1.1, 2)
        share = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * rng.uniform(0.25, 0.6) ** 2))
    elif kind == "blobs":
        share = np.zeros(plane.shape)
        for _ in range(int(rng.integers(1, 4))):
            (cy, cx), spread = rng.uniform(0, 1, 2), rng.uniform(0.15, 0.35)
            share = np.maximum(share, np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * spread**2)))
    elif kind == "field":
        share = smooth_noise(rng, plane.shape, int(rng.integers(2, 5)))
    elif kind == "band":
        across = x if rng.random() < 0.5 else y
        share = 1 / (1 + np.exp((across - rng.uniform(0.2, 0.8)) / rng.uniform(0.05, 0.15)))
    else:
        near = np.minimum.reduce([x, 1 - x, y, 1 - y])
        share = np.exp(-near / rng.uniform(0.08, 0.25)) * (0.5 + 0.5 * smooth_noise(rng, plane.shape, 3))
    share = (share * rng.uniform(0.5, 1))[..., None]
    draw = rng.random()
    if draw < 0.4:  # yellowed: blue is swallowed
        stained = rgb * np.array([rng.uniform(0.9, 1), rng.uniform(0.75, 0.92), rng.uniform(0.4, 0.75)])
    elif draw < 0.8:  # bleached towards the color of its paper
        paper = np.array([rng.uniform(215, 250), rng.uniform(200, 235), rng.uniform(140, 205)])
        stained = paper - (paper - rgb) * rng.uniform(0.3, 0.8) * paper / 255
    else:
        stained = rgb * rng.uniform(0.6, 1, 3) + rng.uniform(0, 25, 3)
    rgb = (1 - share) * rgb + share * stained
    pixels, scan = scanned(rgb, rng, hard=False)
    pixels, file = filed(pixels, rng)
    return Made(pixels, f"{kind} {how}{scan}{file}", np.zeros(plane.shape, bool))


def mixed(photo: Bytes, rng: Rng) -> Made:
    plane = grey_of(photo, rng)
    rgb, how = np.repeat(plane[..., None], 3, 2), "grey"
    if rng.random() < 0.35:
        rgb, how = tone_of(plane, rng)
        while np.hypot(*lab_of(np.rint(rgb).astype(np.uint8))[..., 1:].mean((0, 1))) > 16:
            rgb, how = tone_of(plane, rng)
    part = PARTS[str(rng.choice(list(PARTS)))]
    rgb, mask, what = part(photo, rgb, rng)
    pixels, scan = scanned(rgb, rng, hard=False) if rng.random() < 0.5 else (np.rint(rgb).astype(np.uint8), "")
    pixels, file = filed(pixels, rng, 70)
    return Made(pixels, f"{what} on {how}{scan}{file}", mask)


def color(photo: Bytes, rng: Rng) -> Made:
    """A photo in color as it is, or saved anew."""
    pixels, file = filed(photo, rng, 60)
    return Made(pixels, "plain" + file, None)


def muted(photo: Bytes, rng: Rng) -> Made:
    """A photo in color, muted in one of many ways: harder than most that are met."""
    kind = str(rng.choice(["dull", "faded slide", "blue hour", "water", "desert", "fog"]))
    rgb = photo.astype(np.float64)
    if kind == "dull":
        lab = lab_of(photo)
        lab[..., 1:] *= rng.uniform(0.4, 0.7)
        rgb = bytes_of(lab).astype(np.float64)
    elif kind == "faded slide":
        low, high = rng.uniform(0, 60, 3), rng.uniform(180, 255, 3)
        rgb = low + (high - low) * rgb / 255
    elif kind in ("blue hour", "water", "desert"):
        lab = lab_of(photo)
        lab[..., 1:] *= rng.uniform(0.5, 0.8)
        light = {"blue hour": (0.5, 0.65, 0.95), "water": (0.4, 0.85, 0.95), "desert": (1, 0.85, 0.62)}[kind]
        rgb = bytes_of(lab) * np.array(light)
    elif kind == "fog":
        depth = smooth_noise(rng, photo.shape, 2)[..., None] * 0.4 + 0.2
        rgb = rgb * (1 - depth) + depth * rng.uniform(200, 225) * rng.uniform(0.97, 1.03, 3)
    pixels, file = filed(whole(rgb), rng, 60)
    return Made(pixels, kind + file, None)


def aged(photo: Bytes, rng: Rng) -> Made:
    """A toned print as archives have them: stains of all sizes, white scratches, uneven tone, on a scanner's bed."""
    plane = grey_of(photo, rng)
    rgb, how = tone_of(plane, rng) if rng.random() < 0.8 else (np.repeat(plane[..., None], 3, 2), "grey")
    lab = lab_of(whole(rgb))
    lab[..., 1:] *= rng.uniform(0.7, 1.6)
    wide = cv2.GaussianBlur(lab[..., 0], (0, 0), max(plane.shape) / rng.uniform(10, 60)) - lab[..., 0].mean()
    lab[..., 1:] *= np.clip(1 + rng.uniform(-0.4, 0.4) * wide / 50, 0.2, 2)[..., None]
    hue, most = rng.uniform(30, 110) * np.pi / 180, rng.uniform(0, 7)
    for cells in (3, 7, 15, 35):
        turn = hue + rng.normal(0, 0.5)
        stain = (smooth_noise(rng, plane.shape, cells) - 0.4) * most * rng.uniform(0.2, 1)
        lab[..., 1] += stain * np.cos(turn)
        lab[..., 2] += stain * np.sin(turn)
    if rng.random() < 0.5:
        lab[..., 1:] = cv2.GaussianBlur(lab[..., 1:], (0, 0), rng.uniform(0.8, 3))
    rgb = bytes_of(lab).astype(np.float64)
    for _ in range(int(rng.integers(0, 8))):  # emulsion that is gone
        ends = (rng.uniform(0, 1, (3, 2)) * plane.shape[::-1]).astype(np.int32)
        ends[1:] = ends[0] + (ends[1:] - ends[0]) // 4
        cv2.polylines(rgb, [ends], False, (rng.uniform(225, 255),) * 3, int(rng.integers(1, 4)), cv2.LINE_AA)
    if rng.random() < 0.5:
        bed = np.clip(rng.choice([15.0, 128.0, 245.0]) + rng.normal(0, 3, 3), 0, 255)
        sides = [int(rng.uniform(0, 0.06) * max(plane.shape)) for _ in range(4)]
        rgb = cv2.copyMakeBorder(rgb, *sides, cv2.BORDER_CONSTANT, value=bed.tolist())
        size = rgb.shape[1::-1]
        turn_by = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), rng.normal(0, 0.7), 1.0)
        rgb = cv2.warpAffine(rgb, turn_by, size, borderMode=cv2.BORDER_CONSTANT, borderValue=bed.tolist())
        how += " bed"
    pixels, scan = scanned(rgb, rng, hard=False)
    pixels, file = filed(pixels, rng)
    return Made(pixels, f"aged {how}{scan}{file}", np.zeros(pixels.shape[:2], bool))


KINDS: dict[str, Callable[[Bytes, Rng], Made]] = {
    "color": color,
    "grey": grey,
    "toned": toned,
    "faded": faded,
    "mixed": mixed,
    "muted": muted,
    "aged": aged,
}
