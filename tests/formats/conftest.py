"""Small pictures, and a way to write them as the program would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, Provenance, suffix_for, target_format, write_photo
from colorize_cli.formats.photo import Photo

Rewrite = Callable[..., tuple[Photo, Photo, Path]]


@pytest.fixture
def note() -> Provenance:
    return Provenance("colorize-cli", "1.2.3", "mini", "5e" * 32, (("saturation", "1.0"), ("vividness", "0.5 <&> é")))


@pytest.fixture
def grey16() -> NDArray[np.uint16]:
    """A ramp over all of 16 bits whose low bytes are all different, 37 x 53."""
    return np.linspace(0, 65535, 37 * 53).round().astype(np.uint16).reshape(37, 53)


@pytest.fixture
def grey() -> NDArray[np.uint8]:
    """A soft picture, 40 x 56, that lossy formats keep well."""
    y, x = np.mgrid[0:40, 0:56]
    return np.rint(127 + 60 * np.sin(x / 9) + 60 * np.cos(y / 7)).astype(np.uint8)


@pytest.fixture
def rgb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.dstack((grey, grey // 2 + 40, 255 - grey))


@pytest.fixture
def rewrite(tmp_path: Path, note: Provenance) -> Rewrite:
    """Decode a file, write it again with its own pixels, decode the result."""

    def run(path: Path, settings: EncodeSettings | None = None, salvage: bool = False) -> tuple[Photo, Photo, Path]:
        settings = settings or EncodeSettings()
        photo = decode(path, salvage=salvage)
        format, _ = target_format(photo, settings)
        out = tmp_path / "out" / (path.stem + suffix_for(path, format))
        out.parent.mkdir(exist_ok=True)
        write_photo(photo, [page.pixels for page in photo.pages], out, settings, note)
        return photo, decode(out), out

    return run
