"""HEIC of very sharp pictures keeps their lightness: chroma of half the size would change it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from colorize_cli.color.merge import merge
from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import SRGB
from colorize_cli.formats.decode import decode
from colorize_cli.formats.halved_chroma import halving_cost
from colorize_cli.formats.heif import heif

pytest.importorskip("pillow_heif")
TO_YCC = [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]  # ITU-T T.871


def sharp(height: int, width: int) -> np.ndarray:
    """Blocks of four pixels in any grey, under slow colors."""
    rng = np.random.default_rng(height)
    grey = np.kron(rng.integers(20, 235, (height // 4 + 1, width // 4 + 1), np.uint8), np.ones((4, 4), np.uint8))
    ab = cv2.resize(rng.normal(0, 25, (3, 4, 2)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return merge(grey[:height, :width], ab.transpose(2, 0, 1), SRGB)


def smooth() -> np.ndarray:
    y, x = np.mgrid[:64, :96].astype(np.float32)
    grey = (120 + 60 * np.sin(x / 13) + 40 * np.cos(y / 11)).astype(np.uint8)
    return merge(grey, np.full((2, 1, 1), 20, np.float32), SRGB)


def lost(pixels: np.ndarray, path: Path) -> float:
    path.write_bytes(heif.encode_heif([heif.Colored(pixels, None, b"", None)], None))
    back = decode(path).pages[0].pixels
    return float(np.percentile(np.abs(lightness_of(back, SRGB) - lightness_of(pixels, SRGB)), 99))


@pytest.mark.parametrize("size", [(24, 24), (48, 64), (61, 83)])
def test_a_sharp_picture_keeps_its_lightness(tmp_path: Path, size: tuple[int, int]):
    assert halving_cost(sharp(*size)) > 0.5
    assert lost(sharp(*size), tmp_path / "a.heic") < 0.8  # 1.0 to 2.1 with chroma of half the size


def test_a_smooth_picture_has_chroma_of_half_the_size(tmp_path: Path):
    assert halving_cost(smooth()) <= 0.4 and halving_cost(smooth().astype(np.uint16) * 257) <= 0.4
    lost(smooth(), path := tmp_path / "a.heic")
    data = path.read_bytes()
    assert data[data.index(b"hvcC") + 4 + 16] & 3 == 1  # 4:2:0
    lost(sharp(48, 64), path)
    data = path.read_bytes()
    assert data[data.index(b"hvcC") + 4 + 16] & 3 == 3  # 4:4:4


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_what_is_lost_is_measured_in_lightness(kind: type):
    red, blue = (200, 30, 30), (30, 30, 200)
    checks = np.zeros((32, 32, 3), np.uint8)
    checks[:], checks[::2, ::2], checks[1::2, 1::2] = blue, red, red
    luma, blues, reds = (np.array([red, blue]) @ np.array(TO_YCC).T).T  # each with the mean of both's chroma
    back = np.stack([luma, np.full(2, blues.mean()), np.full(2, reds.mean())], 1) @ np.linalg.inv(TO_YCC).T
    both = [
        lightness_of(np.rint(np.clip(np.array(x), 0, 255)).astype(np.uint8)[None], SRGB) for x in ([red, blue], back)
    ]
    wanted = float(np.abs(both[1] - both[0]).max())
    factor = 257 if kind is np.uint16 else 1
    assert halving_cost(checks.astype(kind) * factor) == pytest.approx(wanted, abs=0.3)
    assert halving_cost(np.full((33, 35, 4), 90, kind)) <= 0.1
