from __future__ import annotations

import numpy as np
import pytest
import torch

from colorize_cli.evaluation.accuracy import accuracy_curve, area_weights, color_weights, error_histogram
from colorize_cli.models.bins import rebalancing_weights, srgb_bins, srgb_soft_bins


def _random(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    target = torch.rand((2, 2, 9, 11), generator=rng) * 120 - 60
    return target + torch.randn((2, 2, 9, 11), generator=rng) * 25, target


def test_curve_is_the_share_of_pixels_within_each_threshold():
    preds, target = _random(0)
    error = (preds - target).square().sum(1).sqrt().numpy().reshape(2, -1)
    expected = np.stack([(error <= t).mean(1) for t in range(151)], 1)
    curve = accuracy_curve(error_histogram(preds, target).double().sum(1))
    np.testing.assert_allclose(curve.numpy(), expected, atol=1e-12)


def test_area_is_numpys_trapezoid_of_the_curve():
    preds, target = _random(1)
    cells = error_histogram(preds, target).double()
    expected = np.trapezoid(accuracy_curve(cells.sum(1)).numpy(), axis=1) / 150
    area = (cells @ area_weights()).sum(1) / cells.sum((1, 2))
    np.testing.assert_allclose(area.numpy(), expected, atol=1e-12)


def test_a_perfect_prediction_has_the_whole_area_and_a_hopeless_one_none():
    target = torch.zeros(1, 2, 4, 4)
    perfect, hopeless = error_histogram(target, target).double(), error_histogram(target + 120, target).double()
    assert (perfect @ area_weights()).sum().item() == 16
    assert (hopeless @ area_weights()).sum().item() == 0


def test_pixels_are_counted_by_their_true_color():
    bins = srgb_bins()
    target = bins[[10, 10, 200, 30]].T.reshape(1, 2, 2, 2).clone()
    counts = error_histogram(torch.zeros_like(target), target)[0].sum(1)
    assert counts[10] == 2 and counts[200] == 1 and counts[30] == 1 and counts.sum() == 4


def test_rare_colors_weigh_more():
    counts = torch.ones(len(srgb_bins()))
    counts[100] = 1e6
    weights = color_weights(counts)
    assert weights[100] < weights[0] / 100
    assert (weights * counts).sum().item() == pytest.approx(counts.sum().item(), rel=0.2)


@pytest.mark.parametrize("corner", [0, -1])
def test_colors_that_no_picture_has_are_no_infinite_weights(corner: int):
    counts = torch.zeros(len(srgb_bins()))
    counts[corner] = 10  # the smoothed share of the farthest bins is 0 in single precision
    weights = color_weights(counts)
    assert weights.isfinite().all() and weights[corner] > 0
    assert rebalancing_weights(srgb_soft_bins().prior(counts), uniform=0.0, power=2.0).isfinite().all()


def test_smoothing_spreads_each_color_and_loses_none_of_it():
    bins = srgb_bins()
    inner = int((bins**2).sum(1).argmin())  # grey, with neighbors all around
    corner = int(bins[:, 1].argmax())  # the strongest yellow, at the edge of what sRGB has
    one = [srgb_soft_bins().prior(torch.eye(len(bins))[k]) for k in (inner, corner)]
    for k, prior in zip((inner, corner), one, strict=True):
        weights = torch.exp(-((bins - bins[k]) ** 2).sum(1) / (2 * 5.0**2))
        torch.testing.assert_close(prior, weights / weights.sum())
    both = srgb_soft_bins().prior(torch.eye(len(bins))[inner] * 3 + torch.eye(len(bins))[corner])
    torch.testing.assert_close(both, 0.75 * one[0] + 0.25 * one[1], msg="as much of each color as before")
