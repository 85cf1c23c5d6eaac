"""The note of how a film was made: an XMP packet behind all that players read.

In:  a written film; what is said of it
Out: the same film with the note at its end, in what its container skips over; and the note of a film

Source: XMP Specification Part 3 for the `uuid` box of ISO's files; RFC 8794 for EBML's Void; Microsoft's RIFF for JUNK;
ISO/IEC 13818-1, 2.4.3.7 for the padding stream.
"""

from __future__ import annotations

import os
import struct
from typing import IO, BinaryIO

from colorize_cli.formats.video.film_names import Container
from colorize_cli.metadata.provenance import Provenance, only_note, parse

_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_TAIL = 64 << 10  # bytes at the end in which a note is looked for
_MOST = 65000  # bytes of a packet of a program stream


def append_note(file: BinaryIO, container: Container, note: Provenance) -> None:
    """Put a note behind a film's end; the file is open for reading and writing."""
    file.seek(0, os.SEEK_END)
    file.write(_wrapped(container.muxer, only_note(note)))


def _wrapped(muxer: str, packet: bytes) -> bytes:
    if muxer in ("mp4", "mov"):
        return struct.pack(">I4s", 24 + len(packet), b"uuid") + _XMP_UUID + packet
    if muxer in ("matroska", "webm"):
        return b"\xec\x01" + len(packet).to_bytes(7, "big") + packet
    packet += b"\n" * (len(packet) % 2)
    if muxer == "avi":
        return b"JUNK" + struct.pack("<I", len(packet)) + packet
    packet = packet[:_MOST]
    return b"\0\0\1\xbe" + struct.pack(">H", len(packet)) + packet


def read_film_note(file: IO[bytes], size: int) -> Provenance | None:
    """The note at a film's end; None where there is none."""
    file.seek(max(0, size - _TAIL))
    tail = file.read(_TAIL)
    at = tail.rfind(b"<?xpacket begin=")
    return None if at < 0 else parse(tail[at:])
