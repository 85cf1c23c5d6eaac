"""HEIC, where the extra `heic` is installed; and what it shares with AVIF: boxes of an ISO file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from colorize_cli.errors import in_words
from colorize_cli.formats.around import Around, eight_bits, rgb_of, shallow, with_alpha
from colorize_cli.formats.base import Format
from colorize_cli.formats.boxes import end_of
from colorize_cli.formats.carry import fitted
from colorize_cli.formats.declared import Declared, FileParts, Holds, Stripped
from colorize_cli.formats.decoded import Damaged, DecodedPhoto, Unsupported
from colorize_cli.formats.heif import heif, heif_boxes, heif_sizes
from colorize_cli.formats.heif.strip_heif import strip_heif
from colorize_cli.formats.jp2.jp2_file import boxes
from colorize_cli.formats.jpeg import multi_jpeg
from colorize_cli.formats.photo import AnyPixels, DecodeLimits, LumaPlanes, Photo, PhotoFormat
from colorize_cli.metadata import exif
from colorize_cli.metadata.ifd import Data
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance

# What libavif and libheif say of a file, and of what in it.
_RARE_KINDS = {"Reformat failed": "colors", "Support for this compression format": "pixels"}
_ELSEWHERE = "Save it as PNG or TIFF first."
_UNCOMPRESSED = b"unci"  # a type of items, of ISO/IEC 23001-17


class IsoFormat(Format):
    """A format of pictures in boxes that start with their kind."""

    holds = Holds.exif | Holds.icc | Holds.damaged_xmp
    header_anywhere = True
    apart = True
    coder_bytes = 24
    brands: ClassVar[tuple[bytes, ...]]

    def sniff(self, head: bytes) -> bool:
        """Whether one of the brands is named."""
        return head[4:8] == b"ftyp" and any(brand in head[8:64] for brand in self.brands)

    def damaged(self, error: Exception) -> Damaged:
        """What is said of a file that a library does not read: nothing is wrong with one that is of a rare kind."""
        for words, what in _RARE_KINDS.items():
            if words in str(error):
                how = f"its {what} are coded in a way that no decoder here reads"
                return Unsupported(f"unsupported {self.name.upper()}: {how}", hint=_ELSEWHERE)
        _, limited, said = str(error).partition("Security limit exceeded: ")
        if limited:
            how = f"it has more than libheif reads: {in_words(ValueError(said))}"
            return Unsupported(f"unsupported {self.name.upper()}: {how}", hint=_ELSEWHERE)
        return super().damaged(error)

    def largest(self, data: Data) -> Declared:
        """The largest picture."""
        found = heif_sizes.pictures(data)
        return Declared.of(found.size, found.depth, 3, 60 if found.depth > 8 else 18)

    def orientation(self, data: Data) -> int:
        """The container's; or else XMP's, where EXIF, which tells what the container did, gives none."""
        own = heif_boxes.around(data[:])
        if own.orientation != 1 or own.exif and exif.gives_orientation(own.exif):
            return own.orientation
        return exif.orientation(None, own.xmp)

    def ends(self, parts: FileParts) -> bool:
        """Whether the last box ends the file."""
        return end_of(parts) == parts.size

    def strip(self, data: Data, what: Strip, note: Provenance) -> Stripped:
        """Its items without what is to go."""
        return strip_heif(data[:], what, note)


class Heic(IsoFormat):
    """HEIC; it comes after AVIF, whose files may name its brands."""

    name = PhotoFormat.heic
    suffixes = (".heic", ".heif")
    holds = Holds.exif | Holds.icc
    longest_side = 16384
    brands = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")

    def several(self, source: PhotoFormat, deep: bool) -> bool:
        """Of a HEIC of several pictures."""
        return source is self.name

    def declared(self, data: Data) -> Declared:
        """The largest picture, where it can be read."""
        heif.require()
        kinds = {box.kind for box in boxes(data)}
        if b"moov" in kinds and b"meta" not in kinds:
            raise Unsupported(
                "unsupported HEIC: it holds a film of pictures, and none that stands alone", hint=_ELSEWHERE
            )
        return self.largest(data)

    def pages(self, data: Data) -> int:
        """The pictures that stand on their own."""
        return heif.photos_in(data[:])

    def decode(self, data: bytes, limits: DecodeLimits, salvage: bool) -> DecodedPhoto:
        """All pictures that stand on their own."""
        try:
            return heif.decode_heif(data)
        except Exception:  # libheif passes over what it cannot decode, and then finds no picture
            if _UNCOMPRESSED not in heif_boxes.item_kinds(data):
                raise
            said = "unsupported HEIC: its pixels are stored without HEVC, in a way that no decoder here reads"
            raise Unsupported(said, hint=_ELSEWHERE) from None

    def encode(
        self, photo: Photo, colored: Sequence[AnyPixels | LumaPlanes], quality: int | None, note: Provenance
    ) -> tuple[bytes, list[str]]:
        """Every page a picture with its own metadata; 8 bits, or more where the source had as many."""
        pictures, notes = list[heif.Colored](), list[str]()
        for number, page in enumerate(photo.pages):
            rgb = rgb_of(colored, number)
            if page.metadata.depth <= 8:
                rgb = eight_bits(rgb) if len(photo.pages) > 1 else shallow(rgb, self.name, notes)
            one = photo if len(photo.pages) == 1 else fitted(multi_jpeg.alone(photo, page, number), self)[0]
            around = Around.of(one, page, note)
            pictures.append(heif.Colored(with_alpha(page, rgb), around.exif, around.xmp, around.icc))
        return heif.encode_heif(pictures, quality), notes
