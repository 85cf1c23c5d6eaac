"""Variants, references and albums, through the main pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab

from colorize_cli.errors import ColorizeError, UsageError
from colorize_cli.inference import loading
from colorize_cli.inference.option_values import Method
from colorize_cli.models import load
from colorize_cli.models.catalog import catalogue
from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.load import LoadedModel
from colorize_cli.models.registry import Sizes
from colorize_cli.pipeline import consistent
from colorize_cli.pipeline.outcome import Status
from tests.inference.conftest import grey_photo
from tests.inference.test_guided_colors import colorize, grey_of, lab, save


class Ramp(Generator):
    """Colors by the place in the picture, whatever it shows; knows nothing of hints."""

    def colorize(
        self, lightness: torch.Tensor, hints: Hints | None = None, vividness: float | None = None
    ) -> torch.Tensor:
        across = torch.linspace(-40, 40, lightness.shape[-1]).expand_as(lightness)
        return torch.nn.functional.avg_pool2d(torch.cat((across, -across), 1), 4)


class Chooser(Generator):
    """Dark things are red, or blue or green; bright ones surely grey. A hint on a dark thing colors all dark ones."""

    @property
    def palette(self) -> torch.Tensor:
        return torch.tensor([[50.0, 30.0], [10.0, -50.0], [-40.0, 30.0], [0.0, 0.0]])

    def probabilities(self, lightness: torch.Tensor, hints: Hints | None = None) -> torch.Tensor:
        dark = torch.nn.functional.avg_pool2d((lightness < 50).float(), 4)
        return dark * torch.tensor([0.5, 0.3, 0.2, 0.0])[None, :, None, None] + torch.cat(
            (0 * dark,) * 3 + (1 - dark,), 1
        )

    def colorize(
        self, lightness: torch.Tensor, hints: Hints | None = None, vividness: float | None = None
    ) -> torch.Tensor:
        dark = (lightness < 50).float()
        color = self.palette[0][None, :, None, None].expand(len(lightness), 2, 1, 1)
        if hints is not None and (known := hints.mask * dark).sum() > 0:
            color = (hints.ab * known).sum((2, 3), keepdim=True) / known.sum((2, 3), keepdim=True)
        return torch.nn.functional.avg_pool2d(dark * color, 4)


@pytest.fixture
def with_network(monkeypatch: pytest.MonkeyPatch) -> Callable[[Generator, bool], None]:
    """Let every model be this one."""

    def put(generator: Generator, takes_hints: bool) -> None:
        spec = replace(catalogue().get("mini"), sizes=Sizes(64, 32, 64 * 512), takes_hints=takes_hints)
        monkeypatch.setattr(loading, "load_onnx", lambda _: None)
        monkeypatch.setattr(load, "load_model", lambda *_: LoadedModel("one", spec, generator, "0" * 64))

    return put


@pytest.mark.parametrize("method", [Method.welsh, Method.charpiat, Method.network])
def test_a_reference_gives_its_colors(tiny_model: Path, tmp_path: Path, with_network, method: Method):
    with_network(Ramp(), False)
    reference = np.empty((80, 120, 3), np.uint8)
    reference[:40], reference[40:] = (150, 190, 240), (110, 60, 20)  # a bright blue sky on brown ground
    noisy = np.clip(reference + np.random.default_rng(0).normal(0, 3, (80, 120, 1)), 0, 255).astype(np.uint8)
    save(noisy, tmp_path / "reference.png")
    save(grey_of(np.ascontiguousarray(np.rot90(noisy))), tmp_path / "in" / "a.png")
    options = {"reference": tmp_path / "reference.png", "method": method}
    assert colorize(tiny_model, tmp_path / "in", tmp_path / "out", **options).counts == {Status.done: 1}
    expected = rgb2lab(np.rot90(noisy))[..., 1:]

    def error(folder: str, place: tuple[slice, slice]) -> float:
        return float(np.linalg.norm((lab(tmp_path / folder / "a.png")[..., 1:] - expected)[place], axis=-1).mean())

    if method is Method.network:  # only what the reference is sure of becomes a hint
        colorize(tiny_model, tmp_path / "in", tmp_path / "plain")
        whole = (slice(None), slice(None))
        assert error("out", whole) < 0.7 * error("plain", whole)
    else:
        for place in ((slice(10, 110), slice(5, 35)), (slice(10, 110), slice(45, 75))):
            assert error("out", place) < 8
    assert colorize(tiny_model, tmp_path / "in", tmp_path / "out", **options).counts == {Status.skipped: 1}


def test_grey_references_are_refused_by_name(tiny_model: Path, tmp_path: Path):
    grey_photo(tmp_path / "in" / "a.png")
    grey = grey_photo(tmp_path / "references" / "grey.png")
    for path, said in ((grey, "grey.png has no color"), (tmp_path / "references", "no color photo in")):
        with pytest.raises(ColorizeError, match=said):
            colorize(tiny_model, tmp_path / "in", tmp_path / "out", reference=path)


def test_variants_change_whole_things_and_repeat_by_seed(tiny_model: Path, tmp_path: Path, with_network):
    with_network(Chooser(), True)
    picture = np.full((96, 144), 200, np.uint8)
    picture[20:80, 30:110] = 60
    save(picture, tmp_path / "in" / "a.png")
    names = ["a.png", "a.variant2.png", "a.variant3.png", "a.variant4.png"]
    colorize(tiny_model, tmp_path / "in", tmp_path / "plain")
    for folder, seed in (("one", 1), ("again", 1)):
        report = colorize(tiny_model, tmp_path / "in", tmp_path / folder, variants=4, seed=seed)
        assert report.counts == {Status.done: 1}
        assert sorted(p.name for p in (tmp_path / folder).glob("*.png")) == names
        with Image.open(tmp_path / folder / "a.variants.jpg") as sheet:
            assert sheet.width * sheet.height > 4 * 96 * 144
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert (tmp_path / "one" / names[0]).read_bytes() == (tmp_path / "plain" / "a.png").read_bytes()
    thing, wall = (slice(24, 76), slice(34, 106)), (slice(0, 14), slice(0, 144))
    found = [lab(tmp_path / "one" / name)[..., 1:] for name in names]
    colors = [picture[thing].reshape(-1, 2) for picture in found]
    assert all(color.std(0).max() < 3 for color in colors)  # the whole thing has one color
    means = [color.mean(0) for color in colors]
    # three colors are likely, and three variants take them in turn
    assert min(np.linalg.norm(means[i] - means[j]) for i, j in ((1, 2), (1, 3), (2, 3))) > 15
    assert all(np.abs(picture[wall]).mean() < 2 for picture in found)


@pytest.mark.slow
def test_variants_of_a_trained_kind_of_network_repeat(tiny_model: Path, tmp_path: Path):
    grey_photo(tmp_path / "in" / "a.png")
    for folder, seed in (("one", 1), ("again", 1), ("more", 1)):
        colorize(tiny_model, tmp_path / "in", tmp_path / folder, variants=4 if folder == "more" else 3, seed=seed)
    for name in ("a.png", "a.variant2.png", "a.variant3.png"):
        assert len({(tmp_path / folder / name).read_bytes() for folder in ("one", "again", "more")}) == 1


def test_variants_need_probabilities(tiny_model: Path, tmp_path: Path, with_network):
    with_network(Ramp(), False)
    grey_photo(tmp_path / "in" / "a.png")
    with pytest.raises(UsageError, match="one coloring only"):
        colorize(tiny_model, tmp_path / "in", tmp_path / "out", variants=2)


def test_variants_stand_are_no_sources_and_missing_ones_are_made(tiny_model: Path, tmp_path: Path):
    folder = tmp_path / "in"
    grey_photo(folder / "a.png")
    options = {"variants": 2, "suffix": "_c"}
    assert colorize(tiny_model, folder, folder, **options).counts == {Status.done: 1}
    again = colorize(tiny_model, folder, folder, **options)
    assert again.counts == {Status.skipped: 1} and again.passed_over["made by colorize"] >= 3
    before = (folder / "a_c.variant2.png").read_bytes()
    (folder / "a_c.variant2.png").unlink()
    assert colorize(tiny_model, folder, folder, **options).counts == {Status.done: 1}
    assert (folder / "a_c.variant2.png").read_bytes() == before
    (folder / "a_c.variant2.png").write_bytes(b"mine")
    report = colorize(tiny_model, folder / "a.png", folder, **options)
    assert report.counts == {Status.failed: 1} and "a_c.variant2.png" in str(report.failures[0].reason)
    assert (folder / "a_c.variant2.png").read_bytes() == b"mine"


def scene(seed: int, height: int = 160, width: int = 260) -> np.ndarray:
    rng = np.random.default_rng(seed)
    planes = [cv2.resize(rng.normal(0, 1, (height // s, width // s)), (width, height)) * s for s in (4, 8, 20)]
    total = sum(planes)
    return np.clip(128 + 40 * total / total.std(), 5, 250).astype(np.uint8)


def strip(folder: Path) -> tuple[Path, int]:
    """Three photos of one scene, the camera moved by 16 pixels each time, and a stranger in between."""
    whole, step = scene(1), 16
    for number, name in enumerate("acd"):
        save(np.ascontiguousarray(whole[:, number * step : number * step + 220]), folder / f"{name}.png")
    save(scene(9)[:, :220], folder / "b.png")
    return folder, step


def overlap(folder: Path, step: int) -> float:
    """How far the colors of the same things differ between neighbours of the strip, Lab units."""
    a, c, d = (lab(folder / f"{name}.png")[..., 1:] for name in "acd")
    return float(np.mean([np.linalg.norm(x[:, step:] - y[:, :-step], axis=-1).mean() for x, y in ((a, c), (c, d))]))


def test_a_scene_keeps_its_colors_over_an_album(tiny_model: Path, tmp_path: Path, with_network):
    with_network(Ramp(), False)
    photos, step = strip(tmp_path / "in")
    colorize(tiny_model, photos, tmp_path / "plain")
    for folder in ("one", "again"):
        assert colorize(tiny_model, photos, tmp_path / folder, consistent=True).counts == {Status.done: 4}
    assert overlap(tmp_path / "one", step) < 0.6 * overlap(tmp_path / "plain", step)
    for name in "abcd":
        first = (tmp_path / "one" / f"{name}.png").read_bytes()
        assert first == (tmp_path / "again" / f"{name}.png").read_bytes()
    # whatever is there already, the rest comes out the same
    for left in "acd":
        lost = tmp_path / "again" / f"{left}.png"
        lost.unlink()
        report = colorize(tiny_model, photos, tmp_path / "again", consistent=True)
        assert report.counts == {Status.done: 1, Status.skipped: 3}
        assert lost.read_bytes() == (tmp_path / "one" / f"{left}.png").read_bytes()


def test_a_scene_goes_on_over_the_stretches_of_an_album(tiny_model: Path, tmp_path: Path, with_network, monkeypatch):
    with_network(Ramp(), False)
    photos, step = strip(tmp_path / "in")
    (photos / "b.png").unlink()
    monkeypatch.setattr(consistent, "STRETCH", 1)
    colorize(tiny_model, photos, tmp_path / "plain")
    colorize(tiny_model, photos, tmp_path / "one", consistent=True)
    assert overlap(tmp_path / "one", step) < 0.6 * overlap(tmp_path / "plain", step)
    last = tmp_path / "one" / "d.png"
    before = last.read_bytes()
    last.unlink()
    colorize(tiny_model, photos, tmp_path / "one", consistent=True)
    assert last.read_bytes() == before
