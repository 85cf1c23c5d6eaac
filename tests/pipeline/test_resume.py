"""A second run: what is skipped, what is done again, what is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from colorize_cli.inference.choices import OutputFormat
from colorize_cli.inference.job import ColorizeJob
from colorize_cli.pipeline.outcome import Status
from colorize_cli.pipeline.report import RunReport
from colorize_cli.pipeline.run import colorize_photos
from tests.inference.conftest import grey_photo


def colorize(tiny_model: Path, *photos: Path, out: Path, **options: object) -> RunReport:
    job = ColorizeJob(tuple(map(str, photos)), out, str(tiny_model), device="cpu", **options)  # type: ignore[arg-type]
    return colorize_photos(job)


def lightness(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return rgb2lab(np.asarray(image.convert("RGB")))[..., 0]


def is_result_of(result: Path, source: Path) -> bool:
    return bool(np.abs(lightness(result) - lightness(source)).max() <= 0.5)


def test_results_stay_with_their_sources_when_folders_come(tiny_model: Path, tmp_path: Path):
    boxes = [grey_photo(tmp_path / "shelf" / f"box{i}" / "001.png", seed=i) for i in range(3)]
    out = tmp_path / "out"
    assert colorize(tiny_model, boxes[0], out=out).counts == {Status.done: 1}
    assert colorize(tiny_model, *boxes[1::-1], out=out).counts[Status.done] == 2
    assert colorize(tiny_model, *boxes, out=out).counts == {Status.skipped: 2, Status.done: 1}
    assert colorize(tiny_model, *(box.parent for box in boxes), out=out).counts == {Status.skipped: 3}
    for number, box in enumerate(boxes):
        assert is_result_of(out / f"box{number}" / "001.png", box)


@pytest.mark.parametrize("turned", [False, True])
def test_neighbours_that_would_become_one_file_both_come_out(tiny_model: Path, tmp_path: Path, turned: bool):
    names = ("a.jpg", "a.tif", "b.jpg")
    photos = [grey_photo(tmp_path / "in" / name, seed=seed) for seed, name in enumerate(names)]
    out = tmp_path / "out"
    report = colorize(tiny_model, *(photos[::-1] if turned else photos), out=out, format=OutputFormat.png)
    assert report.counts == {Status.done: 3}
    for source, name in zip(photos, ("a.jpg.png", "a.tif.png", "b.png"), strict=True):
        assert is_result_of(out / name, source)
