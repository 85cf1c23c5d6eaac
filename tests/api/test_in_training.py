"""A network in memory, as training's validation colors with it."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from colorize_cli import Colorizer
from colorize_cli.models.catalog import network
from colorize_cli.models.load import LoadedModel
from colorize_cli.models.networks.mini import Mini
from tests.inference.conftest import SMALL

CPU = torch.device("cpu")


@pytest.fixture
def model() -> LoadedModel:
    torch.manual_seed(0)
    generator = Mini(**SMALL)
    torch.nn.init.normal_(generator.head.weight, std=2.0)
    for module in generator.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
    return LoadedModel("mini-v2", network("mini-v2"), generator, sha256="")


def test_a_network_in_memory_colors_at_the_pictures_own_size_and_stays_as_it_is(model: LoadedModel) -> None:
    before = {key: value.clone() for key, value in model.generator.state_dict().items()}
    planes = np.random.default_rng(0).uniform(0, 100, (3, 64, 96)).astype(np.float32)
    found = Colorizer.of(model, CPU, batch=2).chroma(planes, vividness=0.9, as_is=True)
    assert model.generator.training
    with torch.inference_mode():
        wanted = model.generator.eval().colorize(torch.from_numpy(planes)[:, None], None, 0.9).numpy()
    np.testing.assert_allclose(np.stack(found), wanted, atol=2e-3)
    assert float(np.abs(wanted).max()) > 5
    after = model.generator.state_dict()
    assert after.keys() == before.keys() and all(torch.equal(after[key], before[key]) for key in before)


def test_a_network_in_memory_colors_a_picture_and_cannot_be_pickled(model: LoadedModel) -> None:
    grey = np.random.default_rng(1).integers(40, 200, (64, 96), np.uint8)
    colorizer = Colorizer.of(model, CPU)
    rgb = colorizer(grey)
    assert rgb.shape == (64, 96, 3) and int(np.ptp(rgb.astype(int), axis=2).max()) > 8
    assert colorizer.info.name == "mini-v2" and colorizer.is_loaded
    with pytest.raises(TypeError, match="in no file"):
        pickle.dumps(colorizer)
