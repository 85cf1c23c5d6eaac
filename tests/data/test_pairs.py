from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from colorize_cli.color.lab import lab_from_srgb
from colorize_cli.data.pairs import Pairs, Place, load_batches
from colorize_cli.data.photosets import HeldPhotos
from colorize_cli.data.transforms import Augmentation, make_sample
from colorize_cli.errors import DataError
from tests.data.pictures import colorful

PLAIN = Augmentation(fit="square", spectral_response=0, tone_curve=0, degradation=0, hints=0, flip=0)


def photos(count: int, sources: list[str] | None = None) -> HeldPhotos:
    names = [f"{i}.png" for i in range(count)]
    pictures = [colorful(i) for i in range(count)]
    return HeldPhotos(names, sources or [""] * count, [None] * count, [""] * count, {}, pictures)


def test_an_epoch_shows_every_photo_once_in_another_order() -> None:
    pairs = Pairs(photos(10), range(10), PLAIN, seed=0, source_power=None)
    first, second = ([pairs.draw(epoch * 10 + i)[0] for i in range(10)] for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


def test_a_sample_is_a_function_of_seed_epoch_and_index() -> None:
    how = Augmentation()
    one, other = (Pairs(photos(10), range(10), how, seed=4, source_power=None) for _ in range(2))
    for position in (17, 3, 12):  # in whatever order
        a, b = one[Place(position, 16)], other[Place(position, 16)]
        assert all(torch.equal(x, y) for x, y in zip(a[:3], b[:3], strict=True))
    elsewhere = Pairs(photos(10), range(10), how, seed=5, source_power=None)
    assert not torch.equal(one[Place(3, 16)][0], elsewhere[Place(3, 16)][0])


def test_sources_are_drawn_by_the_root_of_their_size() -> None:
    sources = ["large"] * 81 + ["small"] * 9
    pairs = Pairs(photos(90, sources), range(90), PLAIN, seed=0, source_power=0.5)
    drawn = Counter(sources[pairs.draw(i)[0]] for i in range(2000))
    assert abs(drawn["large"] / 2000 - 0.75) < 0.04  # 9 : 3


def test_a_factor_by_the_sources_name_changes_its_share() -> None:
    sources = ["faces_a"] * 25 + ["faces_b"] * 25 + ["streets"] * 25
    pairs = Pairs(photos(75, sources), range(75), PLAIN, seed=0, source_weights={"faces_*": 0.25, "faces_b": 9.0})
    drawn = Counter(sources[pairs.draw(i)[0]] for i in range(2000))
    assert abs(drawn["streets"] / 2000 - 2 / 3) < 0.04  # 0.25 : 0.25 : 1, the first that fits
    with pytest.raises(DataError, match="source_weights"):
        Pairs(photos(3), range(3), PLAIN, seed=0, source_weights={"*": 0.0})


def test_workers_give_the_same_batches() -> None:
    pairs, plan = Pairs(photos(6), range(6), Augmentation(), seed=1), [(0, 2, 16), (2, 3, 24)]
    alone, helped = (list(load_batches(pairs, plan, workers)) for workers in (0, 1))
    assert [tuple(batch.lightness.shape) for batch in alone] == [(2, 1, 16, 16), (3, 1, 24, 24)]
    for a, b in zip(alone, helped, strict=True):
        assert torch.equal(a.lightness, b.lightness) and torch.equal(a.ab, b.ab) and torch.equal(a.hints, b.hints)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_what_ends_a_run_does_not_end_its_workers_first(name: str) -> None:
    pairs, plan = Pairs(photos(6), range(6), PLAIN, seed=1), [(i, 1, 16) for i in range(12)]
    batches = load_batches(pairs, plan, 1)
    next(batches)
    workers = multiprocessing.active_children()
    assert workers
    for worker in workers:  # a batch system sends it to every process of a job, a terminal to the whole group
        assert worker.pid is not None
        os.kill(worker.pid, getattr(signal, name))
    assert sum(1 for _ in batches) == 11


def test_stretching_takes_the_whole_photo_and_square_the_shorter_side() -> None:
    rgb = np.zeros((20, 40, 3), np.uint8)
    rgb[:, :20, 0] = 255  # left half red
    stretched = make_sample(
        rgb,
        20,
        Augmentation("stretch", flip=0, spectral_response=0, tone_curve=0, degradation=0, hints=0),
        np.random.default_rng(0),
    )
    red = stretched.ab[0] > 40
    assert red[:, :10].all() and not red[:, 10:].any()
    for seed in range(5):
        square = make_sample(rgb, 20, PLAIN, np.random.default_rng(seed))
        assert 0 <= int((square.ab[0, 0] > 40).sum()) <= 20
    assert {int((make_sample(rgb, 20, PLAIN, np.random.default_rng(s)).ab[0, 0] > 40).sum()) for s in range(9)} != {10}


def test_a_tone_curve_keeps_the_order_of_tones_and_degradation_does_not() -> None:
    ramp = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[None, :, None], 64, 0).repeat(3, 2)
    plain = make_sample(ramp, 64, PLAIN, np.random.default_rng(0)).lightness[0]
    for seed in range(5):
        curved, worn = (
            make_sample(ramp, 64, replace(PLAIN, **{name: 1.0}), np.random.default_rng(seed)).lightness[0]
            for name in ("tone_curve", "degradation")
        )
        assert np.abs(curved - plain).max() > 2 and np.ptp(curved, axis=0).max() < 1e-3  # the same in every row
        assert (np.diff(curved[0]) >= 0).all() and curved[0, -1] - curved[0, 0] > 70
        assert np.ptp(worn, axis=0).mean() > 0.5 and np.abs(worn - plain).mean() < 15


def test_film_changes_what_is_seen_and_never_the_truth() -> None:
    rgb, rng = colorful(3, 32, 32), np.random.default_rng
    plain = make_sample(rgb, 32, PLAIN, rng(0))
    aged = make_sample(
        rgb, 32, Augmentation("square", flip=0, spectral_response=1, tone_curve=1, degradation=1, hints=0), rng(0)
    )
    assert np.array_equal(plain.ab, aged.ab)
    assert np.abs(plain.lightness - aged.lightness).mean() > 0.5


def test_hints_are_true_colors() -> None:
    sample = make_sample(
        colorful(2, 32, 32),
        32,
        Augmentation("square", flip=0, hints=1, spectral_response=0, tone_curve=0, degradation=0),
        np.random.default_rng(2),
    )
    known = sample.hints[2] == 1
    assert known.any() and not known.all()
    assert np.abs(sample.hints[:2, known] - sample.ab[:, known]).max() < 12
    assert (sample.hints[:2, ~known] == 0).all()


def test_film_sees_a_mix_of_the_channels_and_greys_as_they_are() -> None:
    film = replace(PLAIN, spectral_response=1.0)
    orange = np.full((16, 16, 3), (220, 120, 20), np.uint8)
    true = make_sample(orange, 16, PLAIN, np.random.default_rng(0))
    seen = [make_sample(orange, 16, film, np.random.default_rng(seed)) for seed in range(40)]
    low, high = (float(lab_from_srgb(np.full((1, 1, 3), level, np.uint8))[0, 0, 0]) for level in (20, 220))
    lightness = np.array([float(sample.lightness.mean()) for sample in seen])
    assert ((lightness > low - 0.1) & (lightness < high + 0.1)).all(), "between blue's and red's"
    assert lightness.std() > 5 and (np.abs(lightness - float(true.lightness.mean())) > 3).mean() > 0.5
    assert all(np.array_equal(sample.ab, true.ab) for sample in seen), "the truth stays"
    grey = np.repeat(np.linspace(0, 255, 256).astype(np.uint8).reshape(16, 16, 1), 3, 2)
    expected = make_sample(grey, 16, PLAIN, np.random.default_rng(0)).lightness
    for seed in range(5):
        np.testing.assert_allclose(
            make_sample(grey, 16, film, np.random.default_rng(seed)).lightness, expected, atol=0.05
        )
    half = replace(PLAIN, spectral_response=0.5)
    kept = [float(make_sample(orange, 16, half, np.random.default_rng(seed)).lightness.mean()) for seed in range(200)]
    assert 0.35 < np.isclose(kept, float(true.lightness.mean()), atol=1e-3).mean() < 0.65
