from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from colorize_cli.color.gpu import split
from colorize_cli.errors import HintError, NothingToDoError, UsageError
from colorize_cli.guidance.hint_files import find_sidecar, match_sidecars, unmatched
from colorize_cli.guidance.hint_points import ab_of_srgb
from colorize_cli.guidance.hints import hint_map, read_sidecar

RED = ab_of_srgb(np.array([[255, 0, 0]], np.uint8))[0]
BLUE = ab_of_srgb(np.array([[0, 0, 255]], np.uint8))[0]


def points(path: Path, *said: object, **more: object) -> Path:
    path.write_text(json.dumps({"points": said, **more}))
    return path


def scribbles(path: Path, size: tuple[int, int], *marks: tuple[int, int, tuple[int, int, int]]) -> Path:
    layer = np.zeros((*size, 4), np.uint8)
    for y, x, (r, g, b) in marks:
        layer[y, x] = (b, g, r, 255)
    cv2.imwrite(str(path), layer)
    return path


def test_colors_of_hints_are_the_lab_of_the_whole_package():
    rgb = np.random.default_rng(0).integers(0, 256, (500, 3), dtype=np.uint8)
    _, ab = split(torch.from_numpy(rgb).float().T[None, :, :, None] / 255)
    np.testing.assert_allclose(ab_of_srgb(rgb), ab[0, :, :, 0].T.numpy(), atol=0.5)


def test_one_pixel_of_a_scribble_lives_through_any_reduction(tmp_path):
    sidecar = read_sidecar(scribbles(tmp_path / "x.hints.png", (300, 401), (150, 399, (255, 0, 0))))
    for size in ((300, 401), (75, 100), (37, 53), (1, 1)):
        hints = hint_map([sidecar], (3000, 4010), size)
        assert hints.count == 1
        row, column = (int(i[0]) for i in np.nonzero(hints.mask))
        assert row == int(150.5 / 300 * size[0])
        assert column == int(399.5 / 401 * size[1])
        np.testing.assert_allclose(hints.ab[:, row, column], RED, atol=1e-4)


def test_a_coarse_scribble_covers_every_cell_beneath_it(tmp_path):
    sidecar = read_sidecar(scribbles(tmp_path / "x.hints.png", (2, 3), (0, 0, (255, 0, 0)), (1, 2, (0, 0, 255))))
    hints = hint_map([sidecar], (20, 30), (8, 9))
    expected = np.zeros((8, 9))
    expected[:4, :3], expected[4:, 6:] = 1, 1
    np.testing.assert_array_equal(hints.mask, expected)


def test_hints_that_meet_in_a_cell_are_averaged(tmp_path):
    sidecar = read_sidecar(scribbles(tmp_path / "x.hints.png", (4, 4), (0, 0, (255, 0, 0)), (1, 1, (0, 0, 255))))
    hints = hint_map([sidecar], (4, 4), (2, 2))
    np.testing.assert_allclose(hints.ab[:, 0, 0], (RED + BLUE) / 2, atol=1e-4)
    assert hints.count == 1


def test_the_soft_rim_of_a_brush_is_no_hint(tmp_path):
    layer = np.full((3, 3, 4), (0, 0, 255, 60), np.uint8)
    layer[1, 1, 3] = 255
    cv2.imwrite(str(tmp_path / "x.hints.png"), layer)
    assert hint_map([read_sidecar(tmp_path / "x.hints.png")], (3, 3), (3, 3)).count == 1


def test_a_point_colors_its_disc_and_at_least_its_own_pixel(tmp_path):
    wide = read_sidecar(points(tmp_path / "a.hints.json", {"x": 50, "y": 25, "color": "red", "radius": 10}))
    hints = hint_map([wide], (100, 200), (100, 200))
    assert abs(hints.count - np.pi * 100) < 20
    y, x = np.nonzero(hints.mask)
    assert abs(y.mean() + 0.5 - 25) < 0.5
    assert abs(x.mean() + 0.5 - 50) < 0.5
    tiny = read_sidecar(points(tmp_path / "b.hints.json", {"x": 200, "y": 100, "color": "#f00", "radius": 0}))
    assert hint_map([tiny], (100, 200), (10, 20)).mask[9, 19] == 1


def test_fractions_mean_the_same_place_as_pixels(tmp_path):
    pixel = read_sidecar(points(tmp_path / "a.hints.json", {"x": 60, "y": 20, "color": "tomato"}))
    share = read_sidecar(points(tmp_path / "b.hints.json", {"x": 0.3, "y": 0.2, "color": "tomato"}, unit="fraction"))
    one, two = (hint_map([s], (100, 200), (50, 100)) for s in (pixel, share))
    np.testing.assert_array_equal(one.mask, two.mask)
    np.testing.assert_array_equal(one.ab, two.ab)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"points": [{"x": 1, "color": "red"}]}, "points[0].y: is missing"),
        ({"points": [{"x": 1, "y": 1, "color": "red"}, {"x": "1", "y": 1, "color": "red"}]}, "points[1].x"),
        ({"points": [{"x": True, "y": 1, "color": "red"}]}, "points[0].x"),
        ({"points": [{"x": 1, "y": 1, "color": "rad"}]}, "points[0].color: no color 'rad'"),
        ({"points": [{"x": 1, "y": 1, "color": 7}]}, "points[0].color"),
        ({"points": [{"x": 1, "y": 1, "colour": "red"}]}, "points[0].colour: no such field"),
        ({"points": [{"x": 1, "y": 1, "color": "red", "radius": -1}]}, "points[0].radius"),
        ({"points": 3}, "points: expected a list"),
        ({}, "points: is missing"),
        ([], "points"),
        ({"points": [], "unit": "inch"}, "unit"),
    ],
)
def test_a_malformed_side_car_is_named_with_the_field(tmp_path, said, field):
    path = tmp_path / "x.hints.json"
    path.write_text(json.dumps(said))
    with pytest.raises(HintError) as error:
        read_sidecar(path)
    assert error.value.message.startswith(f"{path}: {field}")


def test_files_that_are_no_side_cars_are_refused(tmp_path):
    broken, opaque = tmp_path / "a.hints.png", tmp_path / "b.hints.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n rest")
    cv2.imwrite(str(opaque), np.zeros((4, 4, 3), np.uint8))
    text = tmp_path / "c.hints.json"
    text.write_text("{points")
    for path in (broken, opaque, text, tmp_path / "absent.hints.json", tmp_path / "absent.hints.png"):
        with pytest.raises(HintError, match=path.name):
            read_sidecar(path)


def test_a_point_outside_the_photo_is_named(tmp_path):
    sidecar = read_sidecar(points(tmp_path / "x.hints.json", {"x": 10, "y": 1, "color": "red"}))
    with pytest.raises(HintError, match=r"points\[0\].x: 10 lies outside the photo of 9 x 9"):
        hint_map([sidecar], (9, 9), (3, 3))


def test_scribbles_and_points_add_up(tmp_path):
    layer = read_sidecar(scribbles(tmp_path / "x.hints.png", (10, 10), (0, 0, (255, 0, 0))))
    point = read_sidecar(points(tmp_path / "x.hints.json", {"x": 9, "y": 9, "color": "blue", "radius": 0}))
    hints = hint_map([layer, point], (10, 10), (10, 10))
    np.testing.assert_array_equal(np.argwhere(hints.mask), [[0, 0], [9, 9]])
    assert hint_map([], (10, 10), (4, 4)).count == 0


def test_resized_hints_keep_their_places_and_colors(tmp_path):
    said = [{"x": 3, "y": 5, "color": "red", "radius": 0}, {"x": 38.5, "y": 20, "color": "blue", "radius": 4}]
    fine = hint_map([read_sidecar(points(tmp_path / "x.hints.json", *said))], (30, 41), (30, 41))
    coarse = fine.resized((7, 10))
    assert coarse.mask[1, 0] == 1
    assert coarse.mask[4, 9] == 1
    np.testing.assert_allclose(coarse.ab[:, 1, 0], RED, atol=1e-3)
    np.testing.assert_allclose(coarse.ab[:, 4, 9], BLUE, atol=1e-3)
    again = fine.resized((60, 82))
    assert again.count == 4 * fine.count
    np.testing.assert_array_equal(again.resized((30, 41)).mask, fine.mask)


def test_side_cars_are_found_by_stem_by_whole_name_and_in_mirrored_folders(tmp_path):
    photos, hints = tmp_path / "photos", tmp_path / "hints"
    for folder in (photos / "1930", hints / "1930"):
        folder.mkdir(parents=True)
    names = [
        "1930/a.hints.png",
        "b.jpg.hints.json",
        "b.hints.png",
        "1930/c.hints.PNG",
        "1930/c.hints.json",
        "d.hints.png",
    ]
    for name in names:
        (hints / name).touch()
    a, b, other = photos / "1930/a.tif", photos / "b.jpg", photos / "b.tif"
    c = photos / "1930/c.jpg"
    found = match_sidecars([(path, photos) for path in (a, b, other, c)], hints)
    assert found.by_photo == {
        a: (hints / names[0],),
        b: (hints / names[1],),
        other: (hints / names[2],),
        c: (hints / names[3], hints / names[4]),
    }
    assert found.unmatched == (hints / "d.hints.png",)
    for path, expected in found.by_photo.items():
        assert find_sidecar(path, hints, photos) == expected
    assert find_sidecar(photos / "e.jpg", hints, photos) == ()
    assert unmatched([hints / "b.hints.png", hints / "d.hints.png"], [b]) == (hints / "d.hints.png",)


def test_one_file_serves_one_photo_whatever_its_name(tmp_path):
    sidecar = tmp_path / "scribbles.png"
    sidecar.touch()
    one, two = tmp_path / "a.jpg", tmp_path / "b.jpg"
    assert match_sidecars([(one, None)], sidecar).by_photo == {one: (sidecar,)}
    both = match_sidecars([(one, None), (two, None)], sidecar)
    assert (both.by_photo, both.unmatched) == ({}, (sidecar,))


def test_one_side_car_for_photos_of_two_folders_is_refused(tmp_path):
    (tmp_path / "a.hints.png").touch()
    photos = [(tmp_path / "x/a.jpg", tmp_path), (tmp_path / "y/a.jpg", tmp_path)]
    with pytest.raises(UsageError, match="fits"):
        match_sidecars(photos, tmp_path)
    with pytest.raises(NothingToDoError):
        match_sidecars(photos, tmp_path / "absent")
