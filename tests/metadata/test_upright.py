"""Orientation in XMP is obeyed and reset; regions stay on what they mark, however the picture was turned."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.files.facts import FileFacts
from colorize_cli.formats.blocks import open_in_strips
from colorize_cli.formats.decode import decode, finish, turn
from colorize_cli.formats.decoded import DecodedPage, DecodedPhoto
from colorize_cli.formats.encode import EncodeSettings, Provenance, suffix_for, target_format, write_photo
from colorize_cli.formats.jp2 import jp2_file
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.photo import DecodeLimits, Metadata, Photo, PhotoFormat
from colorize_cli.formats.png import png_file
from colorize_cli.formats.probe import probe
from colorize_cli.metadata.ifd import Ifd, Tag, read_header, read_ifd
from colorize_cli.metadata.ifd_write import exif_block
from colorize_cli.metadata.upright import orientation, upright

U8 = NDArray[np.uint8]
WIDTH, HEIGHT = 60, 40
RDF = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    'xmlns:exif="http://ns.adobe.com/exif/1.0/"'
)
END = "</rdf:Description></rdf:RDF></x:xmpmeta>"


def marked(left: int = 6, top: int = 22, wide: int = 8, high: int = 4) -> U8:
    """A grey picture, 60 x 40, with one bright rectangle."""
    picture = np.full((HEIGHT, WIDTH), 60, np.uint8)
    picture[top : top + high, left : left + wide] = 250
    return picture


def bright(picture: NDArray[np.integer]) -> tuple[int, int, int, int]:
    """Left, top, width and height of what is bright in it."""
    grey = picture if picture.ndim == 2 else picture.min(axis=2)
    ys, xs = np.nonzero(grey > (int(grey.max()) + int(grey.min())) / 2)
    return int(xs.min()), int(ys.min()), int(xs.max() - xs.min()) + 1, int(ys.max() - ys.min()) + 1


def packet(value: int, form: str = "attribute") -> bytes:
    """A packet that gives an orientation."""
    if form == "attribute":
        return f"{RDF} tiff:Orientation = '{value}'>{END}".encode()
    return f"{RDF}><tiff:Orientation>\n {value} </tiff:Orientation>{END}".encode()


def as_jpeg(grey: U8, xmp: bytes) -> bytes:
    return jpeg_file.assemble(bytes(imagecodecs.jpeg8_encode(grey, level=98)), [(0xE1, jpeg_file.XMP + xmp)])


def as_png(grey: U8, xmp: bytes) -> bytes:
    plain = png_file.parse(bytes(imagecodecs.png_encode(grey)))
    return png_file.assemble(plain.header(), [png_file.xmp_chunk(xmp)], plain.coded, ())


def as_tiff(grey: U8, xmp: bytes) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, grey, extratags=[(700, 1, len(xmp), xmp, True)], metadata=None)
    return out.getvalue()


def as_webp(grey: U8, xmp: bytes) -> bytes:
    out = io.BytesIO()
    Image.fromarray(grey).save(out, "WEBP", lossless=True, xmp=xmp)
    return out.getvalue()


def as_jp2(grey: U8, xmp: bytes) -> bytes:
    return jp2_file.with_metadata(bytes(imagecodecs.jpeg2k_encode(grey, codecformat="jp2")), xmp, None, None, None)


def as_gif(grey: U8, xmp: bytes) -> bytes:
    out = io.BytesIO()
    Image.fromarray(grey).save(out, "GIF")
    data = out.getvalue()
    block = b"\x21\xff\x0bXMP DataXMP" + xmp + b"\x01" + bytes(range(255, -1, -1)) + b"\x00"
    return data[:-1] + block + b";"


def as_avif(grey: U8, xmp: bytes) -> bytes:
    kinds = [cv2.IMAGE_METADATA_XMP]
    options = [cv2.IMWRITE_AVIF_QUALITY, 98]
    done, coded = cv2.imencodeWithMetadata(
        ".avif", cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), kinds, [np.frombuffer(xmp, np.uint8)], options
    )
    assert done
    return bytes(coded.tobytes())


def as_jxl(grey: U8, xmp: bytes) -> bytes:
    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(content), kind) + content

    coded = bytes(imagecodecs.jpegxl_encode(grey, lossless=True))
    if coded.startswith(b"\0\0\0\x0c"):
        return coded + box(b"xml ", xmp)
    head = b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    return head + box(b"xml ", xmp) + box(b"jxlc", coded)


WRITERS: dict[str, Callable[[U8, bytes], bytes]] = {
    ".jpg": as_jpeg, ".png": as_png, ".tif": as_tiff, ".webp": as_webp, ".jp2": as_jp2, ".gif": as_gif,
    ".avif": as_avif, ".jxl": as_jxl,
}  # fmt: skip


def written(photo: Photo, folder: Path) -> Photo:
    """The photo written by the program with its own pixels, and read again."""
    settings = EncodeSettings()
    out = folder / ("out" + suffix_for(photo.path, target_format(photo, settings)[0]))
    note = Provenance("colorize-cli", "1", "mini", "0" * 64)
    write_photo(photo, [page.pixels for page in photo.pages], out, settings, note)
    return decode(out)


@pytest.mark.parametrize("form", ["attribute", "element"])
@pytest.mark.parametrize("suffix", WRITERS)
def test_orientation_in_xmp_alone_is_obeyed_and_reset(tmp_path: Path, suffix: str, form: str) -> None:
    for value in range(1, 9) if suffix == ".png" else (3, 6):
        path = tmp_path / f"photo{suffix}"
        path.write_bytes(WRITERS[suffix](marked(), packet(value, form)))
        photo = decode(path)
        assert bright(photo.pages[0].pixels) == bright(turn(marked(), value)), value
        if suffix != ".gif":
            assert probe(path).size == photo.pages[0].size
        back = written(photo, tmp_path)
        assert bright(back.pages[0].pixels) == bright(turn(marked(), value)), value
        assert orientation(back.metadata.xmp) == 1
        assert not [note for note in photo.notes if "orientation" in note]


def test_exif_wins_where_they_differ_and_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "both.jpg"
    block = exif_block("<", (Tag(274, 3, 1, struct.pack("<H", 6)),))
    plain = bytes(imagecodecs.jpeg8_encode(marked(), level=98))
    segments = [(0xE1, jpeg_file.EXIF + block), (0xE1, jpeg_file.XMP + packet(3))]
    path.write_bytes(jpeg_file.assemble(plain, segments))
    photo = decode(path)
    assert bright(photo.pages[0].pixels) == bright(turn(marked(), 6))
    assert "EXIF gives the orientation 6, XMP 3: EXIF's was taken" in photo.notes
    back = written(photo, tmp_path)
    assert orientation(back.metadata.xmp) == 1 and back.pages[0].size == (HEIGHT, WIDTH)
    for value in (1, 6):  # EXIF upright, XMP not: upright; and nothing is said where they agree
        block = exif_block("<", (Tag(274, 3, 1, struct.pack("<H", value)),))
        segments = [(0xE1, jpeg_file.EXIF + block), (0xE1, jpeg_file.XMP + packet(6))]
        path.write_bytes(jpeg_file.assemble(plain, segments))
        photo = decode(path)
        assert photo.pages[0].metadata.orientation == value
        assert any("orientation" in note for note in photo.notes) is (value == 1)


def test_exif_that_says_nothing_of_it_leaves_it_to_xmp(tmp_path: Path) -> None:
    for tags in ((Tag(315, 2, 2, b"A\0"),), (Tag(274, 3, 1, struct.pack("<H", 0)),)):
        path = tmp_path / "none.jpg"
        segments = [(0xE1, jpeg_file.EXIF + exif_block("<", tags)), (0xE1, jpeg_file.XMP + packet(8))]
        path.write_bytes(jpeg_file.assemble(bytes(imagecodecs.jpeg8_encode(marked(), level=98)), segments))
        assert decode(path).pages[0].metadata.orientation == 8


REGIONS = {
    "mwg, elements": (
        '<mwg-rs:Regions xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" '
        'xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#" '
        'xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#" '
        'rdf:parseType="Resource"><mwg-rs:AppliedToDimensions rdf:parseType="Resource"><stDim:h>40</stDim:h>'
        "<stDim:unit>pixel</stDim:unit><stDim:w>60</stDim:w></mwg-rs:AppliedToDimensions><mwg-rs:RegionList><rdf:Bag>"
        '<rdf:li rdf:parseType="Resource"><mwg-rs:Area rdf:parseType="Resource"><stArea:h>{h}</stArea:h>'
        "<stArea:unit>normalized</stArea:unit><stArea:w>{w}</stArea:w><stArea:x>{cx}</stArea:x><stArea:y>{cy}</stArea:y>"
        "</mwg-rs:Area><mwg-rs:Name>Anna</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type></rdf:li></rdf:Bag>"
        "</mwg-rs:RegionList></mwg-rs:Regions>"
    ),
    "mwg, attributes": (
        '<mwg-rs:Regions xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" '
        'xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#" xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#">'
        '<rdf:Description><mwg-rs:AppliedToDimensions stDim:w="60" stDim:h="40" stDim:unit="pixel"/><mwg-rs:RegionList>'
        '<rdf:Bag><rdf:li><rdf:Description mwg-rs:Name="Anna"><mwg-rs:Area stArea:x="{cx}" stArea:y="{cy}" '
        'stArea:w="{w}" stArea:h="{h}" stArea:unit="normalized"/></rdf:Description></rdf:li></rdf:Bag>'
        "</mwg-rs:RegionList></rdf:Description></mwg-rs:Regions>"
    ),
    "mwg, pixels": (
        '<mwg-rs:Regions xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" '
        'xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#" rdf:parseType="Resource"><mwg-rs:RegionList><rdf:Bag>'
        '<rdf:li><rdf:Description><mwg-rs:Area stArea:x="{pcx}" stArea:y="{pcy}" stArea:w="{pw}" stArea:h="{ph}" '
        'stArea:unit="pixel"/></rdf:Description></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>'
    ),
    "microsoft": (
        '<MP:RegionInfo xmlns:MP="http://ns.microsoft.com/photo/1.2/" '
        'xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#" '
        'xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#" rdf:parseType="Resource"><MPRI:Regions><rdf:Bag>'
        '<rdf:li MPReg:Rectangle="{x}, {y}, {w}, {h}" MPReg:PersonDisplayName="Anna"/></rdf:Bag></MPRI:Regions>'
        "</MP:RegionInfo>"
    ),
    "iptc": (
        '<I:ImageRegion xmlns:I="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><rdf:Bag>'
        '<rdf:li rdf:parseType="Resource"><I:RegionBoundary rdf:parseType="Resource">'
        "<I:rbShape>rectangle</I:rbShape><I:rbUnit>relative</I:rbUnit>"
        "<I:rbX>{x}</I:rbX><I:rbY>{y}</I:rbY><I:rbW>{w}</I:rbW><I:rbH>{h}</I:rbH></I:RegionBoundary></rdf:li></rdf:Bag>"
        "</I:ImageRegion>"
    ),
    "subject": (
        "<exif:SubjectArea><rdf:Seq><rdf:li>{pcx}</rdf:li><rdf:li>{pcy}</rdf:li><rdf:li>{pw}</rdf:li>"
        "<rdf:li>{ph}</rdf:li></rdf:Seq></exif:SubjectArea>"
    ),
}  # fmt: skip


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


def test_heic_and_its_xmp(tmp_path: Path) -> None:
    library = pytest.importorskip("pillow_heif")
    inner = Ifd("<", (Tag(37500, 7, 9, b"nobody's\0"),))
    block = exif_block("<", (Tag(315, 2, 8, b"Agnes B\0"), Tag(34665, 4, 1, b"", child=inner)))
    rgb = np.repeat(marked()[..., None], 3, axis=2)
    for value, given in ((6, False), (1, True)):
        image = library.from_bytes("RGB", (WIDTH, HEIGHT), rgb.tobytes())
        path = tmp_path / "photo.heic"
        exif = exif_block("<", (Tag(274, 3, 1, struct.pack("<H", value)),)) if given else block
        image.save(path, quality=95, xmp=packet(6), exif=exif)
        photo = decode(path)
        assert photo.metadata.exif == exif
        assert bright(photo.pages[0].pixels) == bright(turn(marked(), value))
        back = written(photo, tmp_path)
        assert bright(back.pages[0].pixels) == bright(turn(marked(), value))
        assert orientation(back.metadata.xmp) == 1
        assert back.metadata.exif == exif


@pytest.mark.parametrize("turned", [1, 3, 6, 8])
def test_a_turn_in_avif_s_container_is_undone_and_exif_stays_byte_for_byte(tmp_path: Path, turned: int) -> None:
    inner = Ifd("<", (Tag(37500, 7, 9, b"nobody's\0"),))
    block = exif_block("<", (Tag(274, 3, 1, struct.pack("<H", turned)), Tag(34665, 4, 1, b"", child=inner)))
    path = tmp_path / "photo.avif"  # Pillow moves the turn from EXIF to the container
    Image.fromarray(marked()).save(path, "AVIF", quality=95, exif=b"Exif\0\0" + block, xmp=packet(1))
    photo = decode(path)
    assert bright(photo.pages[0].pixels) == bright(turn(marked(), turned))
    assert photo.metadata.exif is not None and photo.metadata.exif in path.read_bytes()
    back = written(photo, tmp_path)
    assert bright(back.pages[0].pixels) == bright(turn(marked(), turned))
    assert back.metadata.exif == photo.metadata.exif and b"nobody's" in back.metadata.exif


def test_heic_with_an_orientation_that_only_others_can_read_stays_upright(tmp_path: Path) -> None:
    library = pytest.importorskip("pillow_heif")
    rgb = np.repeat(marked()[..., None], 3, axis=2)
    path = tmp_path / "photo.png"
    path.write_bytes(as_png(marked(), packet(6) + b"<junk>"))
    photo = decode(path)
    assert any("its XMP cannot be read" in note for note in photo.notes)
    out = tmp_path / "out.heic"
    note = Provenance("colorize-cli", "1", "mini", "0" * 64)
    write_photo(photo, [rgb], out, EncodeSettings(format=PhotoFormat.heic), note)
    assert bright(np.asarray(library.open_heif(out)[0])) == pytest.approx(bright(rgb), abs=1)


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


@pytest.mark.parametrize("turned", [1, 2, 3, 4])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_a_streamed_image_is_as_upright_as_one_read_as_a_whole(tmp_path: Path, suffix: str, turned: int) -> None:
    grey = np.rint(127 + 60 * np.sin(np.arange(700 * 501) / 5000)).astype(np.uint8).reshape(700, 501)
    region = REGIONS["microsoft"].format(x=0.1, y=0.2, w=0.3, h=0.4)
    area = REGIONS["subject"].format(pcx=100, pcy=500, pw=8, ph=4)
    path = tmp_path / f"photo{suffix}"
    path.write_bytes(WRITERS[suffix](grey, f"{RDF} tiff:Orientation='{turned}'>{region}{area}{END}".encode()))
    whole, scan = decode(path), open_in_strips(path, DecodeLimits())
    rows = np.concatenate([block.rows.pixels for block in scan.blocks(0)])
    np.testing.assert_array_equal(rows, whole.pages[0].pixels)
    assert scan.photo.metadata.xmp == whole.metadata.xmp
