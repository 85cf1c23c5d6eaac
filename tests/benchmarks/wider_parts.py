"""Color that lies on a print: washes over things of it, spots, labels, tape, a postage stamp, a chart, crayon, a mount.

In:  the photo in color, (H, W, 3) uint8 sRGB; its print, (H, W, 3) [0, 255]; a generator of random numbers
Out: `Part`, as of `variant_parts`
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from variant_parts import Part
from variant_tools import Bytes, Floats, Rng, bytes_of, lab_of, smooth_noise, whole

_SEEN = 9.0  # Lab units of a change of color


def _paint(rng: Rng, most: float = 60) -> Floats:
    """A color that somebody paints or prints with, [0, 255]."""
    hue = rng.uniform(0, 2 * np.pi)
    chroma = rng.uniform(25, most)
    lab = np.array([[[rng.uniform(25, 75), chroma * np.cos(hue), chroma * np.sin(hue)]]])
    return np.asarray(bytes_of(lab)[0, 0], np.float64)


def _laid(rgb: Floats, alpha: Floats, paint: Floats, rng: Rng) -> tuple[Floats, NDArray[np.bool_]]:
    """Paint over a print, from transparent to opaque, and where that is seen."""
    cover = rng.uniform(0, 0.8)
    over = cover * paint + (1 - cover) * rgb * paint / max(float(paint.max()), 1)
    out = rgb + (over - rgb) * alpha[..., None]
    change = (lab_of(whole(out)) - lab_of(whole(rgb)))[..., 1:]
    return out, np.hypot(*np.moveaxis(change, 2, 0)) > _SEEN


def _wash(photo: Bytes, rgb: Floats, rng: Rng) -> Part:
    """One to three large things of the photo, each washed with a paint."""
    height, width = rgb.shape[:2]
    small = cv2.GaussianBlur(cv2.resize(photo, (64, 64), interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    y, x = np.mgrid[:64, :64]
    near = rng.uniform(0.3, 1.5)
    samples = np.concatenate([lab_of(small), near * np.stack([x, y], -1)], 2).reshape(-1, 5).astype(np.float32)
    cv2.setRNGSeed(int(rng.integers(1 << 30)))
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.1)
    many = int(rng.integers(5, 13))
    _, labels, _ = cv2.kmeans(samples, many, None, stop, 1, cv2.KMEANS_PP_CENTERS)
    labels, out = labels.reshape(64, 64), rgb
    for part in rng.permutation(many)[: int(rng.integers(1, 4))]:
        soft = cv2.resize((labels == part).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        soft = np.clip((soft - 0.5) * rng.uniform(2, 8) + 0.5, 0, 1)
        out, _ = _laid(out, soft * rng.uniform(0.5, 0.95), _paint(rng), rng)
    change = (lab_of(whole(out)) - lab_of(whole(rgb)))[..., 1:]
    return out, np.hypot(*np.moveaxis(change, 2, 0)) > _SEEN, "wash"


def _spots(photo: Bytes, rgb: Floats, rng: Rng) -> Part:
    """Cheeks, lips, a coat: ellipses with soft rims."""
    height, width = rgb.shape[:2]
    size, out, mask = min(height, width), rgb, np.zeros(rgb.shape[:2], bool)
    for _ in range(int(rng.integers(1, 4))):
        layer = np.zeros((height, width))
        centre = (int(rng.uniform(0.1, 0.9) * width), int(rng.uniform(0.1, 0.9) * height))
        axes = (int(size * rng.uniform(0.05, 0.25)), int(size * rng.uniform(0.05, 0.25)))
        cv2.ellipse(layer, centre, axes, rng.uniform(0, 180), 0, 360, 1.0, -1)
        layer = cv2.GaussianBlur(layer, (0, 0), max(0.8, size * rng.uniform(0.003, 0.015)))
        out, where = _laid(out, layer * rng.uniform(0.5, 0.95), _paint(rng), rng)
        mask |= where
    return out, mask, "spots"


def _box(rgb: Floats, rng: Rng) -> tuple[slice, slice]:
    height, width = rgb.shape[:2]
    tall, wide = int(height * rng.uniform(0.08, 0.25)), int(width * rng.uniform(0.1, 0.3))
    top, left = int(rng.uniform(0, height - tall)), int(rng.uniform(0, width - wide))
    return slice(top, top + tall), slice(left, left + wide)


def _label(photo: Bytes, rgb: Floats, rng: Rng) -> Part:
    """A paper label, tape, or a postage stamp with a picture of its own."""
    box, out, mask = _box(rgb, rng), rgb.copy(), np.zeros(rgb.shape[:2], bool)
    kind = str(rng.choice(["label", "tape", "postage"]))
    if kind == "postage":
        size = out[box].shape[1::-1]
        plane = cv2.resize(rgb.mean(2), size, interpolation=cv2.INTER_AREA)[..., None] / 255
        ink = _paint(rng)
        out[box] = ink + (np.array([245, 238, 225]) - ink) * plane
        change = (lab_of(whole(out)) - lab_of(whole(rgb)))[..., 1:]
        return out, np.hypot(*np.moveaxis(change, 2, 0)) > _SEEN, kind
    mask[box] = True
    if kind == "tape":
        out, seen = _laid(rgb, mask * rng.uniform(0.6, 0.95), np.array([225, 180, 90]) + rng.normal(0, 10, 3), rng)
        return out, seen, kind
    hue, chroma = rng.uniform(0, 2 * np.pi), rng.uniform(15, 55)
    out[box] = bytes_of(np.array([[[rng.uniform(65, 92), chroma * np.cos(hue), chroma * np.sin(hue)]]]))[0, 0]
    where = (box[1].start + 3, box[0].stop - max(3, (box[0].stop - box[0].start) // 3))
    written = whole(out)
    cv2.putText(written, "No. 12", where, cv2.FONT_HERSHEY_PLAIN, rgb.shape[0] / 300, (40, 35, 35), 1, cv2.LINE_AA)
    return written.astype(np.float64), mask, kind


def _chart(photo: Bytes, rgb: Floats, rng: Rng) -> Part:
    """A color chart that lies on the print."""
    height, width = rgb.shape[:2]
    rows, columns = int(rng.integers(1, 5)), int(rng.integers(4, 8))
    side = max(5, int(min(height, width) * rng.uniform(0.03, 0.08)))
    gap = side // 8 + 1
    tall, wide = rows * (side + gap) + gap, columns * (side + gap) + gap
    if tall >= height or wide >= width:
        return _spots(photo, rgb, rng)
    top, left = int(rng.uniform(0, height - tall)), int(rng.uniform(0, width - wide))
    out, mask = rgb.copy(), np.zeros(rgb.shape[:2], bool)
    out[top : top + tall, left : left + wide] = rng.choice([20.0, 128.0, 240.0])
    for row in range(rows):
        for column in range(columns):
            y, x = top + gap + row * (side + gap), left + gap + column * (side + gap)
            own = rng.random() < 0.8
            out[y : y + side, x : x + side] = _paint(rng, 80) if own else rng.uniform(20, 245)
            mask[y : y + side, x : x + side] = own
    return out, mask, "chart"


def _crayon(photo: Bytes, rgb: Floats, rng: Rng) -> Part:
    """A number, a frame or a scrawl in crayon or pen."""
    height, width = rgb.shape[:2]
    size, layer = min(height, width), np.zeros((height, width), np.uint8)
    thick = max(2, int(size * rng.uniform(0.008, 0.03)))
    kind = str(rng.choice(["number", "frame", "scrawl", "seal"]))
    y, x = rng.uniform(0.05, 0.6, 2) * (height, width)
    if kind == "number":
        where = (int(x), int(y + 0.3 * size))
        text = str(rng.integers(10, 9999))
        cv2.putText(layer, text, where, cv2.FONT_HERSHEY_DUPLEX, size / rng.uniform(90, 220), 255, thick, cv2.LINE_AA)
    elif kind == "frame":
        ends = (int(x + rng.uniform(0.2, 0.4) * width), int(y + rng.uniform(0.2, 0.4) * height))
        cv2.rectangle(layer, (int(x), int(y)), ends, 255, thick, cv2.LINE_AA)
    elif kind == "seal":
        cv2.circle(layer, (int(x + 0.2 * size), int(y + 0.2 * size)), int(size * rng.uniform(0.07, 0.2)), 255, -1)
    else:
        step = np.cumsum(rng.normal((0.05, 0), (0.04, 0.08), (int(rng.integers(6, 14)), 2)), 0) * size
        points = cv2.resize(step + (x, y + 0.2 * size), (2, 200), interpolation=cv2.INTER_CUBIC)
        cv2.polylines(layer, [points.astype(np.int32)], False, 255, thick, cv2.LINE_AA)
    alpha = layer / 255 * rng.uniform(0.65, 1)
    if rng.random() < 0.4:
        alpha = alpha * np.clip(0.3 + smooth_noise(rng, layer.shape, int(rng.integers(6, 30))), 0, 1)
    out, mask = _laid(rgb, alpha, _paint(rng, 80), rng)
    return out, mask, kind


def _card(photo: Bytes, rgb: Floats, rng: Rng) -> Part:
    """A mount of any card, with grain, shading, a gold line or a name on it."""
    height, width = rgb.shape[:2]
    side = int(min(height, width) * rng.uniform(0.05, 0.25))
    low = int(side * rng.uniform(1, 2))
    shape = (height + side + low, width + 2 * side)
    hue = (rng.uniform(30, 100) if rng.random() < 0.65 else rng.uniform(0, 360)) * np.pi / 180
    chroma = rng.uniform(11, 40)
    card = np.zeros((*shape, 3))
    grain = cv2.GaussianBlur(rng.normal(0, 1, shape), (0, 0), rng.uniform(0.7, 2)) * rng.uniform(1, 6)
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    card[..., 0] = rng.uniform(20, 85) + grain + rng.uniform(-5, 5) * x + rng.uniform(-5, 5) * y
    card[..., 1:] = chroma * np.cos(hue), chroma * np.sin(hue)
    out = bytes_of(card)
    if rng.random() < 0.3:
        corners = (side - 4, side - 4), (side + width + 3, side + height + 3)
        cv2.rectangle(out, *corners, (190, 160, 80), 2)
    if rng.random() < 0.3:
        where = (shape[1] // 4, side + height + low // 2)
        cv2.putText(out, "BERLIN W", where, cv2.FONT_HERSHEY_COMPLEX, low / 70, (30, 25, 20), 1, cv2.LINE_AA)
    mask = np.ones(shape, bool)
    mask[side : side + height, side : side + width] = False
    out[~mask] = whole(rgb).reshape(-1, 3)
    return out.astype(np.float64), mask, "card"


PARTS: dict[str, Callable[[Bytes, Floats, Rng], Part]] = {
    "wash": _wash,
    "spots": _spots,
    "label": _label,
    "chart": _chart,
    "crayon": _crayon,
    "card": _card,
}
