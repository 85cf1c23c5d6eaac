from pathlib import Path

import pytest

from colorize_cli import Colorizer
from tests.inference.conftest import run, tiny_model

__all__ = ["run", "tiny_model"]


@pytest.fixture(scope="module")
def colorizer(tiny_model: Path) -> Colorizer:
    return Colorizer(str(tiny_model), device="cpu")
