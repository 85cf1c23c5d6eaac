"""TIFFs as archives keep them: pages of every kind in one file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from colorize_cli.color.icc import srgb_profile
from colorize_cli.formats.encode import Provenance
from tests.formats.large_files import Array, area, colorize, picture, tinted


def test_every_page_comes_back_in_order_with_its_own_tags(tmp_path: Path, note: Provenance) -> None:
    path, profile = tmp_path / "album.tif", srgb_profile()
    rgb = np.dstack((picture(50, 70), picture(50, 70).T.repeat(2, 0)[:50, :1].repeat(70, 1), 255 - picture(50, 70)))
    index = (picture(30, 40) // 16).astype(np.uint8)
    palette = np.random.default_rng(0).integers(0, 65535, (3, 256)).astype(np.uint16)
    pages: list[tuple[Array, dict[str, object]]] = [
        (picture(60, 80) > 127, {"photometric": "minisblack"}),
        (picture(64, 48), {"photometric": "miniswhite", "compression": "lzw"}),
        (picture(40, 56, np.uint16), {"photometric": "minisblack", "compression": "zlib", "predictor": True}),
        (rgb, {"photometric": "rgb", "compression": "zlib", "iccprofile": profile, "tile": (32, 32)}),
        (index, {"photometric": "palette", "colormap": palette, "compression": "packbits"}),
        (rgb, {"photometric": "rgb", "compression": "jpeg", "compressionargs": {"level": 80}}),
        (
            np.dstack((picture(30, 30), 255 - picture(30, 30))),
            {"extrasamples": ["unassalpha"], "planarconfig": "contig"},
        ),
        (np.moveaxis(rgb, -1, 0), {"photometric": "rgb", "planarconfig": "separate"}),
    ]
    with tifffile.TiffWriter(path, byteorder=">") as writer:
        for number, (array, options) in enumerate(pages):
            writer.write(
                array,
                metadata=None,
                software="Scan",
                datetime="1999:12:31 23:59:59",
                description=f"page {number}",
                resolution=(200 + number, 300),
                resolutionunit="INCH",
                extratags=[(285, 2, None, f"leaf {number}", True), (297, 3, 2, (number, 8), True)],
                **options,
            )
    _, out = colorize(path, note)
    with tifffile.TiffFile(path) as before, tifffile.TiffFile(out) as after:
        assert len(after.pages) == len(pages) and after.byteorder == ">"
        for number, (one, two) in enumerate(zip(before.pages, after.pages, strict=True)):
            for name in ("PageName", "PageNumber", "XResolution", "ResolutionUnit", "ImageDescription", "DateTime"):
                assert two.tags[name].value == one.tags[name].value, (number, name)
            if number in (3, 4, 5, 7):  # they have color
                np.testing.assert_array_equal(two.asarray(), one.asarray())
                assert two.photometric == one.photometric and two.compression == one.compression
                assert two.is_tiled == one.is_tiled and two.planarconfig == one.planarconfig
            else:
                grey = one.asarray()
                grey = 255 - grey if number == 1 else grey.astype(np.uint8) * 255 if number == 0 else grey
                np.testing.assert_array_equal(two.asarray()[..., 0], grey[..., 0] if number == 6 else grey)
                assert two.asarray().shape[2] == (4 if number == 6 else 3)
        assert after.pages[6].tags["ExtraSamples"].value == before.pages[6].tags["ExtraSamples"].value
        np.testing.assert_array_equal(after.pages[6].asarray()[..., 3], pages[6][0][..., 1])
        assert bytes(after.pages[3].tags[34675].value) == profile
        assert [page.compression.name for page in after.pages][:3] == ["NONE", "LZW", "ADOBE_DEFLATE"]
    with Image.open(out) as independent:
        assert independent.n_frames == len(pages)
        independent.seek(2)
        assert independent.tag_v2[285] == "leaf 2"


def test_a_jpeg_page_in_color_is_copied_stream_for_stream(tmp_path: Path, note: Provenance) -> None:
    path = tmp_path / "mixed.tif"
    rgb = tinted(picture(48, 64))
    with tifffile.TiffWriter(path) as writer:
        writer.write(picture(20, 30), metadata=None)
        writer.write(rgb, photometric="rgb", compression="jpeg", compressionargs={"level": 60}, tile=(32, 32))
    _, out = colorize(path, note)
    with tifffile.TiffFile(path) as before, tifffile.TiffFile(out) as after:
        streams = [
            [data for data, _ in file.filehandle.read_segments(page.dataoffsets, page.databytecounts)]
            for file, page in ((before, before.pages[1]), (after, after.pages[1]))
        ]
    assert streams[0] == streams[1] and len(streams[0]) == 4


def test_a_jpeg_page_in_color_that_was_turned_loses_nothing(tmp_path: Path, note: Provenance) -> None:
    path = tmp_path / "turned.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(picture(20, 30), metadata=None)
        writer.write(
            tinted(picture(48, 64)),
            photometric="rgb",
            compression="jpeg",
            compressionargs={"level": 50},
            extratags=[(274, 3, 1, 6, True)],
        )
    _, out = colorize(path, note)
    with tifffile.TiffFile(path) as before, tifffile.TiffFile(out) as after:
        upright = np.rot90(before.pages[1].asarray(), -1)
        np.testing.assert_array_equal(after.pages[1].asarray(), upright)
        assert after.pages[1].tags["Orientation"].value == 1


def test_stripping_all_keeps_what_is_of_the_pixels(tmp_path: Path, note: Provenance) -> None:
    path, secret = tmp_path / "private.tif", [(270, 2, None, "Agnes B", True), (65001, 2, None, "Agnes B", True)]
    with tifffile.TiffWriter(path) as writer:
        writer.write(picture(64, 96), metadata=None, subifds=1, tile=(32, 32), extratags=secret)
        writer.write(area(picture(64, 96), 48, 32), metadata=None, subfiletype=1, extratags=secret)
        writer.write(picture(64, 96) > 90, photometric="mask", subfiletype=4, metadata=None, extratags=secret)
        writer.write(tinted(picture(64, 96)), photometric="rgb", iccprofile=srgb_profile(), extratags=secret)
    _, out = colorize(path, note, strip="all")
    assert b"Agnes" not in out.read_bytes()
    with tifffile.TiffFile(path) as before, tifffile.TiffFile(out) as after:
        assert [page.subfiletype for page in after.pages] == [0, 4, 0]
        assert after.pages[0].pages[0].shape == (32, 48, 3) and after.pages[0].is_tiled
        for number in (1, 2):
            np.testing.assert_array_equal(after.pages[number].asarray(), before.pages[number].asarray())
        assert bytes(after.pages[2].tags[34675].value) == srgb_profile()
