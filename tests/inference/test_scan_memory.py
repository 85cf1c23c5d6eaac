"""The memory that a scan takes does not grow with it: measured in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

RUN = """
import json, sys
from pathlib import Path
from colorize_cli import Colorizer
from colorize_cli.inference.photo_options import ReadOptions, WriteOptions
from colorize_cli.pipeline.run_options import BatchOptions
model, out, stream_from, *photos = sys.argv[1:]
peaks = []
for photo in photos:  # the first one takes what every photo takes
    threshold = int(stream_from)
    batch = BatchOptions(photos=(photo,), out=Path(out), overwrite=True)
    write, read = WriteOptions(verify=threshold == 1), ReadOptions(stream_from=threshold)
    report = Colorizer(model, device="cpu").run(batch, read=read, write=write).finish()
    assert report.exit_status == 0, report.failures
    peaks.append(int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024)
print(json.dumps(peaks))
"""
SIDE = 6000  # at 5000 what the allocator keeps, which differs from run to run, came within a hair of the bound


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell a process's peak memory")
def test_memory_does_not_grow_with_a_scan(tiny_model: Path, tmp_path: Path) -> None:
    ramp = np.linspace(3000, 60000, SIDE).astype(np.uint16)
    for name, side in (("small", 2000), ("large", SIDE)):
        plane = np.broadcast_to(ramp[:side], (side, side))
        tifffile.imwrite(tmp_path / f"{name}.tif", plane, tile=(256, 256), compression="zlib", predictor=True)
    grown = {}
    for name, stream_from in (("strips", "1"), ("whole", str(1 << 40))):
        photos = [str(tmp_path / f"{size}.tif") for size in ("small", "large")]
        command = [sys.executable, "-c", RUN, str(tiny_model), str(tmp_path / "out"), stream_from, *photos]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=True)
        small, large = json.loads(done.stdout)
        grown[name] = (large - small) / SIDE**2
    assert grown["whole"] > 6, "as a whole it takes its pixels and the result's, or this test shows nothing"
    assert grown["strips"] < 3, f"{grown['strips']:.1f} bytes a pixel more than a small one"
