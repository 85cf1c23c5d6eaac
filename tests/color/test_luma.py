"""Color that is stored at half the size never changes the lightness."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.color import luma
from colorize_cli.color.luma import merge_luma
from colorize_cli.color.luma_rows import MARGIN, LumaRows
from colorize_cli.color.luma_table import LumaTable
from colorize_cli.color.merge import merge
from colorize_cli.color.pixels import lightness_of
from colorize_cli.errors import ShapeError

Grey = NDArray[np.uint8]
Planes = tuple[Grey, Grey, Grey]


def _decoded(planes: Planes) -> Grey:
    """RGB as a decoder makes it: chroma between its samples by weights 9, 3, 3 and 1, every offset rounded."""
    y, cb, cr = planes
    blue, red = (
        np.rint(cv2.resize(plane.astype(np.float32), (2 * plane.shape[1], 2 * plane.shape[0])))[: len(y), : y.shape[1]]
        - 128
        for plane in (cb, cr)
    )
    offsets = (1.402 * red, -0.344136 * blue - 0.714136 * red, 1.772 * blue)
    rgb = np.stack([y + np.rint(offset) for offset in offsets], -1)
    return np.clip(rgb, 0, 255).astype(np.uint8)


def _error(planes: Planes, grey: Grey) -> NDArray[np.float32]:
    shown = np.ascontiguousarray(_decoded(planes)[: grey.shape[0], : grey.shape[1]])
    return np.abs(lightness_of(shown) - lightness_of(grey))


def _smooth_ab(shape: tuple[int, int], reach: float, seed: int = 0) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).uniform(-reach, reach, (*shape, 2)).astype(np.float32)
    return np.ascontiguousarray(cv2.GaussianBlur(noise, (0, 0), 1.0).transpose(2, 0, 1)) * 2


def _grainy(height: int, width: int, seed: int = 0) -> Grey:
    random = np.random.default_rng(seed)
    smooth = cv2.resize(random.uniform(20, 235, (5, 6)).astype(np.float32), (width, height), None, 0, 0, 2)
    return np.clip(smooth + random.normal(0, 4, (height, width)), 0, 255).astype(np.uint8)


def test_no_color_gives_every_grey_back() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    y, cb, cr = merge_luma(grey, np.zeros((2, 3, 5), np.float32))
    assert (y == grey).all() and (cb == 128).all() and (cr == 128).all()


def test_lightness_of_every_grey_survives_colors() -> None:
    grey = np.repeat(np.tile(np.arange(256, dtype=np.uint8), (64, 1)), 2, 1)
    planes = merge_luma(grey, _smooth_ab((16, 16), 40))
    assert np.ptp(planes[1]) > 40, "color was asked for"
    assert np.percentile(_error(planes, grey), 99) <= 0.5


@pytest.mark.parametrize("size", [(256, 384), (255, 383), (256, 383), (255, 384)])
def test_lightness_of_a_grainy_photo_survives(size: tuple[int, int]) -> None:
    grey = _grainy(*size)
    planes = merge_luma(grey, _smooth_ab((16, 24), 25))
    assert np.percentile(_error(planes, grey), 99) <= 0.5
    assert np.median(_error(planes, grey)) <= 0.15


@pytest.mark.parametrize("seed", [0, 1])
def test_truer_than_chroma_halved_afterwards(seed: int) -> None:
    grey, ab = _grainy(240, 320, seed), _smooth_ab((15, 20), 25, seed)
    ycc = cv2.cvtColor(np.asarray(merge(grey, ab)), cv2.COLOR_RGB2YCrCb)
    y, cr, cb = (np.ascontiguousarray(ycc[..., channel]) for channel in range(3))
    cb, cr = (np.asarray(cv2.resize(plane, (160, 120), interpolation=cv2.INTER_AREA), np.uint8) for plane in (cb, cr))
    afterwards, own = _error((y, cb, cr), grey), _error(merge_luma(grey, ab), grey)
    assert own.mean() < afterwards.mean() and np.percentile(own, 99) < np.percentile(afterwards, 99)


def test_colors_are_those_of_the_plain_merge() -> None:
    grey, ab = _grainy(320, 480), _smooth_ab((20, 30), 25)
    apart = np.abs(_decoded(merge_luma(grey, ab, 0.8)).astype(int) - merge(grey, ab, saturation=0.8))
    assert apart.mean() < 1.0
    assert np.percentile(apart, 99) <= 4


def test_fine_colors_are_kept() -> None:
    grey = np.full((64, 96), 140, np.uint8)
    ab = np.zeros((2, 32, 48), np.float32)
    ab[0, :, 24:] = 40
    cr = merge_luma(grey, ab)[2]
    assert cr[:, :20].max() <= 130 and cr[:, 28:].min() > 145


def test_impossible_colors_lose_chroma_not_hue() -> None:
    grey = np.full((32, 32), 128, np.uint8)
    strong = merge_luma(grey, np.tile(np.float32([[[300]], [[0]]]), (1, 4, 4)))
    assert np.percentile(_error(strong, grey), 99) <= 0.5
    limit = merge_luma(grey, np.tile(np.float32([[[110]], [[0]]]), (1, 4, 4)))
    assert abs(int(strong[2][9, 9]) - int(limit[2][9, 9])) <= 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 3), (7, 5)])
def test_tiny_pictures(shape: tuple[int, int]) -> None:
    grey = np.full(shape, 90, np.uint8)
    y, cb, cr = merge_luma(grey, np.full((2, 1, 1), 20, np.float32))
    assert cb.shape == cr.shape == ((shape[0] + 1) // 2, (shape[1] + 1) // 2)
    assert y.shape == (2 * cb.shape[0], 2 * cb.shape[1])
    assert _error((y, cb, cr), grey).max() <= 0.5


def test_strips_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    grey, ab = _grainy(301, 203), _smooth_ab((12, 8), 30)
    whole = merge_luma(grey, ab)
    monkeypatch.setattr(luma, "_STRIP_PIXELS", 1)
    assert all((a == b).all() for a, b in zip(whole, merge_luma(grey, ab), strict=True))


def test_threads_share_the_table() -> None:
    grey = _grainy(128, 128)
    colors = [_smooth_ab((8, 8), 60, seed) for seed in range(12)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda ab: merge_luma(grey, ab), colors))
    for ab, planes in zip(colors, together, strict=True):
        assert all((a == b).all() for a, b in zip(planes, merge_luma(grey, ab), strict=True))


def test_the_table_is_filled_where_it_is_asked_for() -> None:
    table, place = LumaTable(), (130 * 256 + 140) * 64 + 20
    found = table.take(np.array([[place, place + 1]]))
    cube = table.entries.reshape(256, 256, 64)
    assert found.shape == (1, 2) and found.all() and (found == cube[130, 140, 20:22]).all()
    assert cube[128:136, 136:144].all() and np.count_nonzero(cube) == 8 * 8 * 64


def test_what_is_no_grey_picture_is_refused() -> None:
    ab = np.zeros((2, 4, 4), np.float32)
    for wrong in (np.zeros((4, 4), np.uint16), np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4), np.uint8)):
        with pytest.raises(ShapeError):
            merge_luma(wrong, ab)  # type: ignore[arg-type]
    with pytest.raises(ShapeError):
        merge_luma(np.zeros((4, 4), np.uint8), np.zeros((3, 4, 4), np.float32))


@pytest.mark.parametrize(("shape", "places"), [((211, 301), (40, 57)), ((210, 300), (9, 13)), ((97, 64), (97, 64))])
def test_rows_by_themselves_are_those_of_the_whole_photo(shape: tuple[int, int], places: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    grey = rng.integers(0, 256, shape, dtype=np.uint8)
    ab = cv2.GaussianBlur(rng.normal(0, 60, (*places, 2)), (0, 0), 2).astype(np.float32).transpose(2, 0, 1)
    whole, rows = merge_luma(grey, ab, 1.5), LumaRows(ab, shape, 1.5)
    parts = [
        rows.merge(top, grey[top : top + 32], grey[max(top - MARGIN, 0) : top], grey[top + 32 : top + 32 + MARGIN])
        for top in range(0, shape[0], 32)
    ]
    for plane, strips in zip(whole, zip(*parts, strict=True), strict=True):
        apart = np.abs(plane.astype(int) - np.concatenate(strips))
        assert apart.max() <= 1 and (apart > 0).mean() < 1e-3, "the last bit of a rounding may differ"


def test_rows_that_do_not_see_their_neighbours_show_a_seam() -> None:
    rng = np.random.default_rng(1)
    grey = rng.integers(0, 256, (64, 48), dtype=np.uint8)
    ab = np.full((2, 8, 6), 40, np.float32)
    rows, none = LumaRows(ab, grey.shape), grey[:0]
    blind = np.concatenate([rows.merge(top, grey[top : top + 32], none, none)[0] for top in (0, 32)])
    apart = np.abs(blind.astype(int) - merge_luma(grey, ab)[0]).max(1)
    assert apart[30:34].max() > 1 and apart[:30].max() <= 1 and apart[34:].max() <= 1
