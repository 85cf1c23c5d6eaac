"""What stands once in the package, and what only the command line may do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "colorize_cli"
COMMAND_LINE = ("cli/", "__main__.py")


def uses(pattern: str) -> set[str]:
    """The files of the package in which a pattern stands, but for comments."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        code = "\n".join(line.partition("  # ")[0] for line in path.read_text().splitlines())
        if re.search(pattern, code):
            found.add(path.relative_to(PACKAGE).as_posix())
    return found


@pytest.mark.parametrize(
    ("pattern", "homes"),
    [
        (r"cpu_count", set()),  # it knows neither affinity nor containers
        (r"sched_getaffinity", {"files/machine.py"}),
        (r"MAX_IMAGE_PIXELS\s*=", set()),
        (r"os\.fsync", {"files/atomic.py", "training/journal.py"}),  # which grows by lines
        (r"\.getpid\(\)\}", {"files/leftovers.py", "data/dataset.py"}),  # names of temporary files
        (r"rich\.progress", {"cli/progress.py"}),
        (r"\[smhd\]|KMG", {"cli/quantities.py"}),
    ],
)
def test_each_of_these_stands_in_one_place(pattern: str, homes: set[str]) -> None:
    assert uses(pattern) == homes


@pytest.mark.parametrize(
    ("pattern", "others"),
    [
        (r"signal\.signal\(", {"pipeline/killable.py", "data/pairs.py"}),  # in the child processes
        (r"mallopt", set()),
        (r"setrlimit", {"pipeline/killable.py"}),  # of a decoder's own process
        (r"gc\.(freeze|disable|set_threshold)", set()),
        (
            r"os\.environ\[.*\] = |environ\.setdefault",
            {"training/launchers.py", "training/placement.py"},
        ),  # for accelerate, of a process of a group
        (r"warnings\.(showwarning|filterwarnings)", set()),
        (r"cv2\.setNumThreads", {"inference/devices.py", "data/pairs.py"}),  # put back at the end; in its own process
        (r"torch\.set_num_threads", {"inference/devices.py"}),  # of a thread of its own, and put back
    ],
)
def test_settings_of_the_process_are_made_by_the_command_line(pattern: str, others: set[str]) -> None:
    assert {file for file in uses(pattern) if not file.startswith(COMMAND_LINE)} == others


def test_no_file_of_the_python_interface_is_missing() -> None:
    assert Path(PACKAGE / "py.typed").is_file()
