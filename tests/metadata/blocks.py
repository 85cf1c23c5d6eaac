"""Small files with blocks of metadata, put together byte by byte."""

from __future__ import annotations

import functools
import hashlib
import io
import struct
import zlib
from collections.abc import Iterable

import numpy as np
from PIL import Image

from colorize_cli.metadata.ifd import Ifd, Tag
from colorize_cli.metadata.ifd_write import exif_block

Segments = Iterable[tuple[int, bytes]]
IPTC_UUID = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")


def picture(size: tuple[int, int] = (64, 48), seed: int = 0) -> np.ndarray:
    """A smooth grey picture that looks different every way up, (H, W)."""
    small = np.random.default_rng(seed).integers(20, 235, (4, 5), np.uint8)
    return np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))


def saved(pixels: np.ndarray, format: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format, **options)  # type: ignore[arg-type]
    return out.getvalue()


def jpeg(pixels: np.ndarray, *segments: tuple[int, bytes]) -> bytes:
    coded = saved(pixels, "JPEG", quality=90)
    start = 4 + struct.unpack_from(">H", coded, 4)[0]
    head = b"".join(b"\xff" + bytes((kind,)) + struct.pack(">H", len(data) + 2) + data for kind, data in segments)
    return coded[:start] + head + coded[start:]


def exif(*tags: Tag, inside: Iterable[Tag] = (), gps: Iterable[Tag] = (), thumbnail: bytes = b"") -> bytes:
    """An EXIF block with tags in its first directory, its EXIF and its GPS directory, and a thumbnail."""
    children = [
        Tag(code, 4, 1, b"", child=Ifd("<", tuple(some))) for code, some in ((34665, inside), (34853, gps)) if some
    ]
    block = bytearray(exif_block("<", [*tags, *children]))
    if thumbnail:
        count = struct.unpack_from("<H", block, 8)[0]
        struct.pack_into("<I", block, 10 + 12 * count, len(block))
        where = len(block) + 2 + 3 * 12 + 4
        block += struct.pack("<H", 3) + struct.pack("<HHIHH", 259, 3, 1, 6, 0)
        block += struct.pack("<HHII", 513, 4, 1, where) + struct.pack("<HHII", 514, 4, 1, len(thumbnail)) + bytes(4)
        block += thumbnail
    return bytes(block)


def text(code: int, value: str) -> Tag:
    return Tag(code, 2, len(value) + 1, value.encode() + b"\0")


def short(code: int, *values: int) -> Tag:
    return Tag(code, 3, len(values), struct.pack(f"<{len(values)}H", *values))


def xmp(inside: str = "", attributes: str = "") -> bytes:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
        'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
        'xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" '
        'xmlns:stArea="http://ns.adobe.com/xap/1.0/sType/Area#" '
        'xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#" '
        f'{attributes}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def title(words: str) -> str:
    return f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{words}</rdf:li></rdf:Alt></dc:title>'


def region(x: float, y: float, w: float, h: float, size: tuple[int, int]) -> str:
    return (
        '<mwg-rs:Regions rdf:parseType="Resource">'
        f'<mwg-rs:AppliedToDimensions stDim:w="{size[0]}" stDim:h="{size[1]}" stDim:unit="pixel"/>'
        "<mwg-rs:RegionList><rdf:Bag><rdf:li><rdf:Description mwg-rs:Name='Ada' mwg-rs:Type='Face'>"
        f'<mwg-rs:Area stArea:x="{x:g}" stArea:y="{y:g}" stArea:w="{w:g}" stArea:h="{h:g}" stArea:unit="normalized"/>'
        "</rdf:Description></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
    )


def app_exif(block: bytes) -> tuple[int, bytes]:
    return 0xE1, b"Exif\0\0" + block


def app_xmp(packet: bytes) -> tuple[int, bytes]:
    return 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet


def extended(packet: bytes) -> list[tuple[int, bytes]]:
    """A packet as ExtendedXMP in two parts, and the main packet that points to it."""
    digest, half = hashlib.md5(packet).hexdigest().upper(), len(packet) // 2
    main = xmp("", f'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{digest}"')
    head = b"http://ns.adobe.com/xmp/extension/\0" + digest.encode()
    parts = ((0, packet[:half]), (half, packet[half:]))
    return [app_xmp(main), *((0xE1, head + struct.pack(">II", len(packet), at) + part) for at, part in parts)]


def iim(*values: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack(">BBBH", 0x1C, 2, number, len(data)) + data for number, data in values)


def resource(number: int, data: bytes) -> bytes:
    return b"8BIM" + struct.pack(">H2xI", number, len(data)) + data + b"\0" * (len(data) & 1)


def app_photoshop(*resources: bytes) -> tuple[int, bytes]:
    return 0xED, b"Photoshop 3.0\0" + b"".join(resources)


@functools.cache  # its header holds the second in which it was made
def icc() -> bytes:
    """A profile: sRGB as lcms makes it."""
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def app_icc(profile: bytes) -> tuple[int, bytes]:
    return 0xE2, b"ICC_PROFILE\0\x01\x01" + profile


def chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def png(pixels: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    coded = saved(pixels, "PNG")
    return coded[:33] + b"".join(chunk(*item) for item in chunks) + coded[33:]


def png_xmp(packet: bytes) -> tuple[bytes, bytes]:
    return b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def jp2(pixels: np.ndarray, *boxes: bytes) -> bytes:
    """Boxes stand before the codestream, as most writers put them."""
    coded = saved(pixels, "JPEG2000")
    at = coded.index(b"jp2c") - 4
    return coded[:at] + b"".join(boxes) + coded[at:]


def gif(pixels: np.ndarray, *extensions: bytes) -> bytes:
    coded = saved(pixels, "GIF")
    at = 13 + 3 * 2 ** ((coded[10] & 7) + 1)
    return b"GIF89a" + coded[6:at] + b"".join(extensions) + coded[at:]


def gif_comment(comment: bytes) -> bytes:
    return b"\x21\xfe" + bytes((len(comment),)) + comment + b"\0"


def gif_xmp(packet: bytes) -> bytes:
    return b"\x21\xff\x0bXMP DataXMP" + packet + b"\x01" + bytes(range(255, -1, -1)) + b"\0"


def bmp_v5(pixels: np.ndarray, profile: bytes = b"") -> bytes:
    """A BMP of 24 bits with the header of version 5, and the profile in it."""
    height, width = pixels.shape[:2]
    rows = np.repeat(pixels[::-1, :, None], 3, 2)
    body = b"".join(row.tobytes() + bytes(-3 * width % 4) for row in rows)
    kind = 0x4D424544 if profile else 0x73524742  # embedded, or sRGB
    head = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 24, 0, len(body), 2835, 2835, 0, 0) + bytes(16)
    head += (
        struct.pack("<I", kind)
        + bytes(36 + 12)
        + struct.pack("<IIII", 4, 124 + len(body) if profile else 0, len(profile), 0)
    )
    return struct.pack("<2sIHHI", b"BM", 14 + 124 + len(body) + len(profile), 0, 0, 138) + head + body + profile
