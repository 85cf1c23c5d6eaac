"""What an independent reader finds in outputs: exiftool, from Debian's libimage-exiftool-perl."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.formats.encode import EncodeSettings
from colorize_cli.formats.jpeg import jpeg_file
from colorize_cli.formats.photo import Photo, PhotoFormat
from colorize_cli.metadata import irb
from colorize_cli.metadata.ifd import Ifd, Tag
from colorize_cli.metadata.ifd_write import exif_block

Rewrite = Callable[..., tuple[Photo, Photo, Path]]
pytestmark = pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="shoe box"/>'
    b"</rdf:RDF></x:xmpmeta>"
)
IPTC = b"\x1c\x02\x78\x00\x0ctwo children"


def asked(path: Path) -> dict[str, Any]:
    answer = subprocess.run(
        ["exiftool", "-j", "-G1", "-n", "-validate", "-warning", "-a", str(path)], capture_output=True, check=False
    )
    found: dict[str, Any] = json.loads(answer.stdout)[0]
    more = subprocess.run(["exiftool", "-j", "-G1", "-n", str(path)], capture_output=True, check=False)
    return {**json.loads(more.stdout)[0], **found}


def block(orientation: int) -> bytes:
    inner = (
        Tag(36864, 7, 4, b"0230"),
        Tag(36867, 2, 20, b"1931:05:06 07:08:09\0"),
        Tag(33437, 5, 1, struct.pack("<II", 28, 10)),
    )
    place = (Tag(1, 2, 2, b"N\0"), Tag(2, 5, 3, struct.pack("<6I", 48, 1, 8, 1, 30, 1)))
    tags = (
        Tag(274, 3, 1, struct.pack("<H", orientation)),
        Tag(315, 2, 8, b"Agnes B\0"),
        Tag(34665, 4, 1, b"", child=Ifd("<", inner)),
        Tag(34853, 4, 1, b"", child=Ifd("<", place)),
    )
    return exif_block("<", tags)


@pytest.fixture
def source(tmp_path: Path, grey: NDArray[np.uint8]) -> Path:
    path = tmp_path / "rich.jpg"
    Image.fromarray(grey).save(path, dpi=(600, 600))
    segments = [
        (0xE0, b"JFIF\0\1\1\1\x02\x58\x02\x58\0\0"),
        (0xE1, jpeg_file.EXIF + block(6)),
        (0xE1, jpeg_file.XMP + PACKET),
        (0xED, jpeg_file.PHOTOSHOP + irb.with_iptc(IPTC)),
        (0xFE, b"on the back: aunt Mary"),
    ]
    path.write_bytes(jpeg_file.assemble(path.read_bytes(), segments))
    return path


@pytest.mark.parametrize(
    "format", [PhotoFormat.jpeg, PhotoFormat.png, PhotoFormat.tiff, PhotoFormat.webp, PhotoFormat.jp2, PhotoFormat.avif]
)
def test_exiftool_finds_it_all_and_no_fault(source: Path, rewrite: Rewrite, format: str) -> None:
    _, _, out = rewrite(source, EncodeSettings(format=PhotoFormat(format)))
    found = asked(out)
    assert found["IFD0:Artist"] == "Agnes B"
    assert found["IFD0:Orientation"] == 1
    assert found["ExifIFD:FNumber"] == 2.8
    assert found["ExifIFD:DateTimeOriginal"] == "1931:05:06 07:08:09"
    assert found["GPS:GPSLatitude"] == pytest.approx(48 + 8 / 60 + 30 / 3600)
    assert found["XMP-dc:Source"] == "shoe box"
    ours = {key.partition(":")[2]: value for key, value in found.items() if key.startswith("XMP-colorize")}
    assert ours["Model"] == "mini" and ours["ModelSha256"] == "5e" * 32 and ours["Version"] == "1.2.3"
    assert ours["Settings"] == ["saturation=1.0", "vividness=0.5 <&> é"]
    assert found["XMP-iptcExt:DigitalSourceType"].endswith("compositeWithTrainedAlgorithmicMedia")
    if format in ("jpeg", "tiff", "png"):
        assert found["IPTC:Caption-Abstract"] == "two children"
    if format == "jpeg":
        assert (found["JFIF:XResolution"], found["JFIF:ResolutionUnit"]) == (600, 1)
        assert found["File:Comment"] == "on the back: aunt Mary"
    if format == "tiff":
        assert (found["IFD0:XResolution"], found["IFD0:ResolutionUnit"]) == (600, 2)
    if format == "png":
        assert found["PNG-pHYs:PixelsPerUnitX"] == 23622
    warnings = [str(value) for key, value in found.items() if key.endswith("Warning")]
    assert not [text for text in warnings if "inor" not in text and "Missing required" not in text], warnings


@pytest.mark.parametrize("strip", ["gps", "all"])
def test_exiftool_finds_no_place_after_strip(source: Path, rewrite: Rewrite, strip: str) -> None:
    _, _, out = rewrite(source, EncodeSettings(strip=strip))
    found = asked(out)
    assert not [key for key in found if "GPS" in key]
    assert ("IFD0:Artist" in found) is (strip == "gps")
    assert ("XMP-dc:Source" in found) is (strip == "gps")
    assert found["ExifTool:Validate"].split()[0] in ("0", "OK") or "Error" not in found


def test_exiftool_reads_every_page_of_a_tiff(tmp_path: Path, rewrite: Rewrite, grey: NDArray[np.uint8]) -> None:
    path = tmp_path / "album.tif"
    with tifffile.TiffWriter(path) as writer:
        for number in range(3):
            writer.write(grey, description=f"page {number}", extratags=[(297, 3, 2, (number, 3), True)], metadata=None)
    _, _, out = rewrite(path)
    found = asked(out)
    for number in range(3):
        assert found[f"IFD{number}:ImageDescription"] == f"page {number}"
        assert found[f"IFD{number}:PageNumber"] == f"{number} 3"
        assert found[f"IFD{number}:SamplesPerPixel"] == 3
