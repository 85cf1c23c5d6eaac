"""What the page asks for, checked: hints, vividness, saturation, sizes.

In:  the body of a request
Out: `Wish`
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorize_cli.errors import UsageError
from colorize_cli.guidance.hint_points import Sidecar, parse_points

_PLACE = Path("hints")  # how messages name what stands in no file yet
_FIELDS = {"points", "strokes", "vividness", "saturation", "side", "quick", "count", "seed"}
_LEAST_SIDE, _MOST_SIDE = 64, 2048
MOST_PROPOSALS = 8


@dataclass(frozen=True)
class Wish:
    """How a person wants a photo.

    Attributes:
        hints: what `NAME.hints.json` is to hold.
        sidecar: the same, understood; None where there are no hints.
        vividness: 0 to 1; None is the model's own.
        saturation: factor on the chroma, 0 to 4.
        side: pixels of the longer side of the preview.
        quick: a first look is enough.
        count: proposals.
        seed: of the proposals.
    """

    hints: dict[str, Any]
    sidecar: Sidecar | None
    vividness: float | None = None
    saturation: float = 1.0
    side: int = 512
    quick: bool = False
    count: int = 4
    seed: int = 0

    @classmethod
    def parse(cls, body: bytes) -> Wish:
        """Understand a request.

        Raises:
            UsageError: it is none.
            HintError: its hints are none; it names the field.
        """
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            raise UsageError("the request is no JSON") from None
        if not isinstance(said, dict) or (unknown := sorted(set(said) - _FIELDS)):
            raise UsageError("the request is no object" if not isinstance(said, dict) else f"no field {unknown[0]!r}")
        hints = {name: said[name] for name in ("points", "strokes") if said.get(name)}
        sidecar = None
        if hints:
            hints = {"unit": "pixel", "points": [], **hints}
            sidecar = parse_points(hints, _PLACE)
        vividness = None if said.get("vividness") is None else _number(said, "vividness", 0, 0, 1)
        return cls(
            hints,
            sidecar,
            vividness,
            _number(said, "saturation", 1, 0, 4),
            round(_number(said, "side", 512, _LEAST_SIDE, _MOST_SIDE)),
            said.get("quick") is True,
            round(_number(said, "count", 4, 1, MOST_PROPOSALS)),
            round(_number(said, "seed", 0, 0, 1 << 31)),
        )

    @property
    def key(self) -> tuple[str, float | None, float]:
        """Equal for wishes that give the same colors."""
        return json.dumps(self.hints, sort_keys=True), self.vividness, self.saturation


def _number(said: dict[str, Any], name: str, default: float, least: float, most: float) -> float:
    value = said.get(name, default)
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or not least <= value <= most:
        raise UsageError(f"{name}: expected a number from {least:g} to {most:g}, got {value!r}")
    return float(value)
