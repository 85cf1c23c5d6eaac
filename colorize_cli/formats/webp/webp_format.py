"""WebP: read and written by Pillow."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from colorize_cli.formats.around import Around, rgb_of, shallow, with_alpha
from colorize_cli.formats.base import Format
from colorize_cli.formats.by_pillow import ANIMATED, by_pillow
from colorize_cli.formats.declared import Declared, FileParts, Holds, Stripped
from colorize_cli.formats.decoded import Damaged, DecodedPhoto, left_over
from colorize_cli.formats.halved_chroma import halving_cost
from colorize_cli.formats.photo import AnyPixels, DecodeLimits, LumaPlanes, Metadata, Photo, PhotoFormat
from colorize_cli.formats.webp import webp_file
from colorize_cli.formats.webp.strip_webp import strip_webp
from colorize_cli.metadata import exif
from colorize_cli.metadata.ifd import Data
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance, parse
from colorize_cli.notes import Loss, Note

_CHUNKS = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "})
_MOST_CHUNKS = 100_000
_DEFAULT_QUALITY = 92
_MOST_COST = 1.0  # L*: WebP has no chroma of full size but in its lossless coding
_EFFORT = 60  # of lossless coding


class Webp(Format):
    """WebP."""

    name = PhotoFormat.webp
    suffixes = (".webp",)
    holds = Holds.exif | Holds.icc | Holds.damaged_xmp
    longest_side = 16383
    has_16_bits = False
    header_anywhere = True
    coder_bytes = 12

    def sniff(self, head: bytes) -> bool:
        """Whether it is a RIFF file of WebP."""
        return head[:4] == b"RIFF" and head[8:12] == b"WEBP"

    def declared(self, data: Data) -> Declared:
        """The canvas."""
        width, height, alpha = webp_file.declared_size(data[:64])
        for _ in webp_file.chunks(data):  # no more of them than a photo has
            pass
        return Declared.of((width, height), 8, 4 if alpha else 3, 24)

    def orientation(self, data: Data) -> int:
        """EXIF's, or else XMP's."""
        around = {kind: part for kind, part in webp_file.chunks(data) if kind in (b"EXIF", b"XMP ")}
        return exif.orientation(around.get(b"EXIF", b"").removeprefix(b"Exif\0\0") or None, around.get(b"XMP "))

    def decode(self, data: bytes, limits: DecodeLimits, salvage: bool) -> DecodedPhoto:
        """The first picture."""
        if webp_file.declared_end(data) > len(data):
            raise Damaged("truncated WEBP: its end is missing")
        found = by_pillow(data, "WEBP")
        notes = [ANIMATED] if found.frames > 1 else list[str]()
        if unknown := {kind for kind, _ in webp_file.chunks(data)} - _CHUNKS:
            names = ", ".join(sorted(kind.decode("latin-1").strip() for kind in unknown))
            notes.append(Note(f"chunks that are no part of WebP were left out ({names})", Loss.metadata))
        notes += left_over(data, webp_file.declared_end(data))
        lossless, block = webp_file.is_lossless(data), found.exif
        packet = next((part for kind, part in webp_file.chunks(data) if kind == b"XMP "), None) or None
        turned = exif.orientation(block, packet)
        page = found.page(found.block("icc_profile"), turned, block, lossless=lossless)
        return DecodedPhoto((page,), Metadata(exif=block, xmp=packet), tuple(notes))

    def note(self, parts: FileParts) -> Provenance | None:
        """The note in the chunk of XMP."""
        at = 12
        for _ in range(_MOST_CHUNKS):
            lead = parts.at(at, 8)
            if len(lead) < 8:
                return None
            kind, length = struct.unpack("<4sI", lead)
            if kind == b"XMP " and (note := parse(parts.at(at + 8, length))) is not None:
                return note
            at += 8 + length + length % 2
        return None

    def ends(self, parts: FileParts) -> bool:
        """Whether the file is as long as its container says."""
        return parts.size >= 8 + int(struct.unpack("<I", parts.at(4, 4))[0])

    def is_lossless(self, photo: Photo, quality: int | None) -> bool:
        """Of a lossless source."""
        return quality is None and photo.pages[0].metadata.lossless

    def encode(
        self, photo: Photo, colored: Sequence[AnyPixels | LumaPlanes], quality: int | None, note: Provenance
    ) -> tuple[bytes, list[str]]:
        """Without loss where the source was, or where nothing else keeps the lightness of a very sharp picture."""
        page, notes, out = photo.pages[0], list[str](), io.BytesIO()
        array, around = with_alpha(page, shallow(rgb_of(colored), self.name, notes)), Around.of(photo, page, note)
        lossless = self.is_lossless(photo, quality) or quality is None and halving_cost(array) > _MOST_COST
        quality = quality or _DEFAULT_QUALITY
        extra: dict[str, Any] = {"exif": b"Exif\0\0" + around.exif} if around.exif else {}
        Image.fromarray(np.ascontiguousarray(array)).save(
            out,
            "WEBP",
            lossless=lossless,
            quality=_EFFORT if lossless else quality,
            exact=True,
            xmp=around.xmp,
            icc_profile=around.icc,
            **extra,
        )
        return out.getvalue(), notes

    def strip(self, data: Data, what: Strip, note: Provenance) -> Stripped:
        """Chunk by chunk."""
        return strip_webp(data[:], what, note)
