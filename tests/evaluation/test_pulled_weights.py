"""Networks of metrics, content losses and encoders, pulled by their published names from a server on this machine.

The files have the real layouts, made by the real architectures with numbers drawn from a seed; only the checksums are
those of these files.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from colorize_cli.cli.app import main
from colorize_cli.models.feature_networks import feature_extractors
from colorize_cli.models.registry import Published
from tests.models.loopback import Loopback, serving

pytestmark = pytest.mark.slow
_LARGE = 2_000_000  # numbers; a larger tensor repeats one column, which is drawn sooner


def drawn(network: nn.Module) -> dict[str, Tensor]:
    """A state of a network's real layout."""
    generator = torch.Generator().manual_seed(7)

    def values(key: str, tensor: Tensor) -> Tensor:
        if not tensor.is_floating_point():
            return torch.zeros(tensor.shape, dtype=tensor.dtype)
        if key.endswith("running_var"):
            return torch.ones(tensor.shape)
        if tensor.dim() < 2:
            return torch.rand(tensor.shape, generator=generator) * 0.1 + (0.9 if key.endswith("weight") else 0.0)
        scale = (2.0 / tensor[0].numel()) ** 0.5
        if tensor.numel() < _LARGE:
            return torch.randn(tensor.shape, generator=generator) * scale
        return (
            (torch.randn(tensor.shape[0], *[1] * (tensor.dim() - 1), generator=generator) * scale)
            .expand(tensor.shape)
            .contiguous()
        )

    return {key: values(key, tensor) for key, tensor in network.state_dict().items()}


def network_of(name: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> nn.Module:
    """One of the published architectures, with whatever numbers."""
    if name != "inception":
        import torchvision

        with torch.device("meta"):
            network: nn.Module = getattr(torchvision.models, name)(weights=None)
        return network
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    kind = module.FeatureExtractorInceptionV3
    with monkeypatch.context() as patched:
        patched.setattr(kind, "load_state_dict", lambda self, state: None)
        torch.save({}, folder / "nothing.pth")
        made: nn.Module = kind("bare", ["2048"], str(folder / "nothing.pth"))
    return made


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A mirror that has whatever `offer` puts there; a cache that is empty, and removed behind the test."""
    for name in ("COLORIZE_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with serving() as server:
        monkeypatch.setenv("COLORIZE_MIRROR", server.url)
        yield server
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)


def offer(name: str, server: Loopback, monkeypatch: pytest.MonkeyPatch, folder: Path) -> str:
    """Serve a network's file under its published name, which is returned."""
    spec = feature_extractors()[name]
    weights = spec.weights
    assert isinstance(weights, Published)
    buffer = io.BytesIO()
    torch.save(drawn(network_of(name, monkeypatch, folder)), buffer)
    data = buffer.getvalue()
    own = replace(weights, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    monkeypatch.setitem(feature_extractors(), name, replace(spec, weights=own))
    server.files[f"/{weights.file}"] = data
    return weights.file


@pytest.fixture
def known(tmp_path, write_picture, picture) -> Path:
    """Photos in folders that are named by ImageNet's classes."""
    for i, label in enumerate(("goldfish", "tench") * 5):
        write_picture(tmp_path / "known" / label / f"{i}.png", picture(i, 96, 96))
    return tmp_path / "known"


def test_every_network_metric_is_pulled_once_and_measures(published, monkeypatch, tmp_path, known, checkpoint, capsys):
    files = [offer(name, published, monkeypatch, tmp_path) for name in ("alexnet", "vgg16", "inception")]
    typed = ["eval", "--data", str(known), "--quiet", "--json", "--model", str(checkpoint), "--batch", "2"]
    typed += ["--metrics", "psnr", "lpips", "fid", "inception_score", "vgg_accuracy"]
    assert main(typed) == 0
    rows = json.loads(capsys.readouterr().out)
    assert sorted(seen.path.lstrip("/") for seen in published.seen) == sorted(files)
    text = json.dumps(rows)
    for column in ("lpips", "fid", "inception_score", "vgg_top1", "vgg_top5"):
        assert column in text, column
    assert "nan" not in text.lower()
    published.seen.clear()
    assert main(typed) == 0
    again = json.loads(capsys.readouterr().out)
    assert published.seen == [] and {**again, "seconds": 0} == {**rows, "seconds": 0}


@pytest.mark.parametrize(
    ("metric", "network"), [("lpips", "alexnet"), ("fid", "inception"), ("inception_score", "inception")]
)
def test_a_run_is_best_by_what_a_pulled_network_says(metric, network, published, monkeypatch, tmp_path, known):
    file = offer(network, published, monkeypatch, tmp_path)
    typed = [
        "train",
        "--recipe",
        "patchgan-places",
        "--data",
        str(known),
        "--out",
        str(tmp_path / "run"),
        "--size",
        "32",
    ]
    typed += ["--batch", "2", "--workers", "0", "--epochs", "2", "--best-by", metric, "--device", "cpu", "--val", "0.5"]
    typed += ["--set", "generator_args={channels=2,width=4,depth=3}"]
    typed += ["--set", "discriminator.network_args={receptive=16,width=4}"]
    assert main(typed) == 0
    assert [seen.path for seen in published.seen] == [f"/{file}"]
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert len(rows) == 2 and all(row[metric] >= 0 for row in rows)


@pytest.mark.parametrize(
    ("recipe", "network", "size"),
    [("eccv16-vgg", "vgg19", 32), ("resunet-coco", "resnet18", 64), ("vggunet-places", "vgg16", 32)],
)
def test_a_recipes_network_is_pulled_before_its_first_step(
    recipe, network, size, published, monkeypatch, tmp_path, known
):
    file = offer(network, published, monkeypatch, tmp_path)
    typed = ["train", "--recipe", recipe, "--data", str(known), "--out", str(tmp_path / "run"), "--size", str(size)]
    typed += ["--batch", "2", "--workers", "0", "--set", "steps=1", "--device", "cpu", "--val", "0.4"]
    assert main(typed) == 0
    assert [seen.path for seen in published.seen] == [f"/{file}"]
    assert (tmp_path / "run" / "best.safetensors").exists()
    shutil.rmtree(tmp_path / "run")
