"""The odds that a photo is one in color, from what `tint` measures.

In:  measures by name
Out: the logarithm of the odds

Logistic regression on the measures and on the products of those that depend on one another (noise tells how much the
others mean). Fitted, with a penalty on the weights, on 1,600 variants of one half of the color photos and measured on
the other half; untouched photos in color, and 28 prints of the past, count most. tests/benchmarks/on_color.py makes
such variants of any photos, and prints how well the weights do on them.
"""

from __future__ import annotations

from collections.abc import Mapping

_OFFSET = 6.402
_WEIGHTS = {
    "own": -0.084,
    "texture": -2.277,
    "coherence": 3.022,
    "noise": 0.888,
    "fine75": -0.661,
    "fine90": 1.194,
    "coarse50": -2.656,
    "coarse90": -0.262,
    "local50": 0.481,
    "local90": 3.325,
    "change75": 1.298,
    "score": -1.879,
    "tone": -0.332,
    "sway": 0.114,
}
_RANGES = {  # of what was seen; beyond, the products would run away
    "own": (-5.809, -0.422),
    "texture": (0.517, 4.000),
    "coherence": (0.395, 3.453),
    "noise": (-2.296, 1.795),
    "fine75": (-2.239, 1.910),
    "fine90": (-2.167, 2.469),
    "coarse50": (-2.276, 1.197),
    "coarse90": (-2.177, 2.384),
    "local50": (-2.267, 1.377),
    "local90": (-2.147, 2.335),
    "change75": (-2.176, 2.536),
    "score": (0.695, 3.998),
    "tone": (1.101, 3.813),
    "sway": (0.039, 3.170),
}
_MEANS = {
    "own": -3.947,
    "coherence": 2.053,
    "noise": -0.948,
    "coarse50": -0.698,
    "fine90": 0.348,
    "tone": 2.229,
    "local50": -0.319,
    "sway": 1.546,
}
_PAIRS = {
    ("own", "own"): -0.303,
    ("own", "coherence"): 0.096,
    ("own", "noise"): 0.702,
    ("own", "coarse50"): 1.442,
    ("own", "fine90"): -2.057,
    ("own", "tone"): -0.428,
    ("own", "local50"): 0.865,
    ("own", "sway"): -0.157,
    ("coherence", "coherence"): -2.753,
    ("coherence", "noise"): -1.172,
    ("coherence", "coarse50"): 2.291,
    ("coherence", "fine90"): -0.499,
    ("coherence", "tone"): -0.217,
    ("coherence", "local50"): 2.166,
    ("coherence", "sway"): 1.160,
    ("noise", "noise"): -2.281,
    ("noise", "coarse50"): -1.460,
    ("noise", "fine90"): 2.022,
    ("noise", "tone"): -0.467,
    ("noise", "local50"): 4.681,
    ("noise", "sway"): 0.883,
    ("coarse50", "coarse50"): -0.100,
    ("coarse50", "fine90"): -0.745,
    ("coarse50", "tone"): -6.370,
    ("coarse50", "local50"): -0.235,
    ("coarse50", "sway"): -3.983,
    ("fine90", "fine90"): -0.859,
    ("fine90", "tone"): 1.851,
    ("fine90", "local50"): -0.214,
    ("fine90", "sway"): 4.332,
    ("tone", "tone"): -1.951,
    ("tone", "local50"): 3.353,
    ("tone", "sway"): 3.847,
    ("local50", "local50"): -0.082,
    ("local50", "sway"): -3.454,
    ("sway", "sway"): -0.139,
}


def log_odds(measures: Mapping[str, float]) -> float:
    """Above zero where a photo in color is the likelier explanation.

    Args:
        measures: each of `_WEIGHTS`' by its name.
    """
    seen = {name: min(max(measures[name], low), high) for name, (low, high) in _RANGES.items()}
    off = {name: seen[name] - mean for name, mean in _MEANS.items()}
    single = sum(weight * seen[name] for name, weight in _WEIGHTS.items())
    return _OFFSET + single + sum(weight * off[one] * off[other] for (one, other), weight in _PAIRS.items())
