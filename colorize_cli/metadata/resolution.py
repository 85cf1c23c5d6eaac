"""How many samples of a picture there are in an inch.

In:  nothing; this is a word that EXIF's reader and the formats share
Out: `Resolution`
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Dots per inch. At the one end a photo of 100 pixels is 25 m wide, and formats round to 0 or to 1; at the other a pixel
# is shorter than light is long, and formats have no such numbers.
LEAST, MOST = 0.1, 150_000


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

    @property
    def is_real(self) -> bool:
        """Whether anything can have been scanned so; 0, and what stands for it, is no resolution."""
        return all(LEAST <= value <= MOST for value in self.per_inch())

    def per_metre(self) -> tuple[int, int]:
        """Dots per metre, rounded as PNG and BMP store them."""
        x, y = self.per_inch()
        x, y = (min(max(round(value / 0.0254), 0), 2**31 - 1) for value in (x, y))
        return int(x), int(y)
