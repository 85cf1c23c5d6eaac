"""`--strip gps` takes the place out, wherever it stands, and leaves the rest."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from colorize_cli.formats.encode import EncodeSettings
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.photo import Photo
from colorize_cli.formats.png import png_text
from colorize_cli.metadata import irb, places

Rewrite = Callable[..., tuple[Photo, Photo, Path]]
U8 = NDArray[np.uint8]
SECRETS = ("Tübingen", "Neckargasse", "Baden", "Germany", "DEU", "48,31.2N", "9,3.4E", "Hölderlinturm")
IPTC = b"".join(
    b"\x1c\x02" + bytes((number,)) + len(text.encode()).to_bytes(2, "big") + text.encode()
    for number, text in (
        (5, "Title"), (80, "Agnes B"), (90, "Tübingen"), (92, "Neckargasse"), (95, "Baden"),
        (100, "DEU"), (101, "Germany"), (120, "Großmutter"),
    )
)  # fmt: skip
PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 photoshop:City="Tübingen" photoshop:State='Baden' photoshop:Country="Germany" exif:GPSLatitude="48,31.2N"
 photoshop:Credit="the album">
 <Iptc4xmpCore:Location>Neckargasse</Iptc4xmpCore:Location><Iptc4xmpCore:CountryCode>DEU</Iptc4xmpCore:CountryCode>
 <exif:GPSLongitude>9,3.4E</exif:GPSLongitude>
 <Iptc4xmpExt:LocationShown><rdf:Bag><rdf:li rdf:parseType="Resource"><Iptc4xmpExt:City>Tübingen</Iptc4xmpExt:City>
  <Iptc4xmpExt:Sublocation>Hölderlinturm</Iptc4xmpExt:Sublocation></rdf:li></rdf:Bag></Iptc4xmpExt:LocationShown>
 <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Großmutter</rdf:li></rdf:Alt></dc:title>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>""".encode()


def holds_a_place(data: bytes) -> list[str]:
    """Which of the secrets a file still holds, in plain bytes or in deflated texts."""
    seen = data
    for at in range(len(data) - 2):
        if data[at] == 0x78:
            try:
                seen += zlib.decompressobj().decompress(data[at:], 1 << 20)
            except zlib.error:
                continue
    return [text for text in SECRETS if text.encode() in seen or text.encode().hex().encode() in seen]


def test_a_packet_loses_its_places_and_stays_well_formed() -> None:
    clean = places.xmp_without(PACKET)
    assert holds_a_place(clean) == [] and holds_a_place(PACKET) == list(SECRETS)
    assert "Großmutter".encode() in clean and b"the album" in clean
    ElementTree.fromstring(clean[clean.index(b"<x:") : clean.index(b"<?xpacket end")])
    assert places.xmp_without(clean) == clean and not places.in_xmp(clean)
    wide = PACKET.decode().encode("utf-16")
    assert holds_a_place(places.xmp_without(wide)) == []


def test_iptc_loses_its_places_alone() -> None:
    clean = places.iptc_without(IPTC)
    assert holds_a_place(clean) == []
    assert all(text.encode() in clean for text in ("Title", "Agnes B", "Großmutter"))
    assert places.iptc_without(clean + b"\0\0") == clean + b"\0\0"  # TIFF pads it to whole numbers
    long = b"\x1c\x02\x5a\x80\x04" + (40_000).to_bytes(4, "big") + b"x" * 40_000
    assert places.iptc_without(long + clean) == clean


def test_the_digest_of_iptc_follows_it() -> None:
    resources = irb.with_iptc(IPTC) + irb.block(1061, hashlib.md5(IPTC).digest()) + irb.block(1005, b"resolution")
    blocks = irb.split(places.resources_without(resources))
    assert blocks is not None
    found = {number: data for number, data, _ in blocks}
    assert found[1061] == hashlib.md5(found[1028]).digest() and found[1005] == b"resolution"
    assert places.resources_without(irb.with_iptc(b"\x1c\x02\x05\x00\x01a")) == irb.with_iptc(b"\x1c\x02\x05\x00\x01a")


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png"])
def test_no_place_is_left_in_the_file(tmp_path: Path, rewrite: Rewrite, grey: U8, suffix: str) -> None:
    path = tmp_path / f"photo{suffix}"
    if suffix == ".jpg":
        out = io.BytesIO()
        Image.fromarray(grey).save(out, "JPEG")
        extension = jpeg_file.XMP_EXTENDED + b"0" * 32 + bytes(8) + PACKET
        path.write_bytes(
            jpeg_file.assemble(
                out.getvalue(),
                [
                    (0xE1, jpeg_file.XMP + PACKET),
                    (0xE1, extension),
                    (0xED, jpeg_file.PHOTOSHOP + irb.with_iptc(IPTC)),
                ],
            )
        )
    elif suffix == ".tif":
        tags = [
            (700, 1, len(PACKET), PACKET, True),
            (33723, 7, len(IPTC), IPTC, True),
            (34377, 7, None, irb.with_iptc(IPTC), True),
            (33550, 12, 3, (0.5, 0.5, 0.0), True),
        ]
        with tifffile.TiffWriter(path) as writer:
            writer.write(grey, extratags=tags, subifds=1)
            writer.write(grey[::2, ::2], extratags=tags, subfiletype=1)
            writer.write(np.dstack((grey, grey // 2, grey)), photometric="rgb", extratags=tags)
    else:
        chunks = PngImagePlugin.PngInfo()
        chunks.add_itxt("XML:com.adobe.xmp", PACKET.decode())
        digits = irb.with_iptc(IPTC).hex()
        chunks.add_text("Raw profile type iptc", f"\niptc\n{len(digits) // 2:8d}\n{digits}\n", zip=True)
        chunks.add_text("Author", "Agnes B")
        Image.fromarray(grey).save(path, pnginfo=chunks)
    assert holds_a_place(path.read_bytes())
    _, kept, out = rewrite(path)
    assert holds_a_place(out.read_bytes())  # without the option it all stays
    _, after, out = rewrite(path, EncodeSettings(strip="gps"))
    assert holds_a_place(out.read_bytes()) == []
    assert b"Agnes B" in out.read_bytes()
    assert after.metadata.xmp is not None and "Großmutter".encode() in after.metadata.xmp
    if suffix == ".tif":
        assert len(after.pages[0].metadata.inside) == 1
        with tifffile.TiffFile(out) as file:
            assert all(33550 not in page.tags for page in (*file.pages, *file.pages[0].pages))


def test_texts_of_imagemagick_lose_the_place_and_nothing_else() -> None:
    def raw(data: bytes) -> bytes:
        return b"Raw profile type x\0\nx\n%8d\n%s\n" % (len(data), data.hex().encode())

    assert png_text.names_place(b"tEXt", b"exif:GPSLatitude\x0048/1, 31/1")
    assert png_text.names_place(b"tEXt", raw(PACKET))
    assert png_text.names_place(b"tEXt", raw(b"http://ns.adobe.com/xap/1.0/\0" + PACKET))
    assert not png_text.names_place(b"tEXt", b"exif:FNumber\x0028/10")
    assert not png_text.names_place(b"tEXt", raw(b"\0\1\2 < a profile > City"))
    assert not png_text.names_place(b"tEXt", raw(b"<a/>"))
