"""Blocks of PNG, WebP, BMP and PPM, for the second reader.

In:  the file's bytes
Out: an `Inventory`

Source: PNG Specification, third edition; RFC 9649; Microsoft's BITMAPV5HEADER; Netpbm.
"""

from __future__ import annotations

import re
import zlib

from colorize_cli.metadata.audit import photoshop
from colorize_cli.metadata.audit.file_blocks import AuditError, Data, Inventory, Raw
from colorize_cli.metadata.audit.stored import unpack

_MOST_TEXT = 1 << 26
_CODING = frozenset({b"PLTE", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"hIST", b"pHYs"})
_HDR = (b"\x10", b"\x12")  # curves: PQ, HLG
_MADE_ANEW = frozenset({b"bKGD", b"sBIT", b"sPLT"})
_RAW_PROFILE = "Raw profile type "


def png(data: Data) -> Inventory:
    """Chunks, and whether the picture's own are whole."""
    found, at, is_grey = Inventory("png"), 8, False
    while at + 12 <= len(data):
        size, kind = unpack(">I4s", data, at)
        if at + 12 + size > len(data):
            break
        payload = bytes(data[at + 8 : at + 8 + size]) if kind != b"IDAT" and kind != b"fdAT" else b""
        if payload and kind != b"iCCP" and zlib.crc32(kind + payload) != unpack(">I", data, at + 8 + size)[0]:
            at += 12 + size
            continue  # damaged, as its checksum says
        if kind == b"IHDR":
            found.size, found.bits, is_grey = unpack(">II", payload), payload[8], payload[9] in (0, 4)
        elif kind == b"acTL":
            found.frames = max(int.from_bytes(payload[:4], "big"), 1)
        elif kind == b"eXIf":
            found.exif.append(payload.removeprefix(b"Exif\0\0"))
        elif kind == b"iCCP":
            found.icc = _inflated(payload.partition(b"\0")[2][1:]) or None
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            _text(kind, payload, found)
        elif kind == b"pHYs":
            found.has_resolution = payload[8:] == b"\x01" and payload[:4] != bytes(4)
        elif kind == b"IEND":
            return found
        elif kind == b"cICP" and is_grey and payload[1:2] not in _HDR:
            pass  # primaries say nothing of grey
        elif kind != b"IDAT" and kind not in _CODING:
            name = f"chunk {kind.decode('latin-1')}"
            found.raws.append(Raw(name, b"" if kind in _MADE_ANEW else payload))
        at += 12 + size
    found.faults.append("the file ends before its picture does")
    return found


def _text(kind: bytes, payload: bytes, found: Inventory) -> None:
    keyword, _, rest = payload.partition(b"\0")
    name = keyword.decode("latin-1")
    if kind == b"zTXt":
        rest = _inflated(rest[1:])
    elif kind == b"iTXt":
        packed, parts = rest[:1] == b"\x01", rest[2:].split(b"\0", 2)
        rest = parts[2] if len(parts) == 3 else b""
        rest = _inflated(rest) if packed else rest
    if name == "XML:com.adobe.xmp":
        found.xmp.append(rest)
    elif name.startswith(_RAW_PROFILE):
        _raw_profile(name, rest, found)
    else:
        found.texts.append((name, rest if kind == b"iTXt" else rest.decode("latin-1").encode()))


def _raw_profile(name: str, text: bytes, found: Inventory) -> None:
    """A block as ImageMagick writes it: a name, a length, hexadecimal digits."""
    words = text.split(None, 2)
    try:
        block = bytes.fromhex(b"".join(words[2].split()).decode("ascii"))
    except (IndexError, ValueError):
        found.texts.append((name, text))
        return
    if block.startswith(b"Exif\0\0"):
        found.exif.append(block[6:])
    elif name.endswith("iptc") and block.startswith(b"8BIM"):
        for number, content in photoshop.resources(block):
            if number == photoshop.IPTC:
                found.iptc.append(content)
            else:
                found.resources.append((number, content))
    elif name.endswith("iptc"):
        found.iptc.append(block)
    elif block.lstrip().startswith(b"<") or name.endswith("xmp"):
        found.xmp.append(block.removeprefix(b"http://ns.adobe.com/xap/1.0/\0"))
    else:
        found.texts.append((name, text))


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, _MOST_TEXT)
    except zlib.error:
        return b""


def webp(data: Data) -> Inventory:
    """Chunks of the container."""
    found, at, frames = Inventory("webp", bits=8), 12, 0
    while at + 8 <= len(data):
        kind, size = unpack("<4sI", data, at)
        if at + 8 + size > len(data):
            found.faults.append("the file ends before its picture does")
            break
        payload = bytes(data[at + 8 : at + 8 + (size if kind not in (b"VP8 ", b"VP8L", b"ANMF", b"ALPH") else 32)])
        if kind == b"VP8X":
            width, height = (int.from_bytes(payload[i : i + 3], "little") + 1 for i in (4, 7))
            found.size = width, height
        elif kind == b"VP8 " and found.size is None:
            width, height = unpack("<HH", payload, 6)
            found.size = width & 0x3FFF, height & 0x3FFF
        elif kind == b"VP8L" and found.size is None:
            bits = int.from_bytes(payload[1:5], "little")
            found.size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        elif kind == b"EXIF":
            found.exif.append(payload.removeprefix(b"Exif\0\0"))
        elif kind in (b"XMP ", b"XMP\0"):  # the second is ImageMagick 6's
            found.xmp.append(payload)
        elif kind == b"ICCP":
            found.icc = payload
        elif kind == b"ANMF":
            frames += 1
        elif kind not in (b"VP8 ", b"VP8L", b"ALPH", b"ANIM"):
            found.raws.append(Raw(f"chunk {kind.decode('latin-1').strip()}", payload))
        at += 8 + size + size % 2
    found.frames = max(frames, 1)
    return found


def bmp(data: Data) -> Inventory:
    """The profile of a V5 header, and a packet behind the pixels."""
    found, size = Inventory("bmp", bits=8), unpack("<I", data, 14)[0]
    if size == 12:
        found.size = unpack("<HH", data, 18)
    else:
        width, height = unpack("<ii", data, 18)
        found.size = width, abs(height)
    if size >= 124 and unpack("<I", data, 14 + 56)[0] == 0x4D424544:  # "MBED": an embedded profile
        start, length = unpack("<II", data, 14 + 112)
        found.icc = bytes(data[14 + start : 14 + start + length]) or None
    at = data.rfind(b"<?xpacket begin")
    if at > 0:
        found.xmp.append(bytes(data[at:]))
    return found


def ppm(data: Data) -> Inventory:
    """The header with its comments."""
    head = bytes(data[: 1 << 20])
    found, words, at = Inventory("ppm"), list[bytes](), 2
    while len(words) < (2 if head[1:2] in b"14" else 3) and at < len(head):
        if match := re.compile(rb"\s*#([^\n\r]*)").match(head, at):
            found.comments.append(match[1].strip())
        elif match := re.compile(rb"\s*(\d+)").match(head, at):
            words.append(match[1])
        else:
            raise AuditError("its header cannot be read")
        at = match.end()
    found.size = int(words[0]), int(words[1])
    found.bits = int(words[2]).bit_length() if len(words) > 2 else 1
    packet = b"\n".join(found.comments)
    if b"<x:xmpmeta" in packet:
        start, end = packet.find(b"<x:xmpmeta"), packet.find(b"</x:xmpmeta>")
        found.xmp.append(packet[start : end + 12])
    return found
