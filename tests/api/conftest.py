from pathlib import Path

import pytest

from colorize_cli import Colorizer
from tests.inference.conftest import quick_model, run, tiny_checkpoint, tiny_model

__all__ = ["quick_model", "run", "tiny_checkpoint", "tiny_model"]


@pytest.fixture(scope="module")
def colorizer(tiny_model: Path) -> Colorizer:
    return Colorizer(str(tiny_model), device="cpu")
