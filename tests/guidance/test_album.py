from __future__ import annotations

import cv2
import numpy as np

from colorize_cli.guidance.album import carry, find_features, group_scenes, key_photo, match
from tests.guidance.scenes import Floats, texture

NEXT = np.array([[1.02, 0.03, -14], [-0.03, 1.02, 6]])  # the camera moved a little: from the key photo to the next


def burst(seed: int) -> tuple[Floats, Floats, Floats, Floats]:
    """A scene, its colors, and the scene and its colors again after the camera moved and the exposure changed."""
    h, w = 200, 280
    lightness = texture(h, w, seed)
    labels = cv2.GaussianBlur(texture(h, w, seed + 100), (0, 0), 6)
    ab = np.stack([(labels - 50) * 2, np.linspace(-30, 30, h * w).reshape(h, w)]).astype(np.float32)
    moved = [cv2.warpAffine(p, NEXT, (w, h), borderMode=cv2.BORDER_REFLECT) for p in (lightness, *ab)]
    grain = np.random.default_rng(seed).normal(0, 1, (h, w))
    return lightness, ab, (moved[0] * 0.85 + 8 + grain).astype(np.float32), np.stack(moved[1:]).astype(np.float32)


def test_places_match_where_the_camera_says():
    lightness, _, after, _ = burst(1)
    here, there = match(find_features(lightness), find_features(after))
    assert len(here) > 40
    expected = here @ NEXT[:, :2].T + NEXT[:, 2]
    assert np.quantile(np.linalg.norm(expected - there, axis=1), 0.95) < 1.5


def test_the_same_things_get_the_same_colors():
    lightness, ab, after, truth = burst(2)
    hints = carry(find_features(lightness), ab, find_features(after), (100, 140), spacing=8)
    small = np.stack([cv2.resize(p, (140, 100), interpolation=cv2.INTER_AREA) for p in truth])
    known = hints.mask > 0
    assert hints.count > 500
    error = np.linalg.norm((hints.ab - small)[:, known], axis=0)
    assert np.median(error) < 3
    assert np.quantile(error, 0.95) < 12


def test_nothing_is_carried_to_another_scene():
    lightness, ab, _, _ = burst(3)
    other = find_features(texture(200, 280, 77))
    assert carry(find_features(lightness), ab, other, (50, 70)).count < 30


def test_a_thing_that_came_into_the_picture_gets_no_colors():
    lightness, ab, after, _ = burst(4)
    after[60:140, 100:180] = texture(80, 80, 55)
    hints = carry(find_features(lightness), ab, find_features(after), (200, 280))
    inside = hints.mask[68:132, 108:172].mean()
    assert inside < 0.25 * hints.mask.mean()


def test_photos_of_a_scene_are_grouped_and_the_middle_one_is_the_key():
    scenes = [burst(5), burst(6)]
    photos = [find_features(plane) for plane in (scenes[0][0], scenes[1][0], scenes[0][2], scenes[1][2])]
    photos.append(find_features(texture(150, 150, 9)))
    photos.append(find_features(np.full((64, 64), 50, np.float32)))
    assert group_scenes(photos) == ((0, 2), (1, 3), (4,), (5,))
    assert key_photo(photos, (0, 2)) == 0
    wide = texture(200, 480, 12)
    strip = [find_features(np.ascontiguousarray(wide[:, x : x + 240])) for x in (0, 120, 240)]
    assert key_photo(strip, (0, 1, 2)) == 1
    assert group_scenes([]) == ()


def test_a_photo_without_any_mark_is_no_trouble():
    flat = find_features(np.full((1, 1), 50, np.float32))
    assert len(flat.places) == 0
    assert carry(flat, np.zeros((2, 1, 1), np.float32), flat, (4, 4)).count == 0
