"""The odds that a photo is one in color, from what `tint_measures` measures.

In:  measures by name
Out: the logarithm of the odds

A mean of small networks, whose numbers lie in `assets/tint.safetensors`. They were fitted to 7,000 variants of photos
in color (grey, toned, faded, stamped, mounted, tinted, aged, muted, untouched) and ten prints of the past by
tests/benchmarks/fit_tint.py, which also says how such a fit does on photos that it has not seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

BOUND = 3.0  # standard deviations: beyond what was seen, nothing is extrapolated
_FILE = Path(__file__).resolve().parents[1] / "assets" / "tint.safetensors"


@cache
def _parts() -> tuple[list[str], dict[str, NDArray[np.float32]]]:
    """The measures' names, and the numbers."""
    with safe_open(_FILE, "np") as file:
        names: list[str] = json.loads(file.metadata()["names"])
        return names, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping


def log_odds(measures: Mapping[str, float]) -> float:
    """Above zero where a photo in color is the likelier explanation.

    Args:
        measures: each of `tint_measures.measures`' by its name.
    """
    names, parts = _parts()
    seen = np.array([measures[name] for name in names])
    z = np.clip((seen - parts["mean"]) / parts["spread"], -BOUND, BOUND)[None]  # a row for each network
    found = np.tanh(z @ parts["w1"] + parts["b1"]) @ parts["w2"] + parts["b2"]
    return float(found.mean())
