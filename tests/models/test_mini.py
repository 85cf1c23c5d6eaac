"""`mini`: its shapes, how vividness reads its probabilities, how its decoder enlarges."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from colorize_cli.errors import UsageError
from colorize_cli.models.checkpoint import CheckpointInfo, read_info, save_checkpoint
from colorize_cli.models.generator import Hints
from colorize_cli.models.load import load_model
from colorize_cli.models.networks.mini import Mini

_SMALL = {"widths": (8, 8, 8, 8), "encoder": (0, 1, 1, 1)}


def _network(**arguments: object) -> Mini:
    torch.manual_seed(0)
    return Mini(**_SMALL, **arguments).eval()  # type: ignore[arg-type]


@torch.inference_mode()
def test_colors_come_at_a_quarter_of_the_size_and_hints_change_them() -> None:
    network, lightness = _network(), torch.rand(2, 1, 64, 96) * 100
    known = Hints(torch.full((2, 2, 64, 96), 60.0), torch.ones(2, 1, 64, 96))
    plain, hinted = network.colorize(lightness), network.colorize(lightness, known)
    assert plain.shape == (2, 2, 16, 24)
    assert not torch.equal(plain, hinted)


@torch.inference_mode()
def test_at_exponent_and_temperature_one_the_color_is_the_mean_of_the_probabilities() -> None:
    network, lightness = _network(safest=(1.0, 1.0)), torch.rand(1, 1, 32, 32) * 100
    network.set_rebalancing(torch.linspace(0.2, 5, len(network.bins)))
    mean = torch.einsum("nqhw,qc->nchw", network.probabilities(lightness), network.bins)
    torch.testing.assert_close(network.colorize(lightness, vividness=0.0), mean, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_bilinear_enlargement_leaves_no_squares() -> None:
    torch.manual_seed(1)
    lightness = torch.rand(1, 1, 128, 128) * 100
    steps = {}
    for how in ("nearest", "bilinear"):
        network = _network(upsampling=how)
        for side in (*network.skip, *network.decoder):  # what is left comes up from the deepest map alone
            for weight in side.parameters():
                weight.zero_()
        features = network.features(torch.cat((lightness / 50 - 1, torch.zeros(1, 3, 128, 128)), 1))[0]
        change = features.diff(dim=3).abs().mean((0, 1, 2))
        steps[how] = (change[7::8].mean() / change.mean()).item()  # at the borders of the deepest map's cells
    assert steps["nearest"] > 4
    assert steps["bilinear"] < 2


def test_what_a_checkpoint_was_built_with_comes_back_with_it(tmp_path: Path) -> None:
    arguments = {**_SMALL, "upsampling": "bilinear", "safest": (1.2, 0.7), "vividness": 0.4}
    network = _network(upsampling="bilinear", safest=(1.2, 0.7), vividness=0.4)
    file = tmp_path / "own.safetensors"
    save_checkpoint(file, network.state_dict(), CheckpointInfo("mini", arguments), torch.float32)
    again = load_model(str(file)).generator
    assert read_info(file).arguments["upsampling"] == "bilinear"
    lightness = torch.rand(1, 1, 32, 32) * 100
    with torch.inference_mode():
        torch.testing.assert_close(again.colorize(lightness), network.colorize(lightness), atol=1e-3, rtol=1e-3)


def test_an_unknown_enlargement_is_refused() -> None:
    with pytest.raises(UsageError, match="no upsampling 'cubic'"):
        Mini(upsampling="cubic")  # type: ignore[arg-type]
