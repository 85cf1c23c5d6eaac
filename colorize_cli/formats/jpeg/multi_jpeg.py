"""What stands behind the first picture of a JPEG file: more photos, or what only goes with the first one.

In:  the bytes of a JPEG, taken apart
Out: the photos among the following pictures; notes on what is left out: gain maps, depth maps, previews, videos

Source: CIPA DC-007-2021 (types of pictures); Google's Ultra HDR 1.1, Motion Photo 1.0 and Dynamic Depth; ISO 21496-1.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

from colorize_cli.formats.jpeg import jpeg_file, mpf
from colorize_cli.formats.jpeg.jpeg_file import APP1, APP2, JpegError, JpegFile
from colorize_cli.formats.photo import Metadata, MultiPicture, Page, Photo
from colorize_cli.metadata.auxiliary import semantics, without_parts
from colorize_cli.metadata.ifd import Tag
from colorize_cli.notes import Loss, Note

ISO_GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\0"
_PREVIEWS = range(0x010000, 0x020000)
_GAIN_MAP = 0x050000
_AUXILIARY = ((b"gainmap", "gain map"), (b"depth", "depth map"), (b"disparity", "depth map"), (b"matte", "mask"))
_LOSSES = {
    "gain map": Loss.gain_map,
    "depth map": Loss.depth_map,
    "mask": Loss.depth_map,
    "preview": Loss.thumbnail,
}
_VIDEO_STARTS = (b"ftypmp4", b"ftypisom", b"ftypqt", b"ftypMSNV", b"ftypavc1", b"ftyp3g", b"ftyphvc1", b"ftypiso")


@dataclass(frozen=True)
class Following:
    """A picture behind the first.

    Attributes:
        data: a JPEG.
        kind: "photo", or what it is for the first one.
        attribute: of its entry in the index.
    """

    data: bytes
    kind: str
    attribute: int


def following(data: bytes, parsed: JpegFile) -> tuple[Following, ...]:
    """The pictures behind the first that the file's index names, in its order.

    Where offsets of the index are wrong, as an editor leaves them that changed the first picture's size, the pictures
    are taken as they stand one behind the other.
    """
    listed = mpf.entries(data)[1:]
    if not listed:
        return ()
    chain = list[bytes]() if all(_is_jpeg(data, entry) for entry in listed) else _chain(data, parsed.end)
    told = _semantics(parsed)
    found = list[Following]()
    for number, entry in enumerate(listed):
        blob = chain[number] if number < len(chain) else data[entry.start : entry.start + entry.size]
        if not blob.startswith(b"\xff\xd8\xff") or chain and number >= len(chain):
            continue
        kind = _kind(parsed, blob, entry.type, told[number] if number < len(told) else "")
        found.append(Following(blob, kind, entry.attribute))
    return tuple(found)


def is_followed(parsed: JpegFile) -> bool:
    """Whether a JPEG's head says that something follows its picture, which a reader of strips does not see."""
    packets = parsed.payloads(APP1, jpeg_file.XMP)
    return bool(parsed.payloads(APP2, jpeg_file.MPF)) or bool(packets) and without_parts(packets[0]) != packets[0]


def photos_in(data: bytes) -> int:
    """How many photos a JPEG holds; 1 where it has no index of several."""
    if len(mpf.entries(data)) < 2:
        return 1
    return 1 + sum(picture.kind == "photo" for picture in following(data, jpeg_file.parse(data)))


def left_out(data: bytes, parsed: JpegFile, pictures: tuple[Following, ...]) -> list[str]:
    """What is told of the file's bytes that are no photo: pictures for other uses, videos, and what nobody knows."""
    notes = list[str]()
    for kind, loss in _LOSSES.items():
        if count := sum(picture.kind == kind for picture in pictures):
            notes.append(Note(f"its {kind} was left out" if count == 1 else f"{count} {kind}s were left out", loss))
    rest = data[parsed.end :]
    for picture in pictures:
        rest = rest.replace(picture.data, b"", 1)
    if not rest.strip(b"\0\xff\r\n "):
        return notes
    if any(start in rest for start in _VIDEO_STARTS):
        notes.append(Note(f"its video ({len(rest):,} bytes of a motion photo) was left out", Loss.video))
    elif b"\xff\xd8\xff" in rest[:16]:
        notes.append(Note(f"a second picture behind the first ({len(rest):,} bytes) was left out", Loss.pictures))
    else:
        notes.append(Note(f"{len(rest):,} bytes after the picture were left out", Loss.bytes_after))
    return notes


def of_what_is_left(metadata: Metadata) -> Metadata:
    """The first picture's metadata, which no longer speak of a gain map or a video that was left out."""
    return metadata if metadata.xmp is None else replace(metadata, xmp=without_parts(metadata.xmp))


def of_picture(number: int, note: str) -> str:
    """A note that is about one of several pictures."""
    text = f"picture {number}: {note}"
    return note.with_text(text) if isinstance(note, Note) else text


def first_of_several(parsed: JpegFile, attribute: int) -> MultiPicture:
    """What the first picture's segments say of its place among several."""
    return MultiPicture(attribute, *_own(parsed))


def further(data: bytes, attribute: int, around: Metadata | None) -> MultiPicture:
    """The same of a picture behind the first, and its own metadata."""
    return MultiPicture(attribute, *_own(jpeg_file.parse(data, headers_only=True)), around)


def joined(photo: Photo, encode: Callable[[Photo, int], bytes]) -> bytes:
    """A file of all pages of a photo.

    Args:
        photo: its pages after the first have metadata of their own.
        encode: gives a complete JPEG of a photo with one page, and that page's number.
    """
    pictures, marks, own = list[bytes](), list[int](), list[tuple[str, tuple[Tag, ...]]]()
    for number, page in enumerate(photo.pages):
        about = page.metadata.multi or MultiPicture(0)
        pictures.append(encode(alone(photo, page, number), number))
        marks.append(about.attribute)
        own.append((about.order, about.tags))
    return mpf.joined(pictures, marks, own)


def lost_around(photo: Photo) -> list[str]:
    """What is told where a format has no place for the metadata that pictures behind the first have of their own."""
    found = [page.metadata.multi for page in photo.pages if page.metadata.multi]
    if all(multi.around is None or multi.around == Metadata() for multi in found):
        return []
    return [Note("the EXIF, XMP and IPTC of the pictures behind the first were left out", Loss.metadata)]


def alone(photo: Photo, page: Page, number: int) -> Photo:
    """A page as a photo of its own, with the metadata that it has in a file of several."""
    if number == 0:
        return replace(photo, pages=(page,))
    about = page.metadata.multi
    around = replace(about.around if about and about.around else Metadata(), file=photo.metadata.file)
    return replace(photo, pages=(page,), metadata=around)


def _own(parsed: JpegFile) -> tuple[str, tuple[Tag, ...]]:
    payloads = parsed.payloads(APP2, jpeg_file.MPF)
    return mpf.attributes(payloads[0] if payloads else None)


def _is_jpeg(data: bytes, entry: mpf.Entry) -> bool:
    return entry.start > 0 and entry.size > 4 and data[entry.start : entry.start + 3] == b"\xff\xd8\xff"


def _chain(data: bytes, at: int) -> list[bytes]:
    """The JPEGs that stand one behind the other from an offset on, with no more than padding between them."""
    found = list[bytes]()
    while (start := data.find(b"\xff\xd8\xff", at)) >= 0 and not data[at:start].strip(b"\0\xff\r\n "):
        try:
            end = start + jpeg_file.parse(data[start:]).end
        except (JpegError, struct.error):
            break
        found.append(data[start:end])
        at = end
    return found


def _semantics(parsed: JpegFile) -> list[str]:
    """What the first picture's XMP says that the pictures behind it are for, in their order."""
    packets = parsed.payloads(APP1, jpeg_file.XMP)
    listed = semantics(packets[0]) if packets else []
    if not listed or listed[0][0] != "Primary":
        return []
    return [kind for kind, mime in listed[1:] if mime == "image/jpeg"]


def _kind(first: JpegFile, data: bytes, listed: int, told: str) -> str:
    """What a picture behind the first is."""
    named = {"GainMap": "gain map", "Depth": "depth map", "Confidence": "mask", "Thumbnail": "preview"}
    if told in named or listed == _GAIN_MAP:
        return named.get(told, "gain map")
    if listed in _PREVIEWS:
        return "preview"
    try:
        own = jpeg_file.parse(data, headers_only=True)
    except (JpegError, struct.error):
        return "photo"  # it fails as one, by name
    packet = b"".join(own.payloads(APP1, jpeg_file.XMP))
    if own.payloads(APP2, ISO_GAIN_MAP) or b"hdrgm:" in packet or b"HDRGainMap" in packet:
        return "gain map"
    at = packet.find(b"uxiliaryImageType")
    if at >= 0:
        return next((kind for word, kind in _AUXILIARY if word in packet[at : at + 200].lower()), "mask")
    size, whole = own.frame.width * own.frame.height, first.frame.width * first.frame.height
    if not listed and 4 * size <= whole:  # of no kind, and small: cameras put previews there
        return "preview"
    return "photo"
