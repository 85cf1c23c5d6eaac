"""Variants of color photos in a second style: other tones, other fading, things laid on a print and washes over it.

In:  a color photo, (H, W, 3) uint8 sRGB; a generator of random numbers
Out: `Made`, as of `on_color_variants`

What `on_color_variants` makes, an archive has; this makes what an image editor makes of a photo, too.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from on_color_variants import Made
from variant_tools import Bytes, Floats, Rng, bytes_of, filed, grey_of, lab_of, smooth_noise, whole
from wider_parts import PARTS


def _over(rgb: Floats, rng: Rng) -> Floats:
    """Vignette, paper's rim, dust: what lies over a print's tone."""
    height, width = rgb.shape[:2]
    if rng.random() < 0.3:
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        rgb = rgb * (1 - rng.uniform(0.2, 0.7) * np.clip(np.hypot(x, y) / 1.4, 0, 1) ** rng.uniform(1, 3))[..., None]
    if rng.random() < 0.2:
        paper = np.percentile(rgb.reshape(-1, 3), rng.uniform(97, 100), axis=0)
        sides = [int(rng.uniform(0.01, 0.07) * min(height, width))] * 4
        rgb = cv2.copyMakeBorder(rgb, *sides, cv2.BORDER_CONSTANT, value=paper.tolist())
    if rng.random() < 0.3:
        for _ in range(int(rng.integers(3, 50))):
            where = (int(rng.uniform(0, rgb.shape[1])), int(rng.uniform(0, rgb.shape[0])))
            level = np.percentile(rgb.reshape(-1, 3)[::97], 99, axis=0)
            rgb = cv2.circle(np.ascontiguousarray(rgb), where, int(rng.integers(1, 3)), level.tolist(), -1, cv2.LINE_AA)
    return rgb


def tone_of(plane: Floats, rng: Rng, strongest: float = 34) -> tuple[Floats, str]:
    """A toned print by colors for its shadows, middle and lights, by one hue, or by a color laid over it."""
    kind = str(rng.choice(["stops", "stops", "ends", "hue", "soft light"]))
    if kind in ("stops", "ends"):
        places = [0, rng.uniform(90, 160), 255] if kind == "stops" else [0, 255]
        hue = rng.uniform(5, 100) if rng.random() < 0.65 else rng.uniform(0, 360)
        hues = (hue + rng.normal(0, 20, len(places))) * np.pi / 180
        chroma = rng.uniform(0, strongest, len(places))
        light = [rng.uniform(3, 35), *([rng.uniform(40, 60)] if kind == "stops" else []), rng.uniform(78, 98)]
        stops = np.stack([light, chroma * np.cos(hues), chroma * np.sin(hues)], 1)
        if rng.random() < 0.5:  # straight in RGB, as editors map it
            ends = bytes_of(stops[None])[0].astype(np.float64)
            rgb = np.stack([np.interp(plane, places, ends[:, i]) for i in range(3)], -1)
        else:
            rgb = bytes_of(np.stack([np.interp(plane, places, stops[:, i]) for i in range(3)], -1)).astype(np.float64)
    elif kind == "hue":
        saturation = rng.uniform(20, 110) * strongest / 34
        levels = [np.full(plane.shape, rng.uniform(0, 180)), plane, np.full(plane.shape, saturation)]
        rgb = cv2.cvtColor(np.stack(levels, -1).astype(np.uint8), cv2.COLOR_HLS2RGB).astype(np.float64)
    else:
        laid, x = rng.uniform(0.25, 0.75, 3), plane[..., None] / 255
        rgb = ((1 - 2 * laid) * x * x + 2 * laid * x) * 255
    return np.asarray(rgb, np.float64), kind


def grey(photo: Bytes, rng: Rng) -> Made:
    """A grey print with a scanner's chroma blotches, lamp, or gamma of each channel."""
    plane = grey_of(photo, rng)
    rgb, how = np.repeat(plane[..., None], 3, 2), str(rng.choice(["blotches", "lamp", "gamma"]))
    if how == "blotches":
        size = rng.uniform(0.8, 2)
        rough = np.stack([cv2.GaussianBlur(rng.normal(0, 1, plane.shape), (0, 0), size) for _ in range(3)], -1)
        rgb = rgb + rough / rough.std() * rng.uniform(1, 4)
    elif how == "lamp":
        rgb = rgb * (1 + np.linspace(-1, 1, plane.shape[1])[None, :, None] * rng.uniform(-0.05, 0.05, 3))
    else:
        rgb = 255 * (rgb / 255) ** rng.uniform(0.93, 1.07, 3)
    pixels, file = filed(whole(rgb), rng, 25)
    return Made(pixels, how + file, np.zeros(plane.shape, bool))


def toned(photo: Bytes, rng: Rng) -> Made:
    plane = grey_of(photo, rng)
    rgb, how = tone_of(plane, rng)
    pixels, file = filed(whole(_over(rgb, rng)), rng)
    return Made(pixels, how + file, np.zeros(pixels.shape[:2], bool))


def _share(shape: tuple[int, ...], rng: Rng) -> tuple[Floats, str]:
    """How much each place has faded, [0, 1]."""
    height, width = shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    kind = str(rng.choice(["side", "rim", "stain", "mat", "clouds", "spot"]))
    if kind == "side":
        angle = rng.uniform(0, 2 * np.pi)
        share = 1 / (1 + np.exp(-rng.uniform(1, 6) * (x * np.cos(angle) + y * np.sin(angle) + rng.uniform(-0.5, 0.5))))
    elif kind == "rim":
        share = np.maximum(abs(x), abs(y)) ** rng.uniform(2, 10)
    elif kind == "stain":
        spot = smooth_noise(rng, shape, int(rng.integers(2, 6))) > rng.uniform(0.45, 0.7)
        share = cv2.GaussianBlur(spot.astype(np.float64), (0, 0), max(shape) * rng.uniform(0.02, 0.07))
    elif kind == "mat":
        inner = (abs(x) < rng.uniform(0.5, 0.95)) & (abs(y) < rng.uniform(0.5, 0.95))
        share = cv2.GaussianBlur((~inner).astype(np.float64), (0, 0), max(shape) * rng.uniform(0.02, 0.06))
    elif kind == "clouds":
        share = smooth_noise(rng, shape, int(rng.integers(2, 8)))
    else:
        (cy, cx), spread = rng.uniform(-1, 1, 2), rng.uniform(0.25, 0.8)
        share = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * spread**2))
    return np.asarray(share * rng.uniform(0.5, 1)), kind


def faded(photo: Bytes, rng: Rng) -> Made:
    plane = grey_of(photo, rng)
    rgb, how = np.repeat(plane[..., None], 3, 2), "grey"
    if rng.random() < 0.5:
        rgb, how = tone_of(plane, rng, rng.uniform(8, 28))
    share, where = _share(plane.shape, rng)
    way = str(rng.choice(["swallowed", "paper", "shift", "mirror"], p=[0.4, 0.2, 0.25, 0.15]))
    if way == "swallowed":
        stained = rgb * np.array([rng.uniform(0.85, 1), rng.uniform(0.68, 0.95), rng.uniform(0.4, 0.85)])
    elif way == "paper":
        paper = np.array([rng.uniform(215, 250), rng.uniform(200, 235), rng.uniform(150, 205)])
        stained = rgb + (paper - rgb) * rng.uniform(0.3, 0.7)
    elif way == "shift":
        lab = lab_of(whole(rgb))
        lab[..., 1:] += rng.uniform((-4, 8), (10, 30)) * np.clip(lab[..., :1] / rng.uniform(20, 100), 0, 1)
        stained = bytes_of(lab).astype(np.float64)
    else:  # silver that shines blue in the shadows
        share = share * np.clip(1 - plane / rng.uniform(150, 255), 0, 1)
        stained = rgb * 0.75 + np.array([25, 40, 60]) * rng.uniform(0.6, 1.2)
    rgb = rgb + (stained - rgb) * share[..., None]
    pixels, file = filed(whole(rgb), rng)
    return Made(pixels, f"{where} {way} {how}{file}", np.zeros(plane.shape, bool))


def mixed(photo: Bytes, rng: Rng) -> Made:
    plane = grey_of(photo, rng)
    rgb, how = np.repeat(plane[..., None], 3, 2), "grey"
    if rng.random() < 0.35:
        rgb, how = tone_of(plane, rng, 15)
    elif rng.random() < 0.3:
        rgb, how = rgb * rng.uniform(0.96, 1.04, 3), "cast"
    part = PARTS[str(rng.choice(list(PARTS)))]
    out, mask, what = part(photo, rgb, rng)
    while mask.mean() < 0.003:
        out, mask, what = part(photo, rgb, rng)
        part = PARTS[str(rng.choice(list(PARTS)))]
    pixels, file = filed(whole(out), rng, 60)
    return Made(pixels, f"{what} on {how}{file}", mask)


def color(photo: Bytes, rng: Rng) -> Made:
    """A photo in color, smaller."""
    scale = rng.uniform(0.3, 1)
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    pixels, file = filed(small, rng, 35)
    return Made(pixels, f"plain {scale:.1f}{file}", None)


def muted(photo: Bytes, rng: Rng) -> Made:
    """A slide whose dyes have faded, each by an amount of its own."""
    density = -np.log10(np.clip(photo / 255.0, 0.01, 1)) * rng.uniform(0.35, 1, 3)
    pixels, file = filed(whole(255 * 10**-density), rng, 50)
    return Made(pixels, "slide" + file, None)


KINDS: dict[str, Callable[[Bytes, Rng], Made]] = {
    "color": color,
    "grey": grey,
    "toned": toned,
    "faded": faded,
    "mixed": mixed,
    "muted": muted,
}
