from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import numpy as np
from colorize_cli.cli.memory import keep_everything
if sys.argv[1] == "kept":
    keep_everything()
def step():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(3):
        np.ones(100 << 20, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
step()
print(step())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is another")
def test_a_training_step_uses_the_memory_of_the_last_one_again() -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    faults = {
        how: int(subprocess.run([sys.executable, "-c", SCRIPT, how], env=plain, check=True, capture_output=True).stdout)
        for how in ("kept", "given back")
    }
    assert faults["kept"] * 10 < faults["given back"]


@pytest.mark.slow
def test_a_command_that_loads_torch_ends_without_a_word_of_its_libraries() -> None:
    command = [sys.executable, "-m", "colorize_cli", "train", "--recipe", "mini-taught", "--data", "samples"]
    command += ["--set", "teacher.weights=gone.safetensors"]
    said = subprocess.run(command, capture_output=True, text=True).stderr.splitlines()
    assert len(said) == 2 and said[0].startswith("error: "), said
