"""Each published network is the same function as its authors', key for key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from colorize_cli.models.catalog import catalogue
from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.load import LoadedModel, _strict
from tests.models.fill import fill, golden, grey, keys, published_state, relative_error

LIMIT = 1e-3
NETWORKS = {
    "eccv16": "eccv16",
    "siggraph17": "siggraph17",
    "ddcolor-tiny": "ddcolor_tiny",
    "ddcolor": "ddcolor_large",
    "deoldify-artistic": "deoldify_artistic",
    "deoldify-stable": "deoldify_stable",
}
LARGE = ("ddcolor", "deoldify-artistic", "deoldify-stable")
each = pytest.mark.parametrize("name", NETWORKS)


@dataclass(frozen=True)
class Normalised:
    mean: torch.Tensor = torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)
    std: torch.Tensor = torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)

    def __call__(self, picture: torch.Tensor) -> torch.Tensor:
        return (picture.expand(-1, 3, -1, -1) - self.mean) / self.std


def filled(name: str) -> LoadedModel:
    return _strict(name, catalogue().get(name), published_state(NETWORKS[name]), "")


@each
def test_keys_shapes_and_dtypes_are_the_published_ones(name: str) -> None:
    with torch.device("meta"):
        state = catalogue().get(name).build().state_dict()
    mine = {key: (tuple(value.shape), str(value.dtype).removeprefix("torch.")) for key, value in state.items()}
    assert mine == keys(NETWORKS[name])


@each
def test_parameters_in_the_catalogue_are_counted(name: str) -> None:
    with torch.device("meta"):
        network = catalogue().get(name).build()
    assert sum(p.numel() for p in network.parameters()) == catalogue().get(name).parameters


def test_parameters_of_networks_trained_here_are_counted() -> None:
    for name in ("mini", "unet", "resunet18", "colorunet"):
        spec = catalogue().get(name)
        assert sum(p.numel() for p in spec.build().parameters()) == spec.parameters, name


def test_fill_agrees_with_the_weights_that_the_vectors_were_made_with(shared: object) -> None:
    import importlib.util

    where = importlib.util.spec_from_file_location("authors_fill", f"{shared}/golden/fill.py")
    assert where is not None and where.loader is not None
    theirs = importlib.util.module_from_spec(where)
    where.loader.exec_module(theirs)
    parts = ("layers.5.conv2.3", "layers.7.shuf", "layers.8")  # attention, spectral and batch norm, weight norm
    chosen = {key: shape for key, (shape, _) in keys("deoldify_artistic").items() if key.startswith(parts)}
    state = {key: torch.zeros(shape) for key, shape in chosen.items()}
    mine, other = fill(state), theirs.fill(state)
    assert mine.keys() == other.keys()
    assert all(torch.equal(mine[key], other[key]) for key in other)
    assert torch.equal(theirs.grey(), grey())


@pytest.mark.slow
@torch.inference_mode()
def test_eccv16_gives_the_authors_logits_and_mean() -> None:
    network, reference = filled("eccv16").generator, golden("eccv16")
    logits = network(100 * grey())
    assert relative_error(logits[..., ::2, ::2], reference["logits"]) < LIMIT
    ab = network.decode(logits, temperature=1.0)  # type: ignore[operator]
    full = torch.nn.functional.interpolate(ab, scale_factor=4, mode="bilinear")
    assert relative_error(full, reference["ab"]) < LIMIT


@pytest.mark.slow
@torch.inference_mode()
def test_siggraph17_gives_the_authors_ab_with_and_without_hints() -> None:
    network, reference = filled("siggraph17").generator, golden("siggraph17")
    assert relative_error(network.colorize(100 * grey()), reference["ab"]) < LIMIT
    ab, mask = torch.zeros(1, 2, 256, 256), torch.zeros(1, 1, 256, 256)
    for row in reference["hints"]:
        y, x, size = (int(number) for number in row[:3])
        ab[0, :, y : y + size, x : x + size] = torch.from_numpy(row[3:].astype(np.float32))[:, None, None]
        mask[..., y : y + size, x : x + size] = 1
    assert relative_error(network.colorize(100 * grey(), Hints(ab, mask)), reference["ab_hinted"]) < LIMIT


def check_ddcolor(name: str) -> None:
    network, reference = filled(name).generator, golden(NETWORKS[name])
    both = torch.cat((grey(), grey(1.0))).expand(-1, 3, -1, -1)
    out = network(both)
    assert relative_error(out[:1], reference["ab"]) < LIMIT
    assert not torch.allclose(out[0], out[1], rtol=0.05)


def check_deoldify(name: str) -> None:
    network, reference = filled(name).generator, golden(NETWORKS[name])
    before = network.before_sigmoid(Normalised()(grey()))  # type: ignore[operator]
    assert relative_error(before, reference["before_sigmoid"]) < LIMIT
    assert relative_error(6 * torch.sigmoid(before) - 3, reference["rgb_normalized"]) < LIMIT


@pytest.mark.slow
@torch.inference_mode()
def test_ddcolor_tiny_gives_the_authors_ab_in_a_batch_too() -> None:
    check_ddcolor("ddcolor-tiny")


@pytest.mark.slow
@torch.inference_mode()
def test_ddcolor_gives_the_authors_ab() -> None:
    check_ddcolor("ddcolor")


@pytest.mark.slow
@torch.inference_mode()
@pytest.mark.parametrize("name", ["deoldify-artistic", "deoldify-stable"])
def test_deoldify_gives_the_authors_picture(name: str) -> None:
    check_deoldify(name)


@pytest.mark.slow
@torch.inference_mode()
def test_a_picture_gets_the_same_colors_alone_and_in_a_batch() -> None:
    network: Generator = filled("ddcolor-tiny").generator
    both = 100 * torch.cat((grey(n=64), grey(1.0, n=64)))
    alone = torch.cat([network.colorize(both[:1]), network.colorize(both[1:])])
    torch.testing.assert_close(network.colorize(both), alone, rtol=1e-4, atol=1e-3)


@pytest.mark.slow
@torch.inference_mode()
def test_deoldify_takes_sizes_that_halve_to_odd_ones() -> None:
    network = catalogue().get("deoldify-artistic").build().eval()
    assert network.colorize(50 * torch.ones(1, 1, 48, 80)).shape == (1, 2, 48, 80)
