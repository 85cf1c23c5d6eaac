"""`merge.merge` on a GPU: enlargement, gamut and transfer curves where the network ran.

In:  pixels, (H, W) grey or (H, W, 3) RGB, uint8 or uint16; ab, (2, h, w) float32, Lab units; a torch device
Out: colored pixels, (H, W, 3), the dtype of the pixels

The arithmetic is that of `merge`'s exact code path, so a photo looks the same wherever it was merged (one level in 255,
or in 65535, may differ by rounding). Strips travel through pinned memory: while one is computed, the one before it is
copied out.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorize_cli.color import tables
from colorize_cli.color.gpu import chroma_scale, lightness_from_y, linear_from_lab
from colorize_cli.color.lab import KAPPA, Floats
from colorize_cli.color.merge import BLACK, merge
from colorize_cli.color.pixels import Pixels, check_pixels, maximum_of
from colorize_cli.color.spaces import SRGB, RgbSpace
from colorize_cli.color.upsample import cubic_weights
from colorize_cli.errors import ShapeError

_STRIP_PIXELS = 1 << 23  # about 1.5 GB of float planes while one is merged
_LEAST_PIXELS = 1 << 18  # of a strip: where not even this fits the device, the CPU does it


def merge_on(
    device: torch.device,
    pixels: Pixels,
    ab: Floats,
    space: RgbSpace = SRGB,
    saturation: float = 1.0,
    strip_pixels: int = _STRIP_PIXELS,
) -> Pixels:
    """Give a photo the colors of `ab` on a device; see `merge.merge`.

    Args:
        device: where to compute; out of memory there, strips are halved, and at last the CPU does it.
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
    merger = None
    while strip_pixels >= _LEAST_PIXELS or merger is None:
        try:
            merger = merger or DeviceMerger(device, ab, (pixels.shape[0], pixels.shape[1]), space, saturation)
            for rows, part in merger.strips(pixels, strip_pixels):
                out[rows] = part
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            strip_pixels //= 2
            if merger is None:  # the planes alone do not fit
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


@dataclass(frozen=True)
class _Tables:
    """The tables of a space and depth on a device; see `tables`.

    Attributes:
        lightness: L* of every grey level.
        linear: linear light of every level of each channel.
        encoding: of each channel, levels over the root of linear light.
        dark: the first grey level that is no darker than `BLACK`.
    """

    lightness: Tensor
    linear: tuple[Tensor, ...]
    encoding: tuple[Tensor, ...]
    dark: int


@lru_cache(maxsize=8)  # they are sent to the device once, not with every strip
def _tables(device: torch.device, space: RgbSpace, maximum: int) -> _Tables:
    def there(table: NDArray[Any]) -> Tensor:
        return torch.from_numpy(table).to(device)

    lightness = tables.grey_lightness(space, maximum)
    return _Tables(
        there(lightness),
        tuple(map(there, tables.linear_tables(space, maximum))),
        tuple(map(there, tables.encoding_tables(space, maximum))),
        int(np.searchsorted(lightness, BLACK)),
    )


class DeviceMerger:
    """Merges strips of one photo with its colors; strips may come from several threads at once.

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
        self._turn, self._most = threading.Lock(), _STRIP_PIXELS
        small = torch.from_numpy(ab * np.float32(saturation)).to(device)
        # sideways once for the whole photo; downwards strip by strip
        self.wide = _resized(small, shape[1], 2)
        self.matrix = torch.from_numpy(space.rgb_from_xyz).to(device)

    def strips(self, pixels: Pixels, strip_pixels: int = _STRIP_PIXELS) -> Iterator[tuple[slice, Pixels]]:
        """Color a whole photo: its rows with their pixels, from top to bottom."""
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
        """Color the rows from `top` on: (n, W) or (n, W, 3) to (n, W, 3), the dtype of the pixels.

        Out of memory, the rows go in halves, and so do those that come later.

        Raises:
            torch.OutOfMemoryError: not even a small part of them fits.
        """
        parts, start, width = list[Pixels](), 0, max(self.shape[1], 1)
        while start < len(pixels):
            part = pixels[start : start + max(1, self._most // width)]
            try:
                with self._turn:  # for the way there alone: another thread's strip is on its way back meanwhile
                    sent = self._send(slice(top + start, top + start + len(part)), part)
            except torch.OutOfMemoryError:
                if len(part) == 1 or len(part) * width < 2 * _LEAST_PIXELS:
                    raise
                if self.device.type == "cuda":
                    torch.cuda.empty_cache()
                self._most = min(self._most, len(part) * width) // 2
                continue
            parts.append(sent.received(pixels.dtype)[1])
            start += len(part)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _send(self, rows: slice, pixels: Pixels) -> _Sent:
        check_pixels(pixels)
        maximum = maximum_of(pixels)
        # torch knows few operations on uint16, so the bits travel as int16
        host = torch.from_numpy(np.ascontiguousarray(pixels).view(np.int16 if maximum > 255 else np.uint8))
        cuda = self.device.type == "cuda"
        levels = (host.pin_memory() if cuda else host).to(self.device, non_blocking=cuda).int()
        levels = levels & maximum
        there = _tables(self.device, self.space, maximum)
        # told from here: to ask the device would be to wait for it
        dark = maximum > 255 and int(pixels.min()) < there.dark
        with torch.inference_mode():
            colored = self._colored(rows, levels, maximum, there, dark)
        bits = colored.to(torch.uint8 if maximum == 255 else torch.int16)
        if not cuda:
            return _Sent(rows, bits.cpu(), None)
        back = torch.empty(bits.shape, dtype=bits.dtype, pin_memory=True)
        back.copy_(bits, non_blocking=True)
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        arrived.record(torch.cuda.current_stream(self.device))
        return _Sent(rows, back, arrived)

    def _colored(self, rows: slice, levels: Tensor, maximum: int, there: _Tables, dark: bool) -> Tensor:
        """Levels, (n, W) or (n, W, 3) int32, to colored levels, (n, W, 3) int32; `dark`: some may be below `BLACK`."""
        lightness = self._lightness(levels, there)[None, None]
        ab = _resized(self.wide, self.shape[0], 1, rows)[None]
        scale = chroma_scale(lightness, ab, self.matrix)
        linear = linear_from_lab(lightness, ab * scale, self.matrix)[0].clamp(0, 1)
        out = torch.empty((*lightness.shape[2:], 3), dtype=torch.int32, device=self.device)
        for i, table in enumerate(there.encoding):
            out[..., i] = _encoded(linear[i], table, maximum)
        if dark:
            where = lightness[0, 0] < BLACK
            y = (lightness[0, 0][where] * (1 / KAPPA)).cpu().numpy()
            for i, curve in enumerate(self.space.curves):
                level = np.rint(curve.encode(y) * maximum).astype(np.int32)
                out[..., i][where] = torch.from_numpy(level).to(self.device)
        return out

    def _lightness(self, levels: Tensor, there: _Tables) -> Tensor:
        if levels.ndim == 2:
            return there.lightness[levels]
        linear = there.linear
        weights = self.space.xyz_from_rgb[1]
        y = linear[0][levels[..., 0]] * weights[0]
        for i in (1, 2):
            y = y + linear[i][levels[..., i]] * weights[i]
        return lightness_from_y(y)


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
    nearest = (base.long() + torch.arange(-1, 3)[:, None]).clamp(0, count - 1).to(planes.device)
    shape = (1, -1, 1) if axis == 1 else (1, 1, -1)
    total: Tensor | None = None
    for k in range(4):
        part = planes.index_select(axis, nearest[k]) * weights[:, k].view(shape)
        total = part if total is None else total.add_(part)
    assert total is not None
    return total
