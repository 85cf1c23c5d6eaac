"""`--strip` on a photo that is only copied: its coded picture stays byte for byte, what was to go is gone."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from colorize_cli.errors import PhotoError
from colorize_cli.formats.decode import decode
from colorize_cli.formats.gif import gif_blocks, gif_file
from colorize_cli.formats.jp2.jp2_file import XMP_UUID, boxes
from colorize_cli.formats.jpeg import mpf
from colorize_cli.formats.jxl import jxl_file
from colorize_cli.formats.reader import read_result
from colorize_cli.formats.strip_file import has_to_strip, strip_copy
from colorize_cli.metadata.audit import iso_blocks
from colorize_cli.metadata.audit.compare import audit
from colorize_cli.metadata.ifd import Tag
from colorize_cli.metadata.provenance import Provenance, SourceNote
from colorize_cli.notes import Loss, losses
from tests.formats.test_fuzz import mutated
from tests.metadata import blocks as b

NOTE = Provenance("colorize-cli", "1", "tiny", "0" * 64, (("strip", "gps"),), SourceNote("a", 1, "1" * 64))
GREY = b.picture()
COLOR = np.dstack([b.picture(seed=seed) for seed in (1, 2, 3)])
GPS = [Tag(1, 2, 2, b"N\0"), Tag(2, 5, 3, struct.pack("<6I", 48, 1, 51, 1, 13, 1))]
EXIF = b.exif(
    b.text(271, "Zorki"),
    b.short(274, 6),
    inside=[b.text(36867, "1957:05:04 12:00:00")],
    gps=GPS,
    thumbnail=b.jpeg(b.picture((32, 24))),
)
DRONE = 'xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" drone-dji:GpsLatitude="+48.8536"'
PLACED = b.xmp(b.title("Grandma"), f'exif:GPSLatitude="48,51N" photoshop:City="Lyon" {DRONE}')
CAPTION = b.iim((120, b"A wedding"), (90, b"Lyon"))
SEGMENTS = (
    b.app_exif(EXIF),
    b.app_xmp(PLACED),
    b.app_photoshop(b.resource(1028, CAPTION)),
    b.app_icc(b.icc()),
    (0xE5, b"a camera's own"),
    (0xFE, b"by Ada"),
)
WHERE = (b"GPSLatitude", b"48.8536", b"Lyon", struct.pack("<6I", 48, 1, 51, 1, 13, 1))  # and the coordinates themselves
WHO = (b"Zorki", b"Grandma", b"A wedding", b"by Ada", b"camera's own", b"1957")


def tiff(big: bool, order: str) -> bytes:
    out = io.BytesIO()
    blocks = [(700, 7, len(PLACED), PLACED, True), (33550, 12, 3, (1.0, 1.0, 0.0), True)]
    own = [*blocks, (33723, 7, len(CAPTION), CAPTION, True), (315, 2, 7, "by Ada", True)]
    with tifffile.TiffWriter(out, bigtiff=big, byteorder=order) as writer:
        writer.write(COLOR, photometric="rgb", compression="zlib", extratags=own, metadata=None, subifds=1)
        writer.write(COLOR[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
        writer.write(COLOR[::-1], photometric="rgb", tile=(16, 16), extratags=blocks, metadata=None)
    return out.getvalue()


def webp() -> bytes:
    return b.saved(COLOR, "WEBP", quality=80, exif=EXIF, xmp=PLACED, icc_profile=b.icc())


def animated_png() -> bytes:
    frames = [Image.fromarray(COLOR[::-1])]
    coded = b.saved(COLOR, "PNG", save_all=True, append_images=frames, duration=70)
    chunks = (
        (b"eXIf", EXIF),
        b.png_xmp(PLACED),
        (b"tEXt", b"Author\0by Ada"),
        (b"iCCP", b"x\0\0" + b.zlib.compress(b.icc())),
    )
    return coded[:33] + b"".join(b.chunk(*item) for item in chunks) + coded[33:]


def pair() -> bytes:
    types = [0x030000, 0x020002]
    return mpf.joined([b.jpeg(COLOR, *SEGMENTS), b.jpeg(COLOR[::-1], *SEGMENTS[:2])], types, [("<", ())] * 2)


def jp2() -> bytes:
    blocks = (
        b"JpgTiffExif->JP2" + EXIF,
        XMP_UUID + PLACED,
        b.IPTC_UUID + CAPTION,
        bytes(range(16)) + b"a camera's own",
    )
    geo = b.box(b"uuid", bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03") + b"48.51")
    return b.jp2(COLOR, *(b.box(b"uuid", block) for block in blocks), geo, b.box(b"xml ", b"<g:City>Lyon</g:City>"))


def jxl() -> bytes:
    stream = bytes(imagecodecs.jpegxl_encode(COLOR, lossless=True, usecontainer=False))
    packed = b"xml " + bytes(imagecodecs.brotli_encode(PLACED))
    parts = (b.box(b"jxll", b"\x05"), b.box(b"Exif", bytes(4) + EXIF), b.box(b"brob", packed), b.box(b"jxlc", stream))
    return jxl_file.SIGNATURE + jxl_file._FTYP + b"".join(parts)


def heic() -> bytes:
    """Two pictures, each with metadata of its own."""
    pillow_heif, out = pytest.importorskip("pillow_heif"), io.BytesIO()
    file = pillow_heif.from_pillow(Image.fromarray(COLOR))
    file.add_from_pillow(Image.fromarray(COLOR[::-1]))
    file[1].info.update(exif=EXIF, xmp=PLACED)
    file.save(out, quality=90, exif=EXIF, xmp=PLACED, primary_index=0)
    return out.getvalue()


def animated_avif() -> bytes:
    """A sequence whose track names a place."""
    data = b.saved(COLOR, "AVIF", save_all=True, append_images=[Image.fromarray(COLOR[::-1])], duration=70)
    more = b.box(b"udta", b"\xa9xyz" + bytes(4) + b"Lyon")
    ftyp, meta, moov, mdat = boxes(data)
    before = [data[ftyp.start : moov.start], bytearray(data[moov.start : moov.end] + more)]
    struct.pack_into(">I", before[1], 0, len(before[1]))
    head = b"".join(before)
    place = struct.pack(">I", mdat.content)  # where its pictures start, in `iloc` and `stco`
    assert head.count(place) == 2
    head = head.replace(place, struct.pack(">I", mdat.content + len(more)))
    return head + data[mdat.start :]


def gif() -> bytes:
    """An animation with a packet, a comment and IPTC."""
    frames = [Image.fromarray(pixels).quantize(60) for pixels in (COLOR, COLOR[::-1])]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=70, loop=3)
    data, head = out.getvalue(), b"\x21\xff\x0b"
    packet = head + gif_blocks.XMP + PLACED + gif_blocks.XMP_TRAILER
    caption = head + gif_blocks.IPTC + bytes((len(CAPTION),)) + CAPTION + b"\0"
    at = gif_file.parse(data).blocks
    return data[:at] + packet + caption + b"\x21\xfe\x06by Ada\0" + data[at:]


def psd() -> bytes:
    """A document with a layer section that nobody reads."""
    resources = (
        b.resource(1028, CAPTION) + b.resource(1060, PLACED) + b.resource(1058, EXIF) + b.resource(1005, bytes(16))
    )
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, *COLOR.shape[:2], 8, 3) + bytes(4)
    layers = struct.pack(">I", 20) + b"a layer and its name"
    return head + struct.pack(">I", len(resources)) + resources + layers + bytes(2) + np.moveaxis(COLOR, 2, 0).tobytes()


def with_names(data: bytes) -> bytes:
    """An AVIF whose picture has a name and a description, as people give them, in place of what the encoder wrote."""
    return data.replace(b"Color\0", b"Zorki\0")


FILES = {
    "a.jpg": b.jpeg(COLOR, *SEGMENTS),
    "pair.mpo": pair(),
    "a.png": animated_png(),
    "a.webp": webp(),
    "magick.webp": webp().replace(b"XMP ", b"XMP\0"),  # as ImageMagick 6 calls it
    "a.jp2": jp2(),
    "a.jxl": jxl(),
    "a.avif": with_names(b.saved(np.dstack([COLOR, GREY]), "AVIF", exif=EXIF, xmp=PLACED, icc_profile=b.icc())),
    "animated.avif": animated_avif(),
    "animated.gif": gif(),
    "a.heic": b"",  # made by an extra
    "a.tif": tiff(False, "<"),
    "big.tif": tiff(True, ">"),
}  # fmt: skip


def data_of(name: str) -> bytes:
    return FILES[name] or heic()


def items(data: bytes) -> list[bytes]:
    """The pictures of a HEIF file, by the second reader; and of a sequence the data of all."""
    found, parts = iso_blocks._Items(), []
    for kind, start, end in iso_blocks.boxes(data, 0, len(data)):
        if kind == b"meta":
            iso_blocks._meta(data, start + 4, end, found)
        elif kind == b"moov":
            place = struct.unpack_from(">I", data, data.index(b"stco") + 12)[0]
            parts = [data[place : place + 411]]
    pictures = [number for number, (kind, _) in found.kinds.items() if kind in iso_blocks._PICTURES]
    return parts + [iso_blocks._content(data, found, number) for number in pictures]


def coded(path: Path) -> list[bytes]:
    """The coded picture data of a file, as its container has them."""
    data = path.read_bytes()
    if path.suffix in (".jpg", ".mpo"):
        places = [(entry.start, entry.size) for entry in mpf.entries(data)] or [(0, len(data))]
        return [data[at : at + size].rpartition(b"\xff\xda")[2] for at, size in places]
    if path.suffix == ".png":
        at, found = 8, []
        while at < len(data):
            size, kind = struct.unpack_from(">I4s", data, at)
            found += [data[at : at + 12 + size]] if kind in (b"IDAT", b"fdAT", b"fcTL", b"acTL") else []
            at += 12 + size
        return found
    if path.suffix == ".webp":
        at = data.index(b"VP8 ")
        return [data[at : at + 8 + struct.unpack_from("<I", data, at + 4)[0]]]
    if path.suffix == ".gif":
        found = gif_file.parse(data)
        return [data[:6].replace(b"7", b"9") + data[6 : found.blocks]] + [
            data[f.descriptor - 8 : f.end] for f in found.frames
        ]
    if path.suffix in (".avif", ".heic"):
        return items(data)
    if path.suffix in (".jp2", ".jxl"):
        return [data[box.content : box.end] for box in boxes(data) if box.kind in (b"jp2h", b"jp2c", b"jxlc", b"jxll")]
    with tifffile.TiffFile(path) as file:
        pages = [*file.pages, *file.pages[0].pages]
        return [
            part for page in pages for part, _ in file.filehandle.read_segments(page.dataoffsets, page.databytecounts)
        ]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("what", ["gps", "all"])
def test_what_is_to_go_goes_and_the_coded_picture_stays(tmp_path: Path, name: str, what: str):
    source, out = tmp_path / name, tmp_path / f"out-{name}"
    source.write_bytes(data_of(name))
    photo = decode(source)
    assert has_to_strip(source, photo.format, what)
    assert losses(strip_copy(photo, out, what, NOTE)) == ((Loss.metadata,) if name == "animated.avif" else ())
    assert coded(out) == coded(source)
    data, back = out.read_bytes(), decode(out)
    assert not any(word in data for word in WHERE)
    if what == "all":
        assert not any(word in data for word in WHO)
    else:
        kept = [word for word in WHO if word in data_of(name)]
        assert all(word in data for word in kept) and (len(kept) >= 2 or name == "animated.avif")
        assert not has_to_strip(out, photo.format, "gps")
    for before, after in zip(photo.pages, back.pages, strict=True):  # upright and in its colors, as it was
        np.testing.assert_array_equal(before.pixels, after.pixels)
        assert after.icc == before.icc and after.metadata.orientation == before.metadata.orientation
    found = read_result(out)
    assert found is not None and found.whole and found.note == NOTE and found.note.size == len(data)
    assert b"DigitalSourceType" not in data  # no model made its colors
    assert audit(source, out, (), what, copied=True) == []


def test_a_document_keeps_its_layers_and_loses_its_place(tmp_path: Path):
    (source := tmp_path / "a.psd").write_bytes(psd())
    photo = decode(source)
    assert has_to_strip(source, photo.format, "gps")
    assert strip_copy(photo, out := tmp_path / "out.psd", "gps", NOTE) == []
    data, tail = out.read_bytes(), psd()[-COLOR.size - 26 :]
    assert data.endswith(tail) and tail.startswith(struct.pack(">I", 20) + b"a layer")
    assert not any(word in data for word in WHERE)
    assert all(word in data for word in (b"Zorki", b"Grandma", b"A wedding"))
    np.testing.assert_array_equal(decode(out).pages[0].pixels, photo.pages[0].pixels)
    found = read_result(out)
    assert found is not None and found.whole and found.note == NOTE
    assert not has_to_strip(out, photo.format, "gps")
    assert audit(source, out, (), "gps", copied=True) == []


def test_an_index_of_several_pictures_stays_true(tmp_path: Path):
    (source := tmp_path / "pair.mpo").write_bytes(pair())
    for what in ("gps", "all"):
        strip_copy(decode(source), out := tmp_path / f"{what}.mpo", what, NOTE)
        first, second = mpf.entries(out.read_bytes())
        assert (first.start, first.size) == (0, second.start)
        assert second.start + second.size == out.stat().st_size
        assert (first.type, second.type) == (0x030000, 0x020002)


def test_a_gain_map_stays_without_places_and_goes_with_all_metadata(tmp_path: Path):
    gain = b.jpeg(GREY, b.app_xmp(b.xmp("", 'xmlns:hdrgm="h" hdrgm:Version="1.0"')))
    (source := tmp_path / "hdr.jpg").write_bytes(
        mpf.joined([b.jpeg(COLOR, *SEGMENTS), gain], [0x030000, 0], [("<", ())] * 2)
    )
    photo = decode(source)
    assert strip_copy(photo, out := tmp_path / "gps.jpg", "gps", NOTE) == []
    assert out.read_bytes().endswith(gain) and mpf.entries(out.read_bytes())[1].size == len(gain)
    assert losses(strip_copy(photo, out := tmp_path / "all.jpg", "all", NOTE) or ()) == (Loss.gain_map,)
    assert b"MPF\0" not in out.read_bytes() and b"hdrgm" not in out.read_bytes()


def test_a_video_that_tells_the_place_goes_and_this_is_told(tmp_path: Path):
    video = struct.pack(">I", 16) + b"ftypmp42" + bytes(4) + b"\0\0\0\x20udta\xa9xyz+48.85+002.35/"
    packet = b.xmp("", 'xmlns:GCamera="g" GCamera:MotionPhoto="1"')
    (source := tmp_path / "motion.jpg").write_bytes(b.jpeg(COLOR, b.app_xmp(packet)) + video)
    notes = strip_copy(decode(source), out := tmp_path / "out.jpg", "gps", NOTE)
    assert losses(notes or ()) == (Loss.video,)
    assert out.read_bytes().endswith(b"\xff\xd9") and b'MotionPhoto="0"' in out.read_bytes()


PLACELESS = [
    b.jpeg(COLOR),
    b.png(COLOR),
    *(b.saved(COLOR, kind) for kind in ("WEBP", "TIFF", "BMP", "AVIF", "JPEG2000")),
]


@pytest.mark.parametrize("data", PLACELESS)
def test_where_there_is_no_place_the_copy_is_byte_for_byte(tmp_path: Path, data: bytes):
    (source := tmp_path / "a").write_bytes(data)
    photo = decode(source)
    assert strip_copy(photo, out := tmp_path / "out", "gps", NOTE) == []
    assert out.read_bytes() == data and not has_to_strip(source, photo.format, "gps")


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_edited_only_where_its_picture_stays_and_nothing_is_published(tmp_path: Path, name: str):
    source, edited, whole = tmp_path / name, 0, data_of(name)
    for number in range(25):
        source.write_bytes(mutated(whole, random.Random(f"strip {name} {number}")))
        try:
            photo = decode(source, salvage=True)
        except PhotoError:
            continue
        for what in ("gps", "all"):
            out = tmp_path / f"{number}-{what}-{name}"
            if strip_copy(photo, out, what, NOTE) is None:
                continue  # it is coded anew
            edited += 1
            data, back = out.read_bytes(), decode(out)
            for before, after in zip(photo.pages, back.pages, strict=True):
                np.testing.assert_array_equal(before.pixels, after.pixels)
            assert b"GPSLatitude" not in data and (what == "gps" or b"Grandma" not in data)
    assert edited


def test_a_chunk_with_a_wrong_checksum_does_not_come_to_life(tmp_path: Path):
    chunk = bytearray(b.chunk(b"eXIf", EXIF))
    chunk[-1] ^= 1  # so its orientation is not obeyed
    whole = b.png(COLOR, b.png_xmp(PLACED))
    (source := tmp_path / "a.png").write_bytes(whole[:33] + bytes(chunk) + whole[33:])
    photo = decode(source)
    for what in ("gps", "all"):
        told = strip_copy(photo, out := tmp_path / f"{what}.png", what, NOTE)
        assert any("wrong checksum" in note for note in told or ())
        np.testing.assert_array_equal(decode(out).pages[0].pixels, photo.pages[0].pixels)
