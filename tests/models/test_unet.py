from __future__ import annotations

import pytest
import torch
from torch import nn

from colorize_cli.models.networks.unet import Unet, pad_to_multiple


def test_three_channels_are_lab_and_colorize_gives_their_ab() -> None:
    torch.manual_seed(0)
    network, lightness = Unet(3, width=4, depth=3).eval(), torch.rand(2, 1, 32, 48) * 100
    lab = network(lightness)
    assert lab.shape == (2, 3, 32, 48)
    assert bool((lab[:, 0] >= 0).all() and (lab[:, 0] <= 100).all() and (lab[:, 1:].abs() <= 110).all())
    torch.testing.assert_close(network.colorize(lightness), lab[:, 1:])


def test_two_channels_are_ab() -> None:
    assert Unet(2, width=4, depth=2)(torch.rand(1, 1, 16, 16)).shape == (1, 2, 16, 16)


def test_units_are_those_of_the_paper() -> None:
    network = Unet(3)
    widths = [unit[0].out_channels for unit in network.encoder]
    assert widths == [64, 128, 256, 512, 512, 512, 512]
    for unit in network.encoder:
        convolution, norm, act = unit
        assert (convolution.kernel_size, convolution.stride) == ((4, 4), (2, 2))
        assert isinstance(norm, nn.BatchNorm2d) and act.negative_slope == 0.2
    for number, unit in enumerate(network.decoder, 1):
        assert isinstance(unit.up, nn.ConvTranspose2d) and unit.up.stride == (2, 2)
        mirrored = [1, *widths][7 - number]  # unit i takes the encoder's map n - i
        assert unit.norm.num_features == unit.up.out_channels + mirrored
    assert network.head.kernel_size == (1, 1)
    assert [unit.dropout.p for unit in network.decoder] == [0.5, 0.5, 0.5, 0, 0, 0, 0]


def test_dropout_is_noise_in_training_only() -> None:
    torch.manual_seed(0)
    network, lightness = Unet(2, width=4, depth=3, norm="none"), torch.rand(1, 1, 16, 16) * 100
    assert not torch.equal(network(lightness), network(lightness))
    network.eval()
    assert torch.equal(network(lightness), network(lightness))


def test_without_batch_statistics_a_picture_depends_on_itself_alone() -> None:
    torch.manual_seed(0)
    network, lightness = Unet(2, width=4, depth=3, norm="none", dropout=0), torch.rand(3, 1, 16, 16) * 100
    torch.testing.assert_close(network(lightness)[1:2], network(lightness[1:2]))


@pytest.mark.parametrize("size", [(32, 32), (37, 53), (16, 70)])
def test_any_size_is_colored_at_its_own_size(size: tuple[int, int]) -> None:
    assert Unet(3, width=4, depth=4).eval().colorize(torch.rand(1, 1, *size) * 100).shape == (1, 2, *size)


def test_padding_repeats_the_rim() -> None:
    x = torch.arange(6.0).view(1, 1, 2, 3)
    padded = pad_to_multiple(x, 4)
    assert padded.shape == (1, 1, 4, 4)
    assert torch.equal(padded[..., :2, :3], x) and bool((padded[..., 2:, 3] == 5).all())


@pytest.mark.slow
def test_a_tiny_unet_overfits_one_photo() -> None:
    torch.manual_seed(0)
    lightness, ab = torch.rand(1, 1, 16, 16) * 100, torch.rand(1, 2, 16, 16) * 80 - 40
    network = Unet(2, width=16, depth=3, dropout=0, norm="instance")
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        loss = (network(lightness) - ab).abs().mean()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 7
