"""Files of a folder are given when they are complete, and again when they have changed."""

from __future__ import annotations

import os
from pathlib import Path

from colorize_cli.files.settling import Settling
from colorize_cli.files.source_list import Source


def sources(folder: Path) -> list[Source]:
    return [Source(path, path.relative_to(folder)) for path in sorted(folder.iterdir())]


def test_a_file_that_grows_is_not_given(tmp_path: Path):
    files, path = Settling(2.0), tmp_path / "a.jpg"
    for now in range(10):
        path.write_bytes(b"x" * (now + 1))
        files.see(sources(tmp_path), float(now))
        assert files.ready(float(now)) == []
    assert files.ready(10.9) == [] and files.ready(11.0) == [path]
    files.see(sources(tmp_path), 12.0)
    assert files.ready(50.0) == [] and len(files) == 0


def test_a_file_that_changed_is_given_again(tmp_path: Path):
    files, path = Settling(1.0), tmp_path / "a.jpg"
    path.write_bytes(b"one")
    files.see(sources(tmp_path), 0.0)
    assert files.ready(1.0) == [path]
    beside = tmp_path / "b.part"
    beside.write_bytes(b"two")
    os.utime(beside, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    os.replace(beside, path)  # of the same size and time: another file all the same
    files.see(sources(tmp_path), 2.0)
    assert files.ready(2.5) == [] and files.ready(3.0) == [path]


def test_a_file_that_is_gone_is_forgotten(tmp_path: Path):
    files, path = Settling(1.0), tmp_path / "a.jpg"
    path.write_bytes(b"one")
    files.see(sources(tmp_path), 0.0)
    path.unlink()
    assert files.ready(5.0) == [] and len(files) == 0
    files.see(sources(tmp_path), 6.0)
    assert files.ready(9.0) == []


def test_what_cannot_be_read_is_given_once(tmp_path: Path):
    files = Settling(1.0)
    fault = [Source(tmp_path, Path("unreadable"), Path("unreadable"), "the folder cannot be read")]
    files.see(fault, 0.0)
    assert files.ready(1.0) == [tmp_path]
    files.see(fault, 2.0)
    assert files.ready(9.0) == []
