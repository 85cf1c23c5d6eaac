"""What a file holds around its pixels, block by block, as the second reader finds it.

In:  nothing; these are the words of the readers of containers and of the comparison
Out: dataclasses
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from colorize_cli.metadata.audit.stored import Stored

if TYPE_CHECKING:
    from colorize_cli.metadata.audit.tags import Directory

Data = bytes | Stored


class AuditError(ValueError):
    """The structure cannot be followed; the message says where."""


@dataclass(frozen=True)
class Raw:
    """A block that has no meaning to this reader.

    Attributes:
        name: what a person calls it, such as "segment APP11" or "box uinf".
        data: its payload.
    """

    name: str
    data: bytes


@dataclass
class Inventory:
    """What one picture of a file, or a file with one picture, holds.

    Attributes:
        format: such as "jpeg"; see `containers.sniff`.
        size: width and height as stored; None where it is not told.
        bits: of a sample as stored; 0 where it is not told.
        exif: blocks from their TIFF header on.
        tiff: the directory of a TIFF's page.
        xmp: packets, ExtendedXMP joined.
        iptc: IPTC-IIM data.
        resources: Photoshop's, by number; thumbnails among them.
        icc: the profile.
        icc_coded: a profile would be coded among the pixels (JPEG XL): it is compared where those are.
        comments: of JPEG, GIF and PPM.
        texts: keyword and text, of PNG.
        raws: the rest.
        pictures: how many the file holds, whatever they are for.
        frames: of an animation; 1 of none.
        turned: orientation that the container itself gives (HEIF), 1 to 8; None where it has no say.
        has_resolution: the container itself gives one (PSD, PNG, JFIF), which goes before EXIF's.
        further: the pictures behind the first, where each has blocks of its own.
        place: of the first page of a TIFF among its directories: a smaller copy may stand before it.
        faults: what is damaged in the file itself, each a few words.
    """

    format: str
    size: tuple[int, int] | None = None
    bits: int = 0
    exif: list[bytes] = field(default_factory=list)
    tiff: Directory | None = None
    xmp: list[bytes] = field(default_factory=list)
    iptc: list[bytes] = field(default_factory=list)
    resources: list[tuple[int, bytes]] = field(default_factory=list)
    icc: bytes | None = None
    icc_coded: bool = False
    comments: list[bytes] = field(default_factory=list)
    texts: list[tuple[str, bytes]] = field(default_factory=list)
    raws: list[Raw] = field(default_factory=list)
    pictures: int = 1
    frames: int = 1
    turned: int | None = None
    has_resolution: bool = False
    further: list[Inventory] = field(default_factory=list)
    place: int = 0
    faults: list[str] = field(default_factory=list)
