"""Take out of an XMP packet what is true only of a file with its gain map, depth map or video.

In:  an XMP packet in UTF-8
Out: the same without its directory of parts and its gain map's parameters, and with "motion photo" set to no

Source: Google's Ultra HDR 1.1 and Motion Photo 1.0 formats.
"""

from __future__ import annotations

import re

# One white space, not any number of them: a packet may be padded with a megabyte of blanks.
_GAIN_ATTRIBUTE = re.compile(rb"\shdrgm:\w{1,40}=(?:\"[^\"<]*\"|'[^'<]*')")
_GAIN_ELEMENT = re.compile(rb"<(hdrgm:\w{1,40})[\s/>]")
_DIRECTORY = re.compile(rb"<([\w.-]{1,40}:Directory)[\s>]")
_MOTION = re.compile(rb"(\b\w{1,40}:(?:MotionPhoto|MicroVideo)(?:=[\"']|>))1(?=[\"'<])")


def without_parts(packet: bytes) -> bytes:
    """The packet of a photo whose gain map, depth map and video were left out."""
    packet = _without_elements(packet, _DIRECTORY)
    packet = _without_elements(packet, _GAIN_ELEMENT)
    packet = _GAIN_ATTRIBUTE.sub(b"", packet)
    return without_motion(packet)


def without_motion(packet: bytes) -> bytes:
    """The packet of a photo whose video was left out."""
    return _MOTION.sub(rb"\g<1>0", packet)


def _without_elements(packet: bytes, start: re.Pattern[bytes]) -> bytes:
    kept, at = list[bytes](), 0
    while (found := start.search(packet, at)) is not None:
        end = b"</" + found[1] + b">"
        stop, close = packet.find(end, found.end()), packet.find(b">", found.end() - 1)
        if close > 0 and packet[close - 1 : close] == b"/" and packet.find(b"<", found.end()) > close:
            stop, end = close, b">"  # an empty element
        if stop < 0:
            break
        kept.append(packet[at : found.start()])
        at = stop + len(end)
    return b"".join((*kept, packet[at:]))
