"""Graphs that are written here, without torch, give what torch gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from colorize_cli.errors import WeightsError
from colorize_cli.inference.backends.onnx import OnnxBackend
from colorize_cli.inference.backends.torch import TorchBackend
from colorize_cli.models.checkpoint import CheckpointInfo, save_checkpoint
from colorize_cli.models.load import load_model
from colorize_cli.models.networks.binned import Binned
from colorize_cli.models.networks.damagenet import DamageNet
from colorize_cli.models.networks.liteunet import LiteUnet
from colorize_cli.models.networks.mini import Mini
from colorize_cli.models.onnx.damage_graph import damage_graph
from colorize_cli.models.onnx.load_onnx import OnnxModel, load_onnx
from tests.models.fill import fill

ARGUMENTS: dict[str, dict[str, Any]] = {
    "mini": {"widths": [8, 16, 32, 24], "encoder": [0, 1, 2, 1], "decoder": [1, 2, 1]},
    "liteunet": {"size": 0, "top": 24, "widths": [32, 16, 8]},
}
NETWORKS = tuple(ARGUMENTS)


def checkpoint(folder: Path, network: str = "mini", name: str = "", **arguments: object) -> Path:
    """A small network with random weights, norms that do something, hints that count, and colors that differ."""
    model: Binned = {"mini": Mini, "liteunet": LiteUnet}[network](**ARGUMENTS[network])
    state = fill(model.state_dict())
    state["bins"], state["head.weight"] = model.bins, 8 * state["head.weight"]
    path = folder / f"{name or network}.safetensors"
    info = CheckpointInfo(name or network, {**ARGUMENTS[network], **arguments})
    save_checkpoint(path, state, info, torch.float32)
    return path


def both(path: Path) -> tuple[OnnxBackend, TorchBackend]:
    graph = load_onnx(str(path))
    assert isinstance(graph, OnnxModel)
    return OnnxBackend(graph), TorchBackend(load_model(str(path)))


def planes(channels: int, height: int = 64, width: int = 96) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    made = rng.uniform(0, 100, (2, channels, height, width)).astype(np.float32)
    if channels == 4:
        made[:, 3] = made[:, 3] > 90
        made[:, 1:3] = (made[:, 1:3] - 50) * made[:, 3:]
        made[1, 3, 32:], made[1, 1:3, 32:] = 0, 0  # squares of which nothing is known
    return made


@pytest.mark.parametrize("vividness", [None, 0.0, 1.0])
@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("network", NETWORKS)
def test_colors_are_those_of_torch(tmp_path: Path, network: str, channels: int, vividness: float | None) -> None:
    graph, plain = both(checkpoint(tmp_path, network, vividness=0.3))
    given = planes(channels)
    expected = plain.colors(0, vividness, given)
    assert np.ptp(expected) > 5, "colors that differ"
    np.testing.assert_allclose(graph.colors(0, vividness, given), expected, atol=1e-3)
    if channels == 4:
        assert np.abs(graph.colors(0, vividness, given[:, :1].copy()) - expected).max() > 1, "hints count"


@pytest.mark.parametrize("network", NETWORKS)
def test_no_hints_are_hints_of_nothing(tmp_path: Path, network: str) -> None:
    graph, _ = both(checkpoint(tmp_path, network))
    given = planes(4)
    given[:, 1:] = 0
    np.testing.assert_array_equal(graph.colors(0, None, given), graph.colors(0, None, given[:, :1].copy()))


@pytest.mark.parametrize("network", NETWORKS)
def test_what_the_checkpoint_was_built_with_holds(tmp_path: Path, network: str) -> None:
    own: dict[str, object] = {"safest": [1.1, 0.9], "most_vivid": [0.2, 0.4]}
    own |= {"upsampling": "bilinear"} if network == "mini" else {"drop_path": 0.2}
    graph, plain = both(checkpoint(tmp_path, network, **own))
    picture = planes(1)
    for vividness in (0.0, 0.7):
        expected = plain.colors(0, vividness, picture)
        np.testing.assert_allclose(graph.colors(0, vividness, picture), expected, atol=2e-3)
    other, _ = both(checkpoint(tmp_path, network))
    assert np.abs(other.colors(0, None, picture) - graph.colors(0, None, picture)).max() > 0.1


@pytest.mark.parametrize("network", NETWORKS)
def test_probabilities_are_those_of_torch(tmp_path: Path, network: str) -> None:
    graph, plain = both(checkpoint(tmp_path, network))
    given = planes(1)
    expected, found = plain.probabilities(given), graph.probabilities(given)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)
    np.testing.assert_array_equal(graph.palette(), plain.palette())


def test_the_bundled_network_gives_the_colors_that_it_was_trained_to() -> None:
    graph, model, given = load_onnx("mini"), load_model("mini"), planes(1, 64, 64)
    assert isinstance(graph, OnnxModel) and graph.name == "mini" and graph.spec.takes_hints and graph.spec.vivid
    expected = TorchBackend(model).colors(0, None, given)
    np.testing.assert_allclose(OnnxBackend(graph).colors(0, None, given), expected, atol=2e-3)
    assert graph.sha256 == model.sha256


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_picture_gets_the_same_bytes_in_any_place_and_with_any_number_of_threads(threads: int) -> None:
    model, given = load_onnx("mini"), planes(1)
    assert isinstance(model, OnnxModel)
    alone = [OnnxBackend(model).colors(0, None, picture[None])[0] for picture in given]
    np.testing.assert_array_equal(OnnxBackend(model, threads=threads).colors(0, None, given[::-1].copy()), alone[::-1])


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    model = LiteUnet(**ARGUMENTS["liteunet"])
    model.head.bias.data[3] = float("nan")
    path = tmp_path / "nan.safetensors"
    save_checkpoint(path, model.state_dict(), CheckpointInfo("liteunet", ARGUMENTS["liteunet"]), torch.float16)
    with pytest.raises(WeightsError, match=r"head\.bias are NaN or infinite"):
        load_onnx(str(path))


def test_what_it_does_not_know_is_left_to_torch(tmp_path: Path) -> None:
    assert load_onnx("ddcolor") is None
    assert load_onnx(str(tmp_path / "nothing.safetensors")) is None
    assert load_onnx(str(checkpoint(tmp_path, name="unet"))) is None
    assert load_onnx(str(checkpoint(tmp_path, kind="new"))) is None
    path = checkpoint(tmp_path)
    assert load_onnx(f"mini+{path}") is not None and load_onnx(f"ddcolor+{path}") is None


def test_a_checkpoint_that_is_cut_is_said(tmp_path: Path) -> None:
    path = checkpoint(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match=r"mini\.safetensors is refused: .* its end is missing"):
        load_onnx(str(path))


def test_the_main_job_on_a_cpu_loads_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from colorize_cli import Colorizer;"
        f"results = Colorizer({str(checkpoint(tmp_path))!r}, device='cpu').files({str(tmp_path / 'in')!r},"
        f" {str(tmp_path / 'out')!r});"
        "print(*[result.status for result in results], 'torch' in sys.modules)"
    )
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.pgm").write_bytes(b"P5 40 30 255\n" + bytes(range(200)) * 6)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["done", "False"], done.stdout + done.stderr


@pytest.mark.parametrize("blocks", [(0, 0, 0, 0), (1, 2, 0, 3)])
def test_the_graph_of_the_network_that_finds_damage_is_the_network(blocks: tuple[int, ...]):
    network = DamageNet((8, 12, 16, 24), blocks).eval()
    state = fill(network.state_dict())
    network.load_state_dict(state)
    lightness = planes(1)
    graph = onnxruntime.InferenceSession(damage_graph({key: one.numpy() for key, one in state.items()}, "test"))
    with torch.inference_mode():
        wanted = torch.sigmoid(network(torch.from_numpy(lightness))).numpy()
    (found,) = graph.run(["damage"], {"lightness": lightness})
    assert np.ptp(wanted) > 0.05
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_new_blocks_change_nothing_at_first():
    small = DamageNet((8, 12, 16, 24)).eval()
    small.load_state_dict(fill(small.state_dict()))
    large = DamageNet((8, 12, 16, 24), (1, 1, 2, 1)).eval()
    large.load_state_dict(small.state_dict(), strict=False)
    lightness = torch.from_numpy(planes(1))
    with torch.inference_mode():
        torch.testing.assert_close(large(lightness), small(lightness))
