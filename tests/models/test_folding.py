"""What is folded or left out before inference changes nothing that can be seen."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from colorize_cli.models.load import _NoRandomStart, load_model
from colorize_cli.models.networks.mini import Mini
from colorize_cli.models.networks.normed import fold_batch_norms


def _lively(widths: tuple[int, ...] = (8, 12, 16, 20)) -> Mini:
    """A network whose batch norms have seen something, so that folding them has something to get wrong."""
    torch.manual_seed(0)
    network = Mini(widths)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.bias):
                assert isinstance(tensor, Tensor)
                nn.init.normal_(tensor, std=0.3)
            for tensor in (module.running_var, module.weight):
                assert isinstance(tensor, Tensor)
                nn.init.uniform_(tensor, 0.5, 1.5)
    return network.eval()


def test_folding_batch_norms_leaves_an_equal_network_without_any() -> None:
    network, lightness = _lively(), torch.rand(2, 1, 64, 96) * 100
    with torch.inference_mode():
        before, spread = network.colorize(lightness), network(lightness)[0]
    fold_batch_norms(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    with torch.inference_mode():
        torch.testing.assert_close(network.colorize(lightness), before, atol=1e-4, rtol=0)
        torch.testing.assert_close(network(lightness)[0], spread, atol=1e-4, rtol=1e-4)


def test_batch_norms_that_still_learn_are_not_folded() -> None:
    network = _lively().train()
    fold_batch_norms(network)
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_the_mean_of_the_bins_is_the_papers() -> None:
    network = _lively()
    network.set_rebalancing(torch.rand(len(network.bins)) + 0.5)
    logits = torch.randn(2, len(network.bins), 5, 7)
    scores = (logits - 0.7 * network.log_weights[:, None, None]) / 0.38
    wanted = torch.einsum("nqhw,qc->nchw", scores.softmax(1), network.bins)
    torch.testing.assert_close(network.decode(logits, 0.7, 0.38), wanted, atol=1e-4, rtol=0)


def test_a_loaded_network_is_the_stored_one_without_a_random_start() -> None:
    with _NoRandomStart():
        blank = nn.Conv2d(2, 3, 3)
    torch.manual_seed(0)
    assert not torch.equal(blank.weight, nn.Conv2d(2, 3, 3).weight)
    first, second = (load_model("mini").generator.state_dict() for _ in range(2))
    assert all(torch.equal(value, second[key]) for key, value in first.items())
