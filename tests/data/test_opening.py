"""Training opens photos as `colorize` and eval do: by their profiles, upright, whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from colorize_cli.data.dataset import decode_photo, open_photos
from colorize_cli.evaluation.truths import read_picture
from tests.metadata.test_kept_metadata import wide_profile


def picture() -> np.ndarray:
    few = np.random.default_rng(0).integers(0, 255, (5, 7, 3)).astype(np.uint8)
    return cv2.resize(few, (90, 60), interpolation=cv2.INTER_CUBIC)


def coded(format: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture()).save(out, format, **options)
    return out.getvalue()


@pytest.mark.parametrize("decoded", [True, False])
def test_training_learns_from_the_pixels_that_eval_measures_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoded: bool
) -> None:
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "cache"))
    turned = Image.Exif()
    turned[0x0112] = 6
    files = {
        "plain.jpg": coded("JPEG", quality=90),
        "turned.jpg": coded("JPEG", quality=90, exif=turned),
        "profile.png": coded("PNG", icc_profile=wide_profile()),
        "plain.webp": coded("WEBP", quality=90),
    }
    (tmp_path / "in").mkdir()
    for name, data in files.items():
        (tmp_path / "in" / name).write_bytes(data)
    photos = open_photos(tmp_path / "in", 200, decoded=decoded)
    assert sorted(Path(name).name for name in photos.names) == sorted(files)
    for number, name in enumerate(photos.names):
        np.testing.assert_array_equal(photos.rgb(number), read_picture(tmp_path / "in" / name))
    wide = photos.rgb(list(photos.names).index("profile.png"))
    assert int(np.abs(wide.astype(int) - picture()).max()) > 5, "its profile is wider than sRGB"


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_photo_that_is_cut_off_is_no_photo_to_learn_from(format: str) -> None:
    data = coded(format)
    assert isinstance(decode_photo(data, 64), np.ndarray)
    assert decode_photo(data[: len(data) * 2 // 3], 64) == "broken"
    assert decode_photo(b"", 64) == "broken"
