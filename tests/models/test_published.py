"""A published file is read however it was saved, or called damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from colorize_cli.errors import WeightsError
from colorize_cli.models.load import load_model
from colorize_cli.models.published import read_state
from tests.models import tiny

STATE = tiny.state()
DATA = tiny.pth(STATE)


@pytest.mark.parametrize("wrapper", ["params", "model", "state_dict", None])
@pytest.mark.parametrize("legacy", [False, True])
def test_state_dicts_are_found_however_their_authors_wrap_them(
    wrapper: str | None, legacy: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(tiny.pth({wrapper: STATE} if wrapper else STATE, legacy))
    read = read_state(path)
    assert all(torch.equal(read[key], value) for key, value in STATE.items())


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", DATA[: len(DATA) // 2], b"\x80\x02garbage", b"<html>"])
def test_a_damaged_file_is_called_damaged(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"mine\.pth"):
        load_model(str(path))
