"""Marks of modules that need an extra, without loading it while tests are collected."""

from __future__ import annotations

from importlib.util import find_spec

import pytest


def needs(*packages: str, extra: str) -> pytest.MarkDecorator:
    """A mark that skips tests where a package is not installed; `extra` is what brings it."""
    missing = [name for name in packages if find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}: the extra {extra} is not installed")
