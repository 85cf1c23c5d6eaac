from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from colorize_cli.errors import UsageError
from colorize_cli.models.checkpoint import read_tensors
from colorize_cli.training import launchers
from colorize_cli.training.launchers import check_launcher, missing_processes
from colorize_cli.training.placement import make_accelerator
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


def as_typed(launcher: tuple[str, ...], photos: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Run `colorize train` under a launcher, in an environment that no launcher has touched."""
    names = ("ACCELERATE_USE_CPU", "WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
    environment = {key: value for key, value in os.environ.items() if key not in names}
    environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    typed = ["-m", "colorize_cli", "train", "--data", str(photos), *SMALL, "--out", str(out)]
    return subprocess.run(
        [sys.executable, "-m", *launcher, *typed],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


ACCELERATE = ("accelerate.commands.accelerate_cli", "launch", "--cpu", "--num_processes")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "started"),
    [
        (("torch.distributed.run", "--nproc-per-node", "2"), 2),
        ((*ACCELERATE, "2"), 2),  # it starts one process, which starts those that are missing
        ((*ACCELERATE, "1"), 1),
    ],
    ids=["torchrun", "accelerate launch", "accelerate launch of one"],
)
def test_the_launchers_as_typed_join_their_processes(
    launcher: tuple[str, ...], started: int, photos: Path, tmp_path: Path
) -> None:
    done = as_typed(launcher, photos, tmp_path / "run")
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.count("The run:") == 1
    assert ("torchrun starts the 2 asked for" in done.stderr) == (launcher == (*ACCELERATE, "2"))
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    steps = 10 // started  # two photos of each process a step
    assert [(row["steps"], row["samples"]) for row in rows] == [(steps, 20)]
    device = json.loads((tmp_path / "run" / "run.json").read_text())["made"]["device"]
    assert ("2 processes" in device) == (started == 2)


def commands(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Let this process come from these commands, the nearest first, as `accelerate launch` starts one on a CPU."""
    for name in ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("ACCELERATE_DYNAMO_BACKEND", "NO"), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", "29500")):
        monkeypatch.setenv(name, value)
    parents = [SimpleNamespace(cmdline=line.split) for line in lines]
    monkeypatch.setattr("psutil.Process", lambda: SimpleNamespace(parents=lambda: parents))


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ("/usr/bin/python /usr/bin/accelerate launch --cpu --num_processes 2 -m colorize_cli train", 2),
        ("accelerate launch --num_processes=3 -m colorize_cli train --batch 2", 3),
        ("python -m accelerate.commands.launch --cpu --num_processes 2 -m colorize_cli train", 2),
        ("/usr/bin/accelerate-launch --cpu --num_processes 4 -m colorize_cli train", 4),
        ("accelerate launch --cpu --num_processes 1 -m colorize_cli train", None),
        ("accelerate launch --cpu --num_processes 4 --num_machines 2 -m colorize_cli train", 0),
        ("bash start.sh", 0),
    ],
)
def test_what_accelerate_was_asked_for_is_read_off_its_command(
    command: str, missing: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands(monkeypatch, "bash -c train", command)
    assert missing_processes() == missing
    if missing is None:
        check_launcher()
        return
    asked = f"{missing} processes" if missing else "several processes"
    with pytest.raises(UsageError, match=f"asked for {asked} and started one") as caught:
        make_accelerator("cpu", "auto")
    assert f"torchrun --nproc-per-node {missing or 'N'} -m colorize_cli train" in str(caught.value.hint)


def test_one_process_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    commands(monkeypatch, "accelerate launch --cpu --num_processes 2 -m colorize_cli train")
    monkeypatch.setenv("WORLD_SIZE", "2")  # torchrun's
    assert missing_processes() is None
    monkeypatch.delenv("WORLD_SIZE")
    monkeypatch.delenv("MASTER_ADDR")  # accelerate sets it for more than one
    assert missing_processes() is None


def test_processes_that_do_not_come_are_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launchers, "_JOINING", timedelta(seconds=0.3))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
    here = {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for name, value in here.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    with pytest.raises(UsageError, match="2 processes, which cannot be joined: 1 of them came within 0 seconds"):
        make_accelerator("cpu", "auto")
