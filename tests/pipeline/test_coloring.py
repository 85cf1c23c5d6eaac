"""What becomes of a network's colors on their way into a photo, in one piece and in strips."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.color.pixels import ab_of
from colorize_cli.inference import photo_guidance
from colorize_cli.inference.option_values import Method
from colorize_cli.inference.predictor import Predictor, Request
from colorize_cli.pipeline.outcome import Status
from tests.runs import colorize_photos, run_options

EDGE = 97  # within a place of the network's grid, which is 16 pixels wide
LEFT, RIGHT = (-24.0, -6.0), (18.0, 24.0)
WAYS = pytest.mark.parametrize("stream_from", [1 << 40, 1], ids=["whole", "strips"])


@pytest.fixture
def two_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that gives one color to the left of the edge and another to the right, as coarsely as networks do."""

    def predict(self: Predictor, requests: Sequence[Request], *_: object, **__: object) -> list[NDArray[np.float32]]:
        ab = np.empty((2, 8, 12), np.float32)
        ab[:, :, :6], ab[:, :, 6:] = np.reshape(LEFT, (2, 1, 1)), np.reshape(RIGHT, (2, 1, 1))
        return [ab] * len(requests)

    monkeypatch.setattr(Predictor, "predict", predict)


def colored(
    tiny_model: Path, folder: Path, name: str, stream_from: int, times: int = 1, **options: object
) -> NDArray[np.float32]:
    """ab of the result, (2, 128, 192), of a photo that is dark to the left of the edge and light to the right.

    The photo is so many `times` larger; its result is thinned out.
    """
    grey = np.full((128, 192), 90, np.uint8)
    grey[:, EDGE:] = 150
    folder.mkdir()
    Image.fromarray(np.repeat(np.repeat(grey, times, 0), times, 1)).save(folder / name)
    job = run_options(
        (str(folder / name),), folder / "out", model=str(tiny_model), device="cpu", stream_from=stream_from, **options
    )  # type: ignore[arg-type]
    assert colorize_photos(job).counts == {Status.done: 1}
    result = np.asarray(Image.open(folder / "out" / name).convert("RGB"))
    return ab_of(np.ascontiguousarray(result[::times, ::times]))


@WAYS
@pytest.mark.parametrize("name", ["p.png", "p.jpg", "p.tif"])
def test_color_ends_where_the_lightness_has_its_edge(
    tiny_model: Path, tmp_path: Path, two_colors: None, name: str, stream_from: int
) -> None:
    ab = colored(tiny_model, tmp_path / "in", name, stream_from)[:, 20:108].mean(1)
    far = ab[:, 20:60].mean(1), ab[:, 130:170].mean(1)
    np.testing.assert_allclose(far, (LEFT, RIGHT), atol=2.5)
    # enlarged smoothly, the step would be 16 pixels wide; JPEG's chroma is two pixels wide
    share = ((ab - far[0][:, None]) * (far[1] - far[0])[:, None]).sum(0) / ((far[1] - far[0]) ** 2).sum()
    assert share[: EDGE - 3].max() < 0.2 and share[EDGE + 3 :].min() > 0.8


@WAYS
@pytest.mark.parametrize("name, times", [("p.png", 1), ("p.png", 5), ("p.jpg", 1), ("p.tif", 1)])
def test_saturation_is_a_factor_on_the_chroma(
    tiny_model: Path, tmp_path: Path, two_colors: None, name: str, times: int, stream_from: int
) -> None:
    """Five times as large, the photo is finer than what guides its colors, which then follow its own edges."""
    inner = np.r_[20:80, 130:180]  # JPEG rings beside the edge
    one, half, none = (
        colored(tiny_model, tmp_path / str(factor), name, stream_from, times, saturation=factor)[:, :, inner]
        for factor in (1.0, 0.5, 0.0)
    )
    assert np.hypot(*one).mean() > 20
    np.testing.assert_allclose(half.mean(1), one.mean(1) / 2, atol=1.5)
    assert np.hypot(*none).max() < 0.6


@WAYS
def test_saturation_is_a_factor_on_the_chroma_of_scribbles_too(
    tiny_model: Path, tmp_path: Path, stream_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A photo larger than what scribbles are solved at is colored along its own edges, row by row."""
    monkeypatch.setattr(photo_guidance, "MOST_PIXELS", 6000)
    hints = tmp_path / "p.hints.json"
    where = [{"x": 0.2, "y": 0.5, "color": "#8a5a5a"}, {"x": 0.8, "y": 0.5, "color": "#6a7a9a"}]
    hints.write_text(json.dumps({"unit": "fraction", "points": where}))
    how = {"method": Method.levin, "hints": hints}
    one, half = (
        colored(tiny_model, tmp_path / str(factor), "p.png", stream_from, saturation=factor, **how)[:, 20:108]
        for factor in (1.0, 0.5)
    )
    inner = np.r_[10:80, 115:180]
    assert np.hypot(*one[..., inner]).mean() > 15
    np.testing.assert_allclose(half[..., inner], one[..., inner] / 2, atol=1)
