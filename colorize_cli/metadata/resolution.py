"""How many samples of a picture there are in an inch.

In:  nothing; this is a word that EXIF's reader and the formats share
Out: `Resolution`
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Resolution:
    """Samples per unit; unit `none` gives only the pixel's aspect."""

    x: float
    y: float
    unit: Literal["inch", "cm", "none"] = "inch"

    def turned(self) -> Resolution:
        """The same for a picture whose sides were exchanged."""
        return Resolution(self.y, self.x, self.unit)

    def per_inch(self) -> tuple[float, float]:
        """Dots per inch, whatever the unit was."""
        factor = 2.54 if self.unit == "cm" else 1.0
        return self.x * factor, self.y * factor

    def per_metre(self) -> tuple[int, int]:
        """Dots per metre, rounded as PNG and BMP store them."""
        x, y = self.per_inch()
        x, y = (min(max(round(value / 0.0254), 0), 2**31 - 1) for value in (x, y))
        return int(x), int(y)
