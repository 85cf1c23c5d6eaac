from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from colorize_cli.cli.app import main
from colorize_cli.errors import UsageError, WeightsError
from colorize_cli.evaluation import inception, perceptual, weight_files
from colorize_cli.evaluation.columns import GREY, TRUTH, MetricName
from colorize_cli.evaluation.evaluate import EvalSettings
from colorize_cli.evaluation.inception import frechet_distance, inception_score
from colorize_cli.evaluation.metric_set import find_metrics
from colorize_cli.evaluation.metrics import Pictures
from colorize_cli.evaluation.perceptual import ImageNetClasses, Lpips, LpipsMetric, crop_for_vgg
from colorize_cli.models import catalog
from colorize_cli.models.checkpoint import sha256_of
from colorize_cli.models.discriminator_file import save_discriminator
from colorize_cli.models.networks.discriminators import build_discriminator

CPU = torch.device("cpu")


def _batch(picture, seeds, side: int = 64) -> torch.Tensor:
    return torch.stack([torch.from_numpy(picture(i, side, side)).permute(2, 0, 1).float() for i in seeds])


def _put(monkeypatch, tmp_path: Path, name: str, state: dict) -> None:
    """Let a file with these weights lie where torch keeps the published one, under a checksum of its own."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "store"))
    spec = catalog.feature_extractors()[name]
    path = tmp_path / "hub" / "checkpoints" / spec.weights.file
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path)
    own = replace(spec, weights=replace(spec.weights, sha256=sha256_of(path)[:8]))
    monkeypatch.setattr(catalog, "feature_extractors", lambda: {name: own})


@pytest.fixture(scope="module")
def alexnet_state():
    """A state of AlexNet's layout; its classifier, nearly all of it, is not looked at."""
    from torchvision.models import alexnet

    with torch.device("meta"):
        network = alexnet(weights=None)
    generator = torch.Generator().manual_seed(0)
    return {
        key: torch.zeros(tensor.shape)
        if key.startswith("classifier.")
        else torch.randn(tensor.shape, generator=generator) / max(1, tensor[0].numel() / 2) ** 0.5
        for key, tensor in network.state_dict().items()
    }


def test_lpips_agrees_with_torchmetrics(picture, alexnet_state):
    from torchmetrics.functional.image.lpips import _LPIPS

    state, heads = alexnet_state, weight_files.lpips_heads()
    theirs = _LPIPS(pretrained=True, net="alex", pnet_rand=True)
    features = {key.removeprefix("features."): value for key, value in state.items() if key.startswith("features.")}
    renamed = {}
    for key in theirs.net.state_dict():
        renamed[key] = features[key.split(".", 1)[1]]
    theirs.net.load_state_dict(renamed)
    x, y = _batch(picture, (1, 2)), _batch(picture, (3, 2))
    ours = Lpips(state, heads)(x, y)
    torch.testing.assert_close(ours, theirs(x / 127.5 - 1, y / 127.5 - 1).flatten(), rtol=1e-4, atol=1e-6)
    assert ours[1] == 0 and ours[0] > 0.01


def test_weights_of_another_network_are_refused(alexnet_state):
    fewer = {key: value for key, value in alexnet_state.items() if key != "features.3.bias"}
    with pytest.raises(WeightsError, match="AlexNet.*holds the weights of another network"):
        Lpips(fewer, weight_files.lpips_heads())


def test_lpips_looks_at_the_truth_once_for_all_rows(picture, alexnet_state, monkeypatch):
    network = Lpips(alexnet_state, weight_files.lpips_heads())
    metric, asked, layers = object.__new__(LpipsMetric), [], network.layers
    metric.network = network
    monkeypatch.setattr(network, "layers", lambda rgb: asked.append(rgb) or layers(rgb))
    truth, rows = Pictures(_batch(picture, (3, 2))), [Pictures(_batch(picture, seeds)) for seeds in ((1, 2), (4, 5))]
    found = [metric.measure(f"row {i}", row, truth)["lpips"] for i, row in enumerate(rows)]
    assert [rgb is truth.rgb for rgb in asked].count(True) == 1 and len(asked) == 3
    for values, row in zip(found, rows, strict=True):
        torch.testing.assert_close(values, network(row.rgb, truth.rgb))
    assert metric.measure(TRUTH, truth, truth) == {}


def test_frechet_distance_agrees_with_torch_fidelity():
    fidelity = pytest.importorskip("torch_fidelity.metric_fid")
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, (60, 12)), rng.normal(0.3, 1.4, (50, 12))
    stats = [{"mu": part.mean(0), "sigma": np.cov(part, rowvar=False)} for part in (first, second)]
    expected = fidelity.fid_statistics_to_metric(*stats, False)["frechet_inception_distance"]
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-6)


def test_frechet_distance_of_known_gaussians():
    rng = np.random.default_rng(1)
    one = rng.normal(0, 1, (200_000, 2))
    two = rng.normal(0, 2, (200_000, 2)) + 3
    assert frechet_distance(one, two) == pytest.approx(2 * 9 + 2 * (1 + 4 - 2 * 2), rel=0.02)


def test_inception_score_agrees_with_torch_fidelity():
    fidelity = pytest.importorskip("torch_fidelity.metric_isc")
    logits = np.random.default_rng(2).normal(0, 3, (83, 20))
    expected = fidelity.isc_features_to_metric(torch.from_numpy(logits), splits=10, shuffle=True, rng_seed=2020)
    mean, spread = inception_score(logits)
    assert mean == pytest.approx(expected["inception_score_mean"], rel=1e-9)
    assert spread == pytest.approx(expected["inception_score_std"], rel=1e-9)


@pytest.mark.parametrize("count", [1, 4, 9, 11])
def test_fewer_pictures_than_parts_have_a_score(count):
    logits = np.random.default_rng(3).normal(0, 3, (count, 20))
    mean, spread = inception_score(logits)
    assert mean >= 1 and np.isfinite(spread)


def test_pictures_of_ten_sure_classes_score_ten():
    logits = np.kron(np.eye(10), np.ones((20, 1))) * 100
    assert inception_score(logits, splits=1)[0] == pytest.approx(10)


@pytest.mark.slow
def test_inception_file_of_the_real_layout_gives_fid_and_score(picture, monkeypatch, tmp_path, weights_by_key):
    network = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    monkeypatch.setattr(network, "load_state_dict_from_url", lambda *_, **__: pytest.fail("went to the network"))
    bare = network.FeatureExtractorInceptionV3.__new__(network.FeatureExtractorInceptionV3)
    monkeypatch.setattr(network.FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
    torch.save({}, tmp_path / "nothing.pth")
    bare.__init__("bare", ["2048"], str(tmp_path / "nothing.pth"))
    monkeypatch.undo()
    _put(monkeypatch, tmp_path, "inception", weights_by_key(bare))
    eye_network = inception.Inception("fid", CPU)
    eye = inception.InceptionEye(eye_network)
    metrics = [inception.InceptionMetric(metric, eye) for metric in (MetricName.fid, MetricName.inception_score)]
    truth, other = Pictures(_batch(picture, range(4))), Pictures(_batch(picture, range(10, 14)))
    for metric in metrics:
        metric.remember(GREY, metric.measure(GREY, other, truth))
        metric.remember(TRUTH, metric.measure(TRUTH, truth, truth))
    assert eye.features[GREY][0].shape == (4, 2048) and len(eye.features[GREY]) == 1
    assert metrics[0].conclude(GREY, 0).figures["fid"].value > 0
    assert "unstable" in metrics[0].notes[0]
    assert metrics[1].conclude(TRUTH, 0).figures["inception_score"].value >= 1


@pytest.mark.slow
def test_vgg_file_of_the_real_layout_names_classes(picture, monkeypatch, tmp_path, weights_by_key):
    from torchvision.models import vgg16

    network = vgg16(weights=None, init_weights=False)
    state = weights_by_key(network)
    _put(monkeypatch, tmp_path, "vgg16", state)
    metric = perceptual.VggMetric(CPU)
    batch = _batch(picture, (1, 2), 256)
    network.load_state_dict(state)
    order = network.eval()(crop_for_vgg(batch)).argsort(1, descending=True)
    labels = [int(order[0, 0]), int(order[1, 3])]
    values = metric.measure(GREY, Pictures(batch, labels), Pictures(batch, labels))
    assert values["vgg_top1"].tolist() == [100, 0]
    assert values["vgg_top5"].tolist() == [100, 100]
    unknown = metric.measure(GREY, Pictures(batch, [None, None]), Pictures(batch, [None, None]))
    assert unknown["vgg_top1"].isnan().all()


def test_vggs_input_is_what_torchvision_prepares(picture):
    from torchvision.models import VGG16_Weights

    rgb = _batch(picture, (5,), 256)
    expected = VGG16_Weights.IMAGENET1K_V1.transforms()(rgb.byte())
    torch.testing.assert_close(crop_for_vgg(rgb), expected, atol=1e-5, rtol=1e-5)
    tall = torch.nn.functional.interpolate(rgb, size=(300, 280), mode="bilinear").round()
    expected = VGG16_Weights.IMAGENET1K_V1.transforms()(tall.byte())
    torch.testing.assert_close(crop_for_vgg(tall), expected, atol=0.03, rtol=0)


def test_folder_names_become_classes(tmp_path):
    classes = ImageNetClasses(["goldfish", "set/Great_White-Shark", "7", "hedge hogs", None], tmp_path)
    assert [classes(label) for label in ("goldfish", "x/great white shark", "7", "hedge hogs", None)] == [
        1,
        2,
        7,
        None,
        None,
    ]
    (tmp_path / "LOC_synset_mapping.txt").write_text("".join(f"n{i + 1440764:08} thing {i}\n" for i in range(1000)))
    assert ImageNetClasses(["n01440766"], tmp_path)("train/n01440766") == 2


def test_unknown_classes_are_said(tmp_path):
    with pytest.raises(UsageError, match="no photo lies in a folder"):
        ImageNetClasses([None, "kittens"], tmp_path)
    with pytest.raises(UsageError, match="1 WordNet ids, and no list"):
        ImageNetClasses(["n01440764"], tmp_path)


@pytest.mark.parametrize(("metric", "name"), [("lpips", "alexnet"), ("fid", "inception"), ("vgg_accuracy", "vgg16")])
def test_weights_that_cannot_be_pulled_are_named_with_what_to_do(metric, name, monkeypatch, tmp_path):
    if metric == "fid":
        pytest.importorskip("torch_fidelity")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "store"))
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    with pytest.raises(WeightsError) as caught:
        find_metrics(EvalSettings(metrics=(metric,)), CPU)
    assert f'"{name}" is not downloaded, and the network is off' in str(caught.value)
    assert f"colorize models pull {name} --from" in str(caught.value)
    skipping = find_metrics(EvalSettings(metrics=("psnr", metric), skip_missing=True), CPU)
    assert [column.name for column in skipping.columns] == ["psnr"]
    assert name in skipping.skipped[0]


def test_an_altered_file_of_torch_is_not_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "store"))
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    path = tmp_path / "hub" / "checkpoints" / "alexnet-owt-7be5be79.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half a download")
    with pytest.raises(WeightsError, match='"alexnet" is not downloaded'):
        find_metrics(EvalSettings(metrics=("lpips",)), CPU)


@pytest.mark.parametrize("name", ["discriminator.safetensors", "critic.safetensors"])  # the second of older runs
def test_a_runs_discriminator_scores_any_pictures(picture, tmp_path, name):
    torch.manual_seed(0)
    network = build_discriminator("patchgan", 3, 64, {"width": 8})
    save_discriminator(tmp_path / name, network, "patchgan", {"width": 8}, "gan", 2, 64)
    metric = find_metrics(EvalSettings(metrics=("discriminator",), discriminator=tmp_path), CPU).metrics[0]
    batch = Pictures(_batch(picture, (1, 2)))
    values = metric.measure(TRUTH, batch, batch)["discriminator"]
    assert values.shape == (2,) and ((values > 0) & (values < 1)).all()


def test_a_discriminator_is_named_and_ranked_by_as_before(photos, checkpoint, tmp_path, capsys):
    network = build_discriminator("patchgan", 3, 64, {"width": 8})
    save_discriminator(tmp_path / "critic.safetensors", network, "patchgan", {"width": 8}, "gan", 2, 64)
    typed = ["eval", "--data", str(photos), "--model", str(checkpoint), "--json", "--metrics", "critic"]
    assert main([*typed, "--critic", str(tmp_path), "--rank-by", "critic"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["settings"]["ranked by"] == "discriminator"
    assert {"grey", "run/small"} <= {row["name"] for row in found["rows"] if "discriminator" in row["figures"]}


def test_a_run_without_discriminator_is_said(tmp_path):
    with pytest.raises(WeightsError, match="no discriminator"):
        find_metrics(EvalSettings(metrics=("discriminator",), discriminator=tmp_path), CPU)
