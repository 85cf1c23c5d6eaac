"""The predictor's promises: batches of one shape, memory that runs out, hints that keep their place."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from colorize_cli.errors import OutOfMemoryError, UsageError
from colorize_cli.inference import devices
from colorize_cli.inference.detail import _to_look_at
from colorize_cli.inference.devices import pick_device, pick_dtype
from colorize_cli.inference.geometry import View, crop, pad, reduce, view_of
from colorize_cli.inference.option_values import Precision
from colorize_cli.inference.predictor import HintPlanes, Predictor, Request
from colorize_cli.models.catalog import catalogue
from colorize_cli.models.generator import Generator, Hints
from colorize_cli.models.load import LoadedModel, load_model
from colorize_cli.models.onnx.load_onnx import load_onnx
from colorize_cli.models.registry import Sizes


class Echo(Generator):
    """Gives the lightness back as a*, the hint's a* as b*, at a quarter of the size; holds at most `room` pictures."""

    def __init__(self, room: int = 100) -> None:
        super().__init__()
        self.room, self.batches = room, list[int]()

    def colorize(
        self, lightness: torch.Tensor, hints: Hints | None = None, vividness: float | None = None
    ) -> torch.Tensor:
        if len(lightness) > self.room:
            raise torch.OutOfMemoryError("no room")
        self.batches.append(len(lightness))
        known = torch.zeros_like(lightness) if hints is None else hints.ab[:, :1] * hints.mask
        return torch.nn.functional.avg_pool2d(torch.cat((lightness, known), 1), 4)


def loaded(generator: Generator, short_side: int = 64) -> LoadedModel:
    spec = replace(catalogue().get("mini"), sizes=Sizes(short_side, 32, 64 * 512), takes_hints=True)
    return LoadedModel("echo", spec, generator, "0" * 64)


def plane(height: int, width: int, value: float = 50.0) -> np.ndarray:
    return np.full((height, width), value, np.float32)


def test_equal_shapes_share_a_batch_and_keep_their_order():
    echo = Echo()
    predictor = Predictor(loaded(echo), torch.device("cpu"), batch=2)
    requests = [Request(plane(64, 96, i)) if i % 2 else Request(plane(96, 64, i)) for i in range(5)]
    results = predictor.predict(requests)
    assert [round(float(ab[0].mean())) for ab in results] == [0, 1, 2, 3, 4]
    assert echo.batches == [2, 2, 2]


def test_out_of_memory_halves_the_batch_and_says_so():
    said: list[str] = []
    echo = Echo(room=2)
    predictor = Predictor(loaded(echo), torch.device("cpu"), batch=8, on_notice=said.append)
    results = predictor.predict([Request(plane(64, 64, i)) for i in range(5)])
    assert [round(float(ab[0].mean())) for ab in results] == [0, 1, 2, 3, 4]
    assert predictor.batch == 2 and len(said) == 2 and all("Out of memory" in line for line in said)


def test_no_room_for_one_photo_is_an_error_not_a_grey_photo():
    with pytest.raises(OutOfMemoryError):
        Predictor(loaded(Echo(room=0)), torch.device("cpu")).predict([Request(plane(64, 64))])


def test_a_thin_scribble_keeps_its_place_when_the_photo_is_reduced():
    ab, mask = np.zeros((2, 512, 512), np.float32), plane(512, 512, 0)
    ab[0, 256:259, 256:259], mask[256:259, 256:259] = 40, 1
    predictor = Predictor(loaded(Echo()), torch.device("cpu"))
    result = predictor.predict([Request(plane(512, 512), HintPlanes(ab, mask))])[0]
    assert result[1].argmax() == np.ravel_multi_index((8, 8), result[1].shape)
    # its cell takes the whole color, however little of it the scribble covers: 40 in one of 4 x 4
    assert result[1].max() == pytest.approx(40 / 16)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 4000), (333, 500), (4000, 3000), (64, 64)])
def test_a_view_keeps_the_aspect_and_its_padding_comes_off(height: int, width: int):
    sizes = Sizes(128, 32, 128 * 512)
    view = view_of(height, width, sizes)
    assert view.padded_height % 32 == 0 == view.padded_width % 32
    assert view.height * view.width <= 1.3 * sizes.max_area
    small = np.asarray(reduce(np.random.default_rng(0).random((height, width), np.float32), view), np.float32)
    padded = pad(small[None], view)
    quarter = padded[:, ::4, ::4]
    back = crop(np.concatenate((quarter, quarter)), view)
    assert back.shape == (2, view.height // 4, view.width // 4)
    np.testing.assert_array_equal(back[0], small[::4, ::4])


def test_wrong_devices_are_refused_by_name():
    assert pick_device("cpu").type == "cpu"
    for wrong in ("tpu", "cuda:99", "quantum"):
        with pytest.raises(UsageError, match=wrong):
            pick_device(wrong)
    with pytest.raises(UsageError, match="fp16"):
        pick_dtype(Precision.fp16, torch.device("cpu"))


def test_pictures_side_by_side_get_the_colors_that_each_gets_alone(tiny_model: Path) -> None:
    model = load_model(str(tiny_model))
    rng = np.random.default_rng(0)
    requests = [Request(rng.uniform(0, 100, (64, 96)).astype(np.float32)) for _ in range(5)]
    alone = Predictor(model, torch.device("cpu")).predict(requests)
    beside = Predictor(model, torch.device("cpu"), workers=3).predict(requests)
    for one, other in zip(alone, beside, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-3)


def test_large_networks_share_the_cores_out_among_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert devices.cpu_workers(55_000_000, 24) == 4
    assert devices.cpu_workers(55_000_000, 1) == 1
    assert devices.cpu_workers(11_000_000, 24) == 1


class Flat(Generator):
    """One color everywhere, at a share of the size."""

    def __init__(self, a: float, b: float, shrink: int) -> None:
        super().__init__()
        self.ab, self.shrink = torch.tensor([a, b]), shrink

    def colorize(
        self, lightness: torch.Tensor, hints: Hints | None = None, vividness: float | None = None
    ) -> torch.Tensor:
        count, _, height, width = lightness.shape
        return self.ab.view(1, 2, 1, 1).expand(count, 2, height // self.shrink, width // self.shrink)


def test_an_ensemble_gives_the_mean_of_its_members_at_the_finest_of_their_sizes():
    members = tuple(loaded(Flat(*color)) for color in ((10.0, -30.0, 4), (40.0, 30.0, 2), (-20.0, 45.0, 8)))
    both = replace(members[0], name="all", ensemble=members)
    first, second = Predictor(both, torch.device("cpu")).predict([Request(plane(64, 96)), Request(plane(64, 64))])
    assert first.shape == (2, 32, 48) and second.shape == (2, 32, 32)
    np.testing.assert_allclose(first[:, ::7, ::7], np.broadcast_to([[[10]], [[15]]], (2, 5, 7)), atol=1e-4)
    np.testing.assert_allclose(second.mean((1, 2)), [10, 15], atol=1e-4)


def test_what_is_beside_a_photo_for_the_network_is_its_mirror_image():
    """Zeros would be a black rim, which networks take for a frame."""
    view = View(3, 5, 6, 8)
    small = np.arange(15, dtype=np.float32).reshape(3, 5) + 20
    padded = pad(small, view)
    assert padded.shape == (6, 8)
    np.testing.assert_array_equal(padded[:3, :5], small)
    np.testing.assert_array_equal(padded[3:, :5], small[::-1])
    np.testing.assert_array_equal(padded[:3, 5:], small[:, :1:-1])
    np.testing.assert_array_equal(pad(np.stack((small, -small)), view)[1], -padded)


@pytest.mark.parametrize("name", ["mini", "mini+mini"])
def test_the_encoded_graph_is_let_go_once_a_session_has_read_it(name: str) -> None:
    model = load_onnx(name)
    assert model is not None
    graphs = [member.graph for member in model.members]
    predictor = Predictor(model)
    del model
    while graphs:
        graph = graphs.pop()
        assert sys.getrefcount(graph) == 2, "here, and as an argument"
    assert {member.graph for member in predictor.model.members} == {b""}


@pytest.mark.parametrize("size", [(2, 1_000_000), (5_000_000, 2), (10, 900_000), (1, 1), (65_500, 10)])
def test_a_line_of_pixels_is_no_larger_to_the_network_than_a_photo(size: tuple[int, int]) -> None:
    sizes = Sizes(256, 32, 384 * 512)
    view = view_of(*size, sizes)
    assert view.padded_height * view.padded_width <= 2 * sizes.max_area, "10 megapixels for 2 x 1,000,000"
    assert view.height % 4 == view.width % 4 == view.padded_height % 32 == view.padded_width % 32 == 0
    assert 4 <= view.height <= view.padded_height and 4 <= view.width <= view.padded_width


def test_a_panorama_keeps_its_aspect() -> None:
    view = view_of(1000, 40_000, Sizes(256, 32, 384 * 512))
    assert abs(view.width / view.height - 40) < 2


def test_pictures_on_a_line_of_pixels_are_looked_for_in_little_memory() -> None:
    asked = list[tuple[int, int]]()

    def lightness(height: int, width: int) -> np.ndarray:
        asked.append((height, width))
        return np.full((height, width), 50, np.float32)

    _to_look_at(np.zeros((100, 3000), np.float32), lightness, (100, 1_000_000))
    assert asked[0][0] * asked[0][1] <= 64 * 256 * 256, "100 megapixels"
