"""`--upscale` and `--restore-model` through the pipeline: networks that are served, files, sizes, depth, refusals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from colorize_cli.cli.app import main
from colorize_cli.color.pixels import lightness_of
from colorize_cli.color.spaces import SRGB
from colorize_cli.errors import ModelNotFoundError, UsageError, WeightsError
from colorize_cli.inference import faces, inpainting
from colorize_cli.models import restoration_networks as listed
from colorize_cli.models import spandrel_file
from colorize_cli.models.registry import Published
from colorize_cli.pipeline.outcome import Status
from colorize_cli.pipeline.report import RunReport
from colorize_cli.restore.choices import Inpaint, Repair
from tests.inference import small_restorers
from tests.models.loopback import Loopback, serving
from tests.needs import needs
from tests.runs import colorize_photos, run_options

pytestmark = needs("spandrel", extra="restore")

FACE = [(140.0, 100.0), (180.0, 110.0), (157.0, 125.0), (135.0, 140.0), (172.0, 150.0)]
DATA = {"realesrgan-x4": lambda: small_restorers.enlarger(4, 0.1), "realesrgan-x2": lambda: small_restorers.enlarger(2),
        "scunet": small_restorers.denoiser, "lama": lambda: small_restorers.inpainter(102.0),
        "yunet": lambda: small_restorers.face_finder(320, 256, FACE)}  # fmt: skip


def colorize(tiny_model: Path, photo: Path, out: Path, **options: object) -> RunReport:
    return colorize_photos(run_options((str(photo),), out, model=str(tiny_model), device="cpu", **options))  # type: ignore[arg-type]


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """The published names, with small networks behind them: only the hashes are others."""
    for name in ("COLORIZE_OFFLINE", "HF_HUB_OFFLINE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLORIZE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with serving() as server:
        specs = dict(listed.restoration_networks())
        for name, made in DATA.items():
            data, weights = made(), specs[name].weights
            assert isinstance(weights, Published)
            server.files[f"/mirror/{weights.file}"] = data
            known = replace(weights, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
            specs[name] = replace(specs[name], weights=known)
        monkeypatch.setenv("COLORIZE_MIRROR", f"{server.url}/mirror")
        for module in (listed, faces, inpainting):
            monkeypatch.setattr(module, "restoration_networks", lambda: specs)
        yield server


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "ramp.tif"
    path.parent.mkdir()
    ramp = np.linspace(9000, 45000, 70 * 90).reshape(70, 90)
    tifffile.imwrite(path, ramp.astype(np.uint16), rowsperstrip=8)
    return path


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("stream_from", [1 << 40, 1], ids=["whole", "strips"])
def test_a_photo_comes_out_four_times_as_large_in_color_and_16_bits(
    tiny_model: Path, photo: Path, tmp_path: Path, stream_from: int
):
    out = tmp_path / "out"
    report = colorize(tiny_model, photo, out, upscale=4, verify=True, compare=True, stream_from=stream_from)
    assert report.counts == {Status.done: 1}, report.failures
    found, given = tifffile.imread(out / "ramp.tif"), tifffile.imread(photo)
    assert found.shape == (280, 360, 3) and found.dtype == np.uint16
    expected = given.astype(float).repeat(4, 0).repeat(4, 1) + 6553.5
    np.testing.assert_allclose(
        lightness_of(found, SRGB), lightness_of(expected.round().astype(np.uint16), SRGB), atol=0.02
    )
    assert np.abs(found.astype(int) - found.mean(-1, keepdims=True)).max() > 300  # colored
    told = json.loads((out / "colorize-report.json").read_text())
    assert any(note == "restored: enlarged 4 times by realesrgan-x4" for note in told["photos"][0]["notes"])
    assert told["settings"]["upscale"].startswith("realesrgan-x4 ")
    assert b"enlarged 4 times" in (out / "ramp.tif").read_bytes()  # in the provenance note
    with Image.open(out / "ramp.compare.jpg") as pair:
        assert pair.width > 2.5 * pair.height  # before | restored | colored
    assert colorize(tiny_model, photo, out, upscale=4).counts == {Status.skipped: 1}


def test_names_are_pulled_once_checked_and_work_offline(
    tiny_model: Path, photo: Path, tmp_path: Path, served: Loopback, monkeypatch: pytest.MonkeyPatch
):
    both = {"upscale": 2, "restore_model": "scunet"}
    report = colorize(tiny_model, photo, tmp_path / "a", **both, verify=True)
    assert report.counts == {Status.done: 1}, report.failures
    assert tifffile.imread(tmp_path / "a" / "ramp.tif").shape == (140, 180, 3)
    assert sorted(seen.path for seen in served.seen) == [
        "/mirror/RealESRGAN_x2plus.pth", "/mirror/scunet_color_real_psnr.pth",
    ]  # fmt: skip
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    assert colorize(tiny_model, photo, tmp_path / "b", **both).counts == {Status.done: 1}
    assert np.array_equal(tifffile.imread(tmp_path / "a" / "ramp.tif"), tifffile.imread(tmp_path / "b" / "ramp.tif"))
    with pytest.raises(WeightsError, match=r'"realesrgan-x4" is not downloaded, and the network is off'):
        colorize(tiny_model, photo, tmp_path / "c", upscale=4)
    assert not (tmp_path / "c").exists()


@pytest.mark.usefixtures("served")
def test_metadata_say_the_new_sides_and_hints_follow(tiny_model: Path, tmp_path: Path):
    photo = tmp_path / "in" / "a.jpg"
    photo.parent.mkdir()
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0xA002: 64, 0xA003: 48})
    Image.fromarray(np.full((48, 64), 120, np.uint8)).save(photo, exif=exif, quality=95)
    points = {"points": [{"x": 60, "y": 40, "color": "#c02020"}]}
    (tmp_path / "hints").mkdir()
    (tmp_path / "hints" / "a.json").write_text(json.dumps(points))
    report = colorize(tiny_model, photo, tmp_path / "out", upscale=2, hints=tmp_path / "hints", verify=True)
    assert report.counts == {Status.done: 1}, report.failures
    with Image.open(tmp_path / "out" / "a.jpg") as found:
        assert found.size == (128, 96)
        inner = found.getexif().get_ifd(0x8769)
    assert (inner[0xA002], inner[0xA003]) == (128, 96)


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("stream_from", [1 << 40, 1], ids=["whole", "strips"])
def test_restore_only_enlarges_and_loads_no_model(photo: Path, tmp_path: Path, stream_from: int):
    nothing, out = tmp_path / "none.safetensors", tmp_path / "out"
    report = colorize(nothing, photo, out, upscale=4, only=True, verify=True, stream_from=stream_from)
    assert report.counts == {Status.done: 1}, report.failures
    found, given = tifffile.imread(out / "ramp.tif"), tifffile.imread(photo)
    assert found.shape == (280, 360, 3)
    expected = given.astype(float).repeat(4, 0).repeat(4, 1) + 6553.5
    np.testing.assert_allclose(found, expected[..., None].repeat(3, 2), atol=2)


@pytest.mark.usefixtures("served")
def test_color_of_a_tinted_photo_and_transparency_are_enlarged_too(tiny_model: Path, tmp_path: Path):
    photo = tmp_path / "in" / "a.png"
    photo.parent.mkdir()
    rgba = np.zeros((40, 50, 4), np.uint8)
    rgba[..., :3] = np.linspace(40, 200, 50, dtype=np.uint8)[None, :, None]
    rgba[..., 3] = 255
    rgba[:20, ..., 3] = 64
    cv2.imwrite(str(photo), rgba)
    report = colorize(tiny_model, photo, tmp_path / "out", upscale=2, verify=True)
    assert report.counts == {Status.done: 1}, report.failures
    found = cv2.imread(str(tmp_path / "out" / "a.png"), cv2.IMREAD_UNCHANGED)
    assert found.shape == (80, 100, 4)
    assert (found[:36, :, 3] == 64).all() and (found[44:, :, 3] == 255).all()


def test_auto_gives_the_network_what_is_noisy_alone(tiny_model: Path, photo: Path, tmp_path: Path):
    file = tmp_path / "own.pth"
    file.write_bytes(small_restorers.denoiser())
    options = {"repairs": frozenset({Repair.noise}), "auto": True, "restore_model": str(file), "only": True}
    colorize(tiny_model, photo, tmp_path / "clean", **options)
    assert np.array_equal(tifffile.imread(tmp_path / "clean" / "ramp.tif")[..., 0], tifffile.imread(photo))
    noisy = np.clip(tifffile.imread(photo) + np.random.default_rng(0).normal(0, 4000, (70, 90)), 0, 65535)
    tifffile.imwrite(photo, noisy.astype(np.uint16))
    report = colorize(tiny_model, photo, tmp_path / "noisy", **options)
    assert report.counts == {Status.done: 1}, report.failures
    told = json.loads((tmp_path / "noisy" / "colorize-report.json").read_text())
    assert any("mended by" in note for note in told["photos"][0]["notes"])
    assert told["settings"]["restore_model"].startswith("own.pth ")


def test_bad_input_gets_one_line_before_any_work(
    tiny_model: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out, file = tmp_path / "out", tmp_path / "own.pth"
    file.write_bytes(small_restorers.enlarger(4))
    with pytest.raises(UsageError, match=r"--upscale 3: no network enlarges so"):
        colorize(tiny_model, photo, out, upscale=3)
    with pytest.raises(ModelNotFoundError, match=r'no network "scunett". Did you mean "scunet"\?'):
        colorize(tiny_model, photo, out, restore_model="scunett")
    with pytest.raises(ModelNotFoundError, match=r"no network file .*nothing.pth"):
        colorize(tiny_model, photo, out, upscale=0, upscale_model=str(tmp_path / "nothing.pth"))
    with pytest.raises(UsageError, match=r"--upscale 2: .*own.pth enlarges 4 times"):
        colorize(tiny_model, photo, out, upscale=2, upscale_model=str(file))
    monkeypatch.setattr(spandrel_file, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"--upscale needs the package spandrel, which is not installed"):
        colorize(tiny_model, photo, out, upscale=0, upscale_model=str(file))
    assert not out.exists()


def test_what_would_be_too_large_fails_by_name_before_its_pixels_are_read(
    tiny_model: Path, photo: Path, tmp_path: Path
):
    file = tmp_path / "own.pth"
    file.write_bytes(small_restorers.enlarger(4))
    options = {"upscale": 0, "upscale_model": str(file), "max_pixels": 90_000}
    report = colorize(tiny_model, photo, tmp_path / "out", **options)
    assert report.counts == {Status.failed: 1}
    assert "enlarged 4 times: 360 x 280 pixels" in report.failures[0].reason


class LighterFaces:
    """In GFPGAN's place, which has one size, 350 MB."""

    def to(self, _: torch.device) -> LighterFaces:
        return self

    def model(self, x: torch.Tensor, **_: object) -> tuple[torch.Tensor, None]:
        return x + 0.4, None


@pytest.mark.parametrize("stream_from", [1 << 40, 1], ids=["whole", "strips"])
def test_faces_are_restored_and_the_rest_stays(
    tiny_model: Path, tmp_path: Path, served: Loopback, monkeypatch: pytest.MonkeyPatch, stream_from: int
):
    monkeypatch.setattr(faces, "load_network", lambda *_: LighterFaces())
    photo = tmp_path / "in.tif"
    tifffile.imwrite(photo, np.full((256, 320), 20000, np.uint16), rowsperstrip=16)
    options = {"repairs": frozenset({Repair.faces}), "face_weight": 1.0, "verify": True, "stream_from": stream_from}
    report = colorize(tiny_model, photo, tmp_path / "out", **options, only=True)
    assert report.counts == {Status.done: 1}, report.failures
    found = tifffile.imread(tmp_path / "out" / "in.tif")[..., 1].astype(int)
    assert found[125, 157] == pytest.approx(20000 + 0.2 * 65535, abs=8)
    assert (found[:8] == 20000).all() and (found[:, :40] == 20000).all()
    told = json.loads((tmp_path / "out" / "colorize-report.json").read_text())
    assert "restored: 1 face by gfpgan" in told["photos"][0]["notes"]
    assert told["settings"]["faces"] == "gfpgan e2cd4703ab14 weight=1"
    assert served.seen[0].path == "/mirror/face_detection_yunet_2023mar.onnx"


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("stream_from", [1 << 40, 1], ids=["whole", "strips"])
def test_lama_fills_what_a_mask_says(tiny_model: Path, tmp_path: Path, stream_from: int):
    photo, masks = tmp_path / "in.tif", tmp_path / "masks"
    tifffile.imwrite(photo, np.full((200, 300), 20000, np.uint16), rowsperstrip=16)
    mask = np.zeros((200, 300), np.uint8)
    mask[50:60, 100:140] = 255
    masks.mkdir()
    cv2.imwrite(str(masks / "in.png"), mask)
    options = {"repairs": frozenset({Repair.scratches}), "inpaint": Inpaint.lama, "masks": masks, "only": True}
    report = colorize(tiny_model, photo, tmp_path / "out", **options, verify=True, stream_from=stream_from)
    assert report.counts == {Status.done: 1}, report.failures
    found = tifffile.imread(tmp_path / "out" / "in.tif")[..., 1].astype(int)
    np.testing.assert_allclose(found[50:60, 100:140], 0.4 * 65535, atol=3)
    assert (found[:48] == 20000).all() and (found[:, :97] == 20000).all()
    told = json.loads((tmp_path / "out" / "colorize-report.json").read_text())
    assert told["settings"]["inpaint"].startswith("lama ")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--inpaint", "lama"], "--inpaint needs --restore"),
        (["--restore", "noise", "--inpaint", "lama"], "--inpaint fills dust and scratches"),
        (["--restore", "auto", "--face-weight", "0.7"], "--face-weight is of restored faces"),
        (["--restore", "face"], "'face' is no repair"),
        (["--upscale", "3"], "--upscale 3: no network enlarges so"),
    ],
)
def test_options_that_do_nothing_together_are_refused(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], typed: list[str], said: str
):
    assert main([str(photo), "--out", str(tmp_path / "out"), *typed]) == 2
    assert said in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("served")
def test_a_photo_that_has_color_is_enlarged_too_and_a_stamp_keeps_its_own(tiny_model: Path, tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    grey = np.repeat(np.tile(np.linspace(60, 200, 300, dtype=np.uint8), (200, 1))[..., None], 3, 2)
    stamped = grey.copy()
    stamped[20:60, 20:80] = (30, 30, 200)
    cv2.imwrite(str(folder / "stamped.png"), stamped)
    hues = cv2.applyColorMap(grey, cv2.COLORMAP_JET)
    cv2.imwrite(str(folder / "colored.png"), hues)
    report = colorize(tiny_model, folder, tmp_path / "out", upscale=2, verify=True)
    assert report.exit_status == 0, report.failures
    found = cv2.imread(str(tmp_path / "out" / "stamped.png"))
    assert found.shape == (400, 600, 3)
    assert found[80, 100, 2] - 100 > found[80, 100, 0]  # red, as it was
    colored = cv2.imread(str(tmp_path / "out" / "colored.png"))
    assert colored.shape == (400, 600, 3)
    small = cv2.resize(colored, (300, 200), interpolation=cv2.INTER_AREA)
    assert np.median(np.abs(small.astype(int) - hues)) <= 4


@pytest.mark.slow
@pytest.mark.usefixtures("served")
def test_a_format_that_cannot_hold_the_enlarged_photo_gives_way_to_one_that_can(tmp_path: Path):
    photo, ramp = tmp_path / "long.webp", np.tile(np.linspace(40, 200, 5000), (6, 1)).astype(np.uint8)
    Image.fromarray(ramp).save(photo, lossless=True)
    report = colorize(tmp_path / "none", photo, tmp_path / "out", upscale=4, only=True)
    assert report.counts == {Status.done: 1}, report.failures
    with Image.open(tmp_path / "out" / "long.png") as found:
        assert found.size == (20_000, 24)
