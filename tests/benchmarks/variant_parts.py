"""Color that a black-and-white print has in a part: a stamp, ink, its mount, tinting by hand, a color target.

In:  the photo in color, (H, W, 3) uint8 sRGB; its print, (H, W, 3) [0, 255]; a generator of random numbers
Out: `Part`: the print with the color, the mask of where that is, (H, W) bool, and its name
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from variant_tools import Bytes, Floats, Rng, bytes_of, lab_of, smooth_noise, whole

Part = tuple[Floats, NDArray[np.bool_], str]
_INKS = ((190, 20, 40), (30, 50, 160), (110, 40, 140), (20, 110, 70), (210, 60, 30), (40, 90, 190))


def _inked(rgb: Floats, alpha: Floats, rng: Rng) -> tuple[Floats, NDArray[np.bool_]]:
    """Ink laid over a print: what lies under it shines through."""
    ink = np.array(_INKS[rng.integers(len(_INKS))]) / 255
    cover = rng.uniform(0, 0.7)  # 0: transparent ink, 1: opaque
    over = cover * ink * 255 + (1 - cover) * rgb * ink
    alpha = alpha[..., None]
    out = rgb * (1 - alpha) + over * alpha
    change = np.hypot(*np.moveaxis((lab_of(whole(out)) - lab_of(whole(rgb)))[..., 1:], 2, 0))
    return out, change > 10


def _stamp(photo: Bytes, rgb: Floats, rng: Rng) -> Part:
    height, width = rgb.shape[:2]
    size = min(height, width)
    layer = np.zeros((height, width), np.uint8)
    radius = int(size * rng.uniform(0.08, 0.2))
    centre = (int(rng.uniform(0.15, 0.85) * width), int(rng.uniform(0.15, 0.85) * height))
    line = max(1, int(size * rng.uniform(0.006, 0.016)))
    if rng.random() < 0.6:
        cv2.circle(layer, centre, radius, 255, line, cv2.LINE_AA)
        if rng.random() < 0.5:
            cv2.circle(layer, centre, int(radius * 0.7), 255, max(1, line // 2), cv2.LINE_AA)
    else:
        box = cv2.boxPoints((centre, (2.2 * radius, 1.1 * radius), rng.uniform(-40, 40))).astype(np.int32)
        cv2.polylines(layer, [box], True, 255, line, cv2.LINE_AA)
    scale = radius / 60
    text = str(rng.choice(["ARCHIV", "PARIS 1932", "KODAK", "FOTO", "No. 417"]))
    where = (centre[0] - int(0.75 * radius), centre[1] + radius // 8)
    cv2.putText(layer, text, where, cv2.FONT_HERSHEY_DUPLEX, scale * 0.7, 255, max(1, line // 2), cv2.LINE_AA)
    alpha = layer / 255 * rng.uniform(0.6, 1)
    if rng.random() < 0.4:  # inked unevenly
        alpha = alpha * np.clip(0.4 + smooth_noise(rng, layer.shape, 8), 0, 1)
    out, mask = _inked(rgb, alpha, rng)
    return out, mask, "stamp"


def _ink(photo: Bytes, rgb: Floats, rng: Rng) -> Part:
    height, width = rgb.shape[:2]
    size = min(height, width)
    layer = np.zeros((height, width), np.uint8)
    thick = max(1, int(size * rng.uniform(0.005, 0.012)))
    if rng.random() < 0.5:
        for line in range(int(rng.integers(1, 3))):
            n = int(rng.integers(60, 200))
            t = np.arange(n)
            x = (0.05 + rng.uniform(0, 0.15) + t * rng.uniform(0.003, 0.004)) * width
            wave = np.cumsum(rng.normal(0, 0.5, n))
            y = height * (0.85 - 0.1 * line) + size * 0.025 * (np.sin(t * rng.uniform(0.7, 1.1)) + 0.3 * np.sin(wave))
            cv2.polylines(layer, [np.stack([x, y], 1).astype(np.int32)], False, 255, thick, cv2.LINE_AA)
    else:
        text = str(rng.choice(["August 1936", "Oma und Karl", "Maman a la mer", "Lake House", "to my dear Ann"]))
        scale = size / 512 * rng.uniform(0.8, 1.6)
        where = (int(width * rng.uniform(0.02, 0.3)), int(height * rng.uniform(0.1, 0.95)))
        face = int(rng.choice([cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX]))
        cv2.putText(layer, text, where, face, scale, 255, max(2, thick), cv2.LINE_AA)
    out, mask = _inked(rgb, layer / 255 * rng.uniform(0.75, 1), rng)
    return out, mask, "ink"


def _mount(photo: Bytes, rgb: Floats, rng: Rng) -> Part:
    height, width = rgb.shape[:2]
    sides = [round(rng.uniform(0.05, 0.2) * min(height, width)) for _ in range(4)]
    top, bottom, left, right = sides
    lightness, chroma = rng.uniform(25, 85), rng.uniform(12, 35)
    hue = rng.choice([rng.uniform(40, 95), rng.uniform(0, 360)], p=[0.7, 0.3]) * np.pi / 180
    card = np.zeros((height + top + bottom, width + left + right, 3))
    texture = rng.normal(0, rng.uniform(0, 4), card.shape[:2])
    texture += (smooth_noise(rng, card.shape, int(rng.integers(3, 30))) - 0.5) * rng.uniform(0, 12)
    card[..., 0], card[..., 1], card[..., 2] = lightness + texture, chroma * np.cos(hue), chroma * np.sin(hue)
    out = bytes_of(card).astype(np.float64)
    out[top : top + height, left : left + width] = rgb
    mask = np.ones(card.shape[:2], bool)
    mask[top : top + height, left : left + width] = False
    return out, mask, "mount"


def _tinting(photo: Bytes, rgb: Floats, rng: Rng) -> Part:
    """One or two things of the photo tinted by hand: flat hues, soft rims, over the print's own tone."""
    lab = lab_of(photo)
    seen = cv2.GaussianBlur(lab[..., 1:], (0, 0), max(lab.shape[:2]) / 100)
    samples = seen.reshape(-1, 2)[:: max(1, lab[..., 0].size // 5000)].astype(np.float32)
    cv2.setRNGSeed(int(rng.integers(1 << 30)))
    _, _, centres = cv2.kmeans(
        samples, 5, None, (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.1), 1, cv2.KMEANS_PP_CENTERS
    )
    nearest = np.argmin([np.hypot(*(seen - centre).transpose(2, 0, 1)) for centre in centres], 0)
    count = rng.integers(1, 3)
    out, mask = lab_of(whole(rgb)), np.zeros(nearest.shape, bool)
    shape = (int(max(lab.shape[:2]) / 60) * 2 + 1,) * 2
    for part in rng.permutation(5):
        where = cv2.morphologyEx((nearest == part).astype(np.uint8), cv2.MORPH_OPEN, np.ones(shape, np.uint8))
        if not 0.02 < where.mean() < 0.35 or not count:
            continue
        count -= 1
        soft = cv2.GaussianBlur(where.astype(np.float64), (0, 0), rng.uniform(1, 4))
        hue, chroma = rng.uniform(0, 2 * np.pi), rng.uniform(14, 40)
        room = np.clip(np.minimum(out[..., 0], 115 - out[..., 0]) / 40, 0, 1)
        out[..., 1] += soft * chroma * np.cos(hue) * room
        out[..., 2] += soft * chroma * np.sin(hue) * room
        mask |= (soft * room * chroma) > 8
    if not mask.any():
        return _stamp(photo, rgb, rng)
    return bytes_of(out).astype(np.float64), mask, "tinting"


def _target(photo: Bytes, rgb: Floats, rng: Rng) -> Part:
    """A strip of color patches beside the photo."""
    height, width = rgb.shape[:2]
    tall = max(12, round(height * rng.uniform(0.06, 0.16)))
    many = int(rng.integers(6, 13))
    patches = np.array(
        [_INKS[0], (0, 80, 180), (250, 220, 0), (0, 150, 80), (230, 120, 0), (230, 0, 130), (0, 160, 220)]
    )
    strip = np.full((tall, width, 3), float(rng.choice([20, 128, 245])))
    mask = np.zeros((height + tall, width), bool)
    edge, gap = np.linspace(0, width, many + 1).astype(int), tall // 6
    for i in range(many):
        inside = slice(height + gap, height + tall - gap), slice(edge[i] + 1, edge[i + 1] - 1)
        flat = patches[i % 7] if i % 4 != 3 else np.full(3, 30.0 * (i % 8))
        strip[gap : tall - gap, edge[i] + 1 : edge[i + 1] - 1] = flat
        mask[inside] = np.ptp(flat) > 30
    out = np.concatenate([rgb, strip])
    if rng.random() < 0.5:
        out, mask = np.rot90(out), np.rot90(mask)
    return np.ascontiguousarray(out), np.ascontiguousarray(mask), "target"


PARTS: dict[str, Callable[[Bytes, Floats, Rng], Part]] = {
    "stamp": _stamp,
    "ink": _ink,
    "mount": _mount,
    "tinting": _tinting,
    "target": _target,
}
