"""The light on a photo is told alike whichever side is up, as a smooth surface; a lamp is told from the scene."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from colorize_cli.data.print_degradations import stained, unevenly_lit
from colorize_cli.data.samples import sample_photos
from colorize_cli.restore.small_networks import log_light, log_stains, smoothed
from colorize_cli.restore.stains import light_at, uneven_light


def plane(seed: int) -> np.ndarray:
    rgb = [photo for _, photo in sample_photos()][seed]
    return np.ascontiguousarray(rgb.mean(-1) / 255, np.float32)


def test_what_is_no_surface_of_second_degree_is_not_the_light():
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    lamp = 0.3 * x - 0.2 * y + 0.1 * x * y + 0.2 * x * x - 0.4 * y * y
    wiggly = 0.3 * np.cos(9 * np.pi * x)
    found = smoothed((lamp + wiggly + 1).astype(np.float32), np.eye(5, dtype=np.float32))
    assert np.abs(found - (lamp - lamp.mean())).max() < 0.05 and abs(float(found.mean())) < 1e-6


def test_the_light_is_mirrored_where_the_photo_is():
    found = log_light(plane(0))
    for turn in (np.s_[:, ::-1], np.s_[::-1, :]):
        assert np.abs(log_light(np.ascontiguousarray(plane(0)[turn]))[turn] - found).max() < 1e-5


@pytest.mark.parametrize("photo", [0, 1])
def test_a_lamp_on_a_photo_is_found(photo: int):
    clean, rng = plane(photo), np.random.default_rng(4)
    light = np.log(unevenly_lit(np.ones(clean.shape, np.float32), rng))
    more = log_light(clean * np.exp(light)) - log_light(clean)
    down, across = (
        np.linspace(0, clean.shape[0] - 1, 32).astype(int),
        np.linspace(0, clean.shape[1] - 1, 32).astype(int),
    )
    wanted = light[np.ix_(down, across)]
    assert np.std(more - wanted) < 0.6 * np.std(wanted)


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_stains_on_a_wall_are_found_and_leave_it_more_even(seed: int):
    rng = np.random.default_rng(seed)
    wall = np.clip(0.6 + 0.03 * rng.standard_normal((240, 320)), 0, 1).astype(np.float32)
    spilled = stained(np.ones(wall.shape, np.float32), rng)
    light = uneven_light(wall * spilled, auto=False)
    assert light is not None
    left = np.log(spilled) - light_at(light, (0, 0), wall.shape, wall.shape)
    assert left.std() < 0.8 * np.log(spilled).std()


def test_nothing_is_spilled_on_a_clean_wall_and_stains_only_darken():
    wall = np.clip(0.6 + 0.03 * np.random.default_rng(0).standard_normal((240, 320)), 0, 1).astype(np.float32)
    assert float(np.abs(log_stains(wall)).max()) < 0.05
    assert float(log_stains(plane(0)).max()) <= 0


def test_the_light_between_its_cells_is_that_of_cubic_curves_wherever_a_part_begins():
    light = np.random.default_rng(0).normal(0, 0.2, (32, 32)).astype(np.float32)
    whole = light_at(light, (0, 0), (200, 300), (200, 300))
    y, x = ((np.arange(n, dtype=np.float32) + 0.5) * np.float32(32 / n) - 0.5 for n in (200, 300))
    wanted = cv2.remap(light, *np.meshgrid(x, y), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(whole - wanted).max() < 0.02 and np.abs(whole - wanted).mean() < 0.004
    assert np.abs(light_at(light, (60, 110), (50, 70), (200, 300)) - whole[60:110, 110:180]).max() < 1e-5
