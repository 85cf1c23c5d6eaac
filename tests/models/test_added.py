"""Models that are not of the list: added by name, files of the own networks, and feature extractors."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from colorize_cli.cli.app import main
from colorize_cli.models import catalog
from colorize_cli.models.catalog import catalogue
from colorize_cli.models.checkpoint import CheckpointInfo, save_checkpoint
from colorize_cli.models.feature_networks import feature_extractors
from colorize_cli.models.load import identify, load_model
from colorize_cli.models.networks.unet import Unet
from colorize_cli.models.registry import Packaged, Published
from colorize_cli.models.weights import feature_state
from tests.models.loopback import Loopback

pytestmark = pytest.mark.usefixtures("impatient", "cache")


def small_run(folder: Path) -> Path:
    """A run's folder with a small U-Net."""
    folder.mkdir()
    info = CheckpointInfo("unet", {"channels": 2, "width": 4, "depth": 3}, "mine", "photos", "1", {"psnr": 23.5})
    save_checkpoint(folder / "best.safetensors", Unet(2, 4, 3).state_dict(), info, torch.float32)
    return folder


def test_a_model_is_added_listed_verified_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = small_run(tmp_path / "run")
    assert main(["models", "add", "meadow", str(run)]) == 0
    grey = torch.rand(1, 1, 16, 16) * 100
    wanted = load_model(str(run)).generator.colorize(grey)
    torch.testing.assert_close(load_model("meadow").generator.colorize(grey), wanted)
    capsys.readouterr()
    assert main(["models", "list"]) == 0
    assert any(line.startswith("meadow") and "downloaded" in line for line in capsys.readouterr().out.splitlines())
    assert main(["models", "verify", "meadow"]) == 0
    assert "meadow: valid" in capsys.readouterr().out
    assert main(["models", "add", "meadow", str(run)]) == 2
    assert 'there is a model "meadow" already' in capsys.readouterr().err
    gone = str(tmp_path / "gone.safetensors")
    for name, source, status in (("mini", str(run), 2), ("a+b", str(run), 2), ("a b", str(run), 2), ("other", gone, 3)):
        assert main(["models", "add", name, source]) == status, name
    assert main(["models", "remove", "meadow"]) == 0
    assert main(["models", "path", "meadow"]) != 0


def test_info_reads_files_and_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = small_run(tmp_path / "run")
    for name in (str(run), str(run / "best.safetensors")):
        assert main(["models", "info", name]) == 0
        said = capsys.readouterr().out
        for fact in ("unet", "mine", "photos", "psnr 23.5"):
            assert fact in said


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("unet", {"channels": 2, "depth": 4, "width": 8}),
        ("unet", {"channels": 3, "depth": 5, "widest": 0}), ("colorunet", {}), ("mini-v2", {}),
        ("unet", {"width": 6, "depth": 4, "widest": 10, "norm": "none"}), ("colorunet", {"colors": 7}),
        ("unet", {"width": 4, "depth": 3, "norm": "instance"}),
        ("liteunet", {"size": 0}),
        *(pytest.param(*one, marks=pytest.mark.slow) for one in (
            ("unet", {}), ("unet", {"channels": 2}), ("vggunet", {}), ("resunet18", {}), ("eccv16", {"head": "ab"}),
        )),
    ],
)  # fmt: skip
def test_a_bare_file_of_an_own_network_is_known_by_its_keys(
    name: str, arguments: dict[str, object], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    network = catalogue().get(name).build(**arguments).eval()
    state = dict(sorted(network.state_dict().items()))  # in the order in which safetensors gives them
    torch.save(state, tmp_path / "weights.pth")
    found = identify(state)
    assert found is not None and found.name in (name, "mini")  # mini's network is liteunet's
    loaded = load_model(str(tmp_path / "weights.pth")).generator
    grey = torch.rand(1, 1, 128, 128) * 100
    torch.testing.assert_close(loaded.colorize(grey), network.colorize(grey), atol=1e-3, rtol=1e-3)


def test_every_feature_extractor_says_what_it_is() -> None:
    names = set(feature_extractors())
    assert {"vgg19", "vgg16", "resnet18", "alexnet", "inception", "efficientnet-lite2"} <= names
    assert not names & {spec.name for spec in catalogue()}
    for spec in feature_extractors().values():
        assert spec.license and spec.source and spec.summary and spec.parameters > 1e6
        if isinstance(spec.weights, Published):
            assert len(spec.weights.sha256) >= 8 and spec.weights.size > 1e7 and spec.weights.sources
        else:
            assert isinstance(spec.weights, Packaged) and spec.weights.extra == "train"


def test_a_feature_extractor_is_pulled_and_checked(
    server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = {"features.0.weight": torch.rand(2, 3)}
    torch.save(state, tmp_path / "vgg19-dcbb9e9d.pth")
    data = (tmp_path / "vgg19-dcbb9e9d.pth").read_bytes()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    from dataclasses import replace
    from hashlib import sha256

    from colorize_cli.models.registry import Url

    own = feature_extractors()["vgg19"]
    address = Url(f"{server.url}/vgg19-dcbb9e9d.pth")
    assert isinstance(own.weights, Published)
    weights = replace(own.weights, sources=(address,), sha256=sha256(data).hexdigest()[:8], size=len(data))
    mine = {"vgg19": replace(own, weights=weights)}
    for name in ("catalog.feature_extractors", "inventory.other_networks"):
        monkeypatch.setattr(f"colorize_cli.models.{name}", lambda: mine)
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    assert main(["models", "pull", "vgg19"]) == 3
    assert "colorize models pull vgg19 --from" in capsys.readouterr().err
    monkeypatch.delenv("COLORIZE_OFFLINE")
    server.files["/vgg19-dcbb9e9d.pth"] = data
    torch.testing.assert_close(feature_state("vgg19")["features.0.weight"], state["features.0.weight"])
    assert main(["models", "verify", "vgg19"]) == 0
    assert main(["models", "remove", "vgg19"]) == 0
    assert main(["models", "pull", "vgg19", "--from", str(tmp_path / "vgg19-dcbb9e9d.pth")]) == 0
    assert catalog.known("vgg19").name == "vgg19"


def test_a_near_name_is_suggested_for_feature_extractors_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "pull", "vgg91"]) == 3
    assert 'Did you mean "vgg19"?' in capsys.readouterr().err
