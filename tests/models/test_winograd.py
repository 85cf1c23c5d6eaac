from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from colorize_cli.models.normed import SpectralConv, fold_norms
from colorize_cli.models.winograd import convolve, spread_kernel


@pytest.mark.parametrize(("height", "width"), [(8, 8), (13, 18), (1, 3), (68, 40)])
def test_fewer_multiplications_give_the_same_convolution(height: int, width: int) -> None:
    torch.manual_seed(0)
    x, kernel = torch.randn(2, 5, height, width), torch.randn(7, 5, 3, 3)
    expected = F.conv2d(x, kernel, padding=1)
    torch.testing.assert_close(convolve(x, spread_kernel(kernel)), expected, atol=2e-4, rtol=0)


def test_a_folded_convolution_takes_the_quick_way_and_gives_the_same() -> None:
    torch.manual_seed(0)
    conv, x = SpectralConv(6, 4, 3, quick=True), torch.randn(1, 6, 12, 10)
    expected = conv(x).detach()
    fold_norms(conv)
    torch.testing.assert_close(conv(x).detach(), expected)  # gradients are asked for: the plain way
    assert conv._spread is None
    with torch.inference_mode():
        torch.testing.assert_close(conv(x), expected, atol=1e-3, rtol=0)
    assert conv._spread is not None


def test_new_weights_replace_the_ones_that_were_prepared() -> None:
    conv, other, x = SpectralConv(3, 2, 3, quick=True), SpectralConv(3, 2, 3), torch.randn(1, 3, 8, 8)
    fold_norms(conv)
    with torch.inference_mode():
        conv(x)
        conv.load_state_dict(other.state_dict())
        fold_norms(conv)
        torch.testing.assert_close(conv(x), other(x), atol=1e-4, rtol=0)
