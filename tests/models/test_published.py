"""A published file is read however it was saved, or called damaged."""

from __future__ import annotations

import random
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


def flipped(data: bytes, places: int, seed: int) -> bytes:
    rng, damaged = random.Random(seed), bytearray(data)
    for _ in range(places):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    return bytes(damaged)


SMALL = {"a.weight": torch.zeros(3)}
TEXTS = [
    b"root:x:0:0:root:/root:/bin/bash\nbin:x:1:1\n",
    b"a text.",
    b"G\x00\x01",
    b"0",
    b"{}",
    bytes(40),
    b"\xff" * 40,
]


@pytest.mark.parametrize("kind", ["a zip that lost bits", "an old file that lost bits", "no weights at all"])
def test_a_file_of_any_kind_is_read_or_called_what_it_is(kind: str, tmp_path: Path) -> None:
    path, read = tmp_path / "mine.pth", 0
    whole = tiny.pth(SMALL, legacy=kind.startswith("an old"))
    files = TEXTS if kind.startswith("no") else [flipped(whole, 3, seed) for seed in range(200)]
    for data in files:
        path.write_bytes(data)
        try:
            read_state(path)
            read += 1
        except WeightsError as error:
            assert "mine.pth" in str(error)
    assert read < len(files)
