"""What of the machine a process may use: made up in folders that look like Linux's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from colorize_cli.files import machine

GB = 1 << 30


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """8 GB free, no container; returns the folder with `proc` and `cgroup`."""
    write(tmp_path / "proc/meminfo", f"MemTotal: {16 * GB // 1024} kB\nMemAvailable:  {8 * GB // 1024} kB\n")
    write(tmp_path / "proc/self/cgroup", "")
    write(tmp_path / "proc/self/statm", "1000 500 100 1 0 300 0")
    (tmp_path / "cgroup").mkdir()
    monkeypatch.setattr(machine, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(machine, "_CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(machine, "address_space", lambda: None)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_a_container_the_system_decides(system: Path) -> None:
    assert machine.available_memory() == 8 * GB and machine.half_of_memory() == 4 * GB
    assert machine.resident_memory() == 500 * os.sysconf("SC_PAGE_SIZE")


def test_a_container_of_version_2_leaves_its_limit_less_what_is_used(system: Path) -> None:
    write(system / "proc/self/cgroup", "0::/box/inner\n")
    write(system / "cgroup/box/inner/memory.max", "max\n")
    write(system / "cgroup/box/inner/memory.current", f"{GB}\n")
    write(system / "cgroup/box/memory.max", f"{4 * GB}\n")
    write(system / "cgroup/box/memory.current", f"{2 * GB}\n")
    write(system / "cgroup/box/memory.stat", f"anon 5\ninactive_file {GB // 2}\n")
    assert machine.available_memory() == 4 * GB - (2 * GB - GB // 2)


def test_a_container_of_version_1_does_too(system: Path) -> None:
    write(system / "proc/self/cgroup", "9:name=systemd:/\n4:memory:/box\n3:cpu,cpuacct:/box\n")
    write(system / "cgroup/memory/box/memory.limit_in_bytes", f"{2 * GB}\n")
    write(system / "cgroup/memory/box/memory.usage_in_bytes", f"{GB}\n")
    write(system / "cgroup/memory/box/memory.stat", f"total_inactive_file {GB // 4}\n")
    write(system / "cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    write(system / "cgroup/memory/memory.usage_in_bytes", f"{GB}\n")
    assert machine.available_memory() == 2 * GB - (GB - GB // 4)


def test_inside_a_container_the_path_may_be_the_hosts(system: Path) -> None:
    write(system / "proc/self/cgroup", "0::/docker/0123\n")
    write(system / "cgroup/memory.max", f"{GB}\n")
    write(system / "cgroup/memory.current", f"{GB // 4}\n")
    assert machine.available_memory() == GB - GB // 4


def test_a_container_that_is_full_leaves_nothing(system: Path) -> None:
    write(system / "proc/self/cgroup", "0::/\n")
    write(system / "cgroup/memory.max", f"{GB}\n")
    write(system / "cgroup/memory.current", f"{2 * GB}\n")
    assert machine.available_memory() == machine.half_of_memory() == 0


def test_a_limit_of_the_shell_counts(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "address_space", lambda: GB)
    assert machine.half_of_memory() == GB // 2
    code = "from colorize_cli.files.machine import address_space; print(address_space())"
    done = subprocess.run(
        ["bash", "-c", f"ulimit -v 2000000; {sys.executable} -c '{code}'"], capture_output=True, text=True, check=True
    )
    assert 1_000_000 < int(done.stdout) // 1024 < 2_000_000


@pytest.mark.parametrize(("quota", "expected"), [("max 100000", 6), ("150000 100000", 2), ("50000 100000", 1)])
def test_cores_are_those_of_the_container(
    system: Path, monkeypatch: pytest.MonkeyPatch, quota: str, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)), raising=False)
    write(system / "proc/self/cgroup", "0::/box\n")
    write(system / "cgroup/box/cpu.max", quota + "\n")
    assert machine.cores() == expected


def test_cores_of_version_1(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)), raising=False)
    write(system / "proc/self/cgroup", "3:cpu,cpuacct:/box\n")
    write(system / "cgroup/cpu/box/cpu.cfs_quota_us", "-1\n")
    write(system / "cgroup/cpu/box/cpu.cfs_period_us", "100000\n")
    assert machine.cores() == 6
    write(system / "cgroup/cpu/box/cpu.cfs_quota_us", "300000\n")
    assert machine.cores() == 3
