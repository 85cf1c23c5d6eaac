from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from colorize_cli.errors import UsageError, WeightsError
from colorize_cli.models import discriminator_file
from colorize_cli.models.discriminator_file import SavedDiscriminator, load_discriminator, save_discriminator
from colorize_cli.models.networks.discriminators import (
    AutoencoderDiscriminator,
    DcganDiscriminator,
    PatchGan,
    PoolingClassifier,
    build_discriminator,
    strided_layers,
)
from colorize_cli.training.adversarial import see


def _positive(network: nn.Module) -> nn.Module:
    """Every path counts: weights positive, so that no influence cancels out."""
    for parameter in network.parameters():
        nn.init.uniform_(parameter, 0.1, 1.0)
    return network.double().eval()


@pytest.mark.parametrize("receptive", [16, 34, 70])
def test_a_patch_sees_exactly_its_receptive_field(receptive: int) -> None:
    torch.manual_seed(0)
    network = _positive(PatchGan(3, receptive, width=2))
    x = torch.rand(1, 3, 160, 160, dtype=torch.float64)
    before = network(x)[0, 0]
    row = before.shape[0] // 2
    moved = []
    for column in range(160):
        poked = x.clone()
        poked[:, :, :, column] += 1
        moved.append(bool((network(poked)[0, 0, row, row] - before[row, row]).abs() > 1e-9))
    first, last = moved.index(True), 159 - moved[::-1].index(True)
    assert last - first + 1 == receptive
    assert all(moved[first : last + 1])


def test_one_pixel_moves_as_many_patches_as_overlap_it() -> None:
    torch.manual_seed(0)
    network = _positive(PatchGan(3, 34, width=2))
    x = torch.rand(1, 3, 128, 128, dtype=torch.float64)
    poked = x.clone()
    poked[0, :, 64, 64] += 1
    moved = (network(poked) - network(x)).abs()[0, 0] > 1e-9
    assert int(moved.any(0).sum()) in (8, 9)  # 34 pixels at a stride of 4
    assert not moved[0, 0]


def test_a_field_that_no_layers_give_is_refused() -> None:
    assert [strided_layers(field) for field in (16, 34, 70, 142)] == [1, 2, 3, 4]
    with pytest.raises(UsageError, match="50"):
        strided_layers(50)


@pytest.mark.parametrize("size", [32, 64, 128])
def test_dcgan_gives_one_number_a_picture_at_any_size(size: int) -> None:
    assert DcganDiscriminator(3, size, width=4)(torch.rand(2, 3, size, size)).shape == (2,)


def test_energy_is_the_mean_squared_reconstruction_error() -> None:
    discriminator = AutoencoderDiscriminator(3, width=4, depth=2).eval()
    for parameter in discriminator.parameters():
        nn.init.zeros_(parameter)
    x = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(discriminator(x), (x**2).mean((1, 2, 3)))  # all weights 0: it reconstructs 0


def test_the_autoencoder_can_learn_to_reconstruct() -> None:
    torch.manual_seed(0)
    discriminator, x = AutoencoderDiscriminator(3, width=8, depth=2), torch.rand(4, 3, 16, 16)
    optimizer = torch.optim.Adam(discriminator.parameters(), 1e-2)
    first = float(discriminator(x).mean().detach())
    for _ in range(60):
        optimizer.zero_grad()
        loss = discriminator(x).mean()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < first / 4


def test_the_classifier_ends_in_a_probability() -> None:
    network, x = PoolingClassifier(3, width=4), torch.randn(3, 3, 32, 32) * 100
    probability = network.probability(x)
    assert probability.shape == (3,) and bool(((probability >= 0) & (probability <= 1)).all())
    torch.testing.assert_close(torch.logit(probability), network(x), atol=1e-3, rtol=1e-3)


def test_a_saved_discriminator_scores_as_before(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_discriminator("patchgan", 3, 32, {"receptive": 16, "width": 4})
    save_discriminator(
        tmp_path / "discriminator.safetensors", network, "patchgan", {"receptive": 16, "width": 4}, "gan", 2, 32
    )
    discriminator = load_discriminator(tmp_path / "discriminator.safetensors")
    lightness, ab = torch.rand(2, 1, 32, 32) * 100, torch.randn(2, 2, 32, 32) * 30
    seen = torch.cat((lightness / 50 - 1, ab / 110), 1)
    wanted = torch.sigmoid(network.eval()(seen)).mean((1, 2, 3)).detach()
    torch.testing.assert_close(discriminator.score(lightness, ab), wanted)


def test_an_ebgans_score_falls_with_its_energy(tmp_path: Path) -> None:
    network = build_discriminator("autoencoder", 3, 32, {"width": 4, "depth": 2})
    save_discriminator(tmp_path / "c.safetensors", network, "autoencoder", {"width": 4, "depth": 2}, "ebgan", 2, 32)
    discriminator = load_discriminator(tmp_path / "c.safetensors")
    lightness, ab = torch.rand(3, 1, 32, 32) * 100, torch.randn(3, 2, 32, 32) * 30
    energy = network.eval()(torch.cat((lightness / 50 - 1, ab / 110), 1)).detach()
    torch.testing.assert_close(discriminator.score(lightness, ab), -energy)


def test_another_file_is_no_discriminator(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(WeightsError, match="x.safetensors"):
        load_discriminator(tmp_path / "x.safetensors")


class Recorder(torch.nn.Module):
    """Keeps what it is shown."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shown = x
        return x[:, :1]


@pytest.mark.parametrize("colors", [2, 3])
def test_scoring_shows_a_discriminator_what_training_did(colors: int) -> None:
    network = Recorder()
    lightness, ab = torch.tensor([0.0, 25, 50, 100]).view(1, 1, 2, 2), torch.linspace(-110, 110, 8).view(1, 2, 2, 2)
    SavedDiscriminator(network, "lsgan", colors).score(lightness, ab)
    scaled = ab / 110
    if colors == 3:
        scaled = torch.cat((lightness / 50 - 1, scaled), 1)  # as a generator of Lab gives its lightness
    torch.testing.assert_close(network.shown, see(lightness, scaled))
    torch.testing.assert_close(network.shown[0, 0].flatten(), torch.tensor([-1.0, -0.5, 0, 1]))


def test_an_older_file_of_a_discriminator_is_read(tmp_path: Path) -> None:
    arguments = {"receptive": 16, "width": 4}
    network = build_discriminator("patchgan", 3, 32, arguments)
    about = {"network": "patchgan", "arguments": arguments, "kind": "gan", "colours": 2, "size": 32}
    metadata = {"format": "colorize-cli-critic/1", "critic": json.dumps(about)}
    save_file(network.state_dict(), tmp_path / "critic.safetensors", metadata=metadata)
    assert discriminator_file.is_discriminator(tmp_path / "critic.safetensors")
    assert load_discriminator(tmp_path / "critic.safetensors").colors == 2
