"""GIF: its first frame is read, by Pillow; results are PNG."""

from __future__ import annotations

from colorize_cli.formats.base import Format
from colorize_cli.formats.by_pillow import ANIMATED, by_pillow
from colorize_cli.formats.declared import Declared, FileParts, Holds, Stripped
from colorize_cli.formats.decoded import Damaged, DecodedPhoto
from colorize_cli.formats.gif import gif_blocks, gif_file, gif_lzw
from colorize_cli.formats.gif.strip_gif import strip_gif
from colorize_cli.formats.photo import DecodeLimits, Metadata, PhotoFormat
from colorize_cli.metadata import exif, irb
from colorize_cli.metadata.ifd import Data
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.notes import Loss, Note


class Gif(Format):
    """GIF."""

    name = PhotoFormat.gif
    suffixes = (".gif",)
    starts = (b"GIF87a", b"GIF89a")
    holds = Holds.exif | Holds.icc | Holds.damaged_xmp | Holds.comments
    written_as = (PhotoFormat.png, "GIF holds no more than 256 colors")

    def declared(self, data: Data) -> Declared:
        """The canvas, or the first frame where that is larger."""
        return Declared.of(gif_file.parse(data[:], most=1).canvas, 8, 1, 16)

    def decode(self, data: bytes, limits: DecodeLimits, salvage: bool) -> DecodedPhoto:
        """The first frame."""
        wrong, notes = gif_lzw.fault(data), list[str]()
        if wrong and not salvage:
            raise Damaged(f"damaged GIF: {wrong}", salvageable=True)
        data = gif_lzw.filled_up(data) if wrong else data
        frames, around = gif_file.parse(data, most=2), gif_blocks.around(data)
        found = by_pillow(gif_file.only(data, frames), "GIF")  # for one outside the canvas Pillow lets that grow
        if len(frames.frames) > 1:
            notes.append(ANIMATED)
        resources = around.resources
        if resources and irb.has_thumbnail(resources):
            notes.append(exif.THUMBNAIL_LEFT_OUT)
        if around.others:
            names = ", ".join(dict.fromkeys(around.others))
            notes.append(Note(f"GIF extensions were left out ({names})", Loss.metadata))
        if wrong:
            notes.append(Note(f"salvaged: {wrong}", Loss.salvage))
        resources = irb.without_thumbnail(resources) or None if resources else None
        page = found.page(around.icc, exif.orientation(None, around.xmp), None)
        return DecodedPhoto((page,), Metadata(xmp=around.xmp, comments=around.comments, iptc=resources), tuple(notes))

    def strip(self, data: Data, what: Strip, note: Provenance) -> Stripped:
        """Its blocks without what is to go."""
        return strip_gif(data[:], what, note)

    def ends(self, parts: FileParts) -> bool:
        """Whether its end marker is there."""
        return parts.at(parts.size - 1, 1) == b";"
