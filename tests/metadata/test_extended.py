"""ExtendedXMP is joined before it is read: turned, stripped, and put into one packet where there is no limit."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, Provenance, read_provenance, suffix_for, write_photo
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.photo import Photo, PhotoFormat
from colorize_cli.formats.png import png_file
from colorize_cli.metadata import extended, xmp

NOTE = Provenance("colorize-cli", "1", "mini", "0" * 64)
RDF = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
MAIN = (
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{RDF}><rdf:Description rdf:about="" '
    'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" tiff:Orientation="3" dc:source="shoe box" '
    'xmpNote:HasExtendedXMP="%s"/></rdf:RDF></x:xmpmeta>'
)
EXTENSION = (
    f'{RDF} xmlns:MP="http://ns.microsoft.com/photo/1.2/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/">'
    '<rdf:Description rdf:about="" xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#" '
    'xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#" photoshop:City="Lodz" photoshop:Credit="the album">'
    '<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag><rdf:li MPReg:Rectangle="0.1, 0.2, 0.3, 0.4"/>'
    "</rdf:Bag></MPRI:Regions></MP:RegionInfo><photoshop:History>" + "h" * 150_000 + "</photoshop:History>"
    "</rdf:Description></rdf:RDF>"
)  # fmt: skip


def large(path: Path, missing: bool = False) -> Path:
    digest = hashlib.md5(EXTENSION.encode(), usedforsecurity=False).hexdigest().upper()
    text, size = EXTENSION.encode(), 40_000
    pieces = [
        (0xE1, jpeg_file.XMP_EXTENDED + digest.encode() + struct.pack(">II", len(text), at) + text[at : at + size])
        for at in range(0, len(text), size)
    ]
    stranger = (0xE1, jpeg_file.XMP_EXTENDED + b"0" * 32 + struct.pack(">II", 4, 0) + b"<a/>")
    plain = bytes(imagecodecs.jpeg8_encode(np.arange(1200, dtype=np.uint16).astype(np.uint8).reshape(30, 40)))
    main = (0xE1, jpeg_file.XMP + (MAIN % digest).encode())
    path.write_bytes(jpeg_file.assemble(plain, [main, *reversed(pieces[missing:]), stranger]))
    return path


def run(path: Path, **settings: object) -> tuple[Photo, tuple[str, ...]]:
    photo = decode(path)
    how = EncodeSettings(**settings)  # type: ignore[arg-type]
    out = path.parent / ("out" + suffix_for(path, how.format or photo.format))
    written = write_photo(photo, [page.pixels for page in photo.pages], out, how, NOTE)
    assert read_provenance(out) == NOTE
    return decode(out), written.notes


def test_an_extension_turns_with_the_pixels_and_its_pieces_fit(tmp_path: Path) -> None:
    back, _ = run(large(tmp_path / "a.jpg"))
    joined = extended.joined(back.metadata.xmp, back.metadata.xmp_extended)
    assert joined == EXTENSION.replace("0.1, 0.2, 0.3, 0.4", "0.6, 0.4, 0.3, 0.4").encode()
    digest = hashlib.md5(joined, usedforsecurity=False).hexdigest().upper().encode()
    assert back.metadata.xmp is not None and b'HasExtendedXMP="' + digest + b'"' in back.metadata.xmp
    assert b'tiff:Orientation="1"' in back.metadata.xmp


@pytest.mark.parametrize("format", [PhotoFormat.png, PhotoFormat.tiff, PhotoFormat.webp, PhotoFormat.jp2])
def test_other_formats_get_one_packet(tmp_path: Path, format: PhotoFormat) -> None:
    back, notes = run(large(tmp_path / "a.jpg"), format=format)
    packet = back.metadata.xmp
    assert packet is not None and b"HasExtendedXMP" not in packet and b'dc:source="shoe box"' in packet
    found = xmp.parse(packet)
    texts = {item.name: found.text(item) for item in found.properties()}
    assert texts["http://ns.adobe.com/photoshop/1.0/", "City"] == "Lodz"
    assert len(texts["http://ns.adobe.com/photoshop/1.0/", "History"]) == 150_000
    assert ("http://ns.microsoft.com/photo/1.2/", "RegionInfo") in texts
    assert not notes


def test_places_are_taken_out_of_the_extension_alone(tmp_path: Path) -> None:
    back, notes = run(large(tmp_path / "a.jpg"), strip="gps")
    joined = extended.joined(back.metadata.xmp, back.metadata.xmp_extended)
    assert joined is not None and b"Lodz" not in joined and b'photoshop:Credit="the album"' in joined
    assert not notes


def test_an_extension_with_a_missing_piece_stays_or_is_told(tmp_path: Path) -> None:
    path = large(tmp_path / "a.jpg", missing=True)
    photo = decode(path)
    assert extended.joined(photo.metadata.xmp, photo.metadata.xmp_extended) is None
    back, _ = run(path)
    assert back.metadata.xmp_extended == photo.metadata.xmp_extended
    _, notes = run(path, format=PhotoFormat.png)
    assert "its ExtendedXMP cannot be read and was left out" in notes
    _, notes = run(path, strip="gps")
    assert "its ExtendedXMP cannot be read and was left out, as it may name the place" in notes


@pytest.mark.parametrize("size", [65_000, 66_000, 200_000])
def test_a_packet_that_jpeg_has_no_room_for_becomes_an_extension(tmp_path: Path, size: int) -> None:
    """Where it comes from a format without such a limit, too; and a second pass changes nothing."""
    text = MAIN.replace(' xmpNote:HasExtendedXMP="%s"/>', "><dc:title>" + "t" * size + "</dc:title></rdf:Description>")
    grey = np.arange(1200, dtype=np.uint16).astype(np.uint8).reshape(30, 40)
    plain = png_file.parse(bytes(imagecodecs.png_encode(grey)))
    path = tmp_path / "a.png"
    chunk = png_file.xmp_chunk(text.replace('"3"', '"1"').encode())
    path.write_bytes(png_file.assemble(plain.header(), [chunk], plain.coded, ()))
    back, notes = run(path, format=PhotoFormat.jpeg)
    joined = extended.joined(back.metadata.xmp, back.metadata.xmp_extended)
    assert joined is not None and b"t" * size in joined and b'dc:source="shoe box"' in joined
    assert not notes
    again = tmp_path / "again.jpg"
    again.write_bytes((tmp_path / "out.jpg").read_bytes())
    second, _ = run(again)
    assert second.metadata.xmp == back.metadata.xmp and second.metadata.xmp_extended == back.metadata.xmp_extended


def test_an_extension_grows_where_the_packet_is_full(tmp_path: Path) -> None:
    path = large(tmp_path / "a.jpg")
    parsed = jpeg_file.parse(path.read_bytes())
    full = parsed.payloads(0xE1, jpeg_file.XMP)[0]
    full = full.replace(b'"shoe box"', b'"shoe box ' + b"s" * (65_300 - len(full)) + b'"')
    segments = [(kind, jpeg_file.XMP + full) if data.startswith(jpeg_file.XMP) else (kind, data)
                for kind, data in parsed.segments]  # fmt: skip
    path.write_bytes(jpeg_file.assemble(jpeg_file.bare(path.read_bytes()), segments))
    back, notes = run(path)
    joined = extended.joined(back.metadata.xmp, back.metadata.xmp_extended)
    assert joined is not None and b"s" * 64_000 in joined and b"h" * 150_000 in joined and b"Lodz" in joined
    assert not notes


def test_namespaces_that_every_description_would_repeat_do_not_fill_the_memory() -> None:
    about = 'xmlns:a="http://%s"' % ("a" * 100_000)
    more = f"{RDF} {about}>" + "<rdf:Description/>" * 20_000 + "</rdf:RDF>"
    digest, pieces = extended.split(more.encode())
    packet = (MAIN % digest.decode()).encode()
    assert extended.joined(packet, pieces) == more.encode()
    assert extended.whole(packet, pieces) == packet, "2 GB else"
    digest, pieces = extended.split(more.replace("a" * 100_000, "a").encode())
    assert len(extended.whole((MAIN % digest.decode()).encode(), pieces) or b"") > 20_000 * 18
