"""`--restore` through the pipeline: in memory and in strips, with masks, alone, and in the notes of results."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import SRGB
from colorize_cli.errors import PhotoError, UsageError
from colorize_cli.files.discover import Source
from colorize_cli.inference import masks
from colorize_cli.pipeline.outcome import Status
from colorize_cli.pipeline.report import RunReport
from colorize_cli.restore.choices import Repair, RestoreOptions
from tests.formats import bombs
from tests.runs import colorize_photos, run_options

NOISE = frozenset({Repair.noise})
ALL_NOISE = {"repairs": NOISE, "denoise": 1.0}


def colorize(tiny_model: Path, photo: Path, out: Path, **options: object) -> RunReport:
    return colorize_photos(run_options((str(photo),), out, model=str(tiny_model), device="cpu", **options))  # type: ignore[arg-type]


def noisy_ramp(shape: tuple[int, int] = (700, 160)) -> NDArray[np.uint8]:
    ramp = np.tile(np.linspace(60, 190, shape[1]), (shape[0], 1))
    return np.clip(ramp + np.random.default_rng(0).normal(0, 12, shape), 0, 255).round().astype(np.uint8)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "ramp.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, noisy_ramp(), rowsperstrip=32)
    return path


def noise_left(path: Path) -> float:
    lightness = lightness_of(tifffile.imread(path), SRGB)
    return float((lightness - lightness.mean(0)).std())


def test_noise_is_gone_from_the_result_in_memory_and_in_strips(tiny_model: Path, photo: Path, tmp_path: Path):
    left = {}
    ways = {"plain": {}, "whole": ALL_NOISE, "strips": {**ALL_NOISE, "stream_from": 1}}
    for name, options in ways.items():
        report = colorize(tiny_model, photo, tmp_path / name, verify=True, **options)
        assert report.counts == {Status.done: 1}, report.failures
        left[name] = noise_left(tmp_path / name / "ramp.tif")
    assert left["whole"] < left["plain"] / 4 and left["strips"] == pytest.approx(left["whole"], abs=0.1)
    whole, strips = (lightness_of(tifffile.imread(tmp_path / name / "ramp.tif"), SRGB) for name in ("whole", "strips"))
    assert np.percentile(np.abs(whole - strips), 99) < 1


def test_what_was_done_is_in_the_report_and_makes_another_result(tiny_model: Path, photo: Path, tmp_path: Path):
    out = tmp_path / "out"
    assert colorize(tiny_model, photo, out).counts == {Status.done: 1}
    other = colorize(tiny_model, photo, out, repairs=NOISE)
    assert other.counts == {Status.other_settings: 1}
    assert colorize(tiny_model, photo, out, repairs=NOISE, overwrite=True).exit_status == 0
    report = json.loads((out / "colorize-report.json").read_text())
    assert any("took away noise of 1" in note and "75 % of it" in note for note in report["photos"][0]["notes"])
    assert report["settings"]["restore"] == "noise"
    assert colorize(tiny_model, photo, out, repairs=NOISE).counts == {Status.skipped: 1}


@pytest.mark.parametrize("stream_from", [1 << 40, 1], ids=["whole", "strips"])
def test_restore_only_loads_no_model_and_stays_grey(photo: Path, tmp_path: Path, stream_from: int):
    report = colorize(
        tmp_path / "no-such-model.safetensors",
        photo,
        tmp_path / "out",
        **ALL_NOISE,
        only=True,
        verify=True,
        stream_from=stream_from,
    )
    assert report.counts == {Status.done: 1}, report.failures
    pixels = tifffile.imread(tmp_path / "out" / "ramp.tif").astype(int)
    assert pixels.ndim == 2 or np.ptp(pixels, axis=-1).max() == 0
    assert noise_left(tmp_path / "out" / "ramp.tif") < 2


def test_a_mask_that_a_person_made_is_filled_and_nothing_else(tiny_model: Path, tmp_path: Path):
    ramp = np.tile(np.linspace(60, 190, 160), (120, 1)).round().astype(np.uint8)
    ramp[50:53, 20:140] = 255
    photo = tmp_path / "in" / "box" / "a.png"
    photo.parent.mkdir(parents=True)
    cv2.imwrite(str(photo), ramp)
    mask = np.zeros(ramp.shape, np.uint8)
    mask[50:53, 20:140] = 255
    masks, out = tmp_path / "masks", tmp_path / "out"
    (masks / "box").mkdir(parents=True)
    cv2.imwrite(str(masks / "box" / "a.png"), mask)
    options = {"repairs": frozenset({Repair.scratches}), "masks": masks, "masks_out": tmp_path / "seen"}
    assert colorize(tiny_model, photo.parents[1], out, **options).counts == {Status.done: 1}
    result = lightness_of(cv2.imread(str(out / "box" / "a.png"))[..., ::-1], SRGB)
    wanted = lightness_of(np.tile(np.linspace(60, 190, 160), (120, 1)).round().astype(np.uint8), SRGB)
    assert np.abs(result - wanted).max() < 2
    seen = cv2.imread(str(tmp_path / "seen" / "box" / "a.png"), cv2.IMREAD_GRAYSCALE)
    assert seen.shape == ramp.shape and (seen[50:53, 20:140] == 255).all() and seen.mean() < 20
    cv2.imwrite(str(masks / "box" / "a.png"), mask[:60])
    report = colorize(tiny_model, photo.parents[1], tmp_path / "out2", **options)
    assert "has 160 x 60 pixels, its photo 160 x 120" in str(report.failures[0].reason)


def test_photos_that_differ_by_their_suffix_alone_have_masks_of_their_own(tiny_model: Path, tmp_path: Path):
    folder, masks = tmp_path / "in", tmp_path / "masks"
    folder.mkdir()
    ramp = np.tile(np.linspace(60, 190, 160), (120, 1)).round().astype(np.uint8)
    marked = {"a.png": 20, "a.tif": 60, "a.tif.png": 80, "b.png": 100}
    for name, row in marked.items():
        picture = ramp.copy()
        picture[row : row + 3, 20:140] = 255
        cv2.imwrite(str(folder / name), picture)
    options = {"repairs": frozenset({Repair.scratches})}
    assert colorize(tiny_model, folder, tmp_path / "out", masks_out=masks, **options).counts == {Status.done: 4}
    names = {"a.png": "a.png.png", "a.tif": "a.tif.png", "a.tif.png": "a.tif.png.png", "b.png": "b.png"}
    assert {path.name for path in masks.iterdir()} == set(names.values())
    for name, row in marked.items():
        mask = cv2.imread(str(masks / names[name]), cv2.IMREAD_GRAYSCALE)
        assert mask[row : row + 3, 30:130].mean() > 200 and np.delete(mask, range(row - 3, row + 6), 0).max() == 0
    (masks / "a.tif.png").unlink()
    report = colorize(tiny_model, folder, tmp_path / "again", masks=masks, **options)
    assert report.counts == {Status.done: 4}
    cleaned = cv2.imread(str(tmp_path / "again" / "a.png"), cv2.IMREAD_GRAYSCALE)
    assert np.abs(cleaned[21, 30:130].astype(float) - cleaned[30, 30:130]).max() < 4


def test_the_mask_of_a_photo_that_is_too_large_for_one_of_its_size_is_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(masks, "_MASK_PIXELS", 1000)
    source = Source(tmp_path / "scan.tif", Path("scan.tif"))
    found = np.zeros((30, 41), bool)
    found[5:9] = True
    masks.write_mask(tmp_path, source, found, (4001, 3000))
    assert np.array_equal(masks.read_mask(tmp_path, source, (4001, 3000)), found)
    with pytest.raises(PhotoError, match="has 41 x 30 pixels, its photo 3000 x 4001"):
        masks.read_mask(tmp_path, source, (3000, 4001))


def test_a_mask_that_was_edited_since_makes_another_result(tiny_model: Path, photo: Path, tmp_path: Path):
    masks = tmp_path / "masks"
    masks.mkdir()
    white = np.zeros((700, 160), np.uint8)
    white[300:310] = 255
    cv2.imwrite(str(masks / "ramp.png"), white)
    options = {"repairs": frozenset({Repair.scratches}), "masks": masks}
    assert colorize(tiny_model, photo, tmp_path / "out", **options).counts == {Status.done: 1}
    assert colorize(tiny_model, photo, tmp_path / "out", **options).counts == {Status.skipped: 1}
    cv2.imwrite(str(masks / "ramp.png"), white[::-1])
    assert colorize(tiny_model, photo, tmp_path / "out", **options).counts == {Status.other_settings: 1}


@pytest.mark.parametrize("kind", ["pipe", "bomb", "text"])
def test_what_is_no_mask_is_named_before_it_is_decoded(tiny_model: Path, photo: Path, tmp_path: Path, kind: str):
    mask = tmp_path / "masks" / "ramp.png"
    mask.parent.mkdir()
    if kind == "pipe":
        os.mkfifo(mask)
    else:
        mask.write_bytes(bombs.png_header(30_000) if kind == "bomb" else b"no picture")
    options = {"repairs": frozenset({Repair.scratches}), "masks": mask.parent}
    report = colorize(tiny_model, photo, tmp_path / "out", **options)
    said = {"pipe": "it is a named pipe, not a file", "bomb": "has 30000 x 30000 pixels", "text": "no PNG signature"}
    assert said[kind] in str(report.failures[0].reason) and str(mask) in str(report.failures[0].reason)


def test_pairs_show_before_restored_and_colored(tiny_model: Path, photo: Path, tmp_path: Path):
    assert colorize(tiny_model, photo, tmp_path / "out", repairs=NOISE, compare=True).exit_status == 0
    pair = cv2.imread(str(tmp_path / "out" / "ramp.compare.jpg"), cv2.IMREAD_GRAYSCALE)
    assert pair.shape == (700, 3 * 160)
    spread = [float(part.std(0).mean()) for part in np.split(pair, 3, 1)]
    assert spread[1] < spread[0] / 3 and spread[2] < spread[0] / 3


def test_a_photo_that_stays_grey_has_its_pair_too(tiny_model: Path, photo: Path, tmp_path: Path):
    options = {"repairs": NOISE, "only": True, "compare": True}
    assert colorize(tiny_model, photo, tmp_path / "out", **options).counts == {Status.done: 1}
    pair = cv2.imread(str(tmp_path / "out" / "ramp.compare.jpg"), cv2.IMREAD_GRAYSCALE)
    assert pair.shape == (700, 2 * 160)
    spread = [float(part.std(0).mean()) for part in np.split(pair, 2, 1)]
    assert spread[1] < spread[0] / 3


@pytest.mark.parametrize("place", ["taken", "taken/below"])
def test_masks_are_not_written_where_a_file_is(tiny_model: Path, photo: Path, tmp_path: Path, place: str):
    (tmp_path / "taken").write_bytes(b"")
    wanted = RestoreOptions(repairs=frozenset({Repair.scratches}), masks_out=tmp_path / place)
    options = run_options((str(photo),), tmp_path / "out", model=str(tiny_model), device="cpu")
    with pytest.raises(UsageError, match=f"--mask-out .*{place}: .*taken is a file"):
        replace(options, restore=wanted).check()
    assert not (tmp_path / "out").exists()
