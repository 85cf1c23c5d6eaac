"""Take places, or all metadata, out of a GIF without decoding it: its frames stay byte for byte, with their timing.

In:  the bytes of a file, what is to go, and our note
Out: the bytes of the same frames with less around them

Source: GIF89a Specification; XMP Specification Part 3, "GIF".
"""

from __future__ import annotations

from collections.abc import Iterator

from colorize_cli.formats.declared import Stripped
from colorize_cli.formats.gif import gif_blocks, gif_file
from colorize_cli.metadata import exif, places
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance, merge
from colorize_cli.notes import Loss, Note

_PICTURE_LABELS = frozenset({0xF9, 0x01})  # timing; texts that are drawn
_KNOWN = gif_blocks.SHOWN | {gif_blocks.XMP, gif_blocks.IPTC, gif_blocks.RESOURCES}
_APPLICATION, _LONGEST = 0xFF, 255


def strip_gif(data: bytes, what: Strip, note: Provenance) -> Stripped:
    """Take out what is to go.

    Raises:
        ValueError: its blocks do not follow one another, something stands behind them, or it is turned by its XMP.
    """
    found = gif_file.parse(data)
    packet, parts, changed, written = gif_blocks.around(data).xmp, [data[: found.blocks]], False, False
    if what == "all" and exif.orientation(None, packet) != 1:
        raise ValueError("it is turned by its XMP alone")
    notes = list[str]()
    for start, end in _blocks(data, found):
        whole = data[start:end]
        if what == "gps" and _may_name_a_place(whole):
            notes.append(Note("an extension that cannot be read was left out, as it may name the place", Loss.metadata))
            changed = True
            continue
        left = _left(whole, what, None if written else packet)
        changed = changed or left != whole
        if whole[1:2] == bytes((_APPLICATION,)) and whole[3:14] == gif_blocks.XMP and not written:
            written, packet = True, _packet_of(left)
        else:
            parts.append(left)
    if not changed:
        return Stripped(data, False)
    packet = merge(packet if written else None, note, colored=False)
    own = b"\x21\xff\x0b" + gif_blocks.XMP + packet + gif_blocks.XMP_TRAILER
    version = b"GIF89a" + parts[0][6:]  # the first version knows no extensions
    return Stripped(b"".join((version, *parts[1:], own, b";")), True, notes)


def _blocks(data: bytes, found: gif_file.GifFile) -> Iterator[tuple[int, int]]:
    """From where to where each extension, and each frame, stands."""
    at = found.blocks
    frames = {frame.descriptor: frame.end for frame in found.frames}
    while at < len(data) and data[at] in (0x21, 0x2C):
        end = frames[at] if data[at] == 0x2C else gif_file.after_sub_blocks(data, at + 2)
        yield at, end
        at = end
    if not found.complete or data[at:] != b";":
        raise ValueError("its blocks do not follow one another")


def _may_name_a_place(block: bytes) -> bool:
    """Whether a block of no known kind holds RDF, of which nobody knows what it says."""
    if block[0] == 0x2C or block[1] in _PICTURE_LABELS or block[1] == _APPLICATION and block[3:14] in _KNOWN:
        return False
    return b"rdf" in block.lower() and places.in_xmp(block[14:].removesuffix(gif_blocks.XMP_TRAILER))


def _left(block: bytes, what: Strip, packet: bytes | None) -> bytes:
    """What is left of a block; the packet stands in the first one of its kind."""
    label, name = block[1], block[3:14]
    if block[0] == 0x2C or label in _PICTURE_LABELS or label == _APPLICATION and name in gif_blocks.SHOWN:
        return block
    if what == "all":
        return b""
    if label != _APPLICATION:
        return block
    if name == gif_blocks.XMP:
        if packet is None:
            return b""  # a second one
        clean = places.xmp_without(packet)
        return block if clean == packet else _extension(name, b"") + clean + gif_blocks.XMP_TRAILER
    inside = b"".join(gif_blocks.sub_blocks(block, 14)[0])
    clean = inside
    if name == gif_blocks.IPTC:
        clean = places.iptc_without(inside)
    elif name == gif_blocks.RESOURCES:
        clean = places.resources_without(inside)
    return block if clean == inside else _extension(name, clean) + b"\0" if clean else b""


def _packet_of(block: bytes) -> bytes | None:
    return block[14:].removesuffix(gif_blocks.XMP_TRAILER) or None


def _extension(name: bytes, content: bytes) -> bytes:
    """An application extension without the empty block that ends it."""
    pieces = (content[at : at + _LONGEST] for at in range(0, len(content), _LONGEST))
    return b"\x21\xff\x0b" + name + b"".join(bytes((len(piece),)) + piece for piece in pieces)
