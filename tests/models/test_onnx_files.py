"""ONNX files: what is exported says what it is and gives torch's answers; what cannot be run is said in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from colorize_cli.cli.app import main
from colorize_cli.color.pixels import lightness_of
from colorize_cli.errors import ModelNotFoundError, UsageError, WeightsError
from colorize_cli.evaluation.evaluate import EvalSettings, evaluate
from colorize_cli.inference.backends.onnx import OnnxBackend
from colorize_cli.inference.backends.torch import TorchBackend
from colorize_cli.inference.export import TOLERANCE, export_onnx
from colorize_cli.inference.predictor import Predictor, Request
from colorize_cli.models import load
from colorize_cli.models.catalog import catalogue
from colorize_cli.models.load import LoadedModel
from colorize_cli.models.networks.normed import fold_norms
from colorize_cli.models.onnx import protobuf
from colorize_cli.models.onnx.contract import Contract
from colorize_cli.models.onnx.graph import Graph
from colorize_cli.models.onnx.load_onnx import from_file, load_onnx
from colorize_cli.models.vividness import Reading
from tests.models.fill import fill
from tests.models.test_onnx_graphs import checkpoint, planes

SPEC = replace(catalogue().get("mini"), name="small", takes_hints=True)
CONTRACT = Contract(SPEC, Reading(0.5, (1.0, 0.6), (0.0, 0.4)), None, "0" * 64)


def photo(size: tuple[int, int] = (90, 130)) -> np.ndarray:
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    return lightness_of((127 + 60 * np.sin(x / 9) + 60 * np.cos(y / 13 + x / 40)).astype(np.uint8))


def simple_graph(weight: float = 1.0, operator: str = "Mul", hints: bool = True, axes: int = 4) -> bytes:
    """A network that colors by lightness, hints, exponent and temperature."""
    g = Graph()
    lightness = g.input("lightness", *("n", 1, "h", "w")[:axes])
    if hints:
        known = g.input("hints", "n", 3, "h", "w")
        only = g.add("Conv", known, g.constant(np.ones((2, 3, 1, 1), np.float32)))
        lightness = g.add("Add", lightness, only)
    how = g.add("Div", g.input("exponent"), g.input("temperature"))
    numbers = g.constant(np.full((1, 2, 1, 1), weight, np.float32))
    g.add("Mul", g.add(operator, lightness, numbers), how, name="ab")
    g.output("ab", "n", 2, "h", "w")
    return g.encoded("test")


def saved(path: Path, graph: bytes, properties: dict[str, str] | None = None, contract: Contract = CONTRACT) -> Path:
    path.write_bytes(graph + protobuf.metadata(contract.properties() if properties is None else properties))
    return path


@torch.no_grad()
def filled(name: str) -> LoadedModel:
    spec = catalogue().get(name)
    generator = spec.build()
    generator.load_state_dict(fill(generator.state_dict()))
    generator.eval()
    fold_norms(generator)
    return LoadedModel(name, spec, generator, "f" * 64)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("eccv16", marks=pytest.mark.slow),
        pytest.param("siggraph17", marks=pytest.mark.slow),
        pytest.param("colorunet", marks=pytest.mark.slow),
        pytest.param("resunet18", marks=pytest.mark.slow),
        pytest.param("unet", marks=pytest.mark.slow),
        pytest.param("ddcolor-tiny", marks=pytest.mark.slow),
    ],
)
def test_every_network_can_be_exported(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = filled(name)
    monkeypatch.setattr(load, "load_model", lambda *_: model)
    done = export_onnx(name, tmp_path / "n.onnx", [photo()])
    assert done.difference <= TOLERANCE and done.pictures == 1
    graph = from_file("n", done.path)
    assert (graph.spec.sizes, graph.spec.takes_hints) == (model.spec.sizes, model.spec.takes_hints)
    assert (graph.spec.license, graph.contract.weights_sha256) == (model.spec.license, "f" * 64)
    assert graph.contract.reading == model.generator.reading
    multiple = model.spec.sizes.multiple
    given = planes(4 if model.generator.takes_hints else 1, 3 * multiple, 5 * multiple)  # two pictures of another size
    by_onnx, by_torch = OnnxBackend(graph), TorchBackend(model)
    found, wanted = (one.colors(0, 0.9, given) for one in (by_onnx, by_torch))
    assert found.shape == wanted.shape and np.linalg.norm(wanted) > 0
    assert np.linalg.norm(found - wanted) / np.linalg.norm(wanted) < TOLERANCE
    if model.generator.palette is not None:
        np.testing.assert_allclose(by_onnx.probabilities(given), by_torch.probabilities(given), atol=1e-5)
        np.testing.assert_array_equal(by_onnx.palette(), by_torch.palette())


@pytest.mark.parametrize("network", ["mini", pytest.param("liteunet", marks=pytest.mark.slow)])
def test_an_exported_file_colors_photos_as_its_checkpoint_does(
    network: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = checkpoint(tmp_path, network, vividness=0.3)
    assert main(["models", "export", str(made), "--to", "onnx", "--out", str(tmp_path / "n.onnx")]) == 0
    assert "of torch's answers on 4 photos" in capsys.readouterr().err
    said = onnxruntime.InferenceSession(tmp_path / "n.onnx", providers=["CPUExecutionProvider"]).get_modelmeta()
    properties = said.custom_metadata_map
    assert properties["format"] == "colorize-cli-onnx/1" and properties["name"] == network
    assert json.loads(properties["sizes"])["multiple"] == 32 and json.loads(properties["takes_hints"]) is True
    assert json.loads(properties["vividness"])["default"] == 0.3 and len(json.loads(properties["palette"])) > 200
    (tmp_path / "in").mkdir()
    Image.fromarray(np.arange(60 * 80, dtype=np.uint8).reshape(60, 80)).save(tmp_path / "in" / "a.png")
    for model, out in ((str(tmp_path / "n.onnx"), "o1"), (str(made), "o2")):
        assert main([str(tmp_path / "in"), "--model", model, "--out", str(tmp_path / out), "--quiet"]) == 0
    first, second = (np.asarray(Image.open(tmp_path / out / "a.png")) for out in ("o1", "o2"))
    assert np.ptp(first.astype(int), 2).max() > 10, "it has color"
    np.testing.assert_array_equal(first, second)
    assert main(["models", "export", str(made), "--out", str(tmp_path / "n.onnx")]) == 2
    assert "there already" in capsys.readouterr().err


def test_onnx_files_can_be_joined(tmp_path: Path) -> None:
    one = saved(tmp_path / "one.onnx", simple_graph(0.1))
    model = load_onnx(f"{one}+{one}")
    assert model is not None and len(model.members) == 2
    single = load_onnx(str(one))
    assert single is not None
    request = Request(photo())
    np.testing.assert_allclose(
        Predictor(model).predict([request])[0], Predictor(single).predict([request])[0], atol=1e-5
    )


def without(key: str) -> dict[str, str]:
    return {name: value for name, value in CONTRACT.properties().items() if name != key}


def external() -> bytes:
    """A tensor whose numbers lie in another file."""
    entry = protobuf.block(1, "location") + protobuf.block(2, "weights.bin")
    tensor = protobuf.number(2, 1) + protobuf.block(8, "w") + protobuf.block(13, entry) + protobuf.number(14, 1)
    return simple_graph() + protobuf.block(7, protobuf.block(5, tensor))


WRONG: dict[str, tuple[Callable[[Path], Path], str]] = {
    "random bytes": (lambda p: _written(p, bytes(range(256)) * 40), "is damaged, or no ONNX file"),
    "empty": (lambda p: _written(p, b""), "is damaged, or no ONNX file"),
    "cut": (lambda p: _written(p, saved(p, simple_graph()).read_bytes()[:-7]), "is damaged, or no ONNX file"),
    "cut in the graph": (lambda p: _written(p, simple_graph()[:200]), "is damaged, or no ONNX file"),
    "says nothing": (lambda p: saved(p, simple_graph(), {}), "does not say what it is"),
    "another program's": (lambda p: saved(p, simple_graph(), {"format": "other/1"}), "does not say what it is"),
    "another version": (
        lambda p: saved(p, simple_graph(), CONTRACT.properties() | {"format": "colorize-cli-onnx/7"}),
        "is of another version, colorize-cli-onnx/7",
    ),
    "no sizes": (lambda p: saved(p, simple_graph(), without("sizes")), "`sizes` is wrong"),
    "impossible sizes": (
        lambda p: saved(p, simple_graph(), CONTRACT.properties() | {"sizes": '{"short_side": 0, "multiple": "x"}'}),
        "`sizes` is wrong",
    ),
    "no name": (lambda p: saved(p, simple_graph(), without("name")), "`name` is wrong"),
    "cold temperature": (
        lambda p: saved(p, simple_graph(), contract=replace(CONTRACT, reading=Reading(0.5, (1.0, 0.0), (0.0, 0.4)))),
        "`vividness` is wrong",
    ),
    "unknown operator": (lambda p: saved(p, simple_graph(operator="Wobble")), "Wobble"),
    "NaN weights": (lambda p: saved(p, simple_graph(float("nan"))), "some weights are NaN or infinite"),
    "infinite weights": (lambda p: saved(p, simple_graph(float("inf"))), "some weights are NaN or infinite"),
    "NaN answers": (lambda p: saved(p, simple_graph(-1.0, "Pow")), "is NaN, infinite or no color"),
    "answers that are no colors": (lambda p: saved(p, simple_graph(1e9)), "is NaN, infinite or no color"),
    "no hints": (lambda p: saved(p, simple_graph(hints=False)), "has other inputs than it says"),
    "hints that it does not speak of": (
        lambda p: saved(p, simple_graph(), contract=replace(CONTRACT, spec=replace(SPEC, takes_hints=False))),
        "has other inputs than it says",
    ),
    "a palette that it does not have": (
        lambda p: saved(p, simple_graph(), contract=replace(CONTRACT, palette=np.zeros((3, 2), np.float32))),
        "has other outputs than it says",
    ),
    "another shape": (lambda p: saved(p, simple_graph(axes=3)), "has other inputs than it says"),
    "weights in another file": (lambda p: saved(p, external()), "keeps its weights in another file"),
}


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("kind", list(WRONG))
def test_a_file_that_cannot_be_run_is_said_in_one_line_before_any_photo(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, message = WRONG[kind]
    path = make(tmp_path / "wrong.onnx")
    (tmp_path / "a.pgm").write_bytes(b"P5 40 30 255\n" + bytes(range(200)) * 6)
    assert main([str(tmp_path / "a.pgm"), "--model", str(path), "--out", str(tmp_path / "out")]) == 3
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 2 and said[0].startswith("error: ") and message in said[0], said
    assert "models export" in said[1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["gone.onnx", "some/folder.onnx", "mini+gone.onnx"])
def test_a_file_that_is_not_there_is_not_looked_for_on_the_hub(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5 40 30 255\n" + bytes(range(200)) * 6)
    assert main([str(tmp_path / "a.pgm"), "--model", name, "--out", str(tmp_path / "out")]) == 3
    assert "error: no model file" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_same_file_whole_is_run(tmp_path: Path) -> None:
    path = saved(tmp_path / "right.onnx", simple_graph(0.1))
    (tmp_path / "a.pgm").write_bytes(b"P5 40 30 255\n" + bytes(range(200)) * 6)
    assert main([str(tmp_path / "a.pgm"), "--model", str(path), "--out", str(tmp_path / "out"), "--quiet"]) == 0


@pytest.mark.slow
def test_eval_measures_an_onnx_file_as_its_checkpoint(tmp_path: Path) -> None:
    made = checkpoint(tmp_path, "liteunet")
    (tmp_path / "file").mkdir()
    export_onnx(str(made), tmp_path / "file" / "n.onnx", [photo()])
    models = (str(made), str(tmp_path / "file" / "n.onnx"))
    found = evaluate(EvalSettings(models=models, metrics=("psnr",), limit=2, device="cpu"))
    first, second = (row for row in found.rows if row.name != "grey")
    np.testing.assert_allclose(first.per_picture["psnr"], second.per_picture["psnr"], atol=1e-3)
    assert found.row("grey").per_picture["psnr"].shape == (2,)


def test_an_onnx_file_is_not_trained_on(tmp_path: Path) -> None:
    path = saved(tmp_path / "one.onnx", simple_graph(0.1))
    with pytest.raises(UsageError, match="is an ONNX file: it is run as it is"):
        load.load_model(str(path))


def test_what_cannot_be_exported_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="several models"):
        export_onnx("mini+ddcolor", tmp_path / "x.onnx", [])
    with pytest.raises(UsageError, match="ONNX file already"):
        export_onnx("some.onnx", tmp_path / "x.onnx", [])
    with pytest.raises(ModelNotFoundError, match="Did you mean"):
        export_onnx("minni", tmp_path / "x.onnx", [])
    with pytest.raises(WeightsError, match="no published weights"):
        export_onnx("unet", tmp_path / "x.onnx", [])
    assert not list(tmp_path.iterdir())


def test_a_file_of_an_earlier_version_says_its_license_as_it_spelled_that() -> None:
    properties = Contract(next(spec for spec in catalogue() if spec.name == "mini"), None, None, "f" * 64).properties()
    former = {"licence" if key == "license" else key: value for key, value in properties.items()}
    assert Contract.read(former).spec.license == Contract.read(properties).spec.license != ""


@pytest.mark.slow
def test_an_answer_that_is_not_torchs_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = filled("colorunet")
    other = replace(model, generator=filled("colorunet").generator)
    other.generator.head.bias.data += 1  # type: ignore[union-attr, operator]
    other.generator.head.bias.data[:7] -= 2  # type: ignore[union-attr, index]
    monkeypatch.setattr("colorize_cli.inference.export.traced_model", lambda _: _traced_once(model))
    monkeypatch.setattr(load, "load_model", lambda *_: other)
    with pytest.raises(WeightsError, match="answers differ from torch's"):
        export_onnx("colorunet", tmp_path / "x.onnx", [photo()])
    assert not list(tmp_path.iterdir())


def _traced_once(model: LoadedModel) -> tuple[Contract, bytes]:
    from colorize_cli.models.onnx.traced import traced

    spec = replace(model.spec, takes_hints=False)
    return Contract(spec, model.generator.reading, None, model.sha256), traced(model.generator, 32)
