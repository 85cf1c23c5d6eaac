"""The odds that a photo is one in color, from what `tint` measures.

In:  measures by name
Out: the logarithm of the odds

Logistic regression on the measures and on the products of those that depend on one another (noise tells how much the
others mean). Fitted, with a penalty on the weights, on 2,000 variants of color photos and on 28 prints of the past;
tests/benchmarks/on_color.py makes such variants of any others, and prints how well the weights do on them.
"""

from __future__ import annotations

from collections.abc import Mapping

_OFFSET = 1.992
_WEIGHTS = {
    "own": 0.433,
    "texture": -0.964,
    "coherence": 1.934,
    "noise": -0.111,
    "fine75": 0.779,
    "fine90": 0.980,
    "coarse50": 0.041,
    "coarse90": 1.061,
    "local50": -0.158,
    "local90": 1.772,
    "change75": 0.347,
    "score": -1.322,
    "tone": 0.704,
    "sway": 0.519,
}
_RANGES = {  # of what was seen; beyond, the products would run away
    "own": (-5.809, -0.398),
    "texture": (0.368, 4.000),
    "coherence": (0.406, 3.463),
    "noise": (-2.296, 1.639),
    "fine75": (-2.243, 1.088),
    "fine90": (-2.172, 1.503),
    "coarse50": (-2.280, 0.486),
    "coarse90": (-2.190, 1.368),
    "local50": (-2.272, 0.719),
    "local90": (-2.174, 1.187),
    "change75": (-2.184, 1.633),
    "score": (0.704, 3.997),
    "tone": (1.101, 3.848),
    "sway": (0.032, 3.162),
}
_MEANS = {
    "own": -4.038,
    "coherence": 2.032,
    "noise": -1.075,
    "coarse50": -0.852,
    "fine90": 0.142,
    "tone": 2.200,
    "local50": -0.494,
    "sway": 1.456,
}
_PAIRS = {
    ("own", "own"): -0.187,
    ("own", "coherence"): -0.088,
    ("own", "noise"): 0.775,
    ("own", "coarse50"): 0.147,
    ("own", "fine90"): -0.883,
    ("own", "tone"): -0.064,
    ("own", "local50"): 0.955,
    ("own", "sway"): -0.240,
    ("coherence", "coherence"): -0.918,
    ("coherence", "noise"): -0.360,
    ("coherence", "coarse50"): 0.651,
    ("coherence", "fine90"): 0.022,
    ("coherence", "tone"): -0.984,
    ("coherence", "local50"): 2.007,
    ("coherence", "sway"): -0.249,
    ("noise", "noise"): -1.202,
    ("noise", "coarse50"): -0.699,
    ("noise", "fine90"): 0.725,
    ("noise", "tone"): -0.298,
    ("noise", "local50"): 1.871,
    ("noise", "sway"): -0.078,
    ("coarse50", "coarse50"): -1.721,
    ("coarse50", "fine90"): -0.864,
    ("coarse50", "tone"): -3.870,
    ("coarse50", "local50"): -0.066,
    ("coarse50", "sway"): -1.864,
    ("fine90", "fine90"): -0.841,
    ("fine90", "tone"): 1.297,
    ("fine90", "local50"): -0.123,
    ("fine90", "sway"): 0.548,
    ("tone", "tone"): -1.620,
    ("tone", "local50"): 1.453,
    ("tone", "sway"): 2.311,
    ("local50", "local50"): 0.238,
    ("local50", "sway"): -0.488,
    ("sway", "sway"): 0.533,
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
