"""`eccv16`: the annealed mean, its bins, and the regression head."""

from __future__ import annotations

import pytest
import torch

from colorize_cli.models.bins import srgb_bins
from colorize_cli.models.networks.eccv16 import BINS, Eccv16, zhang_bins

torch.manual_seed(0)


@pytest.fixture(scope="module")
def network() -> Eccv16:
    """32 million weights: made once."""
    return Eccv16().eval()


@pytest.fixture(scope="module")
def regression() -> Eccv16:
    """With the head that gives ab."""
    return Eccv16(head="ab").eval()


def test_the_annealed_mean_is_the_papers_formula(network: Eccv16) -> None:
    logits = torch.randn(1, BINS, 1, 1)
    z = logits[0, :, 0, 0].softmax(0).double()
    f = (z.log() / 0.38).exp() / (z.log() / 0.38).exp().sum()  # equation 5
    expected = (f[:, None] * network.bins.double()).sum(0)
    torch.testing.assert_close(network.decode(logits)[0, :, 0, 0].double(), expected, rtol=1e-4, atol=1e-3)


def test_vividness_moves_the_color_from_the_mean_towards_the_likeliest_bin(
    network: Eccv16, monkeypatch: pytest.MonkeyPatch
) -> None:
    logits = torch.randn(1, BINS, 4, 4) * 2
    monkeypatch.setattr(network, "forward", lambda lightness: logits)
    likeliest = network.bins[logits.argmax(1)].movedim(-1, 1)
    grey = torch.zeros(1, 1, 16, 16)
    far = [(network.colorize(grey, vividness=v) - likeliest).norm().item() for v in (0.0, 0.5, 1.0)]
    assert far[0] > far[1] > far[2]
    torch.testing.assert_close(network.colorize(grey), network.decode(logits, 0.38))
    torch.testing.assert_close(network.colorize(grey, vividness=0.0), network.decode(logits, 1.0))


def test_bins_are_a_grid_that_covers_srgb() -> None:
    bins = zhang_bins()
    assert bins.shape == (BINS, 2)
    assert (bins % 10 == 0).all()
    rows = {tuple(row) for row in bins.tolist()}
    assert len(rows) == BINS
    assert {tuple(row) for row in srgb_bins().tolist()} <= rows


@pytest.mark.parametrize("size", [(40, 24), pytest.param((32, 48), marks=pytest.mark.slow)])
def test_both_heads_work_at_a_quarter_of_the_size(network: Eccv16, regression: Eccv16, size: tuple[int, int]) -> None:
    picture = torch.rand(2, 1, *size) * 100
    quarter = (size[0] // 4, size[1] // 4)
    with torch.inference_mode():
        assert network(picture).shape == (2, BINS, *quarter)
        ab = regression(picture)
    assert ab.shape == (2, 2, *quarter)
    assert ab.abs().max() <= 110


def test_the_regression_head_passes_gradients_to_every_layer() -> None:
    network = Eccv16(head="ab")
    (network(torch.rand(1, 1, 16, 16) * 100) - 20).abs().mean().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.any(), key


def test_the_bins_are_not_trained(network: Eccv16) -> None:
    assert not network.model_out.weight.requires_grad


@torch.inference_mode()
def test_the_mean_over_its_palette_is_the_safest_color(network: Eccv16, regression: Eccv16) -> None:
    picture = torch.rand(1, 1, 16, 16) * 100
    probabilities, palette = network.probabilities(picture), network.palette
    assert probabilities is not None
    assert palette is not None
    mean = torch.einsum("nqhw,qc->nchw", probabilities, palette)
    torch.testing.assert_close(mean, network.colorize(picture, vividness=0.0), atol=1e-3, rtol=1e-4)
    assert regression.palette is None
