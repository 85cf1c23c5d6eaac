"""Closer looks: tiles agree with each other and with the whole; pictures of a sheet are seen one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from colorize_cli.errors import OutOfMemoryError, UsageError
from colorize_cli.inference.detail import LightnessAt, Refined, check_tileable, refine
from colorize_cli.inference.option_values import Detail, Method
from colorize_cli.inference.pictures import find_pictures
from colorize_cli.inference.predictor import Predictor
from colorize_cli.inference.tiling import STEP, lay
from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.load import LoadedModel, load_model
from colorize_cli.models.registry import ModelSpec, Sizes
from colorize_cli.pipeline.run import Progress
from tests.runs import colorize_photos, run_options

Floats = NDArray[np.float32]
Answer = Callable[[Tensor, Hints | None], Tensor]


class Fake(Generator):
    """Answers as it is told, at a quarter of its input's size; remembers what it was shown."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer, self.shown = answer, list[tuple[Tensor, Hints | None]]()

    def colorize(self, lightness: Tensor, hints: Hints | None = None, vividness: float | None = None) -> Tensor:
        self.shown.append((lightness, hints))
        return torch.nn.functional.avg_pool2d(self.answer(lightness, hints), 4)


def _colorizer(answer: Answer, hints: bool = True, tileable: bool = True) -> tuple[Predictor, Fake]:
    fake = Fake(answer)
    spec = ModelSpec("fake", Fake, Sizes(64, 4, 64 * 256), hints, tileable, None, "MIT", "here", 0, "A test's.")
    return Predictor(LoadedModel("fake", spec, fake, ""), torch.device("cpu")), fake


def _even(value: float) -> Answer:
    return lambda lightness, _: torch.full_like(lightness, value).expand(-1, 2, -1, -1)


def _repeat_hints(lightness: Tensor, hints: Hints | None) -> Tensor:
    """The mean of the hints in each quarter of what is shown."""
    assert hints is not None
    h, w = lightness.shape[-2] // 2, lightness.shape[-1] // 2
    total, count = (torch.nn.functional.avg_pool2d(x, (h, w)) for x in (hints.ab * hints.mask, hints.mask))
    return torch.nn.functional.interpolate(total / count.clamp_min(1e-6), lightness.shape[-2:])


def _of(plane: Floats) -> LightnessAt:
    return lambda h, w: np.asarray(cv2.resize(plane, (w, h), interpolation=cv2.INTER_AREA), np.float32)


def _refine(predictor: Predictor, whole: Floats, plane: Floats, detail: Detail) -> Refined:
    size = (plane.shape[0], plane.shape[1])
    return refine(predictor, whole, _of(plane), size, detail)


def _flat(height: int, width: int, value: float = 50) -> Floats:
    return np.full((height, width), value, np.float32)


@pytest.mark.parametrize("length", [64, 100, 257, 1000])
@pytest.mark.parametrize(("tile", "overlap"), [(64, 0), (64, 16), (64, 60), (100, 33), (256, 128)])
@pytest.mark.parametrize("shrink", [1, 4])
def test_windows_sum_to_one_at_every_pixel(length: int, tile: int, overlap: int, shrink: int) -> None:
    line = lay(length, tile, min(overlap, length - STEP))
    total = np.zeros(line.length // shrink)
    for start, window in zip(line.starts, line.windows(shrink), strict=True):
        total[start // shrink : start // shrink + len(window)] += window
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert line.starts[0] == 0 and line.starts[-1] + line.tile == line.length, "the whole axis is covered"
    assert all(
        b - a <= line.tile - min(overlap, line.tile - STEP) // STEP * STEP
        for a, b in zip(line.starts, line.starts[1:], strict=False)
    )


def test_an_overlap_as_large_as_the_tile_is_refused() -> None:
    with pytest.raises(UsageError, match="--overlap 64 does not fit --tile 64"):
        lay(1000, 64, 64)


def test_a_tiled_network_that_repeats_its_input_gives_it_back() -> None:
    rng = np.random.default_rng(0)
    plane = cv2.resize(rng.uniform(0, 100, (8, 12)).astype(np.float32), (768, 512), interpolation=cv2.INTER_CUBIC)
    predictor, _ = _colorizer(lambda lightness, _: lightness.expand(-1, 2, -1, -1))
    whole = np.stack([cv2.resize(plane, (24, 16), interpolation=cv2.INTER_AREA)] * 2)
    refined = _refine(predictor, whole, plane, Detail(levels=3))
    assert refined.levels == 3 and refined.ab.shape == (2, 128, 192)
    assert np.abs(refined.ab[0] - cv2.resize(plane, (192, 128), interpolation=cv2.INTER_AREA)).mean() < 0.5


def test_a_network_that_takes_hints_is_shown_the_colors_of_the_whole() -> None:
    whole = np.zeros((2, 16, 24), np.float32)
    whole[0, :, :12], whole[0, :, 12:] = 40, -40
    predictor, fake = _colorizer(_repeat_hints)
    refined = _refine(predictor, whole, _flat(256, 384), Detail(levels=1))
    hints = [hints for _, hints in fake.shown]
    assert len(hints) > 6 and all(h is not None and 0.005 < h.mask.mean() < 0.1 for h in hints), "few, in every tile"
    seen = {round(float(v)) for h in hints if h is not None for v in h.ab[:, 0][h.mask[:, 0] > 0]}
    assert {-40, 40} <= seen
    assert np.abs(refined.ab[0, :, :16] - 40).max() < 2 and np.abs(refined.ab[0, :, -16:] + 40).max() < 2


def test_a_network_without_hints_keeps_the_coarse_colors_of_the_whole() -> None:
    whole = np.full((2, 16, 24), 30, np.float32)
    predictor, fake = _colorizer(_even(-60), hints=False)
    refined = _refine(predictor, whole, _flat(256, 384), Detail(levels=2))
    assert fake.shown and all(hints is None for _, hints in fake.shown)
    np.testing.assert_allclose(refined.ab, 30, atol=1e-3)


def test_a_network_that_must_not_be_tiled_is_not() -> None:
    predictor, fake = _colorizer(_even(9), tileable=False)
    whole = np.zeros((2, 16, 24), np.float32)
    assert _refine(predictor, whole, _flat(256, 384), Detail(levels=2)).ab is whole
    assert not fake.shown
    with pytest.raises(UsageError, match="model fake must not be tiled"):
        check_tileable(predictor, Detail(levels=2))
    check_tileable(predictor, Detail())


def test_what_a_network_does_at_the_rim_of_its_input_shows_no_grid() -> None:
    """Colors that are 20 off at a tile's rim make no step between neighbours, nor any color that far off."""

    def off_at_the_rim(lightness: Tensor, _: Hints | None) -> Tensor:
        out = torch.zeros_like(lightness).expand(-1, 2, -1, -1).clone()
        out[..., :8, :] = out[..., :8] = 20
        return out

    predictor, _ = _colorizer(off_at_the_rim)
    refined = _refine(predictor, np.zeros((2, 16, 16), np.float32), _flat(512, 512), Detail(levels=3))
    inner = refined.ab[0, 8:, 8:]  # the scan's own rim has no other tile to learn from
    assert np.abs(np.diff(inner, axis=0)).max() < 2 and np.abs(inner).max() < 3


@pytest.mark.slow
def test_flat_grey_shows_no_grid() -> None:
    """With the bundled network: no place differs from its neighbour by more than can be seen."""
    predictor = Predictor(load_model("mini"), torch.device("cpu"))
    plane = _flat(512, 512)
    refined = _refine(predictor, np.zeros((2, 64, 64), np.float32), plane, Detail(levels=1, tile=256, overlap=64))
    assert refined.levels == 1
    inner = refined.ab[:, 8:-8, 8:-8]
    assert max(np.abs(np.diff(inner, axis=axis)).max() for axis in (1, 2)) < 1


def _picture(rng: np.random.Generator, height: int, width: int) -> Floats:
    return np.asarray(
        cv2.resize(rng.uniform(5, 95, (5, 5)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    )


def _sheet(rows: int, columns: int, side: int, gutter: int = 0, seed: int = 0) -> Floats:
    rng, step = np.random.default_rng(seed), side + gutter
    sheet = np.full((rows * step + gutter, columns * step + gutter), 95, np.float32)
    for y in range(rows):
        for x in range(columns):
            top, left = gutter + y * step, gutter + x * step
            sheet[top : top + side, left : left + side] = _picture(rng, side, side)
    return sheet


@pytest.mark.parametrize(("rows", "columns", "gutter"), [(3, 4, 0), (4, 4, 6), (1, 5, 4), (2, 2, 0)])
def test_pictures_of_a_sheet_are_found(rows: int, columns: int, gutter: int) -> None:
    sheet = _sheet(rows, columns, 64, gutter)
    boxes = find_pictures(sheet)
    assert len(boxes) == rows * columns
    for i, box in enumerate(boxes):
        y, x = gutter + i // columns * (64 + gutter), gutter + i % columns * (64 + gutter)
        assert abs(box.top * sheet.shape[0] - y) <= gutter + 3 and abs(box.left * sheet.shape[1] - x) <= gutter + 3


def test_one_picture_is_one_picture_even_with_a_horizon_and_a_frame() -> None:
    plain = _picture(np.random.default_rng(1), 256, 384)
    horizon = plain.copy()
    horizon[100:] -= 30
    post = horizon.copy()
    post[:, 130:137] = 5
    framed = np.pad(plain, 30, constant_values=97)
    for picture in (plain, horizon, post, framed, _flat(256, 256)):
        assert find_pictures(picture) == ()


def test_a_sheet_is_colored_picture_by_picture_and_one_picture_left_alone() -> None:
    """The network answers with the mean lightness of all that it sees."""

    def mean(lightness: Tensor, _: Hints | None) -> Tensor:
        return lightness.mean((2, 3), keepdim=True).expand(-1, 2, *lightness.shape[-2:])

    predictor, _ = _colorizer(mean)
    sheet = _sheet(3, 3, 128)
    whole = np.full((2, 16, 16), sheet.mean(), np.float32)
    refined = _refine(predictor, whole, sheet, Detail())
    assert refined.pictures == 9 and refined.levels == 0
    for y in range(3):
        for x in range(3):
            own = sheet[y * 128 : (y + 1) * 128, x * 128 : (x + 1) * 128].mean()
            ab = refined.ab[:, y * 16 + 4 : y * 16 + 12, x * 16 + 4 : x * 16 + 12]
            expected = 0.7 * own + 0.3 * sheet.mean()
            assert np.abs(ab - expected).max() < 2, "its own picture's mean and the whole's, not its neighbour's"
    plain = _picture(np.random.default_rng(3), 384, 384)
    assert _refine(predictor, whole, plain, Detail()).ab is whole
    assert _refine(predictor, whole, sheet, Detail(levels=0)).ab is whole


def test_levels_end_where_the_scan_has_no_more_to_show() -> None:
    predictor, _ = _colorizer(_even(5))
    refined = _refine(predictor, np.zeros((2, 16, 16), np.float32), _flat(150, 150), Detail(levels=5))
    assert refined.levels == 1


def test_out_of_memory_halves_the_tile() -> None:
    def only_small(lightness: Tensor, _: Hints | None) -> Tensor:
        if lightness.shape[-1] > 128:
            raise torch.OutOfMemoryError("out of memory")
        return _even(10)(lightness, _)

    predictor, fake = _colorizer(only_small)
    told: list[str] = []
    predictor.on_notice = told.append
    refined = _refine(predictor, np.full((2, 16, 16), 10, np.float32), _flat(512, 512), Detail(levels=3, tile=256))
    np.testing.assert_allclose(refined.ab, 10, atol=1e-4)
    assert any("--tile 128" in text for text in told)
    fake.answer = lambda lightness, _: (_ for _ in ()).throw(torch.OutOfMemoryError("out of memory"))
    with pytest.raises(OutOfMemoryError):
        _refine(predictor, np.zeros((2, 16, 16), np.float32), _flat(512, 512), Detail(levels=1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("much",), "--detail 'much' is no level"),
        (("0",), "--detail '0' is no level"),
        (("auto", 8), "--tile 8 is too small"),
        (("auto", 128, 100), "--overlap 100 is more than half a tile"),
    ],
)
def test_wrong_options_are_refused_in_one_line(arguments: tuple[str, int, int], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        Detail.parse(*arguments)
    assert len(str(caught.value).splitlines()) == 2, "what is wrong, and what to type"


def test_detail_goes_with_the_network_alone() -> None:
    options = run_options(("a.jpg",), detail=Detail.parse("2"))
    for other in ({"method": Method.levin, "hints": Path("hints")}, {"variants": 2}):
        with pytest.raises(UsageError, match="--detail"):
            run_options(("a.jpg",), detail=Detail.parse("2"), **other).check()
    options.check()
    assert dict(options.note("mini", "").settings)["detail"] == "2"
    assert "detail" not in dict(run_options(("a.jpg",), detail=Detail.parse("auto")).note("mini", "").settings)


@pytest.mark.parametrize("stream_from", [1 << 40, 1])
def test_a_contact_sheet_is_seen_picture_by_picture_on_both_roads(
    stream_from: int, tiny_model: Path, tmp_path: Path
) -> None:
    sheet = np.clip(_sheet(3, 4, 128), 0, 100)
    Image.fromarray((sheet * 2.55).astype(np.uint8)).save(tmp_path / "sheet.tif")
    Image.fromarray((sheet[:128, :128] * 2.55).astype(np.uint8)).save(tmp_path / "one.tif")
    looks: dict[str, Any] = {}
    for name, text in (("auto", "auto"), ("off", "off"), ("tiles", "1")):
        job = run_options(
            (str(tmp_path / "sheet.tif"), str(tmp_path / "one.tif")),
            out=tmp_path / name,
            model=str(tiny_model),
            device="cpu",
            stream_from=stream_from,
            detail=Detail.parse(text, 64),
            verify=True,
        )
        notes: dict[str, str] = {}

        def keep(progress: Progress, notes: dict[str, str] = notes) -> None:
            if progress.outcome is not None:
                notes[progress.outcome.source.name] = " ".join(progress.outcome.notes)

        assert colorize_photos(job, keep).exit_status == 0
        assert "pictures" not in notes["one.tif"]
        assert ("12 pictures" in notes["sheet.tif"]) == (name != "off")
        looks[name] = np.asarray(Image.open(tmp_path / name / "sheet.tif")).astype(int)
    assert (looks["auto"] != looks["off"]).any()
    assert (looks["auto"] == looks["tiles"]).all(), "its pictures have no more pixels than were seen already"
