"""What belongs to a page of a TIFF without being one: levels of a pyramid, thumbnails, masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from colorize_cli.errors import DecodeError
from colorize_cli.files.atomic import write_whole
from colorize_cli.files.facts import FileFacts
from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, Provenance, write_photo
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.formats.probe import probe
from colorize_cli.formats.tiff.tiff_coding import Coding, layout_tags, segments
from colorize_cli.formats.tiff.tiff_stream import Parts, Piece, TiffStream
from tests.formats.large_files import Array, area, colorize, picture, tinted


def write_pyramid(path: Path, base: Array, style: str, *, flagged: bool = True, **options: object) -> None:
    """Three levels as SubIFDs, or as further directories."""
    levels = [area(base, base.shape[1] // factor, base.shape[0] // factor) for factor in (2, 4)]
    with tifffile.TiffWriter(path, **{k: options.pop(k) for k in ("bigtiff", "byteorder") if k in options}) as writer:
        writer.write(base, metadata=None, subifds=2 if style == "subifds" else 0, tile=(64, 64), **options)
        for level in levels:
            writer.write(level, metadata=None, subfiletype=int(flagged), tile=(32, 32), **options)


@pytest.mark.parametrize("style", ["subifds", "chain"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "zstd"])
def test_a_pyramid_is_made_anew_in_its_structure(
    tmp_path: Path, note: Provenance, style: str, big: bool, order: str, compression: str | None
) -> None:
    path, base = tmp_path / "pyramid.tif", picture(160, 240, np.uint16)
    write_pyramid(path, base, style, bigtiff=big, byteorder=order, compression=compression)
    photo, out = colorize(path, note)
    assert len(photo.pages) == 1 == probe(path).pages == probe(out).pages and photo.notes == ()
    with tifffile.TiffFile(path) as before, tifffile.TiffFile(out) as after:
        assert (after.is_bigtiff, after.byteorder) == (big, order)
        levels = after.pages[0].pages if style == "subifds" else after.pages[1:]
        old = before.pages[0].pages if style == "subifds" else before.pages[1:]
        assert [len(before.pages), len(old)] == [len(after.pages), len(levels)]
        np.testing.assert_array_equal(after.pages[0].asarray(), tinted(base))
        for one, two in zip([before.pages[0], *old], [after.pages[0], *levels], strict=True):
            assert (two.tilewidth, two.tilelength) == (one.tilewidth, one.tilelength)
            assert two.compression == one.compression and two.subfiletype == one.subfiletype
            assert two.shape == (*one.shape, 3) and two.dtype == np.uint16
            expected = area(tinted(base), one.imagewidth, one.imagelength)
            np.testing.assert_allclose(two.asarray().astype(int), expected.astype(int), atol=1)
        assert style == "chain" or len(after.series[0].levels) == 3


def test_levels_without_the_flag_are_known_by_their_proportions_inside_a_page(tmp_path: Path, note: Provenance) -> None:
    path = tmp_path / "unflagged.tif"
    write_pyramid(path, picture(160, 240), "subifds", flagged=False)
    _, out = colorize(path, note)
    with tifffile.TiffFile(out) as after:
        assert [level.shape for level in after.pages[0].pages] == [(80, 120, 3), (40, 60, 3)]


def test_jpeg_levels_stay_jpeg_and_eight_bits(tmp_path: Path, note: Provenance) -> None:
    path, base = tmp_path / "inside.tif", picture(160, 240)
    write_pyramid(path, base, "subifds", compression="jpeg", compressionargs={"level": 90})
    _, out = colorize(path, note)
    with tifffile.TiffFile(out) as after:
        for page in (after.pages[0], *after.pages[0].pages):
            assert page.compression.name == "JPEG" and page.is_tiled
            expected = area(tinted(base), page.imagewidth, page.imagelength)
            assert np.abs(page.asarray().astype(int) - expected).mean() < 4
    with Image.open(out) as independent:
        assert np.abs(np.asarray(independent.convert("RGB")).astype(int) - tinted(base)).mean() < 4


@pytest.mark.parametrize("first", [True, False])
def test_thumbnails_before_or_after_their_pages(tmp_path: Path, note: Provenance, first: bool) -> None:
    path = tmp_path / "thumbs.tif"
    arrays = [picture(120, 90), picture(90, 120, np.uint16)]
    with tifffile.TiffWriter(path) as writer:
        for array in arrays:
            eight = array if array.dtype == np.uint8 else (array >> 8).astype(np.uint8)
            small = area(eight, array.shape[1] // 3, array.shape[0] // 3)
            for is_small in (True, False) if first else (False, True):
                writer.write(small if is_small else array, metadata=None, subfiletype=int(is_small))
    photo, out = colorize(path, note)
    assert [page.size for page in photo.pages] == [(90, 120), (120, 90)]
    with tifffile.TiffFile(out) as after:
        assert [page.subfiletype for page in after.pages] == [1, 0, 1, 0] if first else [0, 1, 0, 1]
        for large, small in ((1, 0), (3, 2)) if first else ((0, 1), (2, 3)):
            big, little = after.pages[large].asarray(), after.pages[small].asarray()
            assert little.dtype == np.uint8
            eight = big if big.dtype == np.uint8 else np.rint(big / 257)
            shape = little.shape[1], little.shape[0]
            np.testing.assert_allclose(little, area(eight.astype(np.float32), *shape), atol=1)


def test_a_mask_is_kept_bit_for_bit(tmp_path: Path, note: Provenance) -> None:
    path = tmp_path / "masked.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(picture(64, 96), metadata=None, tile=(32, 32))
        writer.write(picture(64, 96) > 90, photometric="mask", subfiletype=4, metadata=None, compression="packbits")
        writer.write(area(picture(64, 96), 48, 32), subfiletype=1, metadata=None, tile=(32, 32))
        writer.write(picture(32, 48) > 90, photometric="mask", subfiletype=5, metadata=None)
    photo, out = colorize(path, note)
    assert len(photo.pages) == 1
    with tifffile.TiffFile(path) as before, tifffile.TiffFile(out) as after:
        assert [page.subfiletype for page in after.pages] == [0, 4, 1, 5]
        for number in (1, 3):
            np.testing.assert_array_equal(after.pages[number].asarray(), before.pages[number].asarray())
            assert after.pages[number].photometric.name == "MASK"
        assert after.pages[2].shape == (32, 48, 3)


def test_a_mask_of_a_turned_page_says_that_it_is_not_turned(tmp_path: Path, note: Provenance) -> None:
    path, mask = tmp_path / "turned.tif", picture(64, 96) > 90
    with tifffile.TiffWriter(path) as writer:
        writer.write(picture(64, 96), metadata=None, extratags=[(274, 3, 1, 6, True)])
        writer.write(mask, photometric="mask", subfiletype=4, metadata=None)
    _, out = colorize(path, note)
    with tifffile.TiffFile(out) as after:
        assert after.pages[0].shape == (96, 64, 3) and after.pages[0].tags["Orientation"].value == 1
        np.testing.assert_array_equal(after.pages[1].asarray(), mask)
        assert after.pages[1].tags["Orientation"].value == 6


def test_a_copy_between_two_pages_goes_to_the_one_of_its_kind(tmp_path: Path, note: Provenance) -> None:
    path, deep = tmp_path / "between.tif", picture(90, 120, np.uint16)
    with tifffile.TiffWriter(path) as writer:
        writer.write(picture(30, 40), metadata=None, subfiletype=1)
        writer.write(picture(90, 120), metadata=None)
        writer.write(deep, metadata=None)
        writer.write(area(deep, 60, 45), metadata=None, subfiletype=1)
        writer.write(tinted(picture(90, 120)), photometric="rgb", metadata=None)
    photo, out = colorize(path, note)
    assert [(len(p.metadata.before), len(p.metadata.after)) for p in photo.pages] == [(1, 0), (0, 1), (0, 0)]
    with tifffile.TiffFile(out) as after:
        assert after.pages[3].shape == (45, 60, 3) and after.pages[3].dtype == np.uint16


def test_a_cloud_optimized_file_says_that_its_sequence_is_not_kept(tmp_path: Path, note: Provenance) -> None:
    path, base = tmp_path / "cog.tif", picture(40, 56)
    ghost = b"GDAL_STRUCTURAL_METADATA_SIZE=000140 bytes\nLAYOUT=IFDS_BEFORE_DATA\n".ljust(256)
    stream, parts, coding = TiffStream("<"), Parts(), Coding(1)
    pieces: list[Piece] = [stream.begin(), ghost]
    stream.at += len(ghost)
    pieces += [stream.segment(parts, coded) for coded in segments(tinted(base), coding, "<")]
    write_whole(path, [*pieces, *stream.page(layout_tags(tinted(base), [], coding, "<"), parts)], FileFacts())
    photo, out = colorize(path, note)
    assert any("Cloud Optimized" in text for text in photo.notes)
    assert decode(out).notes == ()


def test_a_sub_image_of_something_else_stays_and_is_said(tmp_path: Path, note: Provenance) -> None:
    path, other = tmp_path / "label.tif", picture(50, 20)
    with tifffile.TiffWriter(path) as writer:
        writer.write(picture(64, 96), metadata=None, subifds=1)
        writer.write(other, metadata=None, description="the label")
    photo, out = colorize(path, note)
    assert any("20 x 50" in text and "stays as it was" in text for text in photo.notes)
    with tifffile.TiffFile(out) as after:
        label = after.pages[0].pages[0]
        np.testing.assert_array_equal(label.asarray(), other)
        assert label.tags["ImageDescription"].value == "the label"


def test_a_pyramid_in_color_is_copied_whole(tmp_path: Path, note: Provenance) -> None:
    path = tmp_path / "color.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(picture(20, 30), metadata=None)
        writer.write(tinted(picture(64, 96)), photometric="rgb", metadata=None, subifds=1, tile=(32, 32))
        writer.write(np.full((32, 48, 3), 77, np.uint8), photometric="rgb", metadata=None, subfiletype=1)
    _, out = colorize(path, note)
    with tifffile.TiffFile(out) as after:
        assert (after.pages[1].pages[0].asarray() == 77).all()  # not made anew: nothing of it has changed


def test_layers_are_left_out_and_said(tmp_path: Path, note: Provenance) -> None:
    path, layers = tmp_path / "layers.tif", b"Adobe Photoshop Document Data Block\0" + bytes(60)
    tags = [(37724, 7, len(layers), layers, True)]
    tifffile.imwrite(path, picture(40, 60), metadata=None, extratags=tags)
    photo, out = colorize(path, note)
    assert any("Photoshop layers" in text for text in photo.notes)
    assert b"Document Data Block" not in out.read_bytes()


def test_a_pyramid_turned_upright_has_its_levels_turned(tmp_path: Path, note: Provenance) -> None:
    path, base = tmp_path / "turned.tif", picture(80, 120)
    tags = [(274, 3, 1, 6, True)]
    with tifffile.TiffWriter(path) as writer:
        writer.write(base, metadata=None, subifds=1, extratags=tags)
        writer.write(area(base, 60, 40), metadata=None, subfiletype=1)
    _, out = colorize(path, note)
    with tifffile.TiffFile(out) as after:
        assert after.pages[0].shape == (120, 80, 3) and after.pages[0].pages[0].shape == (60, 40, 3)
        expected = area(after.pages[0].asarray(), 40, 60)
        np.testing.assert_allclose(after.pages[0].pages[0].asarray(), expected, atol=1)


def test_a_description_for_machines_says_three_samples(tmp_path: Path, note: Provenance) -> None:
    path, base = tmp_path / "scan.ome.tif", picture(64, 96)
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(base, subifds=1, metadata={"axes": "YX"})
        writer.write(area(base, 48, 32), subfiletype=1)
    _, out = colorize(path, note)
    with tifffile.TiffFile(out) as after:
        assert after.is_ome and after.series[0].shape == (64, 96, 3) and len(after.series[0].levels) == 2
    plain = tmp_path / "plain.tif"
    tifffile.imwrite(plain, base)
    _, out = colorize(plain, note)
    np.testing.assert_array_equal(tifffile.imread(out), tinted(base))


def test_other_formats_take_the_page_and_leave_its_levels(tmp_path: Path, note: Provenance) -> None:
    path = tmp_path / "pyramid.tif"
    write_pyramid(path, picture(160, 240), "chain")
    photo = decode(path)
    written = write_photo(
        photo, [tinted(photo.pages[0].pixels)], tmp_path / "out.png", EncodeSettings(PhotoFormat.png), note
    )
    assert written.format is PhotoFormat.png and any("sub-images" in text for text in written.notes)


@pytest.mark.parametrize("gone", [True, False])
def test_a_mask_is_not_copied_from_a_file_that_is_not_the_source_any_more(
    tmp_path: Path, note: Provenance, gone: bool
) -> None:
    path, page = tmp_path / "scan.tif", picture(96, 128)
    with tifffile.TiffWriter(path) as writer:
        writer.write(page, photometric="minisblack", metadata=None)
        writer.write(page > 100, subfiletype=4, metadata=None)
    photo, out = decode(path), tmp_path / "out.tif"
    assert [sub.can_copy for sub in photo.pages[0].metadata.sub_images] == [True]
    write_photo(photo, [tinted(page)], out, EncodeSettings(), note)  # type: ignore[list-item]
    whole = out.read_bytes()
    path.unlink()
    if not gone:
        path.write_bytes(bytes(len(whole)))
    with pytest.raises(DecodeError, match="gone" if gone else "changed"):
        write_photo(photo, [tinted(page)], out, EncodeSettings(), note)  # type: ignore[list-item]
    assert out.read_bytes() == whole, "the earlier result stays"
