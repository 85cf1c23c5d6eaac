"""What the decoders of the formats give: pixels as stored, not yet upright or normalized.

In:  nothing; the words that the decoders share
Out: `DecodedPage`, `DecodedPhoto`; `Damaged`, which every decoder raises for what cannot be read
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from colorize_cli.formats.photo import AnyPixels, JpegTraits, Metadata, PageMetadata, PhotoFormat
from colorize_cli.metadata.resolution import Resolution
from colorize_cli.notes import Loss, Note

Space = Literal["grey", "rgb", "cmyk"]


MOST_PARTS = 20_000  # pieces of metadata in a file, of any kind: more than any photo has


class Damaged(Exception):
    """The picture cannot be read; the message is the reason, for a person. Salvage may still get something."""

    def __init__(self, reason: str, *, salvageable: bool = False, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.salvageable = salvageable
        self.hint = hint

    def advice(self, salvaging: bool = False) -> str | None:
        """What to do about it; None where there is nothing more to do.

        Args:
            salvaging: `--salvage` was given already.
        """
        return self.hint or ("--salvage takes what is there." if self.salvageable and not salvaging else None)


class Unsupported(Damaged):
    """The picture may be whole, but is of a kind that is not read; the reason says which, and what to do."""


class TooManyPixels(Exception):
    """More pixels are declared than the limit allows; the message is the reason."""


def left_over(data: bytes, end: int) -> list[Note]:
    """A note on bytes that stand after the picture's end, and are more than padding."""
    rest = data[end:].strip(b"\0\r\n\t \x1a")
    return [Note(f"{len(data) - end:,} bytes after the picture were left out", Loss.bytes_after)] if rest else []


@dataclass(frozen=True)
class DecodedPage:
    """One page as stored.

    Attributes:
        pixels: (H, W), (H, W, 3) or, for CMYK, (H, W, 4) with 0 for no ink.
        alpha: (H, W) or None.
        icc: the embedded profile, of whatever space.
        orientation: 1 to 8, yet to be undone.
        undone: 1 to 8, of the pixels undone by the decoder, so that the metadata alone are to follow.
        metadata: the page's own.
    """

    pixels: AnyPixels
    space: Space
    alpha: AnyPixels | None = None
    icc: bytes | None = None
    orientation: int = 1
    undone: int = 1
    metadata: PageMetadata = field(default_factory=PageMetadata)


@dataclass(frozen=True)
class DecodedPhoto:
    """A file as stored; its EXIF and XMP still say what they said; `format` is what it is, if its start tells less."""

    pages: tuple[DecodedPage, ...]
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()
    format: PhotoFormat | None = None


__all__ = [
    "AnyPixels",
    "Damaged",
    "JpegTraits",
    "DecodedPage",
    "DecodedPhoto",
    "Resolution",
    "Space",
    "TooManyPixels",
    "Unsupported",
]
