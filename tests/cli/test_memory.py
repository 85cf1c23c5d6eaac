from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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


HEAPS = """
import threading
from colorize_cli.cli.memory import bound_process
from colorize_cli.inference.option_values import Precision
bound_process(1 << 30, "cpu", Precision.auto)
import resource, numpy as np
ready, done = threading.Barrier(5), threading.Event()
def work():
    planes = [bytearray(64) for _ in range(1000)]
    ready.wait()
    done.wait()
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
ready.wait()
maps = [line.split() for line in open("/proc/self/maps")]
ends = lambda row: [int(part, 16) for part in row[0].split("-")]
# a heap of a thread's own lies on a multiple of 64 MiB, and what it does not use of these is reserved behind it
places = [(*ends(row), row[1]) for row in maps if len(row) == 5]
whole = 64 << 20
heaps = [
    begin
    for (begin, end, kind), (rest, last, then) in zip(places, places[1:])
    if (kind, then) == ("rw-p", "---p") and begin % whole == 0 and (end, last) == (rest, begin + whole)
]
done.set()
print(len(heaps), resource.getrlimit(resource.RLIMIT_DATA)[0])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is another")
def test_threads_share_one_heap_and_data_are_bounded() -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    ran = subprocess.run([sys.executable, "-c", HEAPS], env=plain, check=True, capture_output=True, text=True)
    heaps, limit = map(int, ran.stdout.split())
    assert heaps == 0
    assert 1 << 30 < limit < 64 << 30


@pytest.mark.slow
def test_a_command_that_loads_torch_ends_without_a_word_of_its_libraries() -> None:
    command = [sys.executable, "-m", "colorize_cli", "train", "--recipe", "mini-distilled", "--data", "samples"]
    command += ["--set", "teacher.weights=gone.safetensors"]
    said = subprocess.run(command, capture_output=True, text=True).stderr.splitlines()
    assert len(said) == 2 and said[0].startswith("error: "), said


START = """
import gc, sys
searches = []
gc.callbacks.append(lambda phase, info: searches.append(gc.isenabled()))
from colorize_cli.__main__ import main
sys.argv[:] = ["colorize", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    print(end.code, len(searches), gc.isenabled(), "colorize_cli.metadata.audit.compare" in sys.modules)
"""


@pytest.mark.slow
@pytest.mark.parametrize("command", ["photos", "models"])
def test_garbage_is_searched_for_when_the_libraries_are_there(command: str, tmp_path: Path) -> None:
    Image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64)).save(tmp_path / "grey.png")
    photos = [str(tmp_path / "grey.png"), "--out", str(tmp_path / "out"), "--quiet"]
    typed = photos if command == "photos" else ["models", "list", "--json"]
    ran = subprocess.run([sys.executable, "-c", START, *typed], check=True, capture_output=True, text=True)
    status, searches, goes_on, verifier = ran.stdout.splitlines()[-1].split()
    assert (status, goes_on, verifier) == ("0", "True", "False"), ran
    assert int(searches) < 100  # some 500 while the libraries load
