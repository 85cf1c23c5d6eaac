"""What toning and fading explain is no color of a photo's own; stamps, ink, mounts, tinting and targets are."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file

from colorize_cli.color import tint, tint_odds
from colorize_cli.color.tint import Kind, OwnColor, own_color
from tests.recombined import recombine

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]


def _scene(height: int = 360, width: int = 480, seed: int = 0) -> Floats:
    """L* of clouds of all sizes with some sharp-edged things, [8, 92]."""
    rng = np.random.default_rng(seed)
    total = np.sum(
        [cv2.resize(rng.normal(0, 1, (n, n)), (width, height), interpolation=cv2.INTER_CUBIC) for n in (3, 7, 15, 40)],
        0,
    )
    plane = np.ascontiguousarray(8 + 84 * (total - total.min()) / np.ptp(total))
    for _ in range(12):
        corner = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(plane, corner, int(rng.integers(8, 50)), float(rng.uniform(10, 90)), -1)
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), 0.7), np.float64)


def _photo(lightness: Floats, a: Floats | float = 0.0, b: Floats | float = 0.0) -> Bytes:
    ab = np.stack([np.broadcast_to(np.float64(a), lightness.shape), np.broadcast_to(np.float64(b), lightness.shape)])
    rgb = recombine(torch.from_numpy(lightness)[None, None], torch.from_numpy(ab.copy())[None])
    return (rgb[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)


def _jpeg(pixels: Bytes, quality: int) -> Bytes:
    _, file = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1])


def _covered(own: OwnColor, where: NDArray[np.bool_]) -> tuple[float, float]:
    """Share of `where` that was found, and share of the rest that was taken for it."""
    assert own.mask is not None
    there = cv2.resize(where.astype(np.uint8), own.mask.shape[::-1], interpolation=cv2.INTER_AREA) > 0
    away = cv2.dilate(there.astype(np.uint8), np.ones((7, 7), np.uint8)) == 0
    solid = cv2.resize(where.astype(np.float32), own.mask.shape[::-1], interpolation=cv2.INTER_AREA) > 0.6
    return float(own.mask[solid].mean()), float(own.mask[away].mean())


def test_three_equal_channels_are_grey_at_once() -> None:
    grey = _scene().astype(np.uint8)
    assert own_color(grey) == own_color(np.repeat(grey[..., None], 3, 2)) == OwnColor(Kind.monochrome)


@pytest.mark.parametrize("quality", [50, pytest.param(95, marks=pytest.mark.slow)])
def test_toned_prints_are_monochrome(quality: int) -> None:
    lightness = _scene()
    tones = {
        "sepia": (10.0, 30.0),
        "split": (14 - 0.28 * lightness, 0.5 * lightness - 25),
        "cyanotype": (-4.0, -30 + 0.25 * lightness),
        "selenium": (lightness * (100 - lightness) / 250, -lightness * (100 - lightness) / 700),
    }
    for name, (a, b) in tones.items():
        own = own_color(_jpeg(_photo(lightness, a, b), quality))
        assert own.kind is Kind.monochrome, (name, own.evidence, own.share)


def test_a_thing_that_took_more_of_the_tone_is_no_region() -> None:
    lightness = _scene()
    more = np.zeros(lightness.shape)
    cv2.rectangle(more, (200, 150), (260, 230), 1.0, -1)
    own = own_color(_jpeg(_photo(np.clip(lightness, 30, 70), 20 + 8 * more, 28 + 10 * more), 90))
    assert own.kind is Kind.monochrome, (own.evidence, own.share)


def test_uneven_fading_is_monochrome() -> None:
    lightness = _scene()
    height, width = lightness.shape
    y, x = np.mgrid[:height, :width] / max(lightness.shape)
    shares = {
        "half": 1 / (1 + np.exp(-(x - 0.5) / 0.08)),
        "corner": np.exp(-(x**2 + y**2) / 0.2),
        "stain": np.exp(-((x - 0.6) ** 2 + (y - 0.4) ** 2) / 0.06),
    }
    for name, share in shares.items():
        own = own_color(_jpeg(_photo(lightness, 3 * share, 28 * share * lightness / 100), 90))
        assert own.kind is Kind.monochrome, (name, own.evidence, own.share)


def test_fringes_of_a_scanner_are_no_color() -> None:
    grey = (_scene() * 2.55).astype(np.float32)
    size = (grey.shape[1], grey.shape[0])
    planes = [
        cv2.warpAffine(grey, np.array([[1, 0, dx], [0, 1, dy]], np.float32), size, borderMode=cv2.BORDER_REPLICATE)
        for dx, dy in ((1.2, -0.7), (0, 0), (-0.8, 1.0))
    ]
    own = own_color(_jpeg(np.stack(planes, -1).round().astype(np.uint8), 90))
    assert own.kind is Kind.monochrome, (own.evidence, own.share)


def test_noise_of_each_channel_is_no_color() -> None:
    photo = _photo(_scene()).astype(float) + np.random.default_rng(1).normal(0, 8, (360, 480, 3))
    own = own_color(_jpeg(photo.clip(0, 255).round().astype(np.uint8), 80))
    assert own.kind is Kind.monochrome, (own.evidence, own.share)


@pytest.mark.parametrize("tone", [(0.0, 0.0), (6.0, 14.0)])
@pytest.mark.parametrize("deep", [False, True])
def test_a_stamp_and_ink_are_regions(tone: tuple[float, float], deep: bool) -> None:
    photo, layer = _photo(_scene(), *tone), np.zeros((360, 480), np.uint8)
    cv2.circle(layer, (360, 90), 50, 255, 6, cv2.LINE_AA)
    cv2.putText(layer, "Lake 1936", (20, 330), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 1.3, 128, 3, cv2.LINE_AA)
    out = photo.astype(np.float64)
    for level, ink in ((255, (190, 20, 40)), (128, (30, 50, 170))):
        alpha = (np.clip(layer / level, 0, 1) * (layer > 0) * ((layer > 128) == (level > 128)))[..., None]
        out = out * (1 - alpha) + (0.5 * np.array(ink) + 0.5 * out * np.array(ink) / 255) * alpha
    pixels = out.round().astype(np.uint8)
    own = own_color(pixels.astype(np.uint16) * 257 if deep else _jpeg(pixels, 90))
    assert own.kind is Kind.regions
    found, false = _covered(own, layer > 90)
    assert found > 0.9 and false < 0.01
    assert 0.01 < own.share < 0.12


def test_a_stamp_is_a_region_where_it_lies_over_black_too() -> None:
    """Its line over a dark coat has the hue of the rest, and little of its color."""
    scene = np.clip(_scene(), 35, 90)
    scene[:, 240:] = 9
    photo, layer = _photo(scene), np.zeros((360, 480), np.uint8)
    cv2.rectangle(layer, (150, 120), (330, 220), 255, 8, cv2.LINE_AA)
    alpha = layer[..., None] / 255
    inked = photo * (1 - alpha) + (0.4 * np.array((30, 50, 160)) + 0.6 * photo * np.array((30, 50, 160)) / 255) * alpha
    own = own_color(_jpeg(inked.round().astype(np.uint8), 90))
    assert own.kind is Kind.regions, own.evidence
    found, false = _covered(own, layer > 90)
    assert found > 0.8 and false < 0.01


@pytest.mark.parametrize("seed", range(4))
def test_remains_of_strong_fringes_in_a_bad_jpeg_are_no_regions(seed: int) -> None:
    grey = (_scene(seed=seed) * 2.55).astype(np.float32)
    size, rng = (grey.shape[1], grey.shape[0]), np.random.default_rng(seed)
    shifts = [np.array([[1, 0, dx], [0, 1, dy]], np.float32) for dx, dy in rng.uniform(-1.8, 1.8, (3, 2))]
    planes = [cv2.warpAffine(grey, shift, size, borderMode=cv2.BORDER_REPLICATE) for shift in shifts]
    own = own_color(_jpeg(np.stack(planes, -1).round().clip(0, 255).astype(np.uint8), 30))
    assert own.kind is Kind.monochrome, (own.evidence, own.share)


@pytest.mark.parametrize(("odds", "kind"), [(-5.0, Kind.regions), (-1.0, Kind.colored)])
def test_two_hues_over_much_of_a_print_are_a_tinters_unless_the_odds_are_in_doubt(
    odds: float, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tint, "log_odds", lambda seen: odds)
    y, x = np.mgrid[:360, :480]
    blue, green = (x < 160) & (y > 60), (x > 330) & (y > 100)
    soft = [cv2.GaussianBlur(where.astype(np.float64), (0, 0), 2) for where in (blue, green)]
    own = own_color(_photo(np.clip(_scene(), 35, 75), 4 * soft[0] - 20 * soft[1], -26 * soft[0] + 18 * soft[1]))
    assert own.kind is kind


@pytest.mark.parametrize(("odds", "kind"), [(-0.5, Kind.colored), (-1.5, Kind.monochrome)])
def test_in_doubt_a_photos_color_stays_and_a_person_is_told(
    odds: float, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tint, "log_odds", lambda seen: odds)
    own = own_color(_photo(_scene(), 6.0, 14.0))
    assert own.kind is kind and own.borderline == (kind is Kind.colored)


def test_a_print_on_a_large_page_leaves_the_pages_corners_alone() -> None:
    """The page takes more of the picture than the print: yellowed borders must not explain it."""
    pixels = np.empty((480, 560, 3), np.float64)
    pixels[:] = (92, 112, 84)
    pixels += np.random.default_rng(0).normal(0, 4, (480, 560, 1))
    pixels[110:390, 90:470] = _photo(_scene(280, 380))
    own = own_color(_jpeg(pixels.round().clip(0, 255).astype(np.uint8), 88))
    where = np.ones((480, 560), bool)
    where[110:390, 90:470] = False
    assert own.kind is Kind.regions
    found, false = _covered(own, where)
    assert found > 0.97 and false < 0.02


def test_a_mount_is_a_region() -> None:
    photo = _photo(_scene(300, 400), 2.0, 6.0)
    pixels = np.empty((400, 500, 3), np.uint8)
    pixels[:] = (150, 110, 70)
    pixels[50:350, 50:450] = photo
    where = np.ones((400, 500), bool)
    where[50:350, 50:450] = False
    own = own_color(_jpeg(pixels, 90))
    assert own.kind is Kind.regions
    found, false = _covered(own, where)
    assert found > 0.97 and false < 0.01


def test_a_target_and_a_tinted_coat_are_regions() -> None:
    lightness = _scene()
    coat = np.zeros(lightness.shape, np.uint8)
    cv2.ellipse(coat, (200, 220), (60, 90), 0, 0, 360, 1, -1)
    soft = cv2.GaussianBlur(coat.astype(np.float64), (0, 0), 2)
    tinted = own_color(_jpeg(_photo(lightness, 26 * soft, 10 * soft), 90))
    assert tinted.kind is Kind.regions
    found, false = _covered(tinted, coat > 0)
    assert found > 0.9 and false < 0.01
    pixels = _photo(lightness)
    colors = [(190, 20, 40), (0, 80, 180), (250, 220, 0), (0, 150, 80)]
    for i, color in enumerate(colors):
        pixels[-40:-4, 10 + 110 * i : 110 + 110 * i] = color
    where = np.zeros(lightness.shape, bool)
    where[-36:-8, 14:446] = True
    target = own_color(_jpeg(pixels, 90))
    assert target.kind is Kind.regions and _covered(target, where)[0] > 0.9


def test_a_photo_of_many_hues_is_in_color() -> None:
    lightness = _scene()
    rng = np.random.default_rng(3)
    a, b = (sum(cv2.resize(rng.normal(0, 8, (n, n)), (480, 360)) for n in (4, 9, 30)) for _ in range(2))
    own = own_color(_jpeg(_photo(lightness, np.asarray(a), np.asarray(b) + 5), 85))
    assert own.kind is Kind.colored and own.share == 1.0
    muted = own_color(_jpeg(_photo(lightness, 0.4 * np.asarray(a), 0.4 * np.asarray(b)), 90))
    assert muted.kind is Kind.colored


@pytest.mark.parametrize("side", [64, *(pytest.param(side, marks=pytest.mark.slow) for side in (80, 96)), 200])
@pytest.mark.parametrize("cells", [4, 6])
def test_small_photos_of_strong_colors_are_in_color(side: int, cells: int) -> None:
    for seed in range(12):
        few = np.random.default_rng(seed).integers(0, 255, (cells, cells, 3)).astype(np.uint8)
        own = own_color(cv2.resize(few, (side, side), interpolation=cv2.INTER_CUBIC))
        assert own.kind is Kind.colored, (seed, own.evidence, own.share)


def test_the_odds_are_those_that_were_fitted_to_these_measures() -> None:
    rng = np.random.default_rng(0)
    own = own_color(cv2.resize(rng.integers(0, 256, (9, 12, 3)).astype(np.uint8), (240, 180)))
    file = Path(tint_odds.__file__).parents[1] / "assets" / "tint.safetensors"
    parts = load_file(file)
    with safe_open(file, "np") as opened:
        names = json.loads(opened.metadata()["names"])
    assert sorted(own.measures) == names
    z = np.array([own.measures[name] for name in names]) - parts["mean"]
    z = np.clip(z / parts["spread"], -tint_odds.BOUND, tint_odds.BOUND)
    each = [
        float((np.tanh(z @ w1 + b1[0]) @ w2 + b2[0])[0])  # one network after another
        for w1, b1, w2, b2 in zip(*(parts[name] for name in ("w1", "b1", "w2", "b2")), strict=True)
    ]
    assert tint_odds.log_odds(own.measures) == pytest.approx(np.mean(each), abs=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (700, 2), (5, 5), (9, 30)])
def test_the_smallest_pictures_are_decided_too(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    assert own_color(pixels).kind in Kind


@pytest.mark.parametrize("color", [(-9.0, -6.0), (0.0, -20.0)])
def test_a_wash_over_much_of_a_print_is_a_region(color: tuple[float, float]) -> None:
    """A surface over the place, which stands for fading, would follow it."""
    where = np.zeros((360, 480))
    where[:, :190] = 1
    soft = cv2.GaussianBlur(where, (0, 0), 2)
    own = own_color(_jpeg(_photo(np.clip(_scene(), 20, 80), color[0] * soft, color[1] * soft), 90))
    assert own.kind is Kind.regions, own.evidence
    found, false = _covered(own, where > 0)
    assert found > 0.95 and false < 0.01


def test_a_dark_mount_of_little_color_is_a_region() -> None:
    pixels = np.empty((420, 540, 3), np.uint8)
    pixels[:] = (73, 59, 51)
    pixels[60:360, 60:480] = _photo(_scene(300, 420))
    where = np.ones((420, 540), bool)
    where[60:360, 60:480] = False
    own = own_color(_jpeg(pixels, 92))
    assert own.kind is Kind.regions, own.evidence
    found, false = _covered(own, where)
    assert found > 0.95 and false < 0.01


@pytest.mark.slow
def test_tinted_and_toned_prints_of_the_past_are_told_apart(shared: Path) -> None:
    tinted = {"deoldify_FadedDelores.PNG", "msoldphotos_h.png"}  # a tinted portrait and an autochrome
    for path in sorted((shared / "data" / "historical").iterdir()):
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if pixels is not None:
            own = own_color(np.ascontiguousarray(pixels[..., ::-1]))
            assert (own.kind is Kind.colored) == (path.name in tinted), (path.name, own.evidence)
            assert own.share < 0.05 or path.name in tinted, (path.name, own.share)


@pytest.mark.parametrize(("left", "right"), [(10, 10), (16, 6)])
def test_a_region_may_be_faint_and_reaches_as_far_as_its_color(left: int, right: int) -> None:
    y, x = np.mgrid[:360, :480]
    where = (x >= 180) & (x < 300) & (y >= 120) & (y < 240)
    chroma = np.where(where, left + (right - left) * (x - 180) / 120, 0.0)  # Lab units
    own = own_color(_photo(np.clip(_scene(), 35, 75), 0.8 * chroma, 0.6 * chroma))
    assert own.kind is Kind.regions, own.evidence
    found, false = _covered(own, where)
    assert found > 0.95 and false < 0.01
