"""Two runs into one folder at once: each photo is done by one of them, and the other says so."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.inference.conftest import command, grey_photo


def test_each_photo_is_done_by_one_of_two_runs(tiny_model: Path, tmp_path: Path):
    for number in range(24):
        grey_photo(tmp_path / "in" / f"{number}.png", (400, 300), seed=number)
    runs = []
    for number in range(2):
        reports = tmp_path / f"{number}.json"
        arguments = command(tiny_model, tmp_path / "in", "--out", tmp_path / "out", "--report", reports)
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        runs.append(subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE, text=True))
    assert [run.communicate() and run.returncode for run in runs] == [0, 0]
    photos = [json.loads((tmp_path / f"{number}.json").read_text())["photos"] for number in range(2)]
    by_name = [{row["source"]: row for row in rows} for rows in photos]
    assert len(by_name[0]) == len(by_name[1]) == 24
    for name, row in by_name[0].items():
        assert sorted((row["status"], by_name[1][name]["status"])) == ["done", "skipped"], name
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(f"{i}.png" for i in range(24))
