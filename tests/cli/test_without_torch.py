"""What works where torch is not installed, and what the rest says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize_cli.evaluation.evaluate import EvalSettings, evaluate
from colorize_cli.evaluation.numpy_metrics import evaluate_plainly
from tests.fork_server import python

# torch and all that comes with it: neither found nor imported
BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "triton", "torchmetrics", "accelerate"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
from colorize_cli.cli.app import main
status = 0
for arguments in eval(sys.argv[1]):
    status = main(arguments)
    print("status", status, flush=True)
assert not {"torch", "torchvision", "triton"} & sys.modules.keys()
"""


def run(*commands: list[str]) -> tuple[list[int], str, str]:
    """Statuses, stdout and stderr of commands in a process of their own."""
    done = subprocess.run([*python(), "-c", BLOCKED, repr(list(commands))], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    statuses = [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("status ")]
    return statuses, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two grey photos, one of them with hints, and a reference in color."""
    y, x = np.mgrid[0:90, 0:120]
    grey = (120 + 60 * np.sin(x / 9) + 50 * np.cos(y / 11)).clip(0, 255).astype(np.uint8)
    (tmp_path / "in").mkdir()
    (tmp_path / "hints").mkdir()
    Image.fromarray(grey).save(tmp_path / "in" / "a.jpg", quality=95)
    Image.fromarray(grey.T).save(tmp_path / "in" / "b.png")
    points = [{"x": 0.3, "y": 0.4, "color": "#c04020"}, {"x": 0.8, "y": 0.7, "color": "#2040c0"}]
    for name in ("a", "b"):
        (tmp_path / "hints" / f"{name}.hints.json").write_text(json.dumps({"unit": "fraction", "points": points}))
    Image.fromarray(np.stack((grey, grey // 2, 255 - grey), 2)).save(tmp_path / "reference.png")
    return tmp_path


@pytest.mark.parametrize(
    "names",
    [
        ("plain", "hinted"),
        pytest.param(("variants", "levin", "referred", "detail", "album", "welsh", "charpiat"), marks=pytest.mark.slow),
    ],
    ids=["quick", "long"],
)
def test_photos_are_colored_in_every_way(folder: Path, names: tuple[str, ...]) -> None:
    photos, hints, reference = str(folder / "in"), str(folder / "hints"), str(folder / "reference.png")
    ways = {
        "plain": [],
        "hinted": ["--hints", hints],
        "referred": ["--reference", reference],
        "variants": ["--variants", "2"],
        "detail": ["--detail", "1"],
        "album": ["--consistent"],
        "levin": ["--method", "levin", "--hints", hints],
        "welsh": ["--method", "welsh", "--reference", reference],
        "charpiat": ["--method", "charpiat", "--reference", reference],
    }
    ways = {name: ways[name] for name in names}
    commands = [[photos, "--out", str(folder / way), "--quiet", *options] for way, options in ways.items()]
    statuses, _, said = run(*commands)
    assert statuses == [0] * len(ways), said
    for way in ways:
        for name in ("a.jpg", "b.png"):
            with Image.open(folder / way / name) as image:
                colored = np.asarray(image.convert("RGB")).astype(int)
            assert np.ptp(colored, axis=2).max() > 8, f"{way}/{name} has color"


@pytest.mark.slow
def test_demo_models_and_eval_work(folder: Path) -> None:
    out = folder / "demo"
    statuses, shown, said = run(
        ["demo", "--out", str(out), "--quiet"],
        ["models", "list"],
        ["models", "info", "mini"],
        ["models", "verify"],
        ["eval", "--metrics", "psnr", "ssim", "--limit", "2", "--out", str(folder / "report"), "--json"],
    )
    assert statuses == [0] * 5, said
    assert "mini: valid" in shown and len(list((out / "colored").glob("*.compare.jpg"))) == 4
    assert (folder / "report" / "report.html").is_file()


def test_the_rest_says_in_one_line_what_to_install(folder: Path) -> None:
    photo = str(folder / "in" / "a.jpg")
    commands = [
        [photo, "--model", "ddcolor", "--out", str(folder / "o")],
        ["train", "--data", str(folder / "in")],
        ["eval", "--metrics", "lpips", "psnr"],
        ["models", "export", "ddcolor"],
        [photo, "--model", "mini+siggraph17", "--out", str(folder / "o")],
    ]
    statuses, _, said = run(*commands)
    assert statuses == [3] * len(commands), said
    lines = said.strip().splitlines()
    assert len(lines) == 2 * len(commands), said
    for problem, way_out in zip(lines[::2], lines[1::2], strict=True):
        assert problem.startswith("error: ") and "torch, which is not installed" in problem
        assert way_out.startswith(
            "Install it: pip install torch torchvision torchmetrics accelerate; without an NVIDIA"
        )
        assert way_out.endswith("add --extra-index-url https://download.pytorch.org/whl/cpu")
    assert not (folder / "o").exists()


def test_a_wrong_name_is_not_taken_for_a_network_of_torch(folder: Path) -> None:
    photo, out = str(folder / "in" / "a.jpg"), str(folder / "o")
    (folder / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    models = ["minni", str(folder / "gone.safetensors"), str(folder / "cut.safetensors")]
    statuses, _, said = run(*([photo, "--model", model, "--out", out] for model in models))
    assert statuses == [3, 3, 3]
    assert 'Did you mean "mini"?' in said and "no model file" in said and "cut.safetensors is refused" in said


@pytest.mark.slow
def test_psnr_and_ssim_without_torch_are_those_with_it() -> None:
    wanted = EvalSettings(metrics=("psnr", "ssim"), device="cpu", limit=3)
    plain, full = evaluate_plainly(wanted, lambda done, total: None, lambda line: None), evaluate(wanted)
    assert [row.name for row in plain.rows] == [row.name for row in full.rows] == ["grey", "mini"]
    assert plain.names == full.names
    for row in full.rows:
        for column, limit in (("psnr", 0.01), ("ssim", 1e-4)):
            found, wanted = plain.row(row.name).per_picture[column], row.per_picture[column]
            np.testing.assert_allclose(found, wanted, atol=limit, err_msg=f"{row.name} {column}")


def test_eval_measures_what_it_can_and_says_what_is_left(folder: Path):
    statuses, shown, told = run(["eval", "--data", str(folder), "--limit", "1"])
    assert statuses == [0]
    assert "Measured by psnr and ssim alone" in told
    assert "PSNR" in shown and "SSIM" in shown
