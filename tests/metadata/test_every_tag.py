"""All tags of source and result, in every container, by exiftool: each that differs is explained here."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, Provenance, suffix_for, target_format, write_photo

pytestmark = pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
NOTE = Provenance("colorize-cli", "1", "mini", "0" * 64, (("vividness", "0.5"),))
GREY = np.rint(127 + 60 * np.sin(np.arange(56 * 40) / 50)).astype(np.uint8).reshape(40, 56)
ARGUMENTS = """
-Artist=Agnes B|-DateTimeOriginal=1931:05:06 07:08:09|-OffsetTimeOriginal=+01:00|-GPSLatitude=48.1|-GPSLatitudeRef=N
-GPSLongitude=9|-GPSLongitudeRef=E|-Make=Canon|-FNumber=2.8|-UserComment=on the beach|-XPTitle=Garden|-LensModel=L
-SubjectArea=10 12 4 4|-SubjectLocation=10 12|-ExifImageWidth=56|-ExifImageHeight=40|-Copyright=nobody's
-XMP-dc:Title=Garden|-XMP-dc:Subject=a|-XMP-dc:Subject=b|-XMP-xmp:Rating=5|-XMP-photoshop:City=Lodz
-XMP-mwg-rs:RegionInfo={AppliedToDimensions={W=56,H=40,Unit=pixel},RegionList=[{Area={X=.25,Y=.2,W=.1,H=.2,\
Unit=normalized},Name=Anna,Type=Face}]}
-XMP-MP:RegionInfoMP={Regions=[{PersonDisplayName=Anna,Rectangle=0.25~, 0.5~, 0.125~, 0.25}]}
-XMP-iptcExt:DigitalSourceType=http://cv.iptc.org/newscodes/digitalsourcetype/negativeFilm|-XMP-tiff:Orientation#=6
-IPTC:Caption-Abstract=two|-IPTC:Keywords=x|-IPTC:City=Lodz|-Comment=on the back
""".replace("\\\n", "")
# Of the file itself, of the reader, or computed from the rest; and how pixels are coded.
IGNORED = ("SourceFile", "ExifTool:", "System:", "Composite:", "QuickTime:", "RIFF:VP8", "RIFF:Alpha")
CODING = {
    "BitDepth", "BitsPerSample", "ColorComponents", "ColorType", "ColorSpace", "NumberOfComponents", "YCbCrSubSampling",
    "PhotometricInterpretation", "RowsPerStrip", "StripByteCounts", "StripOffsets", "SamplesPerPixel", "NumColors",
    "NumImportantColors", "ImageLength", "BitsPerPixel", "PlanarConfiguration",
}  # fmt: skip
WRITTEN_BY_US = {"IFD0:Software", "PNG:Software"}
SIDES = [
    *((f"{group}:ImageWidth", f"{group}:ImageHeight") for group in ("File", "PNG", "RIFF", "IFD0", "Jpeg2000")),
    *((f"{group}:ExifImageWidth", f"{group}:ExifImageHeight") for group in ("ExifIFD", "XMP-exif")),
]


def tags(path: Path) -> dict[str, Any]:
    answer = subprocess.run(["exiftool", "-j", "-G1", "-n", "-struct", str(path)], capture_output=True, check=True)
    found: dict[str, Any] = json.loads(answer.stdout)[0]
    return {key: value for key, value in found.items() if not key.startswith(IGNORED)}


def source(folder: Path, suffix: str) -> Path:
    path = folder / f"photo{suffix}"
    if suffix == ".jp2":
        path.write_bytes(bytes(imagecodecs.jpeg2k_encode(GREY, codecformat="jp2")))
    elif suffix == ".heic":
        library = pytest.importorskip("pillow_heif")
        library.from_bytes("RGB", (56, 40), np.dstack((GREY, GREY, GREY)).tobytes()).save(path)
    else:
        extra: dict[str, Any] = {"dpi": (300, 300)} if suffix in (".jpg", ".png", ".tif") else {}
        Image.fromarray(GREY).save(path, **extra, **({"lossless": True} if suffix == ".webp" else {}))
    arguments = [part.replace("~", "|") for line in ARGUMENTS.split("\n") for part in line.split("|") if part]
    done = subprocess.run(["exiftool", "-overwrite_original", "-m", "-q", *arguments, str(path)], capture_output=True)
    assert done.returncode == 0, done.stderr
    return path


def expected(before: dict[str, Any], suffix: str) -> dict[str, Any]:
    """What an independent reader should find in the result, in all that is not about coding."""
    after = {key: value for key, value in before.items() if key.partition(":")[2] not in CODING}
    for one, other in SIDES:
        if one in before:
            after[one], after[other] = before[other], before[one]
    for key in list(after):
        name = key.partition(":")[2]
        if name == "Orientation":
            after[key] = 1
        elif name == "SubjectArea":
            after[key] = [28, 10, 4, 4] if isinstance(before[key], list) else "28 10 4 4"
        elif name == "SubjectLocation":
            after[key] = [27, 10] if isinstance(before[key], list) else "27 10"
    area = {"H": 0.1, "Unit": "normalized", "W": 0.2, "X": 0.8, "Y": 0.25}
    after["XMP-mwg-rs:RegionInfo"] = {
        "AppliedToDimensions": {"H": 56, "Unit": "pixel", "W": 40},
        "RegionList": [{"Area": area, "Name": "Anna", "Type": "Face"}],
    }
    # the corner at (0.25, 0.5), 0.125 x 0.25, a quarter turn to the right: at (1 - 0.5 - 0.25, 0.25), 0.25 x 0.125
    after["XMP-MP:RegionInfoMP"] = {"Regions": [{"PersonDisplayName": "Anna", "Rectangle": "0.25, 0.25, 0.25, 0.125"}]}
    if suffix == ".gif":  # becomes PNG
        after = {key: value for key, value in after.items() if not key.startswith(("GIF:", "File:"))}
        after["PNG:Comment"] = before["File:Comment"]
    return after


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".jp2", ".gif", ".avif", ".heic"])
def test_every_tag_that_differs_is_explained(tmp_path: Path, suffix: str) -> None:
    path = source(tmp_path, suffix)
    photo, settings = decode(path), EncodeSettings()
    format, _ = target_format(photo, settings)
    out = tmp_path / ("out" + suffix_for(path, format))
    write_photo(photo, [page.pixels for page in photo.pages], out, settings, NOTE)
    before, after = tags(path), tags(out)
    wanted = expected(before, suffix)
    assert len(wanted) > (20 if suffix == ".gif" else 30)
    assert {key: after.get(key) for key in wanted} == wanted
    new = {key for key in set(after) - set(before) if key.partition(":")[2] not in CODING}
    ours = {key for key in new if key.startswith("XMP-colorize:")}
    assert after["XMP-colorize:Model"] == "mini"
    assert {key.partition(":")[2] for key in ours} == {"Software", "Version", "Model", "ModelSha256", "Settings"}
    structure = ("PNG:", "File:") if suffix == ".gif" else ("Jpeg2000:Capture",) if suffix == ".jp2" else ("nothing",)
    assert {key for key in new - ours if not key.startswith(structure)} <= WRITTEN_BY_US
    if suffix == ".gif":
        assert after["PNG:ImageWidth"] == before["GIF:ImageHeight"]
