"""A frame's YUV planes as pixels, and pixels as YUV planes.

In:  PyAV's frames, 8 to 16 bits, planar YUV or grey
Out: grey or RGB pixels, uint8 or uint16, full range; and frames of colored pixels

Source: ITU-R BT.601, BT.709, BT.2020 for the weights of luma; ITU-T H.273 for their codes and for the two ranges.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]

_WEIGHTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}
_BT601 = (0.299, 0.114)  # red's and blue's share of luma
_NEUTRAL = 4  # levels of 8 bits around the middle that noise and rounding leave in a grey film's chroma
_STRIP_PIXELS = 1 << 16  # whose planes of floats stay in the processor's cache
_TALLEST = 4  # rows of luma that at most belong to one of chroma
_NOISE_SHARE = 0.005  # of the samples that may be further off


def depth_of(format: Any) -> int:
    """Bits of a sample."""
    return int(format.components[0].bits)


def plane(frame: Any, number: int) -> Pixels:
    """A plane of a frame, (h, w), uint8 or uint16, as a view that can be written to."""
    source, wide = frame.planes[number], depth_of(frame.format) > 8
    samples = np.frombuffer(source, np.uint16 if wide else np.uint8)
    rows = samples.reshape(-1, source.line_size // samples.itemsize)
    return rows[: source.height, : source.width]


def pixels_of(frame: Any, matrix: int, full_range: bool) -> Pixels:
    """What a frame shows: grey pixels, (H, W), where its chroma is next to nothing, else RGB, (H, W, 3).

    Args:
        frame: PyAV's, of any layout.
        matrix: code of the YUV matrix.
        full_range: luma goes from 0 to 255.

    Returns:
        uint8, or uint16 where the frame has more than 8 bits; full range.
    """
    name = frame.format.name
    if frame.format.is_rgb or name == "pal8":
        wide = depth_of(frame.format) > 8
        pixels = frame.to_ndarray(format="rgb48le" if wide else "rgb24")
        same = (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all()
        return np.ascontiguousarray(pixels[..., 0]) if same else np.asarray(pixels)
    if not _PLANAR.fullmatch(name):
        frame = frame.reformat(format=_planar_like(frame.format))
    return grey_pixels(frame, full_range) if is_neutral(frame) else rgb_pixels(frame, matrix, full_range)


_PLANAR = re.compile(r"(yuva?j?4\d\dp|gray)(9|1\d)?(le)?")


def _planar_like(format: Any) -> str:
    parts = format.components
    if len(parts) < 3:
        return "gray16le" if depth_of(format) > 8 else "gray"
    wide, tall = parts[1].width < parts[0].width, parts[1].height < parts[0].height
    depth = depth_of(format)
    return f"yuv{'420' if tall else '422' if wide else '444'}p" + (f"{depth}le" if depth > 8 else "")


def is_neutral(frame: Any) -> bool:
    """Whether a planar frame's chroma is next to nothing, so that its luma tells all of it."""
    if len(frame.format.components) < 3:
        return True
    step = 1 << (depth_of(frame.format) - 8)
    for number in (1, 2):
        samples = plane(frame, number)
        off = np.count_nonzero((samples < (128 - _NEUTRAL) * step) | (samples > (128 + _NEUTRAL) * step))
        if off > _NOISE_SHARE * samples.size:
            return False
    return True


def grey_pixels(frame: Any, full_range: bool) -> Pixels:
    """Luma as grey pixels, (H, W): uint8, or uint16 where the frame has more than 8 bits."""
    return np.asarray(np.take(_grey_table(depth_of(frame.format), full_range), plane(frame, 0)))


@lru_cache(maxsize=8)
def _grey_table(depth: int, full_range: bool) -> Pixels:
    step, most = 1 << (depth - 8), (1 << depth) - 1
    low, high = (0, most) if full_range else (16 * step, 235 * step)
    white = 255 if depth == 8 else 65535
    grey = np.clip((np.arange(most + 1) - low) / (high - low), 0, 1) * white
    return np.rint(grey).astype(np.uint8 if depth == 8 else np.uint16)


def rgb_pixels(frame: Any, matrix: int, full_range: bool) -> Pixels:
    """A frame's color as RGB pixels, (H, W, 3), of the type that `grey_pixels` gives."""
    depth = depth_of(frame.format)
    luma = plane(frame, 0)
    if len(frame.format.components) < 3:
        grey = grey_pixels(frame, full_range)
        return np.repeat(grey[..., None], 3, 2)
    size = (luma.shape[1], luma.shape[0])
    chroma = [cv2.resize(plane(frame, number), size, interpolation=cv2.INTER_LINEAR) for number in (1, 2)]
    yuv = np.stack((luma, *chroma), 2).astype(np.float32)
    white = 255 if depth == 8 else 65535
    forth = _yuv_from_rgb(matrix, depth, full_range, white)
    back = np.linalg.inv(forth[:, :3])
    rgb = cv2.transform(yuv, np.column_stack((back, -back @ forth[:, 3])).astype(np.float32))
    return np.rint(np.clip(rgb, 0, white)).astype(np.uint8 if depth == 8 else np.uint16)


def put_rgb(frame: Any, rgb: Pixels, matrix: int, full_range: bool) -> None:
    """Write RGB pixels into a frame's planes, whatever its depth; samples are rounded once, at the end.

    Args:
        frame: PyAV's, of planar YUV.
        rgb: (H, W, 3), full range: uint8, uint16, or float32, [0, 1].
        matrix: code of the YUV matrix.
        full_range: luma goes from 0 to the largest number.
    """
    depth, height = depth_of(frame.format), rgb.shape[0]
    white = 1 if rgb.dtype == np.float32 else 255 if rgb.dtype == np.uint8 else 65535
    forth = _yuv_from_rgb(matrix, depth, full_range, white)
    most, targets = (1 << depth) - 1, [plane(frame, number) for number in range(3)]
    step = max(_TALLEST, _STRIP_PIXELS // max(rgb.shape[1], 1) // _TALLEST * _TALLEST)
    for top in range(0, height, step):
        strip = np.asarray(rgb[top : top + step], np.float32)
        yuv = cv2.split(cv2.transform(strip, forth))
        for samples, target in zip(yuv, targets, strict=True):
            tall = -(-height // target.shape[0])
            rows = target[top // tall : -(-(top + len(strip)) // tall)]
            if samples.shape != rows.shape:
                samples = np.asarray(_halved(samples, (rows.shape[0], rows.shape[1])))
            rows[...] = np.clip(np.rint(samples), 0, most)


def _halved(samples: Pixels, size: tuple[int, int]) -> Pixels:
    """Chroma at a half or a quarter of the sides; an odd last row or column is doubled first, as encoders do it."""
    tall, wide = (-(-have // want) for have, want in zip(samples.shape, size, strict=True))
    below, right = size[0] * tall - samples.shape[0], size[1] * wide - samples.shape[1]
    if below or right:
        samples = np.asarray(cv2.copyMakeBorder(samples, 0, below, 0, right, cv2.BORDER_REPLICATE))
    return np.asarray(cv2.resize(samples, size[::-1], interpolation=cv2.INTER_AREA))


@lru_cache(maxsize=16)
def _yuv_from_rgb(matrix: int, depth: int, full_range: bool, white: int) -> NDArray[np.float64]:
    """(3, 4): RGB, whose white is that number, to luma and chroma as they are stored."""
    red, blue = _WEIGHTS.get(matrix, _BT601)
    luma = np.array([red, 1 - red - blue, blue])
    cb, cr = ((np.eye(3)[i] - luma) / (2 * (1 - luma[i])) for i in (2, 0))
    step, most = 1 << (depth - 8), (1 << depth) - 1
    spans = (most, most, most) if full_range else (219 * step, 224 * step, 224 * step)
    rows = np.stack([row * span / white for row, span in zip((luma, cb, cr), spans, strict=True)])
    return np.column_stack((rows, (0 if full_range else 16 * step, 128 * step, 128 * step)))
