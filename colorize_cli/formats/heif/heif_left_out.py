"""What an AVIF or HEIC file holds that no result has: gain maps, other pictures, metadata of other kinds.

In:  its items, and the references between them
Out: notes

Source: ISO/IEC 23008-12 (HEIF: auxiliary and derived pictures), 23008-12 amendment 1 (`tmap`), 21496-1 (gain maps).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from colorize_cli.metadata.exif import THUMBNAIL_LEFT_OUT
from colorize_cli.notes import Loss, Note

Kinds = Mapping[int, tuple[bytes, bytes]]  # of each item: its type, and for `mime` its content type
Links = Iterable[tuple[bytes, int, tuple[int, ...]]]  # kind, from which item, to which ones
XMP_TYPE = b"application/rdf+xml"
PICTURES = frozenset(
    {b"hvc1", b"av01", b"grid", b"iden", b"iovl", b"jpeg", b"unci", b"avc1", b"j2k1", b"hvt1", b"lhv1", b"evc1"}
    | {b"vvc1"}
)
_MOST_NAMES, _END = 10, b"\0"


def of_any(kinds: Kinds, links: Links) -> list[str]:
    """What is told of a file whoever decodes it: thumbnails, gain maps, metadata that are neither EXIF nor XMP."""
    notes: list[str] = [THUMBNAIL_LEFT_OUT] if any(kind == b"thmb" for kind, _, _ in links) else []
    if any(kind == b"tmap" for kind, _ in kinds.values()):
        notes.append(Note("its gain map was left out", Loss.gain_map))
    other = {
        f"{kind.decode('latin-1').strip()} {content.split(_END)[0].decode('latin-1')[:40]}".strip()
        for kind, content in kinds.values()
        if kind not in PICTURES and kind not in (b"tmap", b"Exif")
        and not (kind == b"mime" and content.startswith(XMP_TYPE))
    }  # fmt: skip
    if other:
        notes.append(Note(f"HEIF items ({', '.join(sorted(other)[:_MOST_NAMES])}) were left out", Loss.metadata))
    return notes


def of_one_picture(
    main: int, kinds: Kinds, links: Links, hidden: Iterable[int], auxiliary: Mapping[int, str]
) -> list[str]:
    """What is told where the decoder gives the main picture alone, with its transparency.

    Args:
        main: its item.
        kinds: of all items.
        links: between them.
        hidden: items that are not to be shown.
        auxiliary: of items that go with a picture, for what, as a URN.
    """
    served = {source for kind, source, _ in links if kind in (b"auxl", b"thmb")}
    parts = {item for kind, _, items in links if kind in (b"dimg", b"base") for item in items}
    shown = [n for n, (kind, _) in kinds.items() if kind in PICTURES and n not in {main, *hidden} | served | parts]
    notes = list[str]()
    if shown:
        notes.append(Note("AVIF pictures behind the first were left out", Loss.pictures))
    beside = [urn.lower() for item, urn in auxiliary.items() if item in served]
    if any("gainmap" in urn for urn in beside):
        notes.append(Note("its gain map was left out", Loss.gain_map))
    if any("gainmap" not in urn and "alpha" not in urn and not urn.endswith("auxid:1") for urn in beside):
        notes.append(Note("its depth map or mask was left out", Loss.depth_map))
    return notes
