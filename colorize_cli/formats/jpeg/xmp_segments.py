"""The XMP segments of a JPEG that carries our note; a packet that outgrows one segment goes on in an extension.

In:  the source's packet and the pieces of its extension; the note
Out: segments

Source: XMP Specification Part 3, "Extended XMP in JPEG".
"""

from __future__ import annotations

from colorize_cli.formats.jpeg.jpeg_file import APP1, COM, MAX_PAYLOAD, XMP, XMP_EXTENDED
from colorize_cli.metadata import extended
from colorize_cli.metadata.provenance import Provenance, merge, only_note, without_note, without_padding

_ROOM = MAX_PAYLOAD - len(XMP)


def noted(
    packet: bytes | None, pieces: tuple[bytes, ...], note: Provenance, colored: bool = True
) -> list[tuple[int, bytes]]:
    """The segments of a packet with the note in it.

    Args:
        packet: the source's, or None.
        pieces: of its extension.
        note: ours.
        colored: as `provenance.merge` takes it.
    """
    merged = merge(packet, note, colored)
    if len(merged) > _ROOM:
        merged = without_padding(merged)
    if len(merged) <= _ROOM or packet is None:
        return _segments(merged, pieces)
    source = without_padding(without_note(extended.whole(packet, pieces) or packet))
    if pieces and source == without_padding(without_note(packet)):
        # An extension that cannot be read: all three stay apart, ours in a comment, where `read_provenance` looks, too.
        own = _segments(packet, pieces)
        return [*(own if len(packet) <= _ROOM else own[1:]), (COM, only_note(note, colored))]
    digest, pieces = extended.split(source)
    return _segments(merge(extended.stub(source, digest), note, colored), pieces)


def _segments(packet: bytes, pieces: tuple[bytes, ...]) -> list[tuple[int, bytes]]:
    return [(APP1, XMP + packet), *((APP1, XMP_EXTENDED + piece) for piece in pieces)]
