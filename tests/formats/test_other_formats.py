"""TIFFs of float and Lab, Netpbm, JPEG 2000, AVIF, GIF, BMP, WebP and HEIC: what each is read as."""

from __future__ import annotations

from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from colorize_cli.errors import DecodeError
from colorize_cli.formats.decode import decode
from colorize_cli.formats.photo import PhotoFormat
from colorize_cli.formats.probe import probe
from tests.formats.test_formats import U8, U16, Rewrite, as_rgb


def test_lab_tiff_becomes_rgb_of_the_same_lightness(tmp_path: Path) -> None:
    path = tmp_path / "lab.tif"
    lab = np.zeros((1, 3, 3), np.uint8)
    lab[0, :, 0] = 0, 128, 255
    tifffile.imwrite(path, lab, photometric="cielab")
    pixels = decode(path).pages[0].pixels
    assert pixels[0, 0].tolist() == [0, 0, 0] and pixels[0, 2].tolist() == [255, 255, 255]
    np.testing.assert_allclose(pixels[0, 1], 119.5, atol=2)  # L* 50.2 is sRGB 120


def test_float_tiff_of_zero_to_one_becomes_16_bits(tmp_path: Path, rewrite: Rewrite) -> None:
    path = tmp_path / "float.tif"
    tifffile.imwrite(path, np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8))
    before, after, _ = rewrite(path)
    np.testing.assert_array_equal(before.pages[0].pixels.ravel(), np.rint(np.linspace(0, 1, 64) * 65535))
    assert after.pages[0].pixels.dtype == np.uint16
    assert any("floating-point" in text for text in before.notes)


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinite")])
def test_float_tiff_that_is_no_picture_fails(tmp_path: Path, value: float, word: str) -> None:
    path = tmp_path / "nan.tif"
    array = np.ones((8, 8), np.float32)
    array[3, 3] = value
    tifffile.imwrite(path, array)
    with pytest.raises(DecodeError, match=word):
        decode(path)


@pytest.mark.parametrize(("suffix", "maximum"), [(".pgm", 255), (".pgm", 65535), (".ppm", 255), (".ppm", 65535)])
def test_netpbm_keeps_all_its_bits(tmp_path: Path, rewrite: Rewrite, grey16: U16, suffix: str, maximum: int) -> None:
    array = grey16 if maximum == 65535 else (grey16 >> 8).astype(np.uint8)
    array = array if suffix == ".pgm" else np.dstack((array, array[::-1], array[:, ::-1]))
    path = tmp_path / f"plain{suffix}"
    cv2.imwrite(str(path), array if array.ndim == 2 else array[..., ::-1])
    before, after, out = rewrite(path)
    np.testing.assert_array_equal(before.pages[0].pixels, array)
    np.testing.assert_array_equal(after.pages[0].pixels, as_rgb(array))
    assert out.suffix == ".ppm"
    np.testing.assert_array_equal(cv2.imread(str(out), cv2.IMREAD_UNCHANGED)[..., ::-1], as_rgb(array))


def test_plain_netpbm_with_comments(tmp_path: Path) -> None:
    path = tmp_path / "plain.pgm"
    path.write_bytes(b"P2 # made by hand\n# second\n3 1 # size\n15\n0 7 # seven\n15\n")
    photo = decode(path)
    assert photo.pages[0].pixels.tolist() == [[0, 119, 255]]
    assert photo.metadata.comments == (b"made by hand", b"second", b"size")


@pytest.mark.parametrize("depth", [8, 16])
def test_jpeg_2000_without_loss(tmp_path: Path, rewrite: Rewrite, grey16: U16, depth: int) -> None:
    array = grey16 if depth == 16 else (grey16 >> 8).astype(np.uint8)
    path = tmp_path / "wavelet.jp2"
    path.write_bytes(imagecodecs.jpeg2k_encode(array, reversible=True, codecformat="jp2"))
    before, after, out = rewrite(path)
    np.testing.assert_array_equal(before.pages[0].pixels, array)
    np.testing.assert_array_equal(after.pages[0].pixels, as_rgb(array))
    assert probe(path).depth == depth and out.suffix == ".jp2"


def test_lossy_jpeg_2000_stays_about_as_large(tmp_path: Path, rewrite: Rewrite, grey: U8) -> None:
    big = cv2.resize(grey, (400, 300))
    noise = np.random.default_rng(0).integers(-20, 20, big.shape)
    path = tmp_path / "wavelet.jp2"
    Image.fromarray(np.clip(big + noise, 0, 255).astype(np.uint8)).save(
        path, irreversible=True, quality_mode="rates", quality_layers=[10]
    )
    _, _, out = rewrite(path)
    assert out.stat().st_size < 2 * path.stat().st_size


@pytest.mark.parametrize("depth", [8, 10, 12])
def test_avif_keeps_its_depth(tmp_path: Path, rewrite: Rewrite, rgb: U8, depth: int) -> None:
    path = tmp_path / "photo.avif"
    array = rgb if depth == 8 else (rgb.astype(np.uint32) * (2**depth - 1) // 255).astype(np.uint16)
    path.write_bytes(imagecodecs.avif_encode(array, level=95, bitspersample=depth))
    before, after, out = rewrite(path)
    for photo in (before, after):
        page = photo.pages[0]
        assert page.metadata.depth == depth and page.pixels.dtype == (np.uint8 if depth == 8 else np.uint16)
        top = np.iinfo(page.pixels.dtype).max
        assert np.abs(page.pixels / top - rgb / 255).mean() < 0.02


def test_gif_becomes_png(tmp_path: Path, rewrite: Rewrite, grey: U8) -> None:
    path = tmp_path / "old.gif"
    frames = [Image.fromarray(grey), Image.fromarray(255 - grey)]
    frames[0].save(path, save_all=True, append_images=frames[1:], comment=b"scanned in 1998")
    before, after, out = rewrite(path)
    assert out.suffix == ".png" and after.format is PhotoFormat.png
    np.testing.assert_array_equal(as_rgb(before.pages[0].pixels), as_rgb(grey))
    assert any("animated" in text for text in before.notes)
    assert any(b"scanned in 1998" in payload for _, payload in after.metadata.text)


@pytest.mark.parametrize("mode", ["L", "RGB", "1", "P"])
def test_bmp(tmp_path: Path, rewrite: Rewrite, rgb: U8, mode: str) -> None:
    path = tmp_path / "windows.BMP"
    image = Image.fromarray(rgb).convert(mode)
    image.save(path, "BMP", dpi=(300, 300))
    before, after, out = rewrite(path)
    np.testing.assert_array_equal(as_rgb(before.pages[0].pixels), np.asarray(image.convert("RGB")))
    np.testing.assert_array_equal(after.pages[0].pixels, np.asarray(image.convert("RGB")))
    assert out.suffix == ".BMP"
    np.testing.assert_array_equal(cv2.imread(str(out))[..., ::-1], after.pages[0].pixels)
    assert after.pages[0].metadata.resolution is not None
    assert after.pages[0].metadata.resolution.x == pytest.approx(300, abs=0.1)


@pytest.mark.parametrize("lossless", [True, False])
def test_webp_stays_as_it_was_coded(tmp_path: Path, rewrite: Rewrite, rgb: U8, lossless: bool) -> None:
    path = tmp_path / "web.webp"
    Image.fromarray(rgb).save(path, lossless=lossless, quality=70)
    before, after, _ = rewrite(path)
    page = before.pages[0].metadata
    assert page.lossless is lossless and after.pages[0].metadata.lossless is lossless
    if lossless:
        np.testing.assert_array_equal(after.pages[0].pixels, rgb)


def test_heic_with_the_extra(tmp_path: Path, rewrite: Rewrite, rgb: U8) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "phone.heic"
    pillow_heif.from_pillow(Image.fromarray(rgb)).save(path, quality=90)
    before, after, out = rewrite(path)
    assert out.suffix == ".heic" and after.format is PhotoFormat.heic
    assert np.abs(before.pages[0].pixels.astype(int) - rgb).mean() < 4


def test_heic_without_the_extra_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    path = tmp_path / "phone.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(64))
    with pytest.raises(DecodeError, match=r"pip install pillow-heif"):
        decode(path)
    with pytest.raises(DecodeError, match=r"pip install pillow-heif"):
        probe(path)
