"""Decode TIFF: every page, each with its own size, depth, tags, profile and orientation.

In:  the bytes of a file that starts as a TIFF (classic or BigTIFF)
Out: `DecodedPhoto`; 16 bits stay 16, floats become 16, fewer than 8 become 8

What belongs to a page without being one (levels of a pyramid, thumbnails, masks) is not decoded: see `SubImage`.
"""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np

from colorize_cli.formats.camera.camera_raw import decode_raw, holds_sensor_data
from colorize_cli.formats.decoded import Damaged, DecodedPage, DecodedPhoto, Unsupported
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.limits import check_need, check_size
from colorize_cli.formats.photo import DecodeLimits, JpegTraits, Metadata, PageMetadata, SubImage
from colorize_cli.formats.tiff.tiff_color import color_of, extras_of
from colorize_cli.formats.tiff.tiff_cost import cost
from colorize_cli.formats.tiff.tiff_kind import check_kind, check_tags, left_out, stored_as_told
from colorize_cli.formats.tiff.tiff_pictures import Picture, can_copy, is_copy_of, is_mask, pictures
from colorize_cli.formats.tiff.tiff_segments import Samples, read_samples
from colorize_cli.formats.tiff.tiff_tags import ICC, IPTC, LAYERS, PHOTOSHOP, XMP, lost_places
from colorize_cli.metadata import exif, irb
from colorize_cli.metadata.ifd import Data, Header, Ifd, Room, TagError, read_header
from colorize_cli.notes import Loss, Note

_JPEG = (6, 7, 99, 33007)
_GREY = (0, 1)
_CLOUD_OPTIMIZED = b"GDAL_STRUCTURAL_METADATA_SIZE="  # what GDAL writes behind the header


def decode_tiff(data: bytes, limits: DecodeLimits, salvage: bool) -> DecodedPhoto:
    """Decode a TIFF.

    Raises:
        Damaged: it is damaged or cut short and `salvage` is not given or does not help, or it is of a kind that has
            no picture (a camera's raw file, values that are not numbers).
        TooManyPixels: a header declares more than the limits allow.
    """
    try:
        header = read_header(data)
        if header.first >= len(data):
            raise Damaged("truncated TIFF: its end is missing, and with it the table that says where its picture is")
        found, whole = pictures(data)
    except (TagError, struct.error) as error:
        raise Damaged(f"damaged TIFF: {error}") from None
    if holds_sensor_data(found):
        return decode_raw(data, limits, found[0].ifd)
    notes: list[str] = []
    if not whole:
        if not salvage:
            raise Damaged("truncated TIFF: not all of its pages are there", salvageable=True)
        notes.append(Note("salvaged: not all of its pages are there", Loss.salvage))
    if _CLOUD_OPTIMIZED in data[:64]:
        notes.append(
            Note(
                "it was a Cloud Optimized GeoTIFF; the levels are kept, the sequence that suits the cloud is not",
                Loss.structure,
            )
        )
    for picture in found:
        check_size(picture.ifd.integer(256), picture.ifd.integer(257), 0, limits)
    largest = max(found, key=lambda picture: picture.ifd.integer(256) * picture.ifd.integer(257)).ifd
    need = len(data) + cost([picture.ifd for picture in found])
    check_need(largest.integer(256), largest.integer(257), need, limits)
    pages, room = list[DecodedPage](), Room(len(data))
    for number, picture in enumerate(found, 1):
        try:
            pages.append(_page(data, picture, salvage, notes, room))
        except Unsupported:
            raise  # it is no damage: --salvage must not drop the page
        except Damaged as error:
            if len(found) == 1 or salvage and not pages and number == len(found):
                raise
            if not salvage:
                raise Damaged(f"page {number}: {error.reason}", salvageable=True) from None
            notes.append(Note(f"salvaged: page {number} was left out ({error.reason})", Loss.salvage))
    if not pages:
        raise Damaged("damaged TIFF: none of its pages can be read")
    first = pages[0].metadata.tags
    return DecodedPhoto(tuple(pages), metadata_of(header, first), tuple(dict.fromkeys(notes)))


def metadata_of(header: Header, first: Ifd | None) -> Metadata:
    """What stands around the pixels of the whole file: what its first page says.

    Args:
        header: the file's.
        first: the directory of its first page.
    """
    xmp = first.find(XMP) if first else None
    resources = first.find(PHOTOSHOP) if first else None
    iptc = first.find(IPTC) if first else None
    blocks = irb.without_thumbnail(resources.value) if resources else b""
    if iptc and irb.iptc_of(blocks) is None:
        blocks = irb.with_iptc(iptc.value) + blocks
    return Metadata(xmp=xmp.value if xmp else None, iptc=blocks or None, byte_order=header.order, big=header.big)


def with_sub_images(page: DecodedPage, data: Data, picture: Picture, notes: list[str], room: Room) -> DecodedPage:
    """A page with what belongs to it; nothing is decoded.

    Args:
        page: as `page_of` gives it.
        data: the file.
        picture: the page's place in it.
        notes: what cannot be kept is added here.
        room: how many bytes may be copied of all pages.
    """

    def subs(directories: tuple[Ifd, ...]) -> tuple[SubImage, ...]:
        return tuple(_sub_image(data, sub, picture.ifd, room) for sub in directories)

    own = replace(
        page.metadata,
        can_copy=picture.ifd.integer(262, 1) not in _GREY and can_copy(data, picture.ifd, room),
        before=subs(picture.before),
        after=subs(picture.after),
        inside=tuple(subs(chain) for chain in picture.inside),
    )
    notes += _notes(picture, own)
    resources = picture.ifd.find(PHOTOSHOP)
    if resources and irb.has_thumbnail(resources.value):
        notes.append(exif.THUMBNAIL_LEFT_OUT)
    return replace(page, metadata=own)


def _sub_image(data: Data, sub: Ifd, page: Ifd, room: Room) -> SubImage:
    is_level = not is_mask(sub) and is_copy_of(sub, page)
    jpeg = _traits(data, sub) if sub.integer(259, 1) in _JPEG else None
    return SubImage(sub, sub, is_level, stored_as_told(sub) and can_copy(data, sub, room), jpeg)


def _page(data: bytes, picture: Picture, salvage: bool, notes: list[str], room: Room) -> DecodedPage:
    ifd = picture.ifd
    check_kind(ifd)
    salvaged = check_tags(ifd, salvage)
    notes += salvaged
    samples = read_samples(data, picture.number, ifd, salvage)
    page = with_sub_images(page_of(samples, data, ifd, notes), data, picture, notes, room)
    if salvaged or samples.notes:  # salvaged: what is damaged in the file is not to be copied
        page = replace(page, metadata=replace(page.metadata, can_copy=False))
    return page


def page_of(samples: Samples, data: Data, ifd: Ifd, notes: list[str]) -> DecodedPage:
    """A page, or some of its rows, from its samples as stored and its tags; what is odd is added to `notes`.

    Raises:
        Damaged: the samples are no picture.
    """
    notes += samples.notes
    color, rest, space = color_of(samples, ifd, ifd.integer(262, 1), notes)
    alpha, premultiplied, extra = extras_of(rest, ifd)
    profile, packet, compression = ifd.find(ICC), ifd.find(XMP), ifd.integer(259, 1)
    return DecodedPage(
        pixels=np.ascontiguousarray(color),
        space=space,
        alpha=alpha,
        icc=profile.value if profile else None,
        orientation=exif.orientation_of(ifd, packet.value if packet else None),
        metadata=PageMetadata(
            resolution=exif.resolution_of(ifd),
            premultiplied=premultiplied,
            tags=ifd,
            compression=compression,
            predictor=ifd.integer(317, 1),
            jpeg=_traits(data, ifd) if compression in _JPEG else None,
            extra=extra,
            lossless=compression not in _JPEG,
            depth=max((int(b) for b in ifd.numbers(258)), default=1),
        ),
    )


def _notes(picture: Picture, own: PageMetadata) -> list[str]:
    """What is said of a page's parts that a colored result cannot have, or has as they were."""
    notes = list[str]()
    if picture.ifd.find(LAYERS):
        notes.append(
            Note(
                "Photoshop layers were left out, they have no color; the picture that they make is kept whole",
                Loss.layers,
            )
        )
    if picture.lost:
        notes.append(Note("a sub-image is damaged and was left out", Loss.sub_images))
    for sub in own.sub_images:
        if not sub.is_level and not is_mask(sub.tags):
            size = f"{sub.size[0]:,} x {sub.size[1]:,} pixels"
            said = f"a sub-image of {size} " + ("stays as it was" if sub.can_copy else "was left out")
            notes.append(Note(said, None if sub.can_copy else Loss.sub_images))
        elif is_mask(sub.tags) and not sub.can_copy:
            notes.append(Note("a mask cannot be copied and was left out", Loss.sub_images))
        if sub.tags.find(330):
            notes.append(Note("sub-images of a sub-image were left out", Loss.sub_images))
    return notes + lost_places(picture.ifd.tags) + left_out(picture.ifd)


def _traits(data: Data, ifd: Ifd) -> JpegTraits | None:
    """How the first JPEG stream of a page was compressed."""
    offsets = ifd.numbers(273) or ifd.numbers(324)
    sizes = ifd.numbers(279) or ifd.numbers(325)
    tables = ifd.find(347)
    if not offsets or not sizes:
        return None
    stream = data[int(offsets[0]) : int(offsets[0]) + int(sizes[0])]
    if tables:
        stream = tables.value[:-2] + stream[2:]
    try:
        return jpeg_file.parse(stream, headers_only=True).traits()
    except (jpeg_file.JpegError, struct.error):
        return None
