"""The time that is left is the work's, or what `--time-limit` leaves, whichever is less."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from colorize_cli.cli import training_screen
from colorize_cli.cli.training_screen import TrainingScreen
from colorize_cli.training.loop import Progress
from colorize_cli.training.recipes import load_recipe


@pytest.mark.parametrize(
    ("limit", "said"), [(math.inf, "2:46:40 left"), (600.0, "0:08:20 left"), (50.0, "0:00:00 left")]
)
def test_time_left(
    limit: float, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(training_screen.time, "monotonic", lambda: clock.now)
    screen = TrainingScreen(load_recipe("mini"), False, limit)
    clock.now += 500  # opening the data does not count
    screen.on_start(Path("runs/x"), 1, 0, {})
    clock.now += 100
    screen.on_step(Progress(1000, 101_000, 0, {"G": 1.0}, 10.0))
    shown = capsys.readouterr().err
    assert said in shown and "mini: 1 photo to learn from" in shown


def test_a_rate_of_nothing_leaves_no_overflow(capsys: pytest.CaptureFixture[str]) -> None:
    screen = TrainingScreen(load_recipe("mini"), False)
    screen.on_step(Progress(0, 10**12, 0, {}, 0.0))
    assert "left" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("photos", "said"),
    [
        (19, "19 photos to learn from, fewer than the 8,000 of the recipe, 5 to"),
        (8000, "8,000 photos to learn from, 5 to"),
    ],
)
def test_a_paper_s_number_of_photos_that_is_not_met_is_said(
    photos: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    TrainingScreen(load_recipe("unet-celeba"), False).on_start(Path("runs/x"), photos, 5, {})
    assert said in " ".join(capsys.readouterr().err.split())
