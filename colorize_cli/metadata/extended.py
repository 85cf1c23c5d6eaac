"""XMP that is larger than a JPEG segment: its second part, in numbered pieces, and the packet that points to it.

In:  a packet, and the pieces of its extension as JPEG's segments have them
Out: the extension in one piece; pieces again; one packet that holds both, for files without such a limit

Source: XMP Specification Part 3 (2016), "Extended XMP in JPEG".
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Sequence

from colorize_cli.metadata import xmp
from colorize_cli.metadata.xmp import RDF, XMP_NOTE, Attribute, Edit, Packet, XmpError

POINTER = (XMP_NOTE, "HasExtendedXMP")
_PIECE = 65_000
_MOST_NAMES = 200  # each description gets them all


def joined(packet: bytes | None, pieces: Sequence[bytes]) -> bytes | None:
    """The extension in one piece; None where a piece is missing.

    Args:
        packet: the packet, which says whose pieces are meant where there are several extensions.
        pieces: each 32 characters of a digest, the whole's length, an offset, and the characters from there on.
    """
    wanted = _pointer(packet)
    parts = dict[int, bytes]()
    length, mark = 0, wanted or (pieces[0][:32] if pieces else b"")
    for piece in pieces:
        if len(piece) >= 40 and piece[:32].upper() == mark.upper():
            length, offset = struct.unpack_from(">II", piece, 32)
            parts.setdefault(offset, piece[40:])
    at, out = 0, list[bytes]()
    while at in parts and parts[at]:
        out.append(parts[at])
        at += len(parts[at])
    return b"".join(out) if at == length and out else None


def split(extension: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """An extension's digest, and its pieces."""
    digest = hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()
    starts = range(0, len(extension), _PIECE)
    pieces = (digest + struct.pack(">II", len(extension), at) + extension[at : at + _PIECE] for at in starts)
    return digest, tuple(pieces)


def stub(source: bytes, digest: bytes) -> bytes:
    """A packet of the same subject that does no more than point to the extension of a digest."""
    about = b'""'
    try:
        found = xmp.parse(source)
        for item in (item for owner in found.descriptions for item in owner.attributes if item.name[1] == "about"):
            about = found.data[item.value[0] - 1 : item.value[1] + 1]
            break
    except XmpError:
        pass
    return (
        b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        b' <rdf:RDF xmlns:rdf="' + RDF.encode() + b'">\n  <rdf:Description rdf:about=' + about + b' xmlns:xmpNote="'
        + XMP_NOTE.encode() + b'" xmpNote:HasExtendedXMP="' + digest
        + b'"/>\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>'
    )  # fmt: skip


def changed(
    packet: bytes | None, pieces: tuple[bytes, ...], change: Callable[[bytes], bytes]
) -> tuple[bytes | None, tuple[bytes, ...]]:
    """A packet and its extension with the same change made in both; what does not change stays byte for byte.

    An extension of which a piece is missing stays as it is.
    """
    extension = joined(packet, pieces) if pieces else None
    if packet is not None:
        packet = change(packet) or None
    if extension is None or (new := change(extension)) == extension:
        return packet, pieces
    if not new:
        return packet, ()
    digest, pieces = split(new)
    if packet is not None:
        packet = _pointing(packet, digest)
    return packet, pieces


def whole(packet: bytes | None, pieces: Sequence[bytes]) -> bytes | None:
    """One packet that holds the extension's descriptions, too; the packet alone where they cannot be read."""
    extension = joined(packet, pieces) if pieces else None
    if extension is None:
        return packet
    if packet is None:
        return extension
    try:
        main, more = xmp.parse(packet), xmp.parse(extension)
    except XmpError:
        return packet
    if main.rdf is None or more.rdf is None or main.data[main.rdf.inside - 2 : main.rdf.inside] == b"/>":
        return packet
    around = more.rdf.namespaces()
    names = sum(len(prefix) + len(uri) + len(' xmlns:=""') for prefix, uri in around.items())
    if len(around) > _MOST_NAMES or names * len(more.rdf.children) > xmp.MAX_BYTES:
        return packet
    at = main.rdf.children[-1].end if main.rdf.children else main.rdf.inside
    added = b"".join(b"\n  " + _alone(more, number) for number in range(len(more.rdf.children)))
    gone = [main.remove(item) for item in main.properties(POINTER)]
    return main.edited([*gone, (at, at, added)])


def _alone(packet: Packet, number: int) -> bytes:
    """A description with all namespaces that it needs of those around it."""
    element = packet.descriptions[number]
    around = {
        prefix: uri
        for prefix, uri in (element.parent.namespaces() if element.parent else {}).items()
        if prefix not in element.declared and uri != "adobe:ns:meta/" and '"' not in uri and "&" not in uri
    }
    text = packet.data[element.start : element.end]
    stop = next((i for i, byte in enumerate(text) if byte in b" \t\r\n/>"), len(text))
    names = "".join(f' xmlns{":" if prefix else ""}{prefix}="{uri}"' for prefix, uri in around.items() if uri != RDF)
    rdf = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in around.items() if uri == RDF and prefix)
    return text[:stop] + (rdf + names).encode() + text[stop:]


def _pointer(packet: bytes | None) -> bytes | None:
    try:
        found = xmp.parse(packet) if packet and b"HasExtendedXMP" in packet else None
    except XmpError:
        return None
    item = next(found.properties(POINTER), None) if found else None
    return found.text(item).encode() if found and item is not None else None


def _pointing(packet: bytes, digest: bytes) -> bytes:
    if (found := xmp.readable(packet)) is None:
        return packet
    edits = list[Edit]()
    for item in found.properties(POINTER):
        edits.append((*item.value, digest) if isinstance(item, Attribute) else found.write(item, digest.decode()))
    return found.edited(edits)
