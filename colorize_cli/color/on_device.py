"""`channels.merge` on a GPU: enlargement, gamut and transfer curves where the network ran.

In:  pixels, (H, W) grey or (H, W, 3) RGB, uint8 or uint16; ab, (2, h, w) float32, Lab units; a torch device
Out: coloured pixels, (H, W, 3), the dtype of the pixels

The arithmetic is that of `channels`' exact road, so a photo looks the same wherever it was joined (one level in 255,
or in 65535, may differ by rounding). Strips travel through pinned memory: while one is computed, the one before it is
copied out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorize_cli.color import tables
from colorize_cli.color.channels import BLACK, merge
from colorize_cli.color.gamut import chroma_scale
from colorize_cli.color.lab import linear_from_lab
from colorize_cli.color.spaces import SRGB, RgbSpace
from colorize_cli.color.upsample import cubic_weights
from colorize_cli.errors import ShapeError

Pixels = NDArray[Any]  # uint8 or uint16
Floats = NDArray[np.float32]

_STRIP_PIXELS = 1 << 23  # about 1.5 GB of float planes while one is joined
_LEAST_PIXELS = 1 << 18  # of a strip: where not even this fits the device, the CPU does it


def merge_on(
    device: torch.device,
    pixels: Pixels,
    ab: Floats,
    space: RgbSpace = SRGB,
    saturation: float = 1.0,
    strip_pixels: int = _STRIP_PIXELS,
) -> Pixels:
    """Give a photo the colours of `ab` on a device; see `channels.merge`.

    Args:
        device: where to compute; out of memory there, strips are halved, and at last the CPU's own road is taken.
        pixels: (H, W) or (H, W, 3), uint8 or uint16.
        ab: CIE a* and b*, (2, h, w) float32, of any smaller size; enlarged bicubically.
        space: what the pixels mean; the result is in the same space.
        saturation: factor on the chroma.
        strip_pixels: pixels that are on the device at once.

    Returns:
        (H, W, 3), the dtype of `pixels`.

    Raises:
        ShapeError: `pixels` is no picture of 8 or 16 bits, or `ab` is not (2, h, w).
    """
    out = np.empty((*pixels.shape[:2], 3), pixels.dtype)
    joiner = None
    while strip_pixels >= _LEAST_PIXELS or joiner is None:
        try:
            joiner = joiner or DeviceMerger(device, ab, (pixels.shape[0], pixels.shape[1]), space, saturation)
            for rows, part in joiner.strips(pixels, strip_pixels):
                out[rows] = part
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            strip_pixels //= 2
            if joiner is None:  # the planes alone do not fit
                break
        else:
            return out
    return merge(pixels, ab, space, saturation)


@dataclass(frozen=True)
class _Sent:
    """A strip on its way back: its rows, where its pixels arrive, and when they are there."""

    rows: slice
    host: Tensor
    arrived: torch.cuda.Event | None

    def received(self, dtype: np.dtype[Any]) -> tuple[slice, Pixels]:
        if self.arrived is not None:
            self.arrived.synchronize()
        return self.rows, self.host.numpy().view(dtype)


class DeviceMerger:
    """Joins strips of one photo with its colours.

    Args:
        device: where to compute.
        ab: (2, h, w) float32, Lab units.
        shape: (H, W) of the photo.
        space, saturation: see `merge_on`.

    Raises:
        ShapeError: `ab` is not (2, h, w).
    """

    def __init__(
        self, device: torch.device, ab: Floats, shape: tuple[int, int], space: RgbSpace, saturation: float
    ) -> None:
        if ab.ndim != 3 or ab.shape[0] != 2 or not ab.size:
            raise ShapeError(f"expected ab of shape (2, h, w), got {ab.shape}")
        self.device, self.shape, self.space = device, shape, space
        small = torch.from_numpy(ab * np.float32(saturation)).to(device)
        # sideways once for the whole photo; downwards strip by strip
        self.wide = _resized(small, shape[1], 2)
        self.matrix = torch.from_numpy(space.rgb_from_xyz).to(device)

    def strips(self, pixels: Pixels, strip_pixels: int = _STRIP_PIXELS) -> Iterator[tuple[slice, Pixels]]:
        """Colour a whole photo: its rows with their pixels, from top to bottom."""
        height, width = self.shape
        step, waiting = max(1, strip_pixels // max(width, 1)), None
        for top in range(0, height, step):
            rows = slice(top, min(top + step, height))
            sent = self._send(rows, pixels[rows])
            if waiting is not None:
                yield waiting.received(pixels.dtype)
            waiting = sent
        if waiting is not None:
            yield waiting.received(pixels.dtype)

    def strip(self, top: int, pixels: Pixels) -> Pixels:
        """Colour the rows from `top` on: (n, W) or (n, W, 3) to (n, W, 3), the dtype of the pixels."""
        return self._send(slice(top, top + len(pixels)), pixels).received(pixels.dtype)[1]

    def _send(self, rows: slice, pixels: Pixels) -> _Sent:
        if pixels.dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)):
            raise ShapeError(f"expected pixels of 8 or 16 bits, got {pixels.dtype}")
        if pixels.ndim != 2 and not (pixels.ndim == 3 and pixels.shape[2] == 3):
            raise ShapeError(f"expected pixels of shape (H, W) or (H, W, 3), got {pixels.shape}")
        maximum = int(np.iinfo(pixels.dtype).max)
        # torch knows few operations on uint16, so the bits travel as int16
        host = torch.from_numpy(np.ascontiguousarray(pixels).view(np.int16 if maximum > 255 else np.uint8))
        cuda = self.device.type == "cuda"
        levels = (host.pin_memory() if cuda else host).to(self.device, non_blocking=cuda).int()
        levels = levels & maximum
        with torch.inference_mode():
            coloured = self._coloured(rows, levels, maximum)
        bits = coloured.to(torch.uint8 if maximum == 255 else torch.int16)
        if not cuda:
            return _Sent(rows, bits.cpu(), None)
        back = torch.empty(bits.shape, dtype=bits.dtype, pin_memory=True)
        back.copy_(bits, non_blocking=True)
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        arrived.record(torch.cuda.current_stream(self.device))
        return _Sent(rows, back, arrived)

    def _coloured(self, rows: slice, levels: Tensor, maximum: int) -> Tensor:
        """Levels, (n, W) or (n, W, 3) int32, to coloured levels, (n, W, 3) int32."""
        lightness = self._lightness(levels, maximum)[None, None]
        ab = _resized(self.wide, self.shape[0], 1, rows)[None]
        scale = chroma_scale(lightness, ab, self.matrix)
        linear = linear_from_lab(lightness, ab * scale, self.matrix)[0].clamp(0, 1)
        out = torch.empty((*lightness.shape[2:], 3), dtype=torch.int32, device=self.device)
        for i, table in enumerate(tables.encoding_tables(self.space, maximum)):
            out[..., i] = _encoded(linear[i], self._table(table), maximum)
        if maximum > 255:
            dark = lightness[0, 0] < BLACK
            if bool(dark.any()):
                y = (lightness[0, 0][dark] * (27 / 24389)).cpu().numpy()
                for i, curve in enumerate(self.space.curves):
                    level = np.rint(curve.encode(y) * maximum).astype(np.int32)
                    out[..., i][dark] = torch.from_numpy(level).to(self.device)
        return out

    def _table(self, table: NDArray[Any]) -> Tensor:
        return torch.from_numpy(table).to(self.device)

    def _lightness(self, levels: Tensor, maximum: int) -> Tensor:
        if levels.ndim == 2:
            return self._table(tables.grey_lightness(self.space, maximum))[levels]
        linear = self._table(tables.linear_tables(self.space, maximum))
        weights = self.space.xyz_from_rgb[1]
        y = linear[0][levels[..., 0]] * weights[0]
        for i in (1, 2):
            y = y + linear[i][levels[..., i]] * weights[i]
        return torch.where(y > 216 / 24389, 116 * y.clamp_min(1e-8) ** (1 / 3) - 16, y * (24389 / 27))


def _encoded(linear: Tensor, table: Tensor, maximum: int) -> Tensor:
    """Linear light to levels by a table over its root; see `tables.encoding_tables`."""
    root = linear.sqrt() * tables.ROOTS
    if maximum == 255:
        return table[(root + 0.5).int().clamp_max(tables.ROOTS)].int()
    index = root.int()
    low = table[index]
    return (low + (table[index + 1] - low) * (root - index)).round().int()


def _resized(planes: Tensor, size: int, axis: int, wanted: slice | None = None) -> Tensor:
    """Planes, (C, h, w), enlarged bicubically along one axis to `size`, of which the `wanted` places are given."""
    count = planes.shape[axis]
    places = torch.arange(size, dtype=torch.float64)[wanted or slice(None)]
    position = (places + 0.5) * (count / size) - 0.5
    base = position.floor()
    weights = torch.from_numpy(cubic_weights((position - base).numpy().astype(np.float32))).to(planes.device)
    shape = (1, -1, 1) if axis == 1 else (1, 1, -1)
    total: Tensor | None = None
    for k in range(4):
        index = (base.long() + (k - 1)).clamp(0, count - 1).to(planes.device)
        part = planes.index_select(axis, index) * weights[:, k].view(shape)
        total = part if total is None else total.add_(part)
    assert total is not None
    return total
