"""How sure a figure is: bootstrap intervals of means, Wilson intervals of shares.

In:  one value per picture; or counts
Out: a figure with its 95 % interval
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
_RESAMPLES = 2000
_Z = 1.959963984540054  # 97.5 % quantile of the normal distribution


@dataclass(frozen=True)
class Figure:
    """A mean or a share, with the ends of its 95 % interval; None where it has none."""

    value: float
    low: float | None = None
    high: float | None = None


def _resampled(count: int, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Indices drawn with replacement, (some, count) at a time, so that memory does not grow with the pictures."""
    rng, rows = np.random.default_rng(seed), max(1, 200_000 // count)
    for start in range(0, resamples, rows):
        yield rng.integers(count, size=(min(rows, resamples - start), count))


def bootstrap_mean(values: Sequence[float] | Values, seed: int = 0, resamples: int = _RESAMPLES) -> Figure:
    """Mean over pictures with its percentile bootstrap interval, drawn from `seed`.

    Infinite values (a PSNR of equal pictures) make an infinite mean. One value has no interval; none gives NaN.
    """
    data = np.asarray(values, np.float64)
    if len(data) == 0:
        return Figure(math.nan)
    mean = float(data.mean())
    if len(data) == 1 or not math.isfinite(mean):
        return Figure(mean)
    means = np.concatenate([data[chosen].mean(1) for chosen in _resampled(len(data), resamples, seed)])
    low, high = np.quantile(means, [0.025, 0.975])
    return Figure(mean, float(low), float(high))


def bootstrap_ratio(above: Values, below: Values, seed: int = 0, resamples: int = _RESAMPLES) -> Figure:
    """Ratio of two sums over pictures, such as a weighted share of pixels, with its bootstrap interval."""
    if len(above) == 0 or below.sum() == 0:
        return Figure(math.nan)
    ratio = float(above.sum() / below.sum())
    if len(above) == 1:
        return Figure(ratio)
    drawn = [
        above[chosen].sum(1) / np.maximum(below[chosen].sum(1), 1e-300)
        for chosen in _resampled(len(above), resamples, seed)
    ]
    low, high = np.quantile(np.concatenate(drawn), [0.025, 0.975])
    return Figure(ratio, float(low), float(high))


def wilson(successes: int, trials: int) -> Figure:
    """A share with Wilson's 95 % score interval, good for small counts and shares near 0 and 1.

    Source: Wilson 1927; agrees with scipy.stats.binomtest(...).proportion_ci(method="wilson").
    """
    if trials == 0:
        return Figure(math.nan)
    share = successes / trials
    scale = 1 + _Z**2 / trials
    center = (share + _Z**2 / (2 * trials)) / scale
    half = _Z / scale * math.sqrt(share * (1 - share) / trials + _Z**2 / (4 * trials**2))
    low = 0.0 if successes == 0 else center - half
    high = 1.0 if successes == trials else center + half
    return Figure(share, low, high)
