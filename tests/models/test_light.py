"""`mini` without torch gives what `mini` gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from colorize_cli.models.checkpoint import CheckpointInfo, save_checkpoint
from colorize_cli.models.convolution import Convolution
from colorize_cli.models.generator import Hints
from colorize_cli.models.light import LightModel, load_light
from colorize_cli.models.load import load_model
from colorize_cli.models.mini import Mini

SMALL = {"widths": [8, 16, 32, 24], "encoder": [0, 1, 2, 1], "decoder": [1, 2, 1]}


def checkpoint(folder: Path, network: str = "mini", **arguments: object) -> Path:
    """A small `mini` with random weights, norms that do something, and colours that differ."""
    torch.manual_seed(0)
    model = Mini(**SMALL)
    for tensor in model.state_dict().values():
        if tensor.is_floating_point() and tensor.ndim == 1:
            tensor.uniform_(0.5, 1.5)
    torch.nn.init.normal_(model.head.weight, std=0.3)
    path = folder / "small.safetensors"
    info = CheckpointInfo(network, {**SMALL, "classes": 0, **arguments})
    save_checkpoint(path, model.state_dict(), info, torch.float32)
    return path


def both(path: Path) -> tuple[LightModel, Mini]:
    light, plain = load_light(str(path)), load_model(str(path)).generator
    assert light is not None and isinstance(plain, Mini)
    return light, plain


def planes(channels: int, height: int = 64, width: int = 96) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    made = rng.uniform(0, 100, (2, channels, height, width)).astype(np.float32)
    if channels == 4:
        made[:, 1:3] -= 50
        made[:, 3] = made[:, 3] > 90
    return made


@pytest.mark.parametrize(("height", "width", "inputs", "outputs"), [(8, 8, 16, 5), (9, 18, 20, 3), (1, 3, 17, 4)])
@pytest.mark.parametrize(("stride", "places"), [(1, 10_000), (1, 100), (1, 10), (2, 100)])
def test_convolutions_are_those_of_torch(
    height: int, width: int, inputs: int, outputs: int, stride: int, places: int
) -> None:
    rng = np.random.default_rng(0)
    x, weight, bias, gain = (
        rng.normal(size=shape).astype(np.float32)
        for shape in ((height, width, inputs), (outputs, inputs, 3, 3), (outputs,), (outputs,))
    )
    as_torch, scaled = torch.from_numpy(x.transpose(2, 0, 1)[None].copy()), weight * gain[:, None, None, None]
    expected = torch.nn.functional.conv2d(as_torch, torch.from_numpy(scaled), torch.from_numpy(bias), stride, 1)
    convolution = Convolution(weight, bias, stride, gain, places)
    found = convolution(x)
    np.testing.assert_allclose(found, expected[0].permute(1, 2, 0), atol=1e-3)  # of sums up to about 30
    np.testing.assert_array_equal(convolution(x, relu=True), np.maximum(found, 0))


@pytest.mark.parametrize("vividness", [None, 0.0, 1.0])
@pytest.mark.parametrize("channels", [1, 4])
def test_colours_are_those_of_mini(tmp_path: Path, channels: int, vividness: float | None) -> None:
    light, plain = both(checkpoint(tmp_path, vividness=0.3))
    given = planes(channels)
    stacked = torch.from_numpy(given)
    hints = Hints(stacked[:, 1:3], stacked[:, 3:]) if channels == 4 else None
    with torch.inference_mode():
        expected = plain.colorize(stacked[:, :1], hints, vividness).numpy()
    assert np.ptp(expected) > 1, "colours that differ"
    np.testing.assert_allclose(light.network.colorize(given, vividness), expected, atol=1e-3)


@torch.inference_mode()
def test_what_the_checkpoint_was_built_with_holds_without_torch_too(tmp_path: Path) -> None:
    own = {"upsampling": "bilinear", "safest": [1.1, 0.9], "most_vivid": [0.2, 0.4]}
    light, plain = both(checkpoint(tmp_path, **own))
    picture = planes(1)
    for vividness in (0.0, 0.7):
        expected = plain.colorize(torch.from_numpy(picture), None, vividness).numpy()
        np.testing.assert_allclose(light.network.colorize(picture, vividness), expected, atol=2e-3)
    other, _ = both(checkpoint(tmp_path))
    assert np.abs(other.network.colorize(picture) - light.network.colorize(picture)).max() > 0.1


def test_probabilities_are_those_of_mini(tmp_path: Path) -> None:
    light, plain = both(checkpoint(tmp_path))
    given = planes(1)
    with torch.inference_mode():
        expected = plain.probabilities(torch.from_numpy(given))
    found = light.network.probabilities(given)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)
    np.testing.assert_array_equal(light.network.palette, plain.palette)


def test_the_bundled_network_gives_the_colours_that_it_was_trained_to() -> None:
    light, given = load_light("mini"), planes(1, 64, 64)
    assert light is not None and light.name == "mini" and light.spec.takes_hints
    with torch.inference_mode():
        expected = load_model("mini").generator.colorize(torch.from_numpy(given)).numpy()
    np.testing.assert_allclose(light.network.colorize(given), expected, atol=0.01)
    assert light.sha256 == load_model("mini").sha256


def test_a_picture_gets_the_same_bytes_in_any_place() -> None:
    light, given = load_light("mini"), planes(1)
    assert light is not None
    alone = [light.network.colorize(picture[None])[0] for picture in given]
    np.testing.assert_array_equal(light.network.colorize(given[::-1].copy()), alone[::-1])


def test_what_it_does_not_know_is_left_to_torch(tmp_path: Path) -> None:
    assert load_light("ddcolor") is None
    assert load_light(str(tmp_path / "nothing.safetensors")) is None
    for index, arguments in enumerate(({"network": "unet"}, {"kind": "new"})):
        folder = tmp_path / str(index)
        folder.mkdir()
        assert load_light(str(checkpoint(folder, **arguments))) is None
    path = checkpoint(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    assert load_light(str(path)) is None


def test_the_main_job_on_a_cpu_loads_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from colorize_cli.inference.job import ColorizeJob;"
        "from colorize_cli.pipeline.run import colorize_photos; from pathlib import Path;"
        f"report = colorize_photos(ColorizeJob(({str(tmp_path / 'in')!r},), Path({str(tmp_path / 'out')!r}),"
        f" model={str(checkpoint(tmp_path))!r}, device='cpu'));"
        "print(report.exit_status, 'torch' in sys.modules)"
    )
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.pgm").write_bytes(b"P5 40 30 255\n" + bytes(range(200)) * 6)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["0", "False"], done.stdout + done.stderr
