"""What `colorize` gives each published network, and what it makes of the answer."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from colorize_cli.color.gpu import grey_from_lightness, split
from colorize_cli.models.catalog import catalogue
from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.networks.ddcolor import DDColor
from colorize_cli.models.networks.deoldify import DeOldify
from colorize_cli.models.networks.eccv16 import BINS, Eccv16
from colorize_cli.models.networks.layers import Shuffle, smooth
from colorize_cli.models.networks.normed import SpectralConv, WeightNormConv, fold_norms
from colorize_cli.models.networks.siggraph17 import Siggraph17

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
LIGHTNESS = torch.linspace(0, 100, 64).reshape(1, 1, 8, 8)


def empty(network: type[Generator]) -> Generator:
    """A network without layers: `colorize` alone is looked at."""
    bare = network.__new__(network)
    nn.Module.__init__(bare)
    return bare


def test_deoldify_sees_normalised_grey_and_its_chroma_alone_is_kept() -> None:
    network, seen = empty(DeOldify), []
    painted = torch.rand(1, 3, 8, 8)

    def paint(picture: Tensor) -> Tensor:
        seen.append(picture)
        return (painted - MEAN[:, None, None]) / STD[:, None, None]

    network.forward = paint  # type: ignore[method-assign, assignment]
    ab = network.colorize(LIGHTNESS)
    torch.testing.assert_close(ab, split(painted)[1], atol=1e-3, rtol=1e-3)
    grey = seen[0] * STD[:, None, None] + MEAN[:, None, None]
    torch.testing.assert_close(grey, grey_from_lightness(LIGHTNESS).expand(-1, 3, -1, -1), atol=1e-5, rtol=0)


def test_ddcolor_sees_grey_srgb() -> None:
    network, seen = empty(DDColor), []
    network.forward = lambda grey: seen.append(grey) or grey[:, :2]  # type: ignore
    network.colorize(LIGHTNESS)
    torch.testing.assert_close(seen[0], grey_from_lightness(LIGHTNESS).expand(-1, 3, -1, -1))


def test_sizes_are_those_of_training() -> None:
    sizes = {spec.name: spec.sizes for spec in catalogue()}
    assert (sizes["ddcolor"].short_side, sizes["ddcolor"].square) == (512, True)
    assert (sizes["deoldify-artistic"].short_side, sizes["deoldify-artistic"].square) == (35 * 16, True)
    assert not sizes["siggraph17"].square


@pytest.mark.slow
@torch.inference_mode()
def test_a_hint_colors_its_place() -> None:
    torch.manual_seed(0)
    network = Siggraph17().eval()
    picture = torch.full((1, 1, 32, 32), 50.0)
    ab, mask = torch.zeros(1, 2, 32, 32), torch.zeros(1, 1, 32, 32)
    none = network.colorize(picture)
    torch.testing.assert_close(network.colorize(picture, Hints(ab, mask)), none)
    ab[:, 0] = 80.0
    torch.testing.assert_close(network.colorize(picture, Hints(ab, mask)), none)  # a color without mask is no hint
    mask[..., 4:8, 4:8] = 1
    moved = (network.colorize(picture, Hints(ab, mask)) - none).abs().sum(1)[0]
    assert moved[4:8, 4:8].mean() > 10 * moved[24:, 24:].mean()


@pytest.mark.parametrize(
    "conv", [SpectralConv(3, 5, 3, bias=True), WeightNormConv(3, 5), SpectralConv(3, 5, flat=True)]
)
def test_folding_changes_nothing_but_the_work(conv: SpectralConv | WeightNormConv) -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        for tensor in conv.state_dict().values():
            tensor.copy_(torch.rand_like(tensor) + 0.1)
    picture = torch.rand(2, 3, 6, 6)
    before = conv(picture)
    fold_norms(conv)
    torch.testing.assert_close(conv(picture), before)
    again = type(conv)(3, 5, *((3, True) if conv.padding else (1, conv.bias is not None)))  # type: ignore[arg-type]
    if conv.stored().ndim == 4:  # a state dict that was folded is still one of the network
        again.load_state_dict(conv.state_dict())
        torch.testing.assert_close(again(picture), before)


def test_spectral_norm_divides_by_the_largest_singular_value() -> None:
    conv = SpectralConv(4, 6)
    matrix = torch.randn(6, 4)
    u, s, v = torch.linalg.svd(matrix)
    conv.load_state_dict({"weight_orig": matrix[:, :, None, None], "weight_u": u[:, 0], "weight_v": v[0]})
    assert torch.linalg.matrix_norm(conv.weight().flatten(1), 2).item() == pytest.approx(1.0, abs=1e-5)
    torch.testing.assert_close(conv.weight().flatten(1), matrix / s[0])


def test_smoothing_keeps_what_is_flat_and_takes_away_a_checkerboard() -> None:
    flat = torch.full((1, 1, 6, 6), 3.0)
    torch.testing.assert_close(smooth(flat), flat)
    board = (torch.arange(6)[:, None] + torch.arange(6)) % 2 * 2.0 - 1
    assert smooth(board[None, None])[..., 1:, 1:].abs().max() == 0


def test_a_shuffle_enlarges() -> None:
    assert Shuffle(nn.Conv2d(4, 12, 1), 12)(torch.rand(1, 4, 5, 7)).shape == (1, 3, 10, 14)


def test_colors_are_decoded_in_float32_even_where_the_network_is_not() -> None:
    network, logits = Eccv16(), torch.randn(1, BINS, 2, 2)
    with torch.autocast("cpu", torch.bfloat16):
        low = network.decode(logits)
    torch.testing.assert_close(low, network.decode(logits), atol=1e-3, rtol=0)
