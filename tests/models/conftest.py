"""What tests of models share: a server that misbehaves, and a cache of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from colorize_cli.models import transfer
from tests.models.loopback import Loopback, serving


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serving() as loopback:
        yield loopback


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> transfer.Patience:
    """Give up in fractions of a second."""
    patience = transfer.Patience(tries=3, stall=0.3, slowest=1e6, pause=0.01, longest=0.05)
    monkeypatch.setattr(transfer, "PATIENCE", patience)
    return patience


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Loopback) -> Path:
    """An empty cache; the Hub is the server on this machine."""
    for name in ("COLORIZE_OFFLINE", "HF_HUB_OFFLINE", "COLORIZE_MIRROR", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    return tmp_path / "cache"
