from __future__ import annotations

import cv2
import numpy as np

from colorize_cli.color.pixels import lightness_of
from colorize_cli.data.samples import sample_photos, write_grey_samples
from colorize_cli.evaluation.protocol import is_grey


def test_samples_are_color_photos_that_need_no_network(monkeypatch):
    monkeypatch.setattr("socket.socket", None)
    photos = sample_photos()
    assert len(photos) >= 4 and len({name for name, _ in photos}) == len(photos)
    for _, rgb in photos:
        assert rgb.dtype == np.uint8 and rgb.shape[2] == 3 and min(rgb.shape[:2]) >= 256
        assert not is_grey(rgb)


def test_grey_samples_have_the_lightness_of_the_photos(tmp_path):
    for (_, rgb), path in zip(sample_photos(), write_grey_samples(tmp_path / "grey"), strict=True):
        grey = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert grey.ndim == 2
        assert np.abs(lightness_of(grey) - lightness_of(rgb)).max() < 0.5
