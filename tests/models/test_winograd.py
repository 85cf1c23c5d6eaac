from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from colorize_cli.models.networks.normed import SpectralConv, fold_norms
from colorize_cli.models.networks.winograd import QuickConv, convolve, spread_kernel


@pytest.mark.parametrize(("height", "width"), [(8, 8), (13, 18), (1, 3), (68, 40)])
def test_fewer_multiplications_give_the_same_convolution(height: int, width: int) -> None:
    torch.manual_seed(0)
    x, kernel = torch.randn(2, 5, height, width), torch.randn(7, 5, 3, 3)
    expected = F.conv2d(x, kernel, padding=1)
    torch.testing.assert_close(convolve(x, spread_kernel(kernel)), expected, atol=2e-4, rtol=0)


def test_a_folded_convolution_takes_the_quick_way_and_gives_the_same() -> None:
    torch.manual_seed(0)
    conv, x = SpectralConv(40, 4, 3), torch.randn(1, 40, 12, 10)
    expected = conv(x).detach()
    fold_norms(conv)
    torch.testing.assert_close(conv(x).detach(), expected)  # gradients are asked for: the plain way
    assert conv._spread._spread is None
    with torch.inference_mode():
        torch.testing.assert_close(conv(x), expected, atol=1e-3, rtol=0)
    assert conv._spread._spread is not None


def test_new_weights_replace_the_ones_that_were_prepared() -> None:
    conv, other, x = SpectralConv(32, 2, 3), SpectralConv(32, 2, 3), torch.randn(1, 32, 8, 8)
    fold_norms(conv)
    with torch.inference_mode():
        conv(x)
        conv.load_state_dict(other.state_dict())
        fold_norms(conv)
        torch.testing.assert_close(conv(x), other(x), atol=1e-3, rtol=0)


def test_training_steps_between_looks_are_seen() -> None:
    torch.manual_seed(0)
    conv, x = QuickConv(32, 4), torch.randn(1, 32, 8, 8)
    for _ in range(2):
        with torch.inference_mode():
            expected = F.conv2d(x, conv.weight, conv.bias, padding=1)
            torch.testing.assert_close(conv(x), expected, atol=1e-4, rtol=0)
        with torch.no_grad():  # what an optimizer does
            conv.weight.add_(0.1)
