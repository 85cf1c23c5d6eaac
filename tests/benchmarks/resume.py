"""What a second run over photos that are all done costs: CPU time and bytes read, a photo.

    python tests/benchmarks/resume.py --photos 20000
    python tests/benchmarks/resume.py --photos 300 --side 3000   # large files: none is read as a whole

The photos are made here, and their results by the writer itself, so that no network runs; the second run is the
command line's, in a process of its own, with its start.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from colorize_cli.files.discover import Source
from colorize_cli.formats.decode import decode
from colorize_cli.formats.encode import EncodeSettings, read_provenance, write_photo
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.pipeline.resume import source_note


def main() -> None:
    """Make photos and results, run the command over them, print its costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=64, help="pixels")
    parser.add_argument("--suffix", default="jpg")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photos, out = Path(folder) / "photos", Path(folder) / "out"
        _make(photos, given.photos, given.side, given.suffix)
        note = _note_of_one(photos, Path(folder) / "one")
        for source in sorted(photos.rglob("*.*")):
            _finish(Source(source, source.relative_to(photos)), out, note)
        cpu, read = _run(["colorize", str(photos), "--out", str(out), "--quiet"])
        [report] = out.glob("colorize-report.json*")  # of many photos it is lines, the summary last
        text = report.read_text()
        summary = json.loads(text) if report.suffix == ".json" else json.loads(text.splitlines()[-1])["summary"]
        counts = summary["counts"]
        assert counts == {"skipped": given.photos}, counts
        sizes = sum(file.stat().st_size for file in out.rglob(f"*.{given.suffix}")) / given.photos
        each = f"{1000 * cpu / given.photos:.3f} ms of CPU time and {read / given.photos / 1000:.1f} kB read a photo"
        print(f"{given.photos} photos, results of {sizes / 1000:.0f} kB: {each}; {cpu:.1f} s of CPU time in all")


def _make(folder: Path, count: int, side: int, suffix: str) -> None:
    chance = np.random.default_rng(0)
    picture = chance.integers(0, 255, (side, side), np.uint8)
    for number in range(count):
        path = folder / f"{number // 500:03d}" / f"{number:05d}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture[0, :4] = number >> 24 & 255, number >> 16 & 255, number >> 8 & 255, number & 255
        Image.fromarray(picture).save(path)


def _note_of_one(photos: Path, out: Path) -> Provenance:
    """The note that the command's results carry now, from one of them."""
    first = next(photos.rglob("*.*"))
    _run(["colorize", str(first), "--out", str(out), "--quiet"])
    note = read_provenance(out / first.name)
    assert note is not None
    return note


def _finish(source: Source, out: Path, note: Provenance) -> None:
    """Write a photo's result with the colors that it has: none."""
    photo = decode(source.path)
    path = out / source.relative
    path.parent.mkdir(parents=True, exist_ok=True)
    named = replace(note, source=source_note(source, photo.metadata.file))
    write_photo(photo, [page.pixels for page in photo.pages], path, EncodeSettings(), named)


def _run(arguments: Sequence[str]) -> tuple[float, int]:
    """Run the command; its CPU time in seconds, and the bytes that it read."""
    code = (
        "import sys, os; from colorize_cli.cli.app import main; status = main(sys.argv[1:]);"
        "print(open('/proc/self/io').readline().split()[1]); sys.stdout.flush(); os._exit(status)"
    )
    before = os.times()
    run = subprocess.run([sys.executable, "-c", code, *arguments[1:]], stdout=subprocess.PIPE, text=True, check=True)
    after = os.times()
    return (after.children_user + after.children_system) - (before.children_user + before.children_system), int(
        run.stdout.split()[-1]
    )


if __name__ == "__main__":
    main()
