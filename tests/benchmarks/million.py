"""Memory of a run over a million photos: a list of names, or files that exist, and a stub in place of the colorizer.

In:  how many photos; whether they are to lie on the disk (empty files, linked from one)
Out: seconds, and the most memory that the process had, on stdout

    python tests/benchmarks/million.py
    python tests/benchmarks/million.py --photos 100000 --on-disk
    python tests/benchmarks/million.py --merge       # join the reports of four shards of as many photos
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from colorize_cli.files.source_list import Source, TextList
from colorize_cli.pipeline.merging import merge_reports
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.processor import PhotoProcessor
from colorize_cli.pipeline.run import BatchRun
from colorize_cli.pipeline.run_options import BatchOptions, RunOptions
from colorize_cli.pipeline.work import LocalWork


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=1_000_000)
    parser.add_argument("--on-disk", action="store_true")
    parser.add_argument("--merge", action="store_true")
    arguments = parser.parse_args()
    PhotoProcessor.prepare = _done  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        started, before = time.monotonic(), peak()
        (merged if arguments.merge else batch)(Path(folder), arguments.photos, arguments.on_disk)
        seconds = time.monotonic() - started
    print(f"{arguments.photos:,} photos: {seconds:.0f} s; {before} MB before, at most {peak()} MB")


def batch(folder: Path, photos: int, on_disk: bool) -> None:
    options = BatchOptions(photos=(), listed=(), out=folder / "out")
    if on_disk:
        for name in names(folder / "in", photos):
            os.makedirs(os.path.dirname(name), exist_ok=True)
            open(name, "x").close()
        options = BatchOptions(photos=(str(folder / "in"),), out=folder / "out")
    else:
        os.path.lexists = lambda path: True  # type: ignore[assignment]
        listed = TextList()
        for name in names(folder / "in", photos):
            listed.append(name)
        options = BatchOptions(listed=listed, out=folder / "out")
    report = BatchRun(RunOptions(batch=options), lambda photos, notice: NETWORK).finish()
    assert report.counts == {Status.done: photos} and report.path is not None, report.counts
    with report.path.open() as file:
        assert sum(1 for _ in file) == photos + 2


def merged(folder: Path, photos: int, on_disk: bool) -> None:
    paths = [folder / f"{number}.jsonl" for number in range(4)]
    files = [path.open("w") for path in paths]
    sizes = [len(range(number, photos, 4)) for number in range(4)]
    for number, file in enumerate(files):
        shard = {"number": number + 1, "photos": sizes}
        file.write(json.dumps({"report": "colorize-cli", "discovered": sizes[number], "shard": shard}) + "\n")
    for number, name in enumerate(names(folder, photos)):
        files[number % 4].write(json.dumps({"source": name, "status": "done", "output": f"{name}.png"}) + "\n")
    for number, file in enumerate(files):
        shard = {"number": number + 1, "photos": sizes}
        end = {"discovered": sizes[number], "counts": {"done": sizes[number]}, "shard": shard}
        file.write(json.dumps({"summary": end}) + "\n")
        file.close()
    assert merge_reports(paths, folder / "all.jsonl").counts == {"done": photos}


def names(top: Path, photos: int) -> Iterator[str]:
    for number in range(photos):
        yield f"{top}/fonds-{number // 100_000:03d}/box-{number // 1000:05d}/scan-{number:09d}.jpg"


def _done(self: PhotoProcessor, index: int, source: Source) -> Outcome:
    out = self.outputs.destinations.path(index, ".jpg")
    return Outcome(source.path, Status.done, out, seconds=0.1, notes=("a note, such as photos have",))


def peak() -> int:
    """MB of this process, at its most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform != "darwin" else 1 << 20)


NETWORK = None
LocalWork._network = lambda self, photos: None  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
