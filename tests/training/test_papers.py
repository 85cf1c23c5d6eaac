"""Options that papers print, one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from colorize_cli.data.pairs import Batch
from colorize_cli.models.networks.eccv16 import Eccv16
from colorize_cli.models.networks.vggunet import VggUnet
from colorize_cli.training.adversarial import Discriminator
from colorize_cli.training.config import DiscriminatorConfig
from colorize_cli.training.encoders import load_encoder
from colorize_cli.training.outputs import Classes
from colorize_cli.training.run_report import EPOCHS, page, table
from tests.training.conftest import Run, tiny


def batch_of(ab: torch.Tensor) -> Batch:
    n, _, h, w = ab.shape
    return Batch(torch.full((n, 1, h, w), 50.0), ab, torch.zeros(n, 3, h, w), torch.full((n,), -1))


def test_one_hot_targets_are_the_nearest_bin_alone() -> None:
    network = Eccv16()
    ab = torch.tensor([12.0, 3.0]).view(1, 2, 1, 1).expand(1, 2, 4, 4)
    counted = torch.full((10, 1), 50.0), torch.rand(10, 2) * 20
    hard = Classes(network, *counted, 0.5, 1.0, 0.0, targets="one_hot").encode(batch_of(ab), (1, 1))
    soft = Classes(network, *counted, 0.5, 1.0, 0.0).encode(batch_of(ab), (1, 1))
    assert hard[0].shape == (1, 1, 1, 1) and float(hard[1]) == 1
    assert soft[0].shape == (1, 5, 1, 1) and float(soft[1].sum()) == pytest.approx(1)
    assert network.bins[int(hard[0])].tolist() == [10.0, 0.0] and int(soft[0][0, 0]) == int(hard[0])


def test_the_minimax_loss_is_the_discriminators_own() -> None:
    torch.manual_seed(0)
    shown = torch.rand(2, 3, 32, 32)
    values = {}
    for kind in ("non_saturating", "minimax"):
        torch.manual_seed(1)
        discriminator = Discriminator(
            DiscriminatorConfig(network_args={"receptive": 16, "width": 4}, generator_loss=kind), 2, 32
        )  # type: ignore[arg-type]
        values[kind] = float(discriminator.fooled(shown).detach())
    assert values["minimax"] < 0 < values["non_saturating"]


def test_zhangs_network_drops_in_training_alone() -> None:
    torch.manual_seed(0)
    network, grey = Eccv16(head="ab", dropout=0.5), torch.rand(1, 1, 32, 32) * 100
    assert not torch.equal(network(grey), network(grey))
    network.eval()
    assert torch.equal(network(grey), network(grey))
    assert network.state_dict().keys() == Eccv16(head="ab").state_dict().keys()


@pytest.mark.slow
def test_vggs_published_weights_load_into_the_encoder(tmp_path: Path) -> None:
    from torchvision.models import vgg16

    torch.manual_seed(0)
    published = vgg16(weights=None, init_weights=False).features.state_dict()
    whole = {f"features.{key}": value for key, value in published.items()} | {"classifier.0.bias": torch.zeros(2)}
    torch.save(whole, tmp_path / "vgg16.pth")
    network = VggUnet()
    load_encoder(network, tmp_path / "vgg16.pth", "VGG-16")
    assert torch.equal(network.state_dict()["encoder.features.28.weight"], published["28.weight"])
    ab = network.eval().colorize(torch.rand(2, 1, 50, 37) * 100)
    assert ab.shape == (2, 2, 50, 37) and float(ab.detach().abs().max()) <= 110


def test_the_report_has_curves_sheets_and_the_table_of_the_paper(run: Run, tmp_path: Path) -> None:
    gan = {"kind": "gan", "network": "patchgan", "network_args": {"receptive": 16, "width": 4}}
    run(tmp_path / "r", tiny(epochs=2, discriminator=gan, log_every=2))
    text = (tmp_path / "r" / "report.html").read_text()
    assert 'src="loss.png"' in text and text.count("<figure>") == 2 and "<th>epoch 2</th>" in text
    for name in ("D_fake", "D_real", "G_GAN", "G_L1"):
        assert f"<td>{name}</td>" in text
    assert (tmp_path / "r" / "loss.png").stat().st_size > 1000
    steps = (tmp_path / "r" / "steps.jsonl").read_text().splitlines()
    assert len(steps) == 5 and '"lr"' in steps[0] and '"G_L1"' in steps[0] and '"photos_per_s"' in steps[0]


def test_the_table_is_at_the_papers_epochs(tmp_path: Path) -> None:
    rows = [{"epoch": e, "samples": e * 10, "D": 0.1 * e, "G": 1.0, "G_GAN": 0.5} for e in range(1, 21)]
    found = table(rows)
    assert found[0] == ["loss", *(f"epoch {epoch}" for epoch in EPOCHS)]
    assert [line[0] for line in found[1:]] == ["D", "G_GAN", "G"] and found[1][4] == "2.00000"
    assert "epoch 15" in page(tmp_path, rows)
