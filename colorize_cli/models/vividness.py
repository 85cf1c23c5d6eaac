"""How a network reads its probabilities, cautiously or vividly.

In:  vividness, 0 to 1
Out: the exponent that divides the rebalancing weights out (1 = the true posterior), and the softmax temperature
"""

from __future__ import annotations

from dataclasses import dataclass

# of `mini`, where a checkpoint does not say it; chosen on held-out photos: the ends as far as PSNR and color gain
VIVIDNESS = 0.6
SAFEST = (1.0, 0.65)
MOST_VIVID = (-0.87, 0.36)


@dataclass(frozen=True)
class Reading:
    """What vividness means to a network.

    Attributes:
        default: vividness, where nobody asks for another.
        safest, most_vivid: exponent and temperature at vividness 0 and at 1.
        geometric: the temperature runs from end to end by equal factors, not by equal steps.
        posterior: exponent and temperature at which the probabilities are the true ones.
    """

    default: float
    safest: tuple[float, float]
    most_vivid: tuple[float, float]
    geometric: bool = False
    posterior: tuple[float, float] = (1.0, 1.0)

    @property
    def weighs(self) -> bool:
        """Whether there are rebalancing weights, so that the exponent means something."""
        return any(exponent for exponent, _ in (self.safest, self.most_vivid, self.posterior))

    def at(self, vividness: float | None) -> tuple[float, float]:
        """Exponent and temperature; None is the default vividness."""
        v = self.default if vividness is None else vividness
        exponent, temperature = (a + (b - a) * v for a, b in zip(self.safest, self.most_vivid, strict=True))
        if self.geometric:
            temperature = self.safest[1] ** (1 - v) * self.most_vivid[1] ** v
        return exponent, temperature
