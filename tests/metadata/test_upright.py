"""Orientation in XMP is obeyed and reset; regions stay on what they mark, however the picture was turned."""

from __future__ import annotations

import io
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

from colorize_cli.formats.blocks import open_in_strips
from colorize_cli.formats.decode import decode, turn
from colorize_cli.formats.encode import EncodeSettings, Provenance, suffix_for, target_format, write_photo
from colorize_cli.formats.jp2 import jp2_file
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.photo import DecodeLimits, Photo, PhotoFormat
from colorize_cli.formats.png import png_file
from colorize_cli.formats.probe import probe
from colorize_cli.metadata.ifd import Ifd, Tag
from colorize_cli.metadata.ifd_write import exif_block
from colorize_cli.metadata.upright import orientation

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
