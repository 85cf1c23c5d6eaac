"""The odds that a photo is one in color, from what `tint` measures.

In:  measures by name
Out: the logarithm of the odds

Logistic regression on the measures and on the products of those that depend on one another (noise tells how much the
others mean). Fitted, with a penalty on the weights, on 1,500 variants of photos of 90 scenes and 400 small ones;
tests/benchmarks/on_color.py makes such variants, and prints how well the weights do on any others.
"""

from __future__ import annotations

from collections.abc import Mapping

_OFFSET = 7.248
_WEIGHTS = {
    "own": 0.247,
    "texture": -1.557,
    "coherence": 2.288,
    "noise": 0.689,
    "fine75": 1.048,
    "fine90": 1.265,
    "coarse50": 1.057,
    "coarse90": 1.344,
    "local50": -0.229,
    "local90": 1.376,
    "change75": -0.021,
    "score": -1.840,
    "tone": 1.416,
    "sway": -0.746,
}
_MEANS = {
    "own": -3.920,
    "coherence": 2.056,
    "noise": -1.086,
    "coarse50": -0.857,
    "fine90": 0.120,
    "tone": 2.207,
    "local50": -0.514,
    "sway": 1.453,
}
_PAIRS = {
    ("own", "own"): -0.324,
    ("own", "coherence"): -0.139,
    ("own", "noise"): 0.801,
    ("own", "coarse50"): -0.089,
    ("own", "fine90"): -0.894,
    ("own", "tone"): -0.146,
    ("own", "local50"): 1.356,
    ("own", "sway"): -0.082,
    ("coherence", "coherence"): -1.969,
    ("coherence", "noise"): -0.258,
    ("coherence", "coarse50"): 1.103,
    ("coherence", "fine90"): -0.675,
    ("coherence", "tone"): -0.739,
    ("coherence", "local50"): 2.459,
    ("coherence", "sway"): 0.325,
    ("noise", "noise"): -1.586,
    ("noise", "coarse50"): -2.244,
    ("noise", "fine90"): 1.291,
    ("noise", "tone"): -0.079,
    ("noise", "local50"): 1.142,
    ("noise", "sway"): 0.776,
    ("coarse50", "coarse50"): -2.050,
    ("coarse50", "fine90"): -0.894,
    ("coarse50", "tone"): -5.544,
    ("coarse50", "local50"): -0.682,
    ("coarse50", "sway"): -1.178,
    ("fine90", "fine90"): -0.866,
    ("fine90", "tone"): 1.912,
    ("fine90", "local50"): -0.262,
    ("fine90", "sway"): 0.415,
    ("tone", "tone"): -2.187,
    ("tone", "local50"): 1.138,
    ("tone", "sway"): 4.132,
    ("local50", "local50"): -0.656,
    ("local50", "sway"): 0.188,
    ("sway", "sway"): -0.703,
}


def log_odds(measures: Mapping[str, float]) -> float:
    """Above zero where a photo in color is the likelier explanation.

    Args:
        measures: each of `_WEIGHTS`' by its name.
    """
    off = {name: measures[name] - mean for name, mean in _MEANS.items()}
    single = sum(weight * measures[name] for name, weight in _WEIGHTS.items())
    return _OFFSET + single + sum(weight * off[one] * off[other] for (one, other), weight in _PAIRS.items())
