"""What stands around the pixels comes through: byte for byte where the format allows."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import Provenance, read_provenance
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.photo import Photo
from colorize_cli.formats.png import png_file
from colorize_cli.metadata import exif, irb, provenance
from colorize_cli.metadata.ifd import Ifd, Tag
from colorize_cli.metadata.ifd_write import exif_block

Rewrite = Callable[..., tuple[Photo, Photo, Path]]
U8 = NDArray[np.uint8]
MAKER_NOTE = b"MAKER\0" + bytes(range(256)) * 3
PACKET = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="uuid:1" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    b'xmlns:exif="http://ns.adobe.com/exif/1.0/" tiff:Orientation="6" exif:GPSLatitude="48,8.5N">'
    b"<dc:title><rdf:Alt><rdf:li>Gro\xc3\x9fmutter</rdf:li></rdf:Alt></dc:title><exif:GPSLongitude>11,34E"
    b"</exif:GPSLongitude></rdf:Description></rdf:RDF></x:xmpmeta>" + b" " * 2000 + b'<?xpacket end="w"?>'
)
IPTC = b"\x1c\x02\x78\x00\x07caption"
THUMBNAIL = b"8BIM\x04\x0c\0\0\0\0\0\x04abcd"


def block(orientation: int = 6, order: str = "<", gps: bool = True, software: bool = True) -> bytes:
    """An EXIF block with a maker note, GPS and a thumbnail after it."""
    short = f"{order}H"
    inner = (
        Tag(37500, 7, len(MAKER_NOTE), MAKER_NOTE),
        Tag(40962, 4, 1, struct.pack(f"{order}I", 56)),
        Tag(40963, 4, 1, struct.pack(f"{order}I", 40)),
    )
    place = (Tag(1, 2, 2, b"N\0"), Tag(2, 5, 3, struct.pack(f"{order}6I", 48, 1, 8, 1, 30, 1)))
    tags = [
        Tag(274, 3, 1, struct.pack(short, orientation)),
        Tag(315, 2, 7, b"Agnes B"),
        Tag(34665, 4, 1, b"", child=Ifd(order, inner)),
    ]
    if software:
        tags.append(Tag(305, 2, 13, b"ScannerSoft 1"))
    if gps:
        tags.append(Tag(34853, 4, 1, b"", child=Ifd(order, place)))
    data = bytearray(exif_block(order, tags))
    end = 10 + 12 * len(tags)
    struct.pack_into(f"{order}I", data, end, len(data))
    return bytes(data) + struct.pack(f"{order}HHHIIHHIII", 2, 513, 4, 1, 0, 514, 4, 1, 4, 0) + b"\xff\xd8\xff\xd9"


def jpeg(pixels: U8, *segments: tuple[int, bytes], **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=90, **options)
    return jpeg_file.assemble(out.getvalue(), segments)


def rich_jpeg(pixels: U8, order: str = "<", orientation: int = 6) -> bytes:
    return jpeg(
        pixels,
        (0xE0, b"JFIF\0\1\1\1\x02\x58\x01\x2c\0\0"),
        (0xE1, jpeg_file.EXIF + block(orientation, order)),
        (0xE1, jpeg_file.XMP + PACKET),
        (0xED, jpeg_file.PHOTOSHOP + irb.with_iptc(IPTC) + THUMBNAIL),
        (0xE5, b"private segment"),
        (0xFE, b"a comment \xe9"),
    )


def differing(a: bytes, b: bytes) -> list[int]:
    assert len(a) == len(b)
    return [i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_changes_only_orientation_thumbnail_and_sides(
    tmp_path: Path, rewrite: Rewrite, grey: U8, order: str
) -> None:
    path = tmp_path / "turned.jpg"
    path.write_bytes(rich_jpeg(grey, order))
    _, after, _ = rewrite(path)
    source, result = block(6, order), after.metadata.exif
    assert result is not None and MAKER_NOTE in result
    assert result.index(MAKER_NOTE) == source.index(MAKER_NOTE)
    changed = differing(source, result)
    assert len(changed) <= 1 + 4 + 2  # the orientation; the pointer; the exchanged sides
    assert exif.orientation(result) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_undone_once(tmp_path: Path, rewrite: Rewrite, grey: U8, orientation: int) -> None:
    path = tmp_path / "turned.png"
    Image.fromarray(grey).save(path, exif=block(orientation))
    before, after, out = rewrite(path)
    with Image.open(path) as image:
        from PIL import ImageOps

        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(before.pages[0].pixels, expected)
    np.testing.assert_array_equal(after.pages[0].pixels[..., 0], expected)
    with Image.open(out) as written:
        assert written.getexif()[274] == 1


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_tiff_pages_are_turned_each_for_itself(tmp_path: Path, rewrite: Rewrite, grey: U8, orientation: int) -> None:
    path = tmp_path / "turned.tif"
    with tifffile.TiffWriter(path) as writer:
        for turn in (1, orientation):
            writer.write(grey, extratags=[(274, 3, 1, turn, True)], resolution=(300, 150), resolutionunit=2)
    before, after, _ = rewrite(path)
    assert after.pages[0].size == (56, 40)
    assert after.pages[1].size == ((40, 56) if orientation >= 5 else (56, 40))
    np.testing.assert_array_equal(after.pages[1].pixels[..., 0], before.pages[1].pixels)
    resolution = after.pages[1].metadata.resolution
    assert resolution is not None and (resolution.x, resolution.y) == ((150, 300) if orientation >= 5 else (300, 150))


def test_jpeg_keeps_everything(tmp_path: Path, rewrite: Rewrite, grey: U8, note: Provenance) -> None:
    path = tmp_path / "rich.jpg"
    path.write_bytes(rich_jpeg(grey))
    _, after, out = rewrite(path)
    data = after.metadata
    assert data.comments == (b"a comment \xe9",)
    assert (0xE5, b"private segment") in data.segments
    assert irb.iptc_of(data.iptc) == IPTC
    assert data.iptc is not None and b"abcd" not in data.iptc  # the grey thumbnail is gone
    assert data.xmp is not None and "Großmutter".encode() in data.xmp and b'tiff:Orientation="1"' in data.xmp
    assert b"48,8.5N" in data.xmp
    assert provenance.parse(data.xmp) == note == read_provenance(out)
    resolution = after.pages[0].metadata.resolution
    assert resolution is not None and (resolution.x, resolution.y, resolution.unit) == (300, 600, "inch")


def test_a_second_exif_block_stays(tmp_path: Path, rewrite: Rewrite, grey: U8) -> None:
    path = tmp_path / "two.jpg"
    second = (0xE1, jpeg_file.EXIF + block(1, ">"))
    path.write_bytes(jpeg(grey, (0xE1, jpeg_file.EXIF + block(1)), second))
    photo, after, _ = rewrite(path)
    assert len(after.metadata.segments) == 1 and after.metadata.segments == photo.metadata.segments


def segments_of(path: Path) -> list[tuple[int, bytes]]:
    return list(jpeg_file.parse(path.read_bytes()).segments)


@pytest.mark.parametrize("length", [40, 65_527, 65_528, 150_000])
def test_exif_over_several_segments_stays_whole(
    tmp_path: Path, rewrite: Rewrite, grey: U8, note: Provenance, length: int
) -> None:
    text = (b"MM\0*II*\0" * (length // 8 + 1))[:length]  # its pieces must not look like blocks of their own
    whole = exif_block(">", (Tag(270, 2, length, text), Tag(274, 3, 1, b"\0\1")))
    path = tmp_path / "long.jpg"
    cuts = sorted({0, min(len(whole), 30), *range(1, len(whole), 65_000), len(whole)})
    parts = [whole[a:b] for a, b in zip(cuts, cuts[1:], strict=False)]
    segments = [(0xE1, jpeg_file.EXIF + part) for part in parts if part]
    segments.insert(1, (0xE1, jpeg_file.XMP + PACKET.replace(b'"6"', b'"1"')))  # as the fault wrote it
    path.write_bytes(jpeg(grey, *segments))
    _, after, out = rewrite(path)
    assert after.metadata.exif == whole
    kinds = [payload[:6] == jpeg_file.EXIF for marker, payload in segments_of(out) if marker == 0xE1]
    pieces = sum(kinds)
    assert pieces == -(-len(whole) // 65_527) or pieces == -(-len(whole) // 65_527) + 1
    assert kinds[:pieces] == [True] * pieces, "XMP stands between the pieces"
    assert read_provenance(out) == note


def test_a_second_pass_replaces_the_note(tmp_path: Path, rewrite: Rewrite, grey: U8, note: Provenance) -> None:
    path = tmp_path / "rich.jpg"
    path.write_bytes(rich_jpeg(grey))
    _, first, out = rewrite(path)
    again = tmp_path / "again.jpg"
    again.write_bytes(out.read_bytes())
    _, second, _ = rewrite(again)
    assert second.metadata.xmp == first.metadata.xmp
    assert second.metadata.xmp is not None and second.metadata.xmp.count(b"<colorize:Model>") == 1


def test_a_packet_too_large_for_one_segment_moves_to_the_extension(
    tmp_path: Path, rewrite: Rewrite, grey: U8, note: Provenance
) -> None:
    big = PACKET.replace(b" " * 2000, b"").replace("Großmutter".encode(), b"G" * 64_600)
    path = tmp_path / "big.jpg"
    path.write_bytes(jpeg(grey, (0xE1, jpeg_file.XMP + big)))
    _, after, out = rewrite(path)
    assert read_provenance(out) == note
    joined = b"".join(part[40:] for part in after.metadata.xmp_extended)
    assert b"G" * 64_600 in joined
    assert after.metadata.xmp is not None and b"HasExtendedXMP" in after.metadata.xmp


def test_an_extension_of_the_source_stays(tmp_path: Path, rewrite: Rewrite, grey: U8, note: Provenance) -> None:
    part = b"0" * 32 + struct.pack(">II", 9, 0) + b"extension"
    path = tmp_path / "extended.jpg"
    path.write_bytes(jpeg(grey, (0xE1, jpeg_file.XMP + PACKET), (0xE1, jpeg_file.XMP_EXTENDED + part)))
    _, after, out = rewrite(path)
    assert after.metadata.xmp_extended == (part,)
    assert read_provenance(out) == note


@pytest.mark.parametrize(
    "packet",
    [
        PACKET,
        PACKET.decode().encode("utf-16-le"),
        b"<rdf:RDF xmlns:rdf='x'/>",
        b"no RDF at all",
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b"<rdf:Description rdf:about=''/></rdf:RDF></x:xmpmeta>",
    ],
)
def test_the_note_merges_into_any_packet(packet: bytes, note: Provenance) -> None:
    merged = provenance.merge(packet, note)
    assert provenance.parse(merged) == note
    assert provenance.merge(merged, note) == merged
    other = Provenance("x", "2", "other", "0" * 64)
    assert provenance.parse(provenance.merge(merged, other)) == other


def test_the_merged_packet_is_well_formed_and_of_one_subject(note: Provenance) -> None:
    from xml.etree import ElementTree

    root = ElementTree.fromstring(provenance.merge(PACKET, note).decode())
    rdf = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
    assert {item.get(f"{rdf}about") for item in root.iter(f"{rdf}Description")} == {"uuid:1"}
    ElementTree.fromstring(provenance.merge(None, note).decode())


def test_control_characters_in_settings_stay_xml(note: Provenance) -> None:
    from xml.etree import ElementTree

    odd = Provenance("s", "1", "m\x00\udc80", "0", (("hints", "a\nb]]>&\x1b"),))
    ElementTree.fromstring(provenance.only_note(odd).decode())


def test_exif_of_imagemagick_in_png_is_found_and_turned(tmp_path: Path, rewrite: Rewrite, grey: U8) -> None:
    plain = png_file.parse(bytes(imagecodecs.png_encode(grey)))
    data = b"Exif\0\0" + block(6)
    text = f"\nexif\n{len(data):8d}\n{data.hex()}\n".encode()
    chunk = (b"zTXt", b"Raw profile type exif\0\0" + __import__("zlib").compress(text))
    path = tmp_path / "magick.png"
    path.write_bytes(png_file.assemble(plain.header(), [chunk], plain.coded, ()))
    _, after, out = rewrite(path)
    assert after.pages[0].size == (40, 56) and after.metadata.exif is not None
    assert b"Raw profile type exif" not in out.read_bytes()


def test_decoding_again_gives_the_same_photo(tmp_path: Path, rewrite: Rewrite, grey: U8) -> None:
    path = tmp_path / "rich.jpg"
    path.write_bytes(rich_jpeg(grey))
    rewrite(path)
    first = (tmp_path / "out" / "rich.jpg").read_bytes()
    rewrite(path)
    assert (tmp_path / "out" / "rich.jpg").read_bytes() == first
    assert decode(path).metadata == decode(path).metadata
