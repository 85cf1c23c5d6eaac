"""Colors that people guide: hints, references, variants and albums, through the main pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.color import lab2rgb, rgb2lab

from colorize_cli.cli.app import main
from colorize_cli.errors import UsageError
from colorize_cli.formats.reader import read_provenance
from colorize_cli.inference.option_values import Method
from colorize_cli.pipeline.outcome import Status
from colorize_cli.pipeline.report import RunReport
from tests.inference.conftest import grey_photo
from tests.runs import colorize_photos, run_options

RED, BLUE, OCHRE = (170, 60, 50), (90, 130, 200), (60, 45, 20)


def colorize(tiny_model: Path, photos: Path, out: Path, **options: object) -> RunReport:
    return colorize_photos(run_options((str(photos),), out, model=str(tiny_model), device="cpu", **options))  # type: ignore[arg-type]


def lab(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return rgb2lab(np.asarray(image.convert("RGB")))


def regions(height: int = 60, width: int = 90) -> np.ndarray:
    """Three flat colors side by side, the last a disc on the second."""
    rgb = np.empty((height, width, 3), np.uint8)
    rgb[:, : width // 3], rgb[:, width // 3 :] = RED, BLUE
    cv2.circle(rgb, (2 * width // 3, height // 2), height // 5, OCHRE, -1)
    return rgb


def grey_of(rgb: np.ndarray) -> np.ndarray:
    """The grey picture of the same L*."""
    lightness = rgb2lab(rgb)[..., 0]
    return np.rint(lab2rgb(np.stack([lightness, 0 * lightness, 0 * lightness], -1))[..., 0] * 255).astype(np.uint8)


def save(pixels: np.ndarray, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def scribbles(path: Path, size: tuple[int, int], *strokes: tuple[int, int, tuple[int, int, int]]) -> Path:
    """Short strokes, each from (x, y), on a transparent layer of (height, width)."""
    layer = np.zeros((*size, 4), np.uint8)
    for x, y, color in strokes:
        layer[y : y + 2, x : x + 6] = (*color, 255)
    return save(layer, path)


def test_levin_recovers_flat_regions_from_one_scribble_each(tmp_path: Path):
    truth = regions()
    save(grey_of(truth), tmp_path / "in" / "flag.png")
    scribbles(tmp_path / "hints" / "flag.hints.png", (60, 90), (10, 30, RED), (40, 5, BLUE), (57, 30, OCHRE))
    out = tmp_path / "out"
    arguments = [tmp_path / "in", "--out", out, "--hints", tmp_path / "hints", "--method", "levin", "--quiet"]
    assert main([str(argument) for argument in arguments]) == 0
    assert np.linalg.norm(lab(out / "flag.png") - rgb2lab(truth), axis=-1).max() < 1.5  # 8 bits alone give up to 1
    assert np.linalg.norm(lab(out / "flag.png") - rgb2lab(truth), axis=-1).mean() < 1


def test_levin_without_hints_fails_by_name_and_the_others_are_done(tiny_model: Path, tmp_path: Path):
    for name in ("a", "b"):
        grey_photo(tmp_path / "in" / f"{name}.png")
    scribbles(tmp_path / "in" / "a.hints.png", (64, 96), (10, 30, RED))
    report = colorize(tiny_model, tmp_path / "in", tmp_path / "out", hints=tmp_path / "in", method=Method.levin)
    assert report.counts == {Status.done: 1, Status.failed: 1} and report.passed_over == {"hints": 1}
    assert "b.hints.png" in (report.failures[0].reason or "")


def point(path: Path, x: float, y: float, color: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"points": [{"x": x, "y": y, "color": color, "radius": 3}]}))
    return path


def test_a_point_draws_the_network_towards_it_and_strangers_are_listed(tiny_model: Path, tmp_path: Path):
    for name in ("a", "b"):
        grey_photo(tmp_path / "in" / f"{name}.png", seed=ord(name))
    colorize(tiny_model, tmp_path / "in", tmp_path / "plain")
    point(tmp_path / "hints" / "a.hints.json", 30, 20, "#c04030")
    point(tmp_path / "hints" / "stranger.hints.json", 1, 1, "red")
    report = colorize(tiny_model, tmp_path / "in", tmp_path / "out", hints=tmp_path / "hints")
    assert report.counts == {Status.done: 2}
    said = json.loads((tmp_path / "out" / "colorize-report.json").read_text())["notices"]
    assert len(said) == 1 and "stranger.hints.json" in said[0]
    assert (tmp_path / "plain" / "b.png").read_bytes() == (tmp_path / "out" / "b.png").read_bytes()
    wanted = rgb2lab(np.array([[[0xC0, 0x40, 0x30]]], np.uint8))[0, 0, 1:]
    before, after = (
        np.linalg.norm(lab(tmp_path / folder / "a.png")[18:23, 28:33, 1:] - wanted, axis=-1).mean()
        for folder in ("plain", "out")
    )
    assert after < 0.5 * before


def test_results_stand_until_their_own_hints_change(tiny_model: Path, tmp_path: Path):
    for name in ("a", "b"):
        grey_photo(tmp_path / "in" / f"{name}.png")
    car = point(tmp_path / "hints" / "a.hints.json", 30, 20, "#c04030")
    out, options = tmp_path / "out", {"hints": tmp_path / "hints"}
    colorize(tiny_model, tmp_path / "in", out, **options)
    assert colorize(tiny_model, tmp_path / "in", out, **options).counts == {Status.skipped: 2}
    point(car, 30, 20, "#3040c0")
    assert colorize(tiny_model, tmp_path / "in", out, **options).counts == {
        Status.skipped: 1,
        Status.other_settings: 1,
    }


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.hints.png", b"no picture", "no PNG signature"),
        ("a.hints.json", b'{"points": [{"x": 5000, "y": 2, "color": "red"}]}', "lies outside the photo"),
        ("a.hints.json", b'{"points": [{"x": 5, "y": 2, "color": "rde"}]}', "no color 'rde'"),
    ],
)
def test_bad_hints_fail_their_photo_alone(tiny_model: Path, tmp_path: Path, name: str, content: bytes, said: str):
    for photo in ("a", "b"):
        grey_photo(tmp_path / "in" / f"{photo}.png")
    (tmp_path / "in" / name).write_bytes(content)
    report = colorize(tiny_model, tmp_path / "in", tmp_path / "out", hints=tmp_path / "in")
    assert report.counts == {Status.done: 1, Status.failed: 1}
    reason = report.failures[0].reason or ""
    assert report.failures[0].source.name == "a.png" and said in reason and "unexpected" not in reason


def test_hints_of_a_photo_in_color_are_not_forgotten_silently(tiny_model: Path, tmp_path: Path):
    rng = np.random.default_rng(0)
    save(cv2.resize(rng.integers(0, 255, (4, 4, 3), np.uint8), (80, 80)), tmp_path / "in" / "a.png")
    point(tmp_path / "in" / "a.hints.json", 30, 20, "red")
    assert colorize(tiny_model, tmp_path / "in", tmp_path / "out", hints=tmp_path / "in").counts == {Status.copied: 1}
    row = json.loads((tmp_path / "out" / "colorize-report.json").read_text())["photos"][0]
    assert any("--on-color recolor" in note for note in row["notes"])


def test_hints_speak_of_the_first_page_and_that_is_said(tiny_model: Path, tmp_path: Path):
    pages = [Image.fromarray(grey_of(regions())), Image.fromarray(grey_of(regions()))]
    (tmp_path / "in").mkdir()
    pages[0].save(tmp_path / "in" / "a.tif", save_all=True, append_images=pages[1:])
    scribbles(tmp_path / "in" / "a.hints.png", (60, 90), (10, 30, RED), (40, 5, BLUE))
    report = colorize(tiny_model, tmp_path / "in", tmp_path / "out", hints=tmp_path / "in", method=Method.levin)
    assert report.counts == {Status.done: 1}
    row = json.loads((tmp_path / "out" / "colorize-report.json").read_text())["photos"][0]
    assert any("first page" in note for note in row["notes"])
    with Image.open(tmp_path / "out" / "a.tif") as image:
        chroma = []
        for page in range(2):
            image.seek(page)
            chroma.append(np.hypot(*np.moveaxis(rgb2lab(np.asarray(image.convert("RGB")))[..., 1:], -1, 0)).mean())
    assert chroma[0] > 20 and chroma[1] < 0.1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": Method.levin}, "levin"),
        ({"method": Method.welsh}, "reference"),
        ({"method": Method.charpiat, "hints": Path("x"), "reference": Path("y")}, "--hints"),
        ({"method": Method.levin, "hints": Path("x"), "reference": Path("y")}, "--reference"),
        ({"method": Method.levin, "hints": Path("x"), "variants": 2}, "--variants"),
        ({"method": Method.levin, "hints": Path("x"), "consistent": True}, "--consistent"),
        ({"variants": 2, "consistent": True}, "exclude each other"),
    ],
)
def test_options_that_contradict_are_refused(tiny_model: Path, tmp_path: Path, options: dict[str, object], said: str):
    with pytest.raises(UsageError, match=said) as error:
        colorize(tiny_model, tmp_path, tmp_path / "out", **options)
    assert "\n" not in error.value.message and error.value.hint


def test_a_photo_may_be_called_as_anothers_variant(tiny_model: Path, tmp_path: Path):
    out = tmp_path / "out"
    grey_photo(tmp_path / "in" / "a.png")
    assert colorize(tiny_model, tmp_path / "in", out, variants=2).exit_status == 0
    assert (out / "a.variant2.png").exists()
    for width, name in enumerate(("a.variant2", "a.variant2.variant2", "b.variant2", "A.variant3"), 50):
        grey_photo(tmp_path / "in" / f"{name}.png", (width, 40))
    report = colorize(tiny_model, tmp_path / "in", out, variants=2)
    assert report.exit_status == 0 and report.total == 5, report.failures
    notes = {file.name: read_provenance(file) for file in out.glob("*.png")}
    sources = {name: note.source.relative for name, note in notes.items() if note and note.source}
    for name in ("a.png", "a.variant2.png", "a.variant2.variant2.png", "b.variant2.png", "A.variant3.png"):
        own = [result for result, source in sources.items() if source == name]
        assert len(own) == 2 and name in own, sources
    assert colorize(tiny_model, tmp_path / "in", out, variants=2).counts == {Status.skipped: 5}
