"""Locks on results: one run has each, and a run that dies has none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from colorize_cli.files.locks import LOCK_NAME, ResultLocks

HOLD = """
import sys, time
from pathlib import Path
from colorize_cli.files.locks import ResultLocks
locks = ResultLocks(Path(sys.argv[1]))
print(locks.take("a"), locks.take("b"), flush=True)
sys.stdin.readline()
locks.close()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True True\n"
    return process


def test_another_process_has_a_name_until_it_gives_it_back(tmp_path: Path):
    with holder(tmp_path) as process:
        mine = ResultLocks(tmp_path)
        assert [mine.take(name) for name in "abc"] == [False, False, True]
        assert (tmp_path / LOCK_NAME).exists()
        process.communicate("\n")
    assert [mine.take(name) for name in "abc"] == [True, True, False]
    mine.close()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_has_no_locks(tmp_path: Path):
    with holder(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    mine = ResultLocks(tmp_path)
    assert mine.take("a")
    mine.close()
    assert list(tmp_path.iterdir()) == []


def test_two_runs_in_one_process_have_locks_of_their_own(tmp_path: Path):
    one, other = ResultLocks(tmp_path), ResultLocks(tmp_path)
    assert one.take("a") and not other.take("a") and other.take("b")
    other.release("a")
    assert not other.take("a")
    one.close()
    assert other.take("a") and (tmp_path / LOCK_NAME).exists()
    with holder_fails(tmp_path) as process:
        assert process.communicate()[0] == "False\n"
    other.close()
    assert list(tmp_path.iterdir()) == []


def holder_fails(folder: Path) -> subprocess.Popen[str]:
    code = HOLD.replace('locks.take("a"), locks.take("b")', 'locks.take("a")').replace("sys.stdin.readline()", "")
    return subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True)


def test_a_folder_without_locks_is_no_hindrance(tmp_path: Path):
    locks = ResultLocks(tmp_path / "missing")
    assert locks.take("a")
    locks.close()
