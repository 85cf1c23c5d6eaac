from __future__ import annotations

import math

import numpy as np
import pytest

from colorize_cli.evaluation.statistics import bootstrap_mean, bootstrap_ratio, wilson


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (10, 10), (32, 100), (1, 1), (650, 2000)])
def test_wilson_agrees_with_scipy(successes: int, trials: int):
    from scipy.stats import binomtest

    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    figure = wilson(successes, trials)
    assert figure.value == successes / trials
    assert (figure.low, figure.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_bootstrap_interval_of_normal_data_is_near_the_normal_one():
    data = np.random.default_rng(3).normal(20, 4, 400)
    figure = bootstrap_mean(data)
    from scipy.stats import norm

    half = norm.ppf(0.975) * data.std() / math.sqrt(len(data))
    assert figure.value == pytest.approx(data.mean())
    assert (figure.low, figure.high) == pytest.approx((data.mean() - half, data.mean() + half), abs=0.05)


def test_the_same_seed_gives_the_same_interval():
    data = np.arange(30.0)
    assert bootstrap_mean(data, seed=1) == bootstrap_mean(data, seed=1)
    assert bootstrap_mean(data, seed=1) != bootstrap_mean(data, seed=2)


def test_no_interval_without_spread_to_know_it_from():
    assert bootstrap_mean([5.0]).low is None
    assert math.isnan(bootstrap_mean([]).value)
    assert bootstrap_mean([20.0, math.inf]).value == math.inf
    assert math.isnan(wilson(0, 0).value)


def test_ratio_of_sums_is_not_the_mean_of_ratios():
    figure = bootstrap_ratio(np.asarray([1.0, 90.0]), np.asarray([10.0, 100.0]))
    assert figure.value == pytest.approx(91 / 110)
    assert figure.low == pytest.approx(0.1) and figure.high == pytest.approx(0.9)


def test_wilsons_interval_ends_at_the_ends_of_a_share():
    assert all(wilson(0, trials).low == 0.0 and wilson(trials, trials).high == 1.0 for trials in range(1, 200))
