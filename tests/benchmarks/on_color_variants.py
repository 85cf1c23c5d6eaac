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

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Rng = np.random.Generator


@dataclass(frozen=True)
class Made:
    """A variant: its pixels, what was done to it, and where it has a color of its own (None: everywhere)."""

    pixels: Bytes
    how: str
    mask: NDArray[np.bool_] | None


def lab_of(pixels: Bytes) -> Floats:
    return cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).astype(np.float64)


def bytes_of(lab: Floats) -> Bytes:
    rgb = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB)
    return np.asarray(np.rint(np.clip(rgb, 0, 1) * 255), np.uint8)


def smooth_noise(rng: Rng, size: tuple[int, ...], cells: int) -> Floats:
    """A smooth random field over a picture, [0, 1], with about `cells` hills across."""
    field = rng.normal(0, 1, (cells + 2, cells + 2))
    field = cv2.resize(field, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray((field - field.min()) / max(float(np.ptp(field)), 1e-6), np.float64)


def jpeg(pixels: Bytes, quality: int, full_chroma: bool = False) -> Bytes:
    factor = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if full_chroma else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    how = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor]
    _, file = cv2.imencode(".jpg", pixels[..., ::-1], how)
    return np.ascontiguousarray(cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1])


def filed(pixels: Bytes, rng: Rng, worst: int = 40) -> tuple[Bytes, str]:
    """As the photo comes out of the file that somebody saved it in."""
    draw = rng.random()
    if draw < 0.2:
        return pixels, ""
    quality = int(rng.integers(worst, 97))
    return jpeg(pixels, quality, draw > 0.85), f" q{quality}"


def grey_of(photo: Bytes, rng: Rng) -> Floats:
    """A black-and-white print: one of several films, contrasts, grains; (H, W), [0, 255]."""
    weights = np.array([(0.3, 0.59, 0.11), (0.1, 0.5, 0.4), (0.05, 0.25, 0.7), (0.4, 0.5, 0.1)][rng.integers(4)])
    grey = photo.astype(np.float64) @ weights / 255
    grey = grey ** rng.uniform(0.7, 1.4)
    black, white = rng.uniform(0, 0.15), rng.uniform(0.85, 1)
    grey = black + (white - black) * grey + rng.normal(0, rng.choice([0, 0.01, 0.03]), grey.shape)
    return np.asarray(np.clip(grey, 0, 1) * 255, np.float64)


def scanned(rgb: Floats, rng: Rng, hard: bool = True) -> tuple[Bytes, str]:
    """What a color scanner adds: a slight cast, noise of each channel, channels that do not lie on one another."""
    how, rgb = "", np.array(rgb, np.float64)
    if rng.random() < 0.5:
        rgb = rgb * rng.uniform(0.965, 1.035, 3) + rng.uniform(-3, 3, 3)
        how += " cast"
    if rng.random() < 0.4:
        sigma = rng.uniform(2, 10 if hard else 5)
        rgb += rng.normal(0, sigma, rgb.shape)
        how += f" noise{sigma:.0f}"
    if rng.random() < (0.4 if hard else 0.2):
        most = 1.8 if hard else 1.0
        for channel in (0, 2):
            shift = np.array([[1, 0, rng.uniform(-most, most)], [0, 1, rng.uniform(-most, most)]])
            size = (rgb.shape[1], rgb.shape[0])
            rgb[..., channel] = cv2.warpAffine(rgb[..., channel], shift, size, borderMode=cv2.BORDER_REPLICATE)
        how += " fringes"
    return np.asarray(np.rint(np.clip(rgb, 0, 255)), np.uint8), how


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
    part = _PARTS[str(rng.choice(list(_PARTS)))]
    rgb, mask, what = part(photo, rgb, rng)
    pixels, scan = scanned(rgb, rng, hard=False) if rng.random() < 0.5 else (np.rint(rgb).astype(np.uint8), "")
    pixels, file = filed(pixels, rng, 70)
    return Made(pixels, f"{what} on {how}{scan}{file}", mask)


Part = tuple[Floats, NDArray[np.bool_], str]
_INKS = ((190, 20, 40), (30, 50, 160), (110, 40, 140), (20, 110, 70), (210, 60, 30), (40, 90, 190))


def _inked(rgb: Floats, alpha: Floats, rng: Rng) -> tuple[Floats, NDArray[np.bool_]]:
    """Ink laid over a print: what lies under it shines through."""
    ink = np.array(_INKS[rng.integers(len(_INKS))]) / 255
    cover = rng.uniform(0, 0.7)  # 0: transparent ink, 1: opaque
    over = cover * ink * 255 + (1 - cover) * rgb * ink
    alpha = alpha[..., None]
    out = rgb * (1 - alpha) + over * alpha
    change = np.hypot(*np.moveaxis((lab_of(_whole(out)) - lab_of(_whole(rgb)))[..., 1:], 2, 0))
    return out, change > 10


def _whole(rgb: Floats) -> Bytes:
    return np.asarray(np.rint(np.clip(rgb, 0, 255)), np.uint8)


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
    out, mask = lab_of(_whole(rgb)), np.zeros(nearest.shape, bool)
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


_PARTS: dict[str, Callable[[Bytes, Floats, Rng], Part]] = {
    "stamp": _stamp,
    "ink": _ink,
    "mount": _mount,
    "tinting": _tinting,
    "target": _target,
}


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
    pixels, file = filed(_whole(rgb), rng, 60)
    return Made(pixels, kind + file, None)


def aged(photo: Bytes, rng: Rng) -> Made:
    """A toned print as archives have them: stains of all sizes, white scratches, uneven tone, on a scanner's bed."""
    plane = grey_of(photo, rng)
    rgb, how = tone_of(plane, rng) if rng.random() < 0.8 else (np.repeat(plane[..., None], 3, 2), "grey")
    lab = lab_of(_whole(rgb))
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
