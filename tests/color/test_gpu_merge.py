"""The GPU's code path, on the CPU's device: the same arithmetic in the same strips, without pinned memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from colorize_cli.color import gpu_merge
from colorize_cli.color.gpu_merge import DeviceMerger, merge_on
from colorize_cli.color.merge import merge
from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import SRGB, Curve, RgbSpace
from colorize_cli.color.upsample import Enlarger
from colorize_cli.errors import ShapeError

CPU = torch.device("cpu")
WIDE = RgbSpace("wide", SRGB.xyz_from_rgb, (Curve(g=1.8), Curve(g=1.8), Curve(g=1.8)))


def _picture(dtype: type[np.uint8] | type[np.uint16], channels: int = 0) -> np.ndarray:
    rng = np.random.default_rng(0)
    shape = (61, 47, channels) if channels else (61, 47)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def _colors() -> np.ndarray:
    return np.random.default_rng(1).uniform(-90, 90, (2, 9, 7)).astype(np.float32)


@pytest.mark.parametrize("space", [SRGB, WIDE], ids=lambda space: space.name)
@pytest.mark.parametrize("channels", [0, 3])
def test_it_gives_what_the_processor_gives(space: RgbSpace, channels: int) -> None:
    # at the gamut's edge, which is searched to more digits there, the slope of the curves near black shows: 257 of
    # 65535 is one step of 8 bits
    for dtype, most, mean in ((np.uint8, 1, 0.02), (np.uint16, 257, 5.0)):
        pixels, ab = _picture(dtype, channels), _colors()
        there = merge_on(CPU, pixels, ab, space, 1.1, strip_pixels=500).astype(int)
        here = merge(pixels, ab, space, 1.1).astype(int)
        assert there.shape == (61, 47, 3)
        assert np.abs(there - here).max() <= most
        assert np.abs(there - here).mean() < mean


def test_lightness_stays_within_a_sixteen_bit_step() -> None:
    grey = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    out = merge_on(CPU, grey, np.full((2, 1, 1), 40, np.float32), strip_pixels=10_000)
    step = np.maximum(np.diff(lightness_of(np.arange(65536, dtype=np.uint16)[None])[0]), 1e-6)
    step = np.maximum(step, np.roll(step, 1))
    error = np.abs(lightness_of(out) - lightness_of(grey)).ravel()[:-1]
    assert (error <= step + 1e-4).all()


def test_strips_are_parts_of_one_picture() -> None:
    pixels, ab = _picture(np.uint8), _colors()
    whole = merge_on(CPU, pixels, ab)
    merger = DeviceMerger(CPU, ab, (61, 47), SRGB, 1.0)
    parts = [merger.strip(top, pixels[top : top + 10]) for top in range(0, 61, 10)]
    assert np.array_equal(np.concatenate(parts), whole)
    assert np.array_equal(np.concatenate([part for _, part in merger.strips(pixels, 470)]), whole)


def test_a_strip_that_does_not_fit_goes_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_merge, "_LEAST_PIXELS", 4 * 47)
    pixels, ab = _picture(np.uint16), _colors()
    whole, merger, sent, room = merge_on(CPU, pixels, ab), DeviceMerger(CPU, ab, (61, 47), SRGB, 1.0), [], 20
    real = merger._send

    def send(rows: slice, part: np.ndarray) -> object:
        sent.append(len(part))
        if len(part) > room:
            raise torch.OutOfMemoryError("no")
        return real(rows, part)

    monkeypatch.setattr(merger, "_send", send)
    assert np.array_equal(merger.strip(0, pixels), whole)
    assert sent == [61, 30, 15, 15, 15, 15, 1]
    sent.clear()
    merger.strip(10, pixels[10:40])
    assert sent == [15, 15], "it is remembered what fits"
    room = 0
    with pytest.raises(torch.OutOfMemoryError):
        merger.strip(0, pixels)


def test_tables_go_to_the_device_once() -> None:
    pixels, merger = _picture(np.uint16, 3), DeviceMerger(CPU, _colors(), (61, 47), WIDE, 1.0)
    merger.strip(0, pixels[:10])
    before = gpu_merge._tables.cache_info().misses
    merger.strip(10, pixels[10:20])
    assert gpu_merge._tables.cache_info().misses == before


def test_enlargement_is_the_enlargers() -> None:
    planes = _colors()
    grey = np.full((40, 33), 119, np.uint8)  # L* 50, where half a unit of ab is inside the gamut
    there = merge_on(CPU, grey, planes * np.float32(0.2))
    here = Enlarger(planes * np.float32(0.2), (40, 33)).rows(0, 40)
    assert np.corrcoef(there[..., 0].astype(float).ravel(), here[0].ravel())[0, 1] > 0.6
    assert np.abs(there.astype(int) - merge(grey, planes * np.float32(0.2)).astype(int)).max() <= 1


def test_what_does_not_fit_the_device_is_done_in_smaller_strips_or_here(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = DeviceMerger.strips

    def short_of_memory(self: DeviceMerger, pixels: np.ndarray, strip_pixels: int) -> object:
        asked.append(strip_pixels)
        if strip_pixels > 1 << 20:
            raise torch.OutOfMemoryError("no")
        return real(self, pixels, strip_pixels)

    monkeypatch.setattr(DeviceMerger, "strips", short_of_memory)
    pixels, ab = _picture(np.uint8), _colors()
    assert np.abs(merge_on(CPU, pixels, ab).astype(int) - merge(pixels, ab)).max() <= 1
    assert asked == [1 << 23, 1 << 22, 1 << 21, 1 << 20]

    monkeypatch.setattr(DeviceMerger, "__init__", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("no")))
    assert np.array_equal(merge_on(CPU, pixels, ab), merge(pixels, ab))


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(ShapeError, match="ab of shape"):
        merge_on(CPU, _picture(np.uint8), np.zeros((3, 2, 2), np.float32))
    with pytest.raises(ShapeError, match="8 or 16 bits"):
        merge_on(CPU, np.zeros((4, 4), np.float32), _colors())
