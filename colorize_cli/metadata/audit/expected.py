"""What a result may not have as its source had it: orientation, sides, regions, places that were stripped.

In:  what was asked for, and what the photo's notes tell
Out: `Context`; where points and rectangles lie once a picture was turned upright

Source: EXIF 2.32, tag 274; MWG Guidelines 2.0; Microsoft's People Tagging schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Context:
    """How a source became its result.

    Attributes:
        notes: what is told of the photo; a loss that a note names is no fault.
        strip: "none", "gps" or "all".
        orientation: that was undone, 1 to 8.
        size: width and height of the source as stored.
        same: the result has the source's format.
        copied: the picture was not decoded.
        reframed: the result has other sides: a border was cut off, or it was enlarged.
    """

    notes: Sequence[str] = ()
    strip: str = "none"
    orientation: int = 1
    size: tuple[int, int] | None = None
    same: bool = True
    copied: bool = False
    reframed: bool = False

    def told(self, *words: str) -> bool:
        """Whether a note tells of a loss, by one of its words."""
        losses = [note.lower() for note in self.notes if "left out" in note or getattr(note, "loss", None) is not None]
        return any(word in note for note in losses for word in words)

    @property
    def exchanged(self) -> bool:
        """Whether width and height changed places."""
        return self.orientation >= 5

    def point(self, x: float, y: float, span: tuple[float, float] = (1.0, 1.0)) -> tuple[float, float]:
        """Where a point of the stored picture, of sides `span`, lies in the upright one."""
        w, h = span
        return {
            1: (x, y), 2: (w - x, y), 3: (w - x, h - y), 4: (x, h - y),
            5: (y, x), 6: (h - y, x), 7: (h - y, w - x), 8: (y, w - x),
        }[self.orientation]  # fmt: skip

    def centered(self, values: Sequence[float], span: tuple[float, float] = (1.0, 1.0)) -> list[float]:
        """A point, a circle (x, y, d) or a rectangle around its middle (x, y, w, h)."""
        rest = list(values[2:])
        return [*self.point(values[0], values[1], span), *(rest[::-1] if self.exchanged else rest)]

    def cornered(self, x: float, y: float, w: float, h: float) -> list[float]:
        """A rectangle given by its corner."""
        (a, b), (c, d) = self.point(x, y), self.point(x + w, y + h)
        return [min(a, c), min(b, d), abs(a - c), abs(b - d)]


def numbers(text: str) -> list[float] | None:
    """The numbers of a list with commas or blanks; None where it holds anything else."""
    try:
        return [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        return None


def close(a: Sequence[float], b: Sequence[float], by: float) -> bool:
    """Whether two lists of numbers are equal but for rounding."""
    return len(a) == len(b) and all(abs(x - y) <= by for x, y in zip(a, b, strict=True))
