from __future__ import annotations

import pytest
import torch

from colorize_cli.models.networks.resunet18 import ResUnet18


@pytest.mark.parametrize("size", [(32, 64), (50, 33)])
def test_ab_comes_at_the_photos_size_and_within_reach(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    ab = ResUnet18().eval().colorize(torch.rand(1, 1, *size) * 100)
    assert ab.shape == (1, 2, *size)
    assert float(ab.detach().abs().max()) <= 110


def test_torchvisions_weights_load_into_the_encoder_as_they_are() -> None:
    from torchvision.models import resnet18

    published = {key: value for key, value in resnet18(weights=None).state_dict().items() if not key.startswith("fc.")}
    network = ResUnet18()
    assert set(network.encoder.state_dict()) == set(published)
    network.encoder.load_state_dict(published)


def test_every_size_of_the_encoder_is_joined_in() -> None:
    torch.manual_seed(0)
    network, lightness = ResUnet18().eval(), torch.rand(1, 1, 32, 32) * 100
    reached: list[int] = []
    for unit in network.decoder:
        unit.register_forward_hook(lambda _, given, __: reached.append(0 if given[1] is None else given[1].shape[-1]))
    network(lightness)
    assert reached == [2, 4, 8, 16, 0]


def test_the_sigmoid_is_stretched_to_ab() -> None:
    network = ResUnet18().eval()
    torch.nn.init.zeros_(network.head.weight)
    for bias, wanted in ((100.0, 110.0), (-100.0, -110.0), (0.0, 0.0)):
        torch.nn.init.constant_(network.head.bias, bias)
        ab = network(torch.rand(1, 1, 32, 32) * 100)
        torch.testing.assert_close(ab, torch.full_like(ab, wanted), atol=1e-4, rtol=0)
