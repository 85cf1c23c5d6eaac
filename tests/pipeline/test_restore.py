"""`--restore` through the pipeline: in memory and in strips, with masks, alone, and in the notes of results."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import SRGB
from colorize_cli.pipeline.outcome import Status
from colorize_cli.pipeline.report import RunReport
from colorize_cli.restore.choices import Repair
from tests.formats import bombs
from tests.runs import colorize_photos, run_options

NOISE = frozenset({Repair.noise})


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
    ways = {"plain": {}, "whole": {"repairs": NOISE}, "strips": {"repairs": NOISE, "stream_from": 1}}
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
    assert any("took away noise of 1" in note for note in report["photos"][0]["notes"])
    assert report["settings"]["restore"] == "noise"
    assert colorize(tiny_model, photo, out, repairs=NOISE).counts == {Status.skipped: 1}


@pytest.mark.parametrize("stream_from", [1 << 40, 1], ids=["whole", "strips"])
def test_restore_only_loads_no_model_and_stays_grey(photo: Path, tmp_path: Path, stream_from: int):
    report = colorize(
        tmp_path / "no-such-model.safetensors",
        photo,
        tmp_path / "out",
        repairs=NOISE,
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
