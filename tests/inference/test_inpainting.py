"""LaMa's graph fills masked places alone, whatever the page's size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from colorize_cli.errors import WeightsError
from colorize_cli.inference.inpainting import Inpainter
from colorize_cli.inference.lightness_planes import LightnessPlane
from tests.inference import small_restorers
from tests.needs import needs

pytestmark = needs("onnx", extra="restore")


@pytest.mark.parametrize(("height", "width"), [(90, 130), (700, 600)])
def test_holes_are_filled_and_all_else_stays_the_same_number(tmp_path: Path, height: int, width: int):
    (tmp_path / "lama.onnx").write_bytes(small_restorers.inpainter(102.0))
    plane = LightnessPlane(height, width)
    plane.write(0, np.random.default_rng(0).uniform(0, 1, (height, width)).astype(np.float32))
    mask = np.zeros((height, width), bool)
    mask[20:60, 30:40] = True
    mask[-30:-10, -50:-20] = True
    found = Inpainter(tmp_path / "lama.onnx").fill(plane, mask).rows(0, height)
    around = np.zeros_like(mask)  # a mask at the photo's own size is widened by a pixel
    around[19:61, 29:41] = True
    around[-31:-9, -51:-19] = True
    np.testing.assert_allclose(found[around], 0.4, atol=1e-4)
    assert np.array_equal(found[~around], plane.rows(0, height)[~around])


def test_another_graph_is_refused_in_one_line(tmp_path: Path):
    (tmp_path / "lama.onnx").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="lama is no graph that ONNX Runtime takes"):
        Inpainter(tmp_path / "lama.onnx")
