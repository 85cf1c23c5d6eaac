"""Color that is added never changes the lightness."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.color import rgb2lab

from colorize_cli.color.gpu import split
from colorize_cli.color.lab import lightness_from_y
from colorize_cli.color.merge import merge, merge_strip
from colorize_cli.color.pixels import grey_plane, lightness_of
from colorize_cli.color.spaces import SRGB, Curve, RgbSpace
from colorize_cli.color.upsample import Enlarger
from colorize_cli.errors import ShapeError
from tests.recombined import recombine

_P3 = RgbSpace("P3-like", ((0.534, 0.303, 0.163), (0.241, 0.692, 0.067), (-0.001, 0.051, 0.950)), SRGB.curves)
_GAMMA = Curve(g=2.19921875)
_ADOBE = RgbSpace(
    "Adobe-like", ((0.633, 0.213, 0.154), (0.311, 0.626, 0.063), (0.024, 0.074, 0.902)), (_GAMMA, _GAMMA, _GAMMA)
)
_PROPHOTO_CURVE = Curve(g=1.8)
_PROPHOTO = RgbSpace(
    "ProPhoto-like",
    ((0.8273, 0.1402, 0.0325), (0.2880, 0.7119, 0.0001), (0.0, 0.0, 1.0)),
    (_PROPHOTO_CURVE, _PROPHOTO_CURVE, _PROPHOTO_CURVE),
)
_ALL_GREYS = np.tile(np.arange(256, dtype=np.uint8), (200, 1))


def _random_ab(shape: tuple[int, ...], seed: int = 0, reach: float = 110) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-reach, reach, (2, *shape)).astype(np.float32)


def _exact_lightness(pixels: NDArray[Any], space: RgbSpace) -> NDArray[np.float64]:
    """L* in double precision, straight from the definition."""
    levels = pixels.astype(np.float64) / np.iinfo(pixels.dtype).max
    if levels.ndim == 2:
        levels = np.repeat(levels[..., None], 3, 2)
    weights = space.xyz_from_rgb[1]
    return lightness_from_y(sum(weights[i] * space.curves[i].decode(levels[..., i]) for i in range(3)))


def test_no_color_gives_every_grey_back() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (merge(grey, np.zeros((2, 3, 5), np.float32)) == grey[..., None]).all()
    deep = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    assert (merge(deep, np.zeros((2, 3, 5), np.float32)) == deep[..., None]).all()


def test_lightness_of_all_greys_survives_any_color() -> None:
    colored = merge(_ALL_GREYS, _random_ab((40, 64)), saturation=1.3)
    assert np.ptp(colored.astype(int), axis=2).max() > 200, "color was asked for"
    before = rgb2lab(np.repeat(_ALL_GREYS[..., None], 3, 2))[..., 0]
    assert np.abs(rgb2lab(colored)[..., 0] - before).max() <= 0.5


@pytest.mark.parametrize("corner", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (1, 0, 1)])
def test_lightness_survives_beyond_the_saturated_corners(corner: tuple[int, int, int]) -> None:
    _, ab = split(torch.tensor(corner).float().reshape(1, 3, 1, 1))
    for saturation in (0.3, 1.0, 2.0):
        colored = merge(_ALL_GREYS[:2], ab[0].numpy(), saturation=saturation)
        assert np.abs(_exact_lightness(colored, SRGB) - _exact_lightness(_ALL_GREYS[:2], SRGB)).max() <= 0.5


def test_fast_road_agrees_with_the_reference_to_one_level() -> None:
    generator = np.random.default_rng(3)
    # half of the colors crowd around the hues of sRGB's six corners, where the edge of the gamut turns
    cube = torch.cat([torch.eye(3), 1 - torch.eye(3)]).T.reshape(1, 3, 6, 1)
    corners = np.arctan2(*split(cube)[1][0, [1, 0], :, 0].numpy())
    shape = (200, 256)
    hue = np.where(
        generator.random(shape) < 0.5,
        generator.uniform(-np.pi, np.pi, shape),
        generator.choice(corners, shape) + generator.normal(0, 0.1, shape),
    )
    chroma = generator.uniform(0, 180, shape)
    ab = np.stack([chroma * np.cos(hue), chroma * np.sin(hue)]).astype(np.float32)
    lightness = torch.from_numpy(lightness_of(_ALL_GREYS)).double()[None, None]
    reference = (recombine(lightness, torch.from_numpy(ab).double()[None])[0] * 255).round().permute(1, 2, 0).numpy()
    assert np.abs(merge_strip(_ALL_GREYS, ab) - reference).max() <= 1
    # and so does the code path of sepia photos, here with a channel that is off by one somewhere
    rgb = np.repeat(_ALL_GREYS[..., None], 3, 2)
    rgb[:, 0, 2] += 1
    assert np.abs(merge_strip(rgb, ab)[:, 1:] - reference[:, 1:]).max() <= 1


@pytest.mark.parametrize("space", [SRGB, _P3, _ADOBE, _PROPHOTO], ids=lambda space: space.name)
def test_lightness_survives_in_every_space_and_depth(space: RgbSpace) -> None:
    ab = _random_ab((200, 256), 5, 130)
    colored = merge(_ALL_GREYS, ab, space)
    assert np.abs(_exact_lightness(colored, space) - _exact_lightness(_ALL_GREYS, space)).max() <= 0.5
    deep = np.random.default_rng(1).integers(0, 65536, (200, 256)).astype(np.uint16)
    step = np.diff(_exact_lightness(np.arange(65536, dtype=np.uint16)[None], space)[0])
    error = np.abs(_exact_lightness(merge(deep, ab, space), space) - _exact_lightness(deep, space))
    assert (error <= step[np.minimum(deep, 65534)]).all()


def test_a_sepia_photo_keeps_its_lightness() -> None:
    toned = (_ALL_GREYS[..., None] * np.array([1.0, 0.9, 0.7])).astype(np.uint8)
    colored = merge(toned, _random_ab((20, 20), 2))
    assert np.abs(rgb2lab(colored)[..., 0] - rgb2lab(toned)[..., 0]).max() <= 0.5
    assert np.abs(lightness_of(toned) - rgb2lab(toned)[..., 0]).max() < 0.02


def test_a_grey_photo_saved_as_rgb_is_colored_as_the_grey_one() -> None:
    ab = _random_ab((9, 11), 4, 60)
    assert (merge(np.repeat(_ALL_GREYS[..., None], 3, 2), ab) == merge(_ALL_GREYS, ab)).all()


def test_rows_join_without_a_seam_wherever_a_photo_is_cut() -> None:
    low = np.random.default_rng(0).normal(0, 30, (2, 13, 17)).astype(np.float32)
    whole = Enlarger(low, (211, 307)).rows(0, 211)
    for cut in (1, 7, 64):
        enlarger = Enlarger(low, (211, 307))
        joined = np.concatenate([enlarger.rows(top, min(top + cut, 211)) for top in range(0, 211, cut)], 1)
        np.testing.assert_array_equal(joined, whole)
    for plane in range(2):
        expected = cv2.resize(low[plane], (307, 211), interpolation=cv2.INTER_CUBIC)
        np.testing.assert_allclose(whole[plane], expected, atol=1e-3)


def test_threads_do_not_disturb_each_other() -> None:
    ab = _random_ab((9, 11), 4, 60)
    alone = merge(_ALL_GREYS, ab)
    with ThreadPoolExecutor(4) as pool:
        assert all((result == alone).all() for result in pool.map(lambda _: merge(_ALL_GREYS, ab), range(8)))


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (3, 70000)])
def test_the_thinnest_photos_are_colored(shape: tuple[int, int]) -> None:
    grey = np.full(shape, 128, np.uint8)
    colored = merge(grey, np.full((2, 1, 1), 30, np.float32))
    assert colored.shape == (*shape, 3)
    assert (colored == colored[0, 0]).all() and len(set(colored[0, 0].tolist())) > 1


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ShapeError, match="8 or 16 bits"):
        lightness_of(np.zeros((4, 4), np.float32))
    with pytest.raises(ShapeError, match="ab of shape"):
        merge(np.zeros((4, 4), np.uint8), np.zeros((3, 2, 2), np.float32))


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_one_pixel_of_color_anywhere_is_enough(channel: int) -> None:
    grey = np.repeat(np.arange(150, dtype=np.uint8)[:, None, None], 40, 1).repeat(3, 2)
    plane = grey_plane(grey)
    assert plane is not None and np.array_equal(plane, grey[..., 0]) and grey_plane(grey[..., 0]) is not None
    for row in (0, 1, 63, 64, 65, 149):
        tinted = grey.copy()
        tinted[row, 39, channel] += 1
        assert grey_plane(tinted) is None, row
