"""Regions and subjects stay on what they mark, however the picture was turned."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from colorize_cli.files.facts import FileFacts
from colorize_cli.formats.decode import decode, finish, turn
from colorize_cli.formats.decoded import DecodedPage, DecodedPhoto
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.photo import Metadata, Photo, PhotoFormat
from colorize_cli.formats.probe import probe
from colorize_cli.metadata.ifd import Ifd, Tag, read_header, read_ifd
from colorize_cli.metadata.ifd_write import exif_block
from colorize_cli.metadata.upright import upright
from tests.metadata.test_upright import END, HEIGHT, RDF, REGIONS, U8, WIDTH, as_png, bright, marked, written


def told(kind: str, text: str, size: tuple[int, int]) -> tuple[float, ...]:
    """Left, top, width and height in pixels of the region that a packet marks, by another reading of it."""
    text = text.split("Regions", 1)[-1] if "mwg" in kind else text
    wide, high = size
    if kind == "microsoft":
        x, y, w, h = (float(part) for part in re.search(r'Rectangle="([^"]*)"', text)[1].split(","))
        return x * wide, y * high, w * wide, h * high
    if kind == "iptc":
        x, y, w, h = (float(re.search(rf"<I:rb{name}>([^<]*)<", text)[1]) for name in "XYWH")
        return x * wide, y * high, w * wide, h * high
    if kind == "subject":
        x, y, w, h = (float(part) for part in re.findall(r"<rdf:li>(\d+)</rdf:li>", text))
        return x - w / 2, y - h / 2, w, h
    x, y, w, h = (float(re.search(rf"stArea:{name}(?:>|=\")([\d.]+)", text)[1]) for name in "xywh")
    scale = (1, 1) if kind == "mwg, pixels" else size
    return (x - w / 2) * scale[0], (y - h / 2) * scale[1], w * scale[0], h * scale[1]


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("kind", REGIONS)
def test_a_region_lies_on_the_same_thing_in_the_result(tmp_path: Path, kind: str, turned: int) -> None:
    left, top, w, h = 6, 22, 8, 4
    values = {
        "x": left / WIDTH, "y": top / HEIGHT, "w": w / WIDTH, "h": h / HEIGHT,
        "cx": (left + w / 2) / WIDTH, "cy": (top + h / 2) / HEIGHT,
        "pcx": left + w // 2, "pcy": top + h // 2, "pw": w, "ph": h,
    }  # fmt: skip
    text = f"{RDF} tiff:Orientation='{turned}'>" + REGIONS[kind].format(**values) + END
    path = tmp_path / "photo.png"
    path.write_bytes(as_png(marked(left, top, w, h), text.encode()))
    assert told(kind, text, (WIDTH, HEIGHT)) == pytest.approx((left, top, w, h))
    back = written(decode(path), tmp_path)
    page, result = back.pages[0], back.metadata.xmp
    assert result is not None
    assert told(kind, result.decode(), page.size) == pytest.approx(bright(page.pixels), abs=1e-3)
    if "Applied" in text:
        applied = [float(re.search(rf"stDim:{name}(?:>|=\")(\d+)", result.decode())[1]) for name in "wh"]
        assert tuple(applied) == page.size
    assert (b"Anna" in text.encode()) == (b"Anna" in result)


def test_regions_that_were_marked_in_the_upright_picture_stay() -> None:
    values = {"cx": 0.25, "cy": 0.2, "w": 0.1, "h": 0.1}
    text = REGIONS["mwg, elements"].format(**values)
    text = text.replace("<stDim:h>40<", "<stDim:h>60<").replace("<stDim:w>60<", "<stDim:w>40<")
    source = f"{RDF} tiff:Orientation='6'>{text}{END}".encode()
    assert upright(source, 6, (WIDTH, HEIGHT)) == source.replace(b"'6'", b"'1'")


def subject_block(order: str, values: tuple[int, ...], turned: int, code: int) -> bytes:
    inner = (Tag(code, 3, len(values), struct.pack(f"{order}{len(values)}H", *values)),)
    tags = (Tag(274, 3, 1, struct.pack(f"{order}H", turned)), Tag(34665, 4, 1, b"", child=Ifd(order, inner)))
    return exif_block(order, tags)


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("container", ["jpeg", "tiff"])
def test_exif_s_subject_turns_with_the_pixels(tmp_path: Path, turned: int, container: str) -> None:
    for order in "<>" if container == "jpeg" else "<":
        for left, top, w, h in ((6, 22, 8, 4), (7, 23, 5, 9), (30, 2, 1, 1)):
            values = (left + w // 2, top + h // 2, w, h)
            code = 0x9214
            if (w, h) == (1, 1):
                values, code = values[:2], 0xA214
            block = subject_block(order, values, turned, code)
            path = tmp_path / ("photo.jpg" if container == "jpeg" else "photo.tif")
            if container == "jpeg":
                plain = bytes(imagecodecs.jpeg8_encode(marked(left, top, w, h), level=100))
                path.write_bytes(jpeg_file.assemble(plain, [(0xE1, jpeg_file.EXIF + block)]))
            else:
                path.write_bytes(tiff_with(marked(left, top, w, h), block, turned))
            back = written(decode(path), tmp_path)
            found = subject_of(back)
            x, y, wide, high = bright(back.pages[0].pixels)
            assert (wide, high) == ((h, w) if turned >= 5 else (w, h))
            assert found == (x + wide // 2, y + high // 2, *((wide, high) if len(values) == 4 else ()))


def tiff_with(grey: U8, block: bytes, turned: int) -> bytes:
    """A TIFF whose page has the EXIF directory of a block."""
    from colorize_cli.metadata.ifd_write import directory, header

    start = read_header(block)
    tags = [tag for tag in read_ifd(block, start, start.first).tags if tag.code != 274]
    layout = {
        256: (4, WIDTH), 257: (4, HEIGHT), 258: (3, 8), 259: (3, 1), 262: (3, 1), 273: (4, 8), 274: (3, turned),
        277: (3, 1), 278: (4, HEIGHT), 279: (4, grey.size),
    }  # fmt: skip
    tags += [
        Tag(code, kind, 1, struct.pack("<H" if kind == 3 else "<I", value)) for code, (kind, value) in layout.items()
    ]
    at = 8 + grey.size
    return header("<", at) + grey.tobytes() + bytes(directory("<", tags, at)[0])


def subject_of(photo: Photo) -> tuple[int, ...]:
    tags = photo.pages[0].metadata.tags
    if tags is None:
        assert photo.metadata.exif is not None
        start = read_header(photo.metadata.exif)
        tags = read_ifd(photo.metadata.exif, start, start.first)
    inner = tags.find(34665)
    assert inner is not None and inner.child is not None
    return tuple(int(v) for v in inner.child.numbers(0x9214) or inner.child.numbers(0xA214))


def test_a_subject_that_was_marked_before_the_picture_was_made_smaller() -> None:
    from colorize_cli.metadata.upright import subject

    assert subject([2009, 2018, 2216, 1329], 6, (60, 40), (4032, 3024)) == [1005, 2009, 1329, 2216]
    assert subject([2009, 2018, 2216, 1329], 6, (60, 40)) is None  # nobody knows in which picture
    assert subject([30, 20, 4, 4], 6, (60, 40), (4032, 3024)) == [20, 30, 4, 4]
    area = "<exif:SubjectArea><rdf:Seq><rdf:li>300</rdf:li><rdf:li>200</rdf:li></rdf:Seq></exif:SubjectArea>"
    source = f"{RDF} exif:PixelXDimension='600' exif:PixelYDimension='400'>{area}{END}".encode()
    done = upright(source, 6, (60, 40))
    assert b"<rdf:li>199</rdf:li><rdf:li>300</rdf:li>" in done and b"exif:PixelXDimension='400'" in done


def region_told(photo: Photo) -> tuple[float, ...]:
    assert photo.metadata.xmp is not None
    return told("microsoft", photo.metadata.xmp.decode(), photo.pages[0].size)


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("suffix", [".avif", ".heic"])
def test_regions_follow_a_turn_that_the_container_says(tmp_path: Path, suffix: str, turned: int) -> None:
    region = REGIONS["microsoft"].format(x=6 / WIDTH, y=22 / HEIGHT, w=8 / WIDTH, h=4 / HEIGHT)
    xmp = f"{RDF}>{region}{END}".encode()
    path = tmp_path / f"photo{suffix}"
    inner = Ifd("<", (Tag(0x9214, 3, 4, struct.pack("<4H", 10, 24, 8, 4)),))
    block = exif_block("<", (Tag(274, 3, 1, struct.pack("<H", turned)), Tag(34665, 4, 1, b"", child=inner)))
    if suffix == ".heic":
        library = pytest.importorskip("pillow_heif")
        image = library.from_bytes("RGB", (WIDTH, HEIGHT), np.repeat(marked()[..., None], 3, axis=2).tobytes())
        image.save(path, quality=100, chroma=444, exif=block, xmp=xmp)  # the library says the turn in the container
    else:
        Image.fromarray(marked()).save(path, "AVIF", quality=98, exif=b"Exif\0\0" + block, xmp=xmp)
    photo = decode(path)
    assert bright(photo.pages[0].pixels) == bright(turn(marked(), turned))
    if suffix == ".avif":  # HEIC declares the size of its coded blocks
        assert probe(path).size == photo.pages[0].size
    back = written(photo, tmp_path)
    assert region_told(back) == pytest.approx(bright(back.pages[0].pixels), abs=1e-3)
    x, y, w, h = bright(back.pages[0].pixels)
    assert subject_of(back) == (x + w // 2, y + h // 2, w, h)


@pytest.mark.parametrize("turned", range(1, 9))
def test_regions_follow_a_turn_that_the_decoder_has_undone(turned: int) -> None:
    region = REGIONS["microsoft"].format(x=6 / WIDTH, y=22 / HEIGHT, w=8 / WIDTH, h=4 / HEIGHT)
    metadata = Metadata(xmp=f"{RDF}>{region}{END}".encode(), exif=subject_block("<", (10, 24, 8, 4), 1, 0x9214))
    page = DecodedPage(turn(marked(), turned), "grey", undone=turned)
    photo = finish(DecodedPhoto((page,), metadata), Path("photo.jxl"), PhotoFormat.jxl, FileFacts())
    assert region_told(photo) == pytest.approx(bright(photo.pages[0].pixels), abs=1e-3)
    x, y, w, h = bright(photo.pages[0].pixels)
    assert subject_of(photo) == (x + w // 2, y + h // 2, w, h)
