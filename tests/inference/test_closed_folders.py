"""A folder that cannot be read is named by every command that reads folders."""

from __future__ import annotations

import os
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
        "train --data {photos} --out {out} --recipe mini-v2",
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
