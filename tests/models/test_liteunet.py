from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from colorize_cli.errors import UsageError
from colorize_cli.models.generator import Hints
from colorize_cli.models.networks.efficientnet import EfficientNetLite
from colorize_cli.models.networks.liteunet import LiteUnet, pooled_hints
from colorize_cli.models.networks.normed import fold_batch_norms

CLASSIFIER = 1280 * 1000 + 1000  # of the published networks, which an encoder has not


@pytest.mark.parametrize(("size", "published"), [(0, 4_652_008), (1, 5_416_680), (2, 6_092_072)])
def test_it_has_as_many_parameters_as_are_published(size: int, published: int) -> None:
    assert sum(p.numel() for p in EfficientNetLite(size).parameters()) == published - CLASSIFIER


def test_maps_come_at_every_size_and_halves_begin_at_the_first_pixel() -> None:
    torch.manual_seed(0)
    encoder = EfficientNetLite(0).eval()
    maps = encoder(torch.rand(1, 1, 64, 96) * 100)
    assert [tuple(found.shape[1:]) for found in maps] == [
        (width, 64 // by, 96 // by) for width, by in zip(encoder.widths, (2, 4, 8, 16, 32, 32), strict=True)
    ]
    x, stem = torch.rand(1, 3, 8, 8), encoder._conv_stem
    by_hand = F.conv2d(x[..., :3, :3], stem.weight)  # no row is made up before the first one
    torch.testing.assert_close(stem(x)[..., :1, :1], by_hand)


def test_unknown_sizes_are_refused() -> None:
    with pytest.raises(UsageError, match="no EfficientNet-Lite4"):
        EfficientNetLite(4)


def test_paths_are_dropped_in_training_alone() -> None:
    torch.manual_seed(0)
    encoder, x = EfficientNetLite(0, drop_path=0.9), torch.rand(2, 1, 32, 32) * 100
    for module in encoder.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()  # its batch statistics alone would make one pass differ from another
    assert not torch.equal(encoder(x)[-1], encoder(x)[-1])
    encoder.eval()
    assert torch.equal(encoder(x)[-1], encoder(x)[-1])


def test_it_answers_as_mini_does() -> None:
    torch.manual_seed(0)
    network = LiteUnet(size=0, top=16, widths=(16, 16, 8)).eval()
    lightness = torch.rand(1, 1, 64, 32) * 100
    with torch.no_grad():
        assert network.colorize(lightness, vividness=0.5).shape == (1, 2, 16, 8)
        torch.testing.assert_close(network.probabilities(lightness).sum(1), torch.ones(1, 16, 8))


def test_every_map_of_the_encoder_but_the_finest_is_painted_with() -> None:
    torch.manual_seed(0)
    network = LiteUnet(size=0, top=16, widths=(16, 16, 8))
    network(torch.rand(2, 1, 64, 64) * 100)[0].square().mean().backward()
    blocks = network.encoder._blocks
    assert all(blocks[i]._project_conv.weight.grad.abs().sum() > 0 for i in network.encoder.last)


def test_folding_changes_nothing_but_the_layers() -> None:
    torch.manual_seed(0)
    network, lightness = LiteUnet(size=0, top=16, widths=(16, 16, 8)), torch.rand(4, 1, 64, 64) * 100
    hints = Hints(torch.full((4, 2, 64, 64), 40.0), (torch.rand(4, 1, 64, 64) > 0.9).float())
    for conv in (network.hint_stem, network.hint_top, *network.hint_skip):
        torch.nn.init.normal_(conv.weight, std=0.1)
    network(lightness)  # so that the norms have statistics
    network.eval()
    with torch.no_grad():
        before = network(lightness, hints)[0]
        fold_batch_norms(network)
        after = network(lightness, hints)[0]
    norms = [name for name, module in network.named_modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert norms in ([], ["encoder._bn0"])  # hints are added before the stem's
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-3)


def test_hints_of_a_new_network_change_nothing() -> None:
    torch.manual_seed(0)
    network, lightness = LiteUnet(size=0, top=16, widths=(16, 16, 8)).eval(), torch.rand(2, 1, 64, 32) * 100
    hints = Hints(torch.full((2, 2, 64, 32), 40.0), torch.ones(2, 1, 64, 32))
    with torch.no_grad():
        assert torch.equal(network(lightness, hints)[0], network(lightness)[0])


def test_every_weight_for_hints_learns() -> None:
    torch.manual_seed(0)
    network = LiteUnet(size=0, top=16, widths=(16, 16, 8))
    hints = Hints(torch.rand(2, 2, 64, 64) * 60, torch.ones(2, 1, 64, 64))
    network(torch.rand(2, 1, 64, 64) * 100, hints)[0].square().mean().backward()
    assert all(p.grad.abs().sum() > 0 for name, p in network.named_parameters() if name.startswith("hint_"))


def test_pooled_hints_are_the_mean_of_what_is_known_and_the_root_of_its_share() -> None:
    known = torch.zeros(1, 3, 8, 8)
    known[0, :, 0, 0] = torch.tensor([0.5, -0.25, 1.0])
    known[0, :, 0, 1] = torch.tensor([0.1, 0.05, 1.0])
    pooled = pooled_hints(known, 4)
    torch.testing.assert_close(pooled[0, :, 0, 0], torch.tensor([0.3, -0.1, (2 / 16) ** 0.5]))
    assert not pooled[0, :, 1:, :].any() and not pooled[0, :, :, 1:].any()
