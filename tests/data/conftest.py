from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a cache and settings of its own, and no network."""
    for name in ("COLORIZE_CACHE", "COLORIZE_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / name))
    for name in ("COLORIZE_DATA_ROOT", "COLORIZE_OFFLINE", "HF_HUB_OFFLINE", "HF_TOKEN", "COLORIZE_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "COLORIZE_CACHE"
