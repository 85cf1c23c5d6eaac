"""Take places, or all metadata, out of a Photoshop document without decoding it: its picture stays byte for byte.

In:  the bytes of a document, what is to go, and our note
Out: the bytes of the same document with less around its picture

Layers have names, texts, dates and whole files in them: they stay where places alone go, and go with all metadata.
Source: Adobe, "Photoshop File Formats Specification": no part says where another one stands.
"""

from __future__ import annotations

import struct
import zlib

from colorize_cli.formats.declared import Stripped
from colorize_cli.formats.psd.psd_header import PsdHeader, header_of, layer_count
from colorize_cli.metadata import exif, irb, places
from colorize_cli.metadata.places import Strip
from colorize_cli.metadata.provenance import Provenance, merge
from colorize_cli.notes import Loss, Note

_EXIF, _OTHER_EXIF, _XMP = 1058, 1059, 1060
# Resolution, profile, that there is none on purpose, and of a palette how many colors it has and which is transparent.
_OF_THE_PICTURE = frozenset({1005, 1039, 1041, 1046, 1047})
_HEADER = 26
_WINDOW = 1 << 20
_LAYERS_GONE = Note("Photoshop layers were left out; the picture that they make was kept", Loss.layers)


def strip_psd(data: bytes, what: Strip, note: Provenance) -> Stripped:
    """Take out what is to go.

    Raises:
        ValueError, struct.error: its sections do not fit.
    """
    at = _HEADER + 4 + int(struct.unpack_from(">I", data, _HEADER)[0])
    start, end = at + 4, at + 4 + int(struct.unpack_from(">I", data, at)[0])
    blocks = irb.split(data[start:end])
    if blocks is None or end > len(data):
        raise ValueError("its resources do not follow one another")
    packet = next((content for number, content, _ in blocks if number == _XMP), None)
    if what == "all":
        return _bare(data, at, blocks, end, packet, note)
    resources = b"".join(whole for _, _, whole in blocks)
    clean = b"".join(_without_place(*one) for one in blocks)
    clean = places.resources_without(clean) if clean else clean
    if clean == resources:
        return Stripped(data, False)
    parts = [whole for number, _, whole in irb.split(clean) or () if number != _XMP]
    left = places.xmp_without(packet) or None if packet else None
    parts.append(irb.block(_XMP, merge(left, note, colored=False)))
    return Stripped(data[:at] + _sized(b"".join(parts)) + data[end:], True)


def _bare(
    data: bytes, at: int, blocks: list[tuple[int, bytes, bytes]], end: int, packet: bytes | None, note: Provenance
) -> Stripped:
    """The picture, and what it is read by, alone."""
    header = header_of(data)
    size = 8 if header.large else 4
    picture = end + size + int.from_bytes(data[end : end + size], "big")
    layers, after = data[end + size : picture], _end_of_picture(data, picture, header)
    count = layer_count(layers, header.large)
    block = next((content for number, content, _ in blocks if number == _EXIF), b"").removeprefix(b"Exif\0\0")
    turned = exif.orientation(block or None, packet)
    own = [irb.block(_EXIF, exif.orientation_alone(turned))] if turned > 1 else []
    own += [whole for number, _, whole in blocks if number in _OF_THE_PICTURE]
    bare = _no_layers(count < 0, size)
    if b"".join(own) == data[at + 4 : end] and layers in (b"", bare[size:]) and after == len(data):
        return Stripped(data, False)
    own.append(irb.block(_XMP, merge(None, note, colored=False)))
    whole = data[:at] + _sized(b"".join(own)) + bare + data[picture:after]
    return Stripped(whole, True, [_LAYERS_GONE] if count else [])


def _no_layers(transparent: bool, size: int) -> bytes:
    """A section of layers with none; with an empty one where only its count says that the picture is transparent."""
    if not transparent:
        return bytes(size)
    channels = b"".join(struct.pack(">h", number) + (2).to_bytes(size, "big") for number in (-1, 0, 1, 2))
    layer = bytes(16) + struct.pack(">H", 4) + channels + b"8BIMnorm\xff\0\0\0" + struct.pack(">I", 12) + bytes(12)
    found = struct.pack(">h", -1) + layer + bytes(8)  # each of its channels is coded plainly, and empty
    found += bytes(len(found) & 1)
    inner = len(found).to_bytes(size, "big") + found + bytes(4)
    return len(inner).to_bytes(size, "big") + inner


def _end_of_picture(data: bytes, at: int, header: PsdHeader) -> int:
    """Where the flattened picture ends.

    Raises:
        ValueError, struct.error: it is cut short, or of a coding that is not known.
    """
    coding = int(struct.unpack_from(">H", data, at)[0])
    line, rows = (header.width * header.depth + 7) // 8, header.height * header.channels
    at += 2
    if coding == 0:
        end = at + line * rows
    elif coding == 1:
        wide = 4 if header.large else 2
        sizes = struct.unpack_from(f">{rows}{'I' if header.large else 'H'}", data, at)
        end = at + rows * wide + sum(sizes)
    elif coding in (2, 3):
        end = _end_of_stream(data, at, line * rows)
    else:
        raise ValueError("its coding is not known")
    if end > len(data):
        raise ValueError("it is cut short")
    return end


def _end_of_stream(data: bytes, at: int, most: int) -> int:
    """Where a compressed stream of at most so many bytes ends."""
    machine, given = zlib.decompressobj(), 0
    try:
        while not machine.eof:
            fed = machine.unconsumed_tail or data[at : at + _WINDOW]
            at += 0 if machine.unconsumed_tail else len(fed)
            given += len(machine.decompress(fed, _WINDOW))
            if not fed or given > most:
                raise ValueError("its compressed data make no sense")
    except zlib.error:
        raise ValueError("its compressed data make no sense") from None
    return at - len(machine.unused_data)


def _sized(resources: bytes) -> bytes:
    return struct.pack(">I", len(resources)) + resources


def _without_place(number: int, content: bytes, whole: bytes) -> bytes:
    """A resource without the place in it; nothing where nobody knows what it says."""
    if number in (_EXIF, _OTHER_EXIF):
        clean = exif.without_gps(content)
    elif number == _XMP:
        clean = places.xmp_without(content)
    else:
        return whole
    return whole if clean == content else irb.block(number, clean) if clean else b""
