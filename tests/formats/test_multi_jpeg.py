"""JPEG files with several pictures: photos stay, what goes with the first one is left out and told."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, Provenance, Written, suffix_for, target_format, write_photo
from colorize_cli.formats.jpeg import jpeg_file, mpf
from colorize_cli.formats.photo import Photo, PhotoFormat
from colorize_cli.formats.probe import probe
from colorize_cli.formats.read_plan import plan
from colorize_cli.notes import Loss, losses
from tests.metadata import blocks as b

NOTE = Provenance("colorize-cli", "1", "tiny", "0" * 64)
XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{}</rdf:RDF></x:xmpmeta>'


def description(inside: str, attributes: str = "") -> bytes:
    return XMP.format(f'<rdf:Description rdf:about="" {attributes}>{inside}</rdf:Description>').encode()


def jpeg(seed: int, size: tuple[int, int] = (64, 48), *segments: tuple[int, bytes]) -> bytes:
    """A smooth grey JPEG."""
    small = np.random.default_rng(seed).integers(20, 235, (4, 5), np.uint8)
    out = io.BytesIO()
    Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return jpeg_file.assemble(out.getvalue(), segments)


def xmp(packet: bytes) -> tuple[int, bytes]:
    return 0xE1, jpeg_file.XMP + packet


def several(*pictures: bytes, types: tuple[int, ...] = (0x030000, 0x020002)) -> bytes:
    return mpf.joined(pictures, types, [("<", ())] * len(pictures))


def written(photo: Photo, out: Path, **settings: object) -> Written:
    pages = [np.repeat(page.pixels[..., None], 3, 2) for page in photo.pages]
    return write_photo(photo, pages, out, EncodeSettings(**settings), NOTE)  # type: ignore[arg-type]


def frames(path: Path) -> list[np.ndarray]:
    with Image.open(path) as image:
        assert image.format == "MPO"
        return [np.asarray(image) for i in range(image.n_frames) if not image.seek(i)]


@pytest.mark.parametrize("kind", [0, 0x020001, 0x020002, 0x020003])
def test_both_pictures_of_a_pair_come_out_with_an_index_that_is_true(tmp_path: Path, kind: int):
    left = jpeg(1, (64, 48), xmp(description("<dc:title xmlns:dc='d'>left</dc:title>")))
    right = jpeg(2, (64, 48), xmp(description("<dc:title xmlns:dc='d'>right</dc:title>")))
    source = tmp_path / "pair.mpo"
    source.write_bytes(several(left, right, types=(0x030000, kind)))
    photo = decode(source)
    assert len(photo.pages) == 2 and photo.notes == ()
    found = probe(source)
    assert found.pages == 2 and target_format(found, EncodeSettings())[0] is PhotoFormat.jpeg
    assert suffix_for(source, PhotoFormat.jpeg, found.pages) == ".mpo"

    out = tmp_path / "out.mpo"
    assert written(photo, out).notes == ()
    data, entries = out.read_bytes(), mpf.entries(out.read_bytes())
    assert [entry.type for entry in entries] == [0x030000, kind]
    assert entries[0].start == 0 and entries[1].start == entries[0].size
    assert entries[1].start + entries[1].size == len(data)
    for before, after, title in zip((left, right), frames(out), (b"left", b"right"), strict=True):
        assert after.shape == (48, 64, 3)
        assert np.abs(after.mean(2) - np.asarray(Image.open(io.BytesIO(before)))).max() < 8
        entry = entries[title == b"right"]
        packet = jpeg_file.parse(data[entry.start : entry.start + entry.size]).payloads(0xE1, jpeg_file.XMP)
        assert len(packet) == 1 and b">" + title + b"<" in packet[0] and b"colorize-cli" in packet[0]


def test_each_picture_stands_upright_by_its_own_orientation(tmp_path: Path):
    exif = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHHI", 274, 3, 1, 6, 0, 0)
    source = tmp_path / "pair.jpg"
    source.write_bytes(several(jpeg(1), jpeg(2, (64, 48), (0xE1, jpeg_file.EXIF + exif))))
    photo = decode(source)
    assert [page.size for page in photo.pages] == [(64, 48), (48, 64)]
    written(photo, out := tmp_path / "out.jpg")
    assert [frame.shape for frame in frames(out)] == [(48, 64, 3), (64, 48, 3)]
    assert [page.size for page in decode(out).pages] == [(64, 48), (48, 64)]


def test_an_index_whose_offsets_are_wrong_loses_no_picture(tmp_path: Path):
    whole = several(jpeg(1), jpeg(2))
    # As an editor leaves it that puts a comment before the index: every offset behind it is too small.
    source = tmp_path / "edited.jpg"
    source.write_bytes(whole[:2] + b"\xff\xfe\x01\x02" + b"c" * 256 + whole[2:])
    data = source.read_bytes()
    broken = data.replace(struct.pack("<I", mpf.entries(whole)[1].start), struct.pack("<I", 7), 1)
    for content in (data, broken):
        source.write_bytes(content)
        assert len(decode(source).pages) == 2 == probe(source).pages


def gain_map(parameters: bool = True) -> bytes:
    return jpeg(
        3,
        (32, 24),
        xmp(description("", 'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"'))
        if parameters
        else (0xFE, b""),
    )


CONTAINER = (
    '<Container:Directory xmlns:Container="c" xmlns:Item="i"><rdf:Seq>'
    '<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li>'
    '<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="{}" Item:Mime="{}" Item:Length="9"/></rdf:li>'
    "</rdf:Seq></Container:Directory><dc:title xmlns:dc='d'>mine</dc:title>"
)


@pytest.mark.parametrize(
    "first, second, kind, loss",
    [
        (jpeg(1), gain_map(), 0, Loss.gain_map),
        (jpeg(1), gain_map(parameters=False), 0x050000, Loss.gain_map),
        (jpeg(1), jpeg(3, (64, 48), (0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0")), 0, Loss.gain_map),
        (
            jpeg(1, (64, 48), xmp(description(CONTAINER.format("Depth", "image/jpeg")))),
            jpeg(3),
            0,
            Loss.depth_map,
        ),
        (jpeg(1), jpeg(3, (64, 48), xmp(description("", 'a:AuxiliaryImageType="urn:hdrgainmap"'))), 0, Loss.gain_map),
        (jpeg(1), jpeg(3), 0x010002, Loss.thumbnail),
        (jpeg(1, (640, 480)), jpeg(3, (160, 120)), 0, Loss.thumbnail),
    ],
)  # fmt: skip
def test_what_goes_with_the_first_picture_is_left_out_and_told(
    tmp_path: Path, first: bytes, second: bytes, kind: int, loss: Loss
):
    source = tmp_path / "p.mpo"
    source.write_bytes(several(first, second, types=(0x030000, kind)))
    photo = decode(source)
    assert len(photo.pages) == 1 and losses(photo.notes) == (loss,)
    assert probe(source).pages == 1 and suffix_for(source, PhotoFormat.jpeg, 1) == ".jpg"
    written(photo, out := tmp_path / "out.jpg")
    with Image.open(out) as image:
        assert image.format == "JPEG"
    assert b"MPF\0" not in out.read_bytes()


def test_a_photo_without_its_gain_map_does_not_speak_of_one(tmp_path: Path):
    packet = description(
        CONTAINER.format("GainMap", "image/jpeg"),
        'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"',
    )
    iso = (0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0")
    source = tmp_path / "p.jpg"
    source.write_bytes(several(jpeg(1, (64, 48), xmp(packet), iso), gain_map()))
    written(decode(source), out := tmp_path / "out.jpg")
    data = out.read_bytes()
    for word in (b"hdrgm:", b"Container:Item", b"21496"):
        assert word not in data
    assert b">mine</dc:title>" in data


def test_a_motion_photo_loses_its_video_and_says_so(tmp_path: Path):
    packet = description(CONTAINER.format("MotionPhoto", "video/mp4"), 'GCamera:MotionPhoto="1" GCamera:MicroVideo="1"')
    video = struct.pack(">I", 24) + b"ftypmp42" + bytes(12) + struct.pack(">I", 900) + b"mdat" + bytes(892)
    source = tmp_path / "p.jpg"
    source.write_bytes(jpeg(1, (64, 48), xmp(packet)) + video)
    photo = decode(source)
    assert losses(photo.notes) == (Loss.video,) and "924 bytes" in photo.notes[0]
    written(photo, out := tmp_path / "out.jpg")
    data = out.read_bytes()
    assert b"ftypmp42" not in data and data.endswith(b"\xff\xd9")
    assert b'MotionPhoto="0"' in data and b'MicroVideo="0"' in data and b"Item:Length" not in data


def test_a_pair_as_tiff_has_two_pages_and_says_whose_metadata_are_lost(tmp_path: Path):
    source = tmp_path / "pair.mpo"
    source.write_bytes(several(jpeg(1), jpeg(2, (64, 48), xmp(description("")))))
    told = written(decode(source), tmp_path / "out.tif", format=PhotoFormat.tiff)
    assert losses(told.notes) == (Loss.metadata,) and len(decode(told.path).pages) == 2


def test_places_are_stripped_from_every_picture(tmp_path: Path):
    placed = description("", 'exif:GPSLatitude="48,8N" photoshop:City="Paris"')
    source = tmp_path / "pair.mpo"
    source.write_bytes(several(jpeg(1, (64, 48), xmp(placed)), jpeg(2, (64, 48), xmp(placed))))
    for what in ("gps", "all"):
        written(decode(source), out := tmp_path / f"{what}.mpo", strip=what)
        assert len(frames(out)) == 2
        assert b"GPSLatitude" not in out.read_bytes() and b"Paris" not in out.read_bytes()


def test_what_follows_a_large_picture_is_not_overlooked(tmp_path: Path):
    packet = description("", 'GCamera:MotionPhoto="1"')
    cases = (several(jpeg(1), gain_map(), types=(0x030000, 0)), jpeg(1, (64, 48), xmp(packet)) + b"\0\0\0\x18ftypmp42")
    for number, data in enumerate((*cases, jpeg(1))):
        (path := tmp_path / f"{number}.jpg").write_bytes(data)
        way = plan(probe(path), PhotoFormat.jpeg, stream_from=1, max_memory=1 << 30)
        assert way.streamed == (number == 2) and ("follows it" in way.reason) == (number < 2)


def test_the_thumbnail_of_a_second_picture_is_left_out_and_told(tmp_path: Path):
    thumb = b.jpeg(b.picture((32, 24)))
    second = jpeg(2, (64, 48), b.app_exif(b.exif(b.text(271, "Zorki"), thumbnail=thumb)))
    (source := tmp_path / "pair.mpo").write_bytes(several(jpeg(1), second))
    photo = decode(source)
    assert losses(photo.notes) == (Loss.thumbnail,)
    written(photo, out := tmp_path / "out.mpo")
    assert thumb not in out.read_bytes() and b"Zorki" in out.read_bytes()


@pytest.mark.parametrize("fill", [0, 1, 5])
def test_fill_bytes_before_an_index_are_skipped(fill: int):
    payload = b"MPF\0" + bytes(20)
    segment = b"\xe2" + struct.pack(">H", 2 + len(payload)) + payload
    data = b"\xff\xd8" + b"\xff" * fill + b"\xff" + segment + b"\xff\xd9"
    at = 2 + fill + 8
    assert mpf._place_of(data) == (at, at + 20)
    assert mpf._place_of(b"\xff\xd8" + b"\xff" * 9) is None
