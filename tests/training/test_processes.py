from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from colorize_cli.models.checkpoint import read_tensors
from tests.conftest import ROOT

SCRIPT = Path(__file__).parent / "two.py"


def launch(arguments: list[str], photos: Path, out: Path, batch: int) -> list[dict[str, float]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    command = [sys.executable, *arguments, str(SCRIPT), str(photos), str(out), str(batch)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[dict[str, float]] = json.loads((out / "losses.json").read_text())
    return found


@pytest.mark.slow
def test_two_processes_train_as_one_with_twice_the_batch(photos: Path, tmp_path: Path) -> None:
    one = launch([], photos, tmp_path / "one", 8)
    torchrun = ["-m", "torch.distributed.run", "--nproc_per_node=2", "--master_addr=127.0.0.1", "--master_port=0"]
    two = launch([*torchrun, "--rdzv_backend=c10d", "--rdzv_endpoint=127.0.0.1:0"], photos, tmp_path / "two", 4)
    assert len(one) == len(two) == 20
    assert one[0]["G"] != one[19]["G"]
    for a, b in zip(one, two, strict=True):
        assert a.keys() == b.keys() >= {"D", "D_fake", "D_real", "G", "G_GAN", "G_L1"}
        for name in a:
            assert b[name] == pytest.approx(a[name], rel=1e-4), name
    weights = [read_tensors(tmp_path / name / "last.safetensors") for name in ("one", "two")]
    for key, value in weights[0].items():
        assert float((value - weights[1][key]).abs().max()) < 1e-4


SMALL = (
    "--recipe", "patchgan-places", "--size", "32", "--batch", "2", "--workers", "0",
    "--set", "generator_args={channels=2,width=4,depth=3}",
    "--set", "discriminator.network_args={receptive=16,width=4}",
    "--set", "epochs=1",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "started"),
    [
        (("torch.distributed.run", "--nproc-per-node", "2"), 2),
        # without MPI accelerate starts one process whatever --num_processes says, and no variable tells of more
        (("accelerate.commands.accelerate_cli", "launch", "--cpu", "--num_processes", "2"), 1),
    ],
    ids=["torchrun", "accelerate launch"],
)
def test_the_launchers_as_typed_join_their_processes(
    launcher: tuple[str, ...], started: int, photos: Path, tmp_path: Path
) -> None:
    names = ("ACCELERATE_USE_CPU", "WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
    environment = {key: value for key, value in os.environ.items() if key not in names}
    environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    typed = ["-m", "colorize_cli", "train", "--data", str(photos), *SMALL, "--out", str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, "-m", *launcher, *typed],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.count("The run:") == 1
    assert ("torchrun --nproc-per-node N" in done.stderr) == (started == 1)
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [(row["steps"], row["samples"]) for row in rows] == [
        (10 // started, 20)
    ]  # two photos of each process a step
    device = json.loads((tmp_path / "run" / "run.json").read_text())["made"]["device"]
    assert ("2 processes" in device) == (started == 2)
