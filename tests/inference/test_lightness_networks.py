"""Networks of restoration over whole pages: the right numbers, whatever the tiles; less memory where it runs out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from colorize_cli.errors import OutOfMemoryError, WeightsError
from colorize_cli.inference.lightness_networks import LightnessNetwork, windows
from colorize_cli.inference.lightness_planes import LightnessPlane
from colorize_cli.models.registry import Task
from colorize_cli.models.spandrel_file import load_network
from tests.inference import small_restorers
from tests.needs import needs

pytestmark = needs("spandrel", extra="restore")


def page(height: int, width: int) -> LightnessPlane:
    plane = LightnessPlane(height, width)
    plane.write(0, np.random.default_rng(0).uniform(0.1, 0.8, (height, width)).astype(np.float32))
    return plane


def network(tmp_path: Path, data: bytes, task: Task) -> LightnessNetwork:
    file = tmp_path / "network.pth"
    file.write_bytes(data)
    return LightnessNetwork("network", load_network(str(file), task), torch.device("cpu"))


@pytest.mark.parametrize("length", [1, 255, 256, 257, 300, 700])
def test_weights_of_tiles_sum_to_one_at_every_pixel(length: int):
    total = np.zeros(length)
    for start, weights in windows(length, 256, 32):
        total[start : start + len(weights)] += weights
    np.testing.assert_allclose(total, 1, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("height", "width"), [(37, 53), (300, 90), (131, 270)])
def test_a_network_that_repeats_pixels_gives_them_whatever_the_tiles(tmp_path: Path, height: int, width: int):
    enlarger = network(tmp_path, small_restorers.enlarger(4, lighter=0.1), Task.upscale)
    enlarger.tile = 64
    plane = page(height, width)
    found = enlarger.run(plane)
    assert (found.height, found.width) == (4 * height, 4 * width)
    expected = plane.rows(0, height).repeat(4, 0).repeat(4, 1) + 0.1
    np.testing.assert_allclose(found.rows(0, found.height), expected, atol=2e-5)


def test_the_twofold_network_takes_pixels_apart_and_enlarges_twice(tmp_path: Path):
    enlarger = network(tmp_path, small_restorers.enlarger(2), Task.upscale)
    plane = page(40, 30)
    found = enlarger.run(plane)
    assert (found.height, found.width) == (80, 60)
    mean = plane.rows(0, 40).reshape(20, 2, 15, 2).mean((1, 3))  # this one sees the mean of each four
    np.testing.assert_allclose(found.rows(0, 80), mean.repeat(4, 0).repeat(4, 1), atol=2e-5)


def test_a_denoiser_gives_the_lightness_of_what_it_answers(tmp_path: Path):
    denoiser = network(tmp_path, small_restorers.denoiser(), Task.restore)
    plane = page(64, 64)
    x = torch.from_numpy(plane.rows(0, 64)).expand(1, 3, -1, -1)
    with torch.inference_mode():
        answer = denoiser._network(x)[0].numpy()
    expected = np.clip(np.einsum("chw,c->hw", answer, [0.299, 0.587, 0.114]), 0, 1)
    np.testing.assert_allclose(denoiser.run(plane).rows(0, 64), expected, atol=1e-4)


def test_out_of_memory_makes_tiles_smaller_and_ends_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    enlarger, said = network(tmp_path, small_restorers.enlarger(4), Task.upscale), list[str]()
    enlarger.on_notice = said.append
    ask = enlarger._ask

    def little_memory(tiles: np.ndarray) -> np.ndarray:
        if tiles.shape[2] > 128:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return ask(tiles)

    monkeypatch.setattr(enlarger, "_ask", little_memory)
    plane = page(70, 300)
    np.testing.assert_allclose(enlarger.run(plane).rows(0, 280), plane.rows(0, 70).repeat(4, 0).repeat(4, 1), atol=2e-5)
    assert said == ["Out of memory on cpu: network goes on with tiles of 128 pixels."]

    def none(tiles: np.ndarray) -> np.ndarray:
        raise MemoryError

    monkeypatch.setattr(enlarger, "_ask", none)
    with pytest.raises(OutOfMemoryError, match="out of memory in network"):
        enlarger.run(plane)


def test_files_that_do_something_else_are_refused_in_one_line(tmp_path: Path):
    with pytest.raises(WeightsError, match=r"network.pth is no network that takes noise or blur away: it is ESRGAN"):
        network(tmp_path, small_restorers.enlarger(4), Task.restore)
    with pytest.raises(WeightsError, match=r"network.pth is no network that enlarges: it is SCUNet"):
        network(tmp_path, small_restorers.denoiser(), Task.upscale)
    torch.save({"a.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"other.pth holds no network that spandrel knows"):
        load_network(str(tmp_path / "other.pth"), Task.upscale)
    (tmp_path / "code.pth").write_bytes(b"not a pickle")
    with pytest.raises(WeightsError, match=r"code.pth"):
        load_network(str(tmp_path / "code.pth"), Task.upscale)
