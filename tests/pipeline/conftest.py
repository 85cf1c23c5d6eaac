from pathlib import Path

import pytest

from tests.inference.conftest import quick_model, run, tiny_checkpoint

__all__ = ["quick_model", "run", "tiny_checkpoint", "tiny_model"]


@pytest.fixture(scope="session")
def tiny_model(quick_model: Path) -> Path:
    """What happens around photos is the same at any size at which the network sees them."""
    return quick_model
