"""A network that answers with values that are no numbers fails the photo, and no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from colorize_cli.errors import PredictionError, UsageError
from colorize_cli.inference.backends.onnx import OnnxBackend
from colorize_cli.inference.option_values import Detail
from colorize_cli.inference.predictor import Predictor, Request
from colorize_cli.models.load import load_model
from colorize_cli.models.onnx.load_onnx import load_onnx
from tests.inference.conftest import grey_photo
from tests.runs import colorize_photos, run_options


def poison(monkeypatch: pytest.MonkeyPatch, name: str, dark: float = 20.0, value: float = np.nan) -> None:
    """Let the network fail on dark pictures."""
    whole = getattr(OnnxBackend, name)

    def wrong(self: OnnxBackend, *said: object) -> np.ndarray:
        answer, planes = whole(self, *said).copy(), said[-1]
        for picture, out in zip(planes, answer, strict=True):
            if picture[0].mean() < dark:
                out[0, 0, 0] = value
        return answer

    monkeypatch.setattr(OnnxBackend, name, wrong)


def dark_photo(path: Path, size: tuple[int, int] = (96, 64)) -> Path:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, 10).save(path)
    return path


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("batch", [1, 4])
def test_one_photo_fails_and_the_others_of_its_batch_are_done(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int, value: float
) -> None:
    poison(monkeypatch, "colors", value=value)
    for i in range(5):
        grey_photo(tmp_path / "in" / f"{i}.png", seed=i)
    dark_photo(tmp_path / "in" / "2b.png")
    job = run_options((str(tmp_path / "in"),), tmp_path / "out", str(tiny_model), "cpu", batch=batch)
    report = colorize_photos(job)
    assert report.exit_status == 1
    assert [Path(outcome.source).name for outcome in report.failures] == ["2b.png"]
    assert "values that are no numbers (NaN)" in str(report.failures[0].reason)
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == [f"{i}.png" for i in range(5)]


@pytest.mark.parametrize("options", [{"detail": Detail.parse("1", 0, None)}, {"variants": 2}])
def test_tiles_and_variants_fail_too(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, object]
) -> None:
    poison(monkeypatch, "colors")
    poison(monkeypatch, "probabilities")
    dark_photo(tmp_path / "in" / "dark.png", (700, 500))
    job = run_options((str(tmp_path / "in"),), tmp_path / "out", str(tiny_model), "cpu", **options)  # type: ignore[arg-type]
    report = colorize_photos(job)
    assert "no numbers" in str(report.failures[0].reason)
    assert not list((tmp_path / "out").glob("*.png"))


def test_probabilities_are_looked_at(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poison(monkeypatch, "probabilities")
    model = load_onnx(str(tiny_model))
    assert model is not None
    predictor = Predictor(model)
    with pytest.raises(PredictionError):
        predictor.probabilities([Request(np.zeros((64, 64), np.float32))])
    assert len(predictor.probabilities([Request(np.full((64, 64), 60, np.float32))])) == 1


def test_a_network_of_torch_is_looked_at(tiny_model: Path) -> None:
    model = load_model(str(tiny_model))
    with torch.no_grad():
        next(model.generator.parameters()).fill_(float("nan"))
    with pytest.raises(PredictionError, match="NaN"):
        Predictor(model).predict([Request(np.full((64, 64), 60, np.float32))])


@pytest.mark.parametrize("option", ["vividness", "saturation"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_options_that_are_no_numbers_are_refused(tmp_path: Path, option: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"{option} (nan|inf) is outside 0 to [14]"):
        run_options((str(tmp_path),), **{option: value})
