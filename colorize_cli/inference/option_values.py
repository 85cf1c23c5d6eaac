"""Closed choices that the command line offers; importing them loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from colorize_cli.errors import UsageError, quoted

MOST_LEVELS = 6  # 64 times what the network sees of the whole
SMALLEST_TILE = 64  # pixels
Value = TypeVar("Value", bound=StrEnum)
_USUAL_TILE = 256  # what the smallest networks were made for


class Precision(StrEnum):
    """Arithmetic of the network; the merge with the lightness is never affected."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"


class OnColor(StrEnum):
    """What to do with color that a photo has of its own."""

    keep_regions = "keep-regions"
    copy = "copy"
    skip = "skip"
    recolor = "recolor"


class Sidecars(StrEnum):
    """What becomes of the files beside a photo that say something about it."""

    copy = "copy"
    skip = "skip"


class Strip(StrEnum):
    """What is left out of the metadata."""

    none = "none"
    gps = "gps"
    all = "all"


class OutputFormat(StrEnum):
    """Format of the results."""

    keep = "keep"
    jpg = "jpg"
    png = "png"
    tif = "tif"
    webp = "webp"
    jxl = "jxl"


class Method(StrEnum):
    """How colors are found."""

    network = "network"
    levin = "levin"
    welsh = "welsh"
    charpiat = "charpiat"


@dataclass(frozen=True)
class Detail:
    """How closely a scan is looked at beyond the network's one look at the whole.

    Attributes:
        levels: how many times tiles go over it, each time at twice the size; 0 is `off`; None is `auto`.
        tile: edge of a tile, pixels as the network sees them; 0 is what the network was made for.
        overlap: of neighboring tiles, pixels; None is half the tile.
    """

    levels: int | None = None
    tile: int = 0
    overlap: int | None = None

    @classmethod
    def parse(cls, text: str, tile: int = 0, overlap: int | None = None) -> Detail:
        """From what was typed.

        Raises:
            UsageError: in one line, with the way out.
        """
        word = text.strip().lower()
        if word not in ("auto", "off") and not (word.isdecimal() and 1 <= int(word) <= MOST_LEVELS):
            raise UsageError(f"--detail {quoted(text)} is no level", hint=f"Give auto, off, or 1 to {MOST_LEVELS}.")
        if tile and tile < SMALLEST_TILE:
            raise UsageError(
                f"--tile {tile} is too small", hint=f"Give {SMALLEST_TILE} pixels or more; 0 is automatic."
            )
        if overlap is not None and overlap > (tile or _USUAL_TILE) // 2:
            raise UsageError(
                f"--overlap {overlap} is more than half a tile",
                hint=f"Give at most {(tile or _USUAL_TILE) // 2}" + ("." if tile else ", or a larger --tile."),
            )
        return cls({"auto": None, "off": 0}.get(word, int(word) if word.isdecimal() else 0), tile, overlap)

    def said(self) -> str:
        """As the note of a result has it; empty for what is automatic."""
        word = {None: "auto", 0: "off"}.get(self.levels, str(self.levels))
        sizes = f" tile {self.tile}" * bool(self.tile) + f" overlap {self.overlap}" * (self.overlap is not None)
        return "" if self == Detail() else word + sizes


def one_of(kind: type[Value], name: str, value: str) -> Value:
    """The value of an enumeration that a program gave as text; `UsageError` where there is none."""
    try:
        return kind(value)
    except ValueError:
        raise UsageError(f"no {name} {quoted(value)}", hint=f"Use {', '.join(kind)}.") from None
