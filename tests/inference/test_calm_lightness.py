"""A shot's lightness without its grain, and samples that are rounded once: what else made still colors flicker."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.color.merge import merge
from colorize_cli.formats.video.planes import plane, put_rgb
from colorize_cli.inference.temporal.calm_lightness import CalmLightness
from colorize_cli.inference.temporal.motion import MotionFinder, small_grey
from tests.clips import av
from tests.inference.test_temporal import pan

Plane = NDArray[np.float32]


def calmed(frames: list[Plane]) -> list[Plane]:
    """Frames' lightness, [0, 100], one after the other."""
    finder, calm, found = MotionFinder(), CalmLightness(frames[0]), [frames[0]]
    for before, frame in zip(frames, frames[1:], strict=False):
        calm = calm.followed_by(frame, finder.between(small_grey(before), small_grey(frame)))
        found.append(calm.lightness)
    return found


def lightness(grain: float, flicker: float, step: float = 1.5) -> list[Plane]:
    return [np.asarray(frame / 2.55, np.float32) for frame in pan(16, 1, grain, flicker, step)]


@pytest.mark.parametrize("step", [0.0, 1.5])
def test_grain_is_left_out_and_edges_stay(step: float) -> None:
    clean, grainy = lightness(0.0, 0.0, step)[-1], lightness(8.0, 0.0, step)
    inner = (slice(8, -8), slice(8, -8))
    errors = [float(np.abs(plane - clean)[inner].mean()) for plane in (grainy[-1], calmed(grainy)[-1])]
    assert errors[1] < 0.6 * errors[0]


def test_a_frame_is_as_bright_as_it_was_shot() -> None:
    frames = lightness(3.0, 0.0)
    frames[10] = np.asarray(frames[10] * 1.3, np.float32)
    found = calmed(frames)
    for number in (9, 10, 11):
        assert abs(float(found[number].mean()) / float(frames[number].mean()) - 1) < 0.03, number


def test_it_comes_back_from_bytes_as_it_is_gone_on_with() -> None:
    frames = lightness(5.0, 0.0)
    motion = MotionFinder().between(*map(small_grey, frames[:2]))
    calm = CalmLightness(frames[0]).followed_by(frames[1], motion).rounded()
    again = CalmLightness.from_bytes(calm.to_bytes())
    np.testing.assert_array_equal(again.lightness, calm.lightness)
    np.testing.assert_array_equal(again.weight, calm.weight)
    assert CalmLightness.from_bytes(CalmLightness(frames[0]).to_bytes()).weight is None


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_what_is_not_rounded_is_what_is_rounded_to_half_a_level(kind: type) -> None:
    chance, most = np.random.default_rng(0), np.iinfo(kind).max
    pixels = chance.integers(0, most, (60, 80), kind, endpoint=True)
    ab = chance.uniform(-70, 70, (2, 15, 20)).astype(np.float32)  # beyond the gamut, too
    rounded, exact = merge(pixels, ab), merge(pixels, ab, rounded=False)
    assert exact.dtype == np.float32 and exact.min() >= 0 and exact.max() <= 1
    assert np.abs(rounded / most - exact).max() <= 0.5001 / most + 1e-4


@pytest.mark.parametrize(("layout", "size"), [("yuv420p", (48, 64)), ("yuv420p", (47, 63)), ("yuv422p", (47, 63))])
def test_chroma_is_the_mean_of_its_pixels_rounded_once(layout: str, size: tuple[int, int]) -> None:
    rgb = np.random.default_rng(1).uniform(0.2, 0.8, (*size, 3)).astype(np.float32)
    frame = av.VideoFrame(size[1], size[0], layout)
    put_rgb(frame, rgb, 1, False)
    luma = 16 + 219 * (rgb @ np.array((0.2126, 0.7152, 0.0722), np.float32))
    assert np.abs(plane(frame, 0) - luma).max() <= 0.501
    blue = 128 + 224 * (rgb[..., 2] - (luma - 16) / 219) / (2 * (1 - 0.0722))
    tall = 2 if layout == "yuv420p" else 1
    means = blue[:46:, :62].reshape(46 // tall, tall, 31, 2).mean((1, 3))
    assert np.abs(plane(frame, 1)[: 46 // tall, :31] - means).max() <= 0.501
