"""Faces are found, aligned upright, restored and blended back where they were; nothing else changes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from colorize_cli.errors import WeightsError
from colorize_cli.inference.faces import FaceFinder, FaceRestorer, _Network
from colorize_cli.inference.lightness_planes import LightnessPlane
from colorize_cli.models.registry import Task
from colorize_cli.models.spandrel_file import load_network
from tests.inference import small_restorers
from tests.needs import needs

pytestmark = needs("spandrel", "onnx", extra="restore")

POINTS = [(140.0, 100.0), (180.0, 110.0), (157.0, 125.0), (135.0, 140.0), (172.0, 150.0)]  # of a tilted face


def finder(tmp_path: Path) -> FaceFinder:
    (tmp_path / "yunet.onnx").write_bytes(small_restorers.face_finder(320, 256, POINTS))
    return FaceFinder(tmp_path / "yunet.onnx")


def page() -> LightnessPlane:
    plane = LightnessPlane(256, 320)
    rows = np.full((256, 320), 0.3, np.float32)
    for x, y in POINTS[:2]:
        cv2.circle(rows, (round(x), round(y)), 6, 0.9, -1)
    plane.write(0, rows)
    return plane


def test_the_finder_gives_eyes_nose_and_mouth_in_pixels_of_the_copy(tmp_path: Path):
    (found,) = finder(tmp_path).find(page().rows(0, 256))
    np.testing.assert_allclose(found, POINTS, atol=0.5)


def test_a_face_is_aligned_for_the_network_and_put_back_by_its_weight(tmp_path: Path):
    seen = list[np.ndarray]()

    def lighter(face: np.ndarray) -> np.ndarray:
        seen.append(face)
        return face + np.float32(0.2)

    plane, before = page(), page().rows(0, 256)
    assert FaceRestorer(finder(tmp_path), lighter, 0.5).run(plane, before) == 1
    assert seen[0].shape == (512, 512)
    assert seen[0][240, 193] > 0.8 and seen[0][240, 319] > 0.8  # the eyes, where the network has them
    change = plane.rows(0, 256) - before
    assert change[125, 157] == pytest.approx(0.1, abs=1e-3)  # half of it, at the nose
    assert np.abs(change[:8]).max() < 1e-4 and np.abs(change[:, :40]).max() < 1e-4  # far away
    assert change.min() > -1e-4 and change.max() < 0.101


def test_a_face_larger_than_the_network_sees_is_left_alone(tmp_path: Path):
    plane = LightnessPlane(2560, 3200)
    assert FaceRestorer(finder(tmp_path), lambda face: face, 1).run(plane, page().rows(0, 256)) == 0


def test_another_graph_is_refused_in_one_line(tmp_path: Path):
    (tmp_path / "yunet.onnx").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="yunet is no graph that OpenCV takes"):
        FaceFinder(tmp_path / "yunet.onnx")


@pytest.mark.slow
def test_a_file_of_gfpgans_layout_loads_and_answers_the_same_each_time(tmp_path: Path):
    from spandrel.architectures.GFPGAN import GFPGAN

    torch.manual_seed(0)
    made = GFPGAN(out_size=512, num_style_feat=512, channel_multiplier=2, decoder_load_path=None, fix_decoder=False,
                  num_mlp=8, input_is_latent=True, different_w=True, narrow=1, sft_half=True)  # fmt: skip
    torch.save({"params_ema": made.state_dict()}, tmp_path / "gfpgan.pth")
    del made
    network = _Network(load_network(str(tmp_path / "gfpgan.pth"), Task.faces), torch.device("cpu"))
    face = np.random.default_rng(0).uniform(0, 1, (512, 512)).astype(np.float32)
    found = network(face)
    assert found.shape == (512, 512) and found.std() > 0
    assert np.array_equal(found, network(face))
