"""How far a scene is followed from one stretch of an album into the next."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from colorize_cli.pipeline import consistent
from colorize_cli.pipeline.consistent import Album, Scene, Stretch


def test_a_scene_goes_on_over_eight_places_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consistent, "same_scene", lambda one, other: one == other)
    features = {24: "beach", 28: "garden", 30: "church"}
    before = Stretch((Scene(24, (24,)), Scene(28, (20, 28)), Scene(30, (30,))), features)  # type: ignore[arg-type]

    def found(first: int, shows: str) -> int | None:
        scene = Scene(first, (first,))
        here = Stretch((scene,), {first: shows})  # type: ignore[dict-item]
        stretches = {0: before, 1: here}
        return Album._before(SimpleNamespace(_look=stretches.get), 1, scene)  # type: ignore[arg-type]

    assert found(32, "church") == 30 and found(32, "garden") == 28 and found(32, "beach") == 24
    assert found(36, "garden") == 28 and found(37, "garden") is None
    assert found(33, "beach") is None and found(33, "street") is None
