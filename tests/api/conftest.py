from tests.inference.conftest import run, tiny_model

__all__ = ["run", "tiny_model"]
