from __future__ import annotations

from pathlib import Path

import pytest
import torch

from colorize_cli.errors import UsageError, WeightsError
from colorize_cli.training.content import ContentLoss, content_file, vgg19_features


def test_the_features_are_torchvisions_first_eighteen_layers() -> None:
    from torchvision.models.vgg import cfgs, make_layers

    whole = make_layers(cfgs["E"])
    state = {key: value for key, value in whole.state_dict().items() if int(key.split(".")[0]) < 18}
    own = vgg19_features()
    own.load_state_dict(state)
    x = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(own(x), whole[:18](x))


@pytest.mark.parametrize("distance", ["l1", "l2", "rmse"])
def test_distances_are_between_the_activations_of_normalised_pictures(distance: str) -> None:
    torch.manual_seed(0)
    loss = ContentLoss(distance)
    preds, target = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    difference = loss.features((preds - mean) / std) - loss.features((target - mean) / std)
    wanted = {"l1": difference.abs().mean(), "l2": (difference**2).mean(), "rmse": (difference**2).mean().sqrt()}
    torch.testing.assert_close(loss(preds, target), wanted[distance])
    assert float(loss(target, target)) < 1e-5


def test_the_loss_moves_the_prediction_and_never_the_features() -> None:
    loss, preds = ContentLoss("l2"), torch.rand(1, 3, 8, 8, requires_grad=True)
    loss(preds, torch.rand(1, 3, 8, 8)).backward()
    assert preds.grad is not None and float(preds.grad.abs().sum()) > 0
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in loss.parameters())


def test_random_features_are_the_same_for_a_seed_and_disturb_no_draw() -> None:
    torch.manual_seed(3)
    wanted = torch.rand(1)
    torch.manual_seed(3)
    first = ContentLoss("l2", seed=5)
    assert torch.equal(torch.rand(1), wanted)
    assert torch.equal(first.features[0].weight, ContentLoss("l2", seed=5).features[0].weight)


def test_a_file_of_weights_is_read_and_another_is_refused(tmp_path: Path) -> None:
    features = vgg19_features()
    torch.save({f"features.{key}": value for key, value in features.state_dict().items()}, tmp_path / "vgg.pth")
    loaded = ContentLoss("l2", tmp_path / "vgg.pth")
    assert torch.equal(loaded.features[16].weight, features[16].weight)
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="features.0"):
        ContentLoss("l2", tmp_path / "other.pth")


def test_published_weights_come_from_the_catalogue_and_offline_it_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    with pytest.raises(WeightsError, match='"vgg19" is not downloaded, and the network is off') as caught:
        content_file("torchvision")
    assert "models pull vgg19 --from" in str(caught.value.hint)
    assert content_file("random") is None
    with pytest.raises(WeightsError, match=r"no weights at gone\.pth"):
        content_file("gone.pth")
    (tmp_path / "bad.pth").write_bytes(b"half a file")
    with pytest.raises(WeightsError, match="damaged"):
        content_file(str(tmp_path / "bad.pth"))


def test_an_unknown_distance_is_refused() -> None:
    with pytest.raises(UsageError, match="cosine"):
        ContentLoss("cosine")
