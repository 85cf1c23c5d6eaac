"""`--verify` finds a region that came out lighter or darker, where a percentile of all pixels does not see it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.color import lab2rgb, rgb2lab

from colorize_cli.color.merge import merge
from colorize_cli.color.spaces import SRGB
from colorize_cli.errors import EncodeError
from colorize_cli.formats.blocks import BlockReader
from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, Provenance, write_photo
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.inference.measuring import drift_of
from colorize_cli.inference.verify import verify

FORMATS_BY = {
    ".jpg": PhotoFormat.jpeg,
    ".webp": PhotoFormat.webp,
    ".avif": PhotoFormat.avif,
    ".heic": PhotoFormat.heic,
    ".jp2": PhotoFormat.jp2,
    ".jxl": PhotoFormat.jxl,
}
NOTE = Provenance("", "", "", "")


def scene() -> np.ndarray:
    """Slopes with grain, so that the coding itself costs 2 L*, (192, 256)."""
    y, x = np.mgrid[:192, :256]
    grain = np.random.default_rng(2).normal(0, 9, (192, 256))
    return (128 + 50 * np.sin(x / 29) + 40 * np.cos(y / 23) + grain).clip(0, 255).astype(np.uint8)


def colored(grey: np.ndarray, by: float) -> np.ndarray:
    """The scene under slow colors; a region of 64 x 64 pixels is lighter by so many L*."""
    ab = cv2.resize(np.random.default_rng(3).normal(0, 15, (3, 4, 2)).astype(np.float32), grey.shape[::-1])
    rgb = merge(grey, np.ascontiguousarray(ab.transpose(2, 0, 1)), SRGB)
    if by:
        part = rgb2lab(rgb[64:128, 96:160])
        part[..., 0] += by
        rgb[64:128, 96:160] = np.rint(255 * lab2rgb(part)).clip(0, 255).astype(np.uint8)
    return rgb


@pytest.mark.slow
@pytest.mark.parametrize("suffix", FORMATS_BY)
@pytest.mark.parametrize("by", [0.0, 1.5, -1.5])
def test_a_region_that_is_lighter_or_darker_is_found_out(tmp_path: Path, suffix: str, by: float):
    if suffix == ".heic":
        pytest.importorskip("pillow_heif")
    Image.fromarray(scene()).save(tmp_path / "a.png")
    photo, out = decode(tmp_path / "a.png"), tmp_path / f"out{suffix}"
    settings = EncodeSettings(FORMATS_BY[suffix], quality=80)
    write_photo(photo, [colored(scene(), by)], out, settings, NOTE)
    if by:
        with pytest.raises(EncodeError, match=r"a region is \d\.\d\d L\* lighter or darker|at the 99th percentile"):
            verify(BlockReader(photo), [SRGB], out, settings)
    else:
        verify(BlockReader(photo), [SRGB], out, settings)


def test_drift_is_the_mean_of_a_window():
    change = np.random.default_rng(0).normal(0, 3, (96, 128)).astype(np.float32)
    assert drift_of(change) < 0.4
    change[32:64, 64:96] -= 1.5
    assert drift_of(change) == pytest.approx(1.5, abs=0.3)
    assert drift_of(np.full((3, 5), -2.0, np.float32)) == 2.0
