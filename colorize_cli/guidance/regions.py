"""Cut a picture into regions whose pixels are more like each other than like their neighbours.

In:  features, (h, w, C), float32, on one scale of difference
Out: numbers of the regions, (h, w), from 0
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from colorize_cli.guidance.descriptors import Floats, blurred


def regions(features: Floats, scale: float = 60.0, smallest: float = 0.004, sigma: float = 0.7) -> NDArray[np.intp]:
    """Merge pixels, most alike first, while the step between two regions is no larger than the steps within them.

    Args:
        features: (h, w, C).
        scale: how large a step small regions forgive, in units of the features times pixels; larger, fewer regions.
        smallest: share of the picture below which a region joins the neighbour most like it.
        sigma: blur before, pixels.

    Returns:
        (h, w), numbered from 0 in reading order.

    Source: Felzenszwalb and Huttenlocher 2004. One pass over the edges in Python: meant for some 10,000 pixels.
    """
    h, w = features.shape[:2]
    plane = blurred(features, sigma).reshape(h, w, -1)
    index = np.arange(h * w).reshape(h, w)
    starts = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    ends = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    flat = plane.reshape(h * w, -1)
    steps = np.sqrt(((flat[starts] - flat[ends]) ** 2).sum(1))
    order = np.argsort(steps, kind="stable")
    pairs = list(zip(starts[order].tolist(), ends[order].tolist(), steps[order].tolist(), strict=True))
    parent, size = list(range(h * w)), [1] * (h * w)
    allowed = [scale] * (h * w)  # the largest step within, plus what its size forgives

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def merge(a: int, b: int) -> int:
        parent[b] = a
        size[a] += size[b]
        return a

    for i, j, step in pairs:
        a, b = root(i), root(j)
        if a != b and step <= allowed[a] and step <= allowed[b]:
            allowed[a] = step + scale / (size[a] + size[b])
            merge(a, b)
    for i, j, _ in pairs:
        a, b = root(i), root(j)
        if a != b and min(size[a], size[b]) < smallest * h * w:
            merge(a, b)
    roots = np.array([root(i) for i in range(h * w)])
    _, first, numbers = np.unique(roots, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[numbers].reshape(h, w)
