"""A folder that cannot be read is named by every command that reads folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize_cli.cli.app import main
from colorize_cli.errors import UnreadableFolderError
from colorize_cli.files.below import files_below


def _photo(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    few = np.random.default_rng(seed).integers(0, 256, (4, 4, 3)).astype(np.uint8)
    Image.fromarray(few).resize((64, 64)).save(path)
    return path


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders called "closed" or ".closed" cannot be listed: root, who may run the tests, can list any."""
    scandir = os.scandir

    def refuse(folder: Path | str) -> object:
        if Path(folder).name.lstrip(".") == "closed":
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)


def test_files_are_listed_in_order_and_hidden_folders_may_be_closed(tmp_path: Path, closed: None) -> None:
    photos = [_photo(tmp_path / name) for name in ("a/c.png", "a/b/d.png", "b.png")]
    _photo(tmp_path / ".closed" / "x.png")
    assert files_below(tmp_path) == sorted(photos)
    (tmp_path / "a" / "closed").mkdir()
    with pytest.raises(UnreadableFolderError, match="a/closed cannot be read: Permission denied"):
        files_below(tmp_path)


@pytest.mark.parametrize(
    "command",
    [
        "eval --data {photos} --model {model}",
        "eval --ref {open} --pred {photos}",
        pytest.param("train --data {photos} --out {out} --recipe mini-v2", marks=pytest.mark.slow),
        "colorize {open} --hints {photos} --out {out} --model {model}",
    ],
)
def test_commands_name_it_and_end_with_status_1(
    command: str, tmp_path: Path, tiny_model: Path, closed: None, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"photos": tmp_path / "photos", "open": tmp_path / "open", "out": tmp_path / "out", "model": tiny_model}
    for seed in range(3):
        _photo(tmp_path / "photos" / f"{seed}.png", seed)
        _photo(tmp_path / "open" / f"{seed}.png", seed)
    (tmp_path / "photos" / "closed").mkdir()
    assert main([word.format(**places) for word in command.split()]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert f"the folder {places['photos']}/closed cannot be read: Permission denied" in said.replace("- ", "-")
    assert not places["out"].exists()


SETPRIV = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]


def _is_bound(folder: Path) -> bool:
    """Whether root can be made to obey permissions here."""
    if os.name == "nt" or os.geteuid() != 0 or shutil.which("setpriv") is None:
        return False
    closed = folder / "closed.txt"
    closed.touch(mode=0o000)
    done = subprocess.run([*SETPRIV, "cat", str(closed)], capture_output=True)
    return b"ermission denied" in done.stderr


@pytest.mark.slow
def test_whoever_may_not_read_something_is_told_what_and_why(tmp_path: Path, tiny_model: Path) -> None:
    if not _is_bound(tmp_path):
        pytest.skip("needs root, and setpriv to take its privileges away")
    shut = [tmp_path / "photos" / "closed", tmp_path / "photos" / "b.png", tmp_path / "out" / "sub"]
    for seed, name in enumerate(("a.png", "b.png", "closed/c.png", "sub/d.png")):
        _photo(tmp_path / "photos" / name, seed)
    listed = tmp_path / "list.txt"
    listed.write_text(f"{tmp_path}/photos/a.png\n{tmp_path}/photos/closed/c.png\n")

    def run(*arguments: str | Path) -> tuple[int, str]:
        command = [*SETPRIV, sys.executable, "-m", "colorize_cli", "--model", str(tiny_model), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
        return done.returncode, " ".join(done.stderr.split())

    def closed(status: int, out: str, *wanted: str) -> None:
        code, said = run(tmp_path / "photos", "--out", tmp_path / out)
        assert code == status, said
        assert [text for text in wanted if text not in said] == [], said

    (tmp_path / "out" / "sub").mkdir(parents=True)
    try:
        for path in shut:
            path.chmod(0o000)
        photos = tmp_path / "photos"
        closed(
            1,
            "out",
            f"{photos}/closed: the folder cannot be read: Permission denied",
            f"{photos}/b.png: it cannot be read: Permission denied",
            f"{photos}/sub/d.png: the folder of its result, {tmp_path}/out/sub, cannot be read: Permission denied",
            "1 copied, 3 failed",
        )
        code, said = run("--files-from", listed, "--out", tmp_path / "other")
        assert code == 1 and "c.png: it cannot be read: Permission denied" in said and "1 copied, 1 failed" in said
    finally:
        for path in shut:
            path.chmod(0o755)
