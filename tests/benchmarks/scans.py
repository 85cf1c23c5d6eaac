"""Peak memory and time for giant scans: each layout at 400 megapixels. (How cost grows: `growth.py`.)

    python tests/benchmarks/scans.py [--source DIR] [--side 20000] [--only strips-8,png-8] [--verify]

A mosaic of grey, grainy photos (scikit-image's samples where no folder is given) is made as large as wanted and
written in every layout; `colorize` then runs on each in a process of its own. Peak memory is what the process had at
most, above what it had right after its start, before anything was imported.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

Array = NDArray[Any]
ROWS = 512
# A process's own high-water mark and its memory at the start, around the command line's own entry.
RUN = """
import json, os, resource, sys
page = os.sysconf("SC_PAGE_SIZE")
start = int(open("/proc/self/statm").read().split()[1]) * page
sys.argv = ["colorize", *sys.argv[2:]]
from colorize_cli.cli.app import main
try:
    main()
except SystemExit as end:
    code = end.code
used = resource.getrusage(resource.RUSAGE_SELF)
# not ru_maxrss: a process inherits that from the one that started it
peak = int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024
with open(os.environ["SCAN_FIGURES"], "w") as file:
    json.dump({"peak": peak - start, "cpu": used.ru_utime + used.ru_stime, "code": code}, file)
"""


def photos(folder: Path | None) -> list[Array]:
    if folder is not None:
        return [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in sorted(folder.iterdir())[:16]]
    from skimage import data

    return [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (data.astronaut(), data.coffee(), data.chelsea())]


class Mosaic:
    """4 x 4 photos, or a single one, enlarged to one picture of which any rows can be had: (n, side), 8 or 16 bits."""

    def __init__(self, pictures: list[Array], side: int, deep: bool, across: int = 4) -> None:
        self.side, self.dtype, self.across = side, np.dtype(np.uint16 if deep else np.uint8), across
        self.cell = -(-side // across)
        self.pictures = [pictures[i % len(pictures)] for i in range(across * across)]
        self.grain = np.random.default_rng(0).normal(0, 0.008, (1024, side)).astype(np.float32)
        self._row, self._cells = -1, list[Array]()

    def rows(self, top: int, bottom: int) -> Array:
        parts = []
        while top < bottom:
            row = top // self.cell
            if row != self._row:
                size = (self.cell, self.cell)
                here = self.pictures[self.across * row :][: self.across]
                self._cells.clear()
                self._row, self._cells = row, [cv2.resize(p, size, interpolation=cv2.INTER_CUBIC) for p in here]
            end = min(bottom, (row + 1) * self.cell, top + 1024 - top % 1024)
            inside = slice(top - row * self.cell, end - row * self.cell)
            grey = np.hstack([cell[inside] for cell in self._cells])[:, : self.side] / np.float32(255)
            grey += self.grain[top % 1024 : top % 1024 + end - top]
            most = np.iinfo(self.dtype).max
            parts.append((np.clip(grey, 0, 1) * most + np.float32(0.5)).astype(self.dtype))
            top = end
        return np.concatenate(parts)

    def strips(self, rows: int) -> Iterator[Array]:
        return (self.rows(top, min(top + rows, self.side)) for top in range(0, self.side, rows))

    def tiles(self) -> Iterator[Array]:
        for strip in self.strips(ROWS):
            full = np.zeros((ROWS, -(-self.side // ROWS) * ROWS), self.dtype)
            full[: len(strip), : self.side] = strip
            yield from (full[:, left : left + ROWS] for left in range(0, full.shape[1], ROWS))

    def whole(self) -> Array:
        return np.concatenate(list(self.strips(ROWS)))


def tiff(rows: int | None = None, compression: str | None = None) -> Callable[[Mosaic, Path], None]:
    def write(picture: Mosaic, path: Path) -> None:
        layout = {"tile": (ROWS, ROWS)} if rows is None else {"rowsperstrip": rows}
        if rows is not None and rows * picture.side * picture.dtype.itemsize > 64 << 20:
            layout = {"rowsperstrip": (64 << 20) // (picture.side * picture.dtype.itemsize)}
        data: Any = picture.tiles() if rows is None else picture.strips(layout["rowsperstrip"])  # type: ignore[arg-type]
        if rows is not None and compression is not None:
            data = picture.whole()  # tifffile cuts strips that it compresses by itself
        predictor = compression is not None
        shape = (picture.side, picture.side)
        tifffile.imwrite(
            path,
            data,
            shape=shape,
            dtype=picture.dtype,
            photometric="minisblack",
            compression=compression,
            predictor=predictor,
            metadata=None,
            **layout,  # type: ignore[arg-type]
        )

    return write


def in_color(compression: str | None) -> Callable[[Mosaic, Path], None]:
    """A grey scan that was saved as RGB, in tiles."""

    def write(picture: Mosaic, path: Path) -> None:
        tifffile.imwrite(
            path,
            (np.repeat(tile[..., None], 3, axis=2) for tile in picture.tiles()),
            shape=(picture.side, picture.side, 3),
            dtype=picture.dtype,
            photometric="rgb",
            compression=compression,
            predictor=compression is not None,
            metadata=None,
            tile=(ROWS, ROWS),
        )

    return write


def as_rgb(pixels: Array) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(np.repeat(pixels[..., None], 3, axis=2), level=90))


def coded(code: Callable[[Array], bytes]) -> Callable[[Mosaic, Path], None]:
    return lambda picture, path: path.write_bytes(code(picture.whole())) and None


LAYOUTS: dict[str, tuple[str, Callable[[Mosaic, Path], None]]] = {
    "strips": ("tif", tiff(16)),
    "strips-64MB": ("tif", tiff(1 << 30)),
    "tiles": ("tif", tiff()),
    "lzw": ("tif", tiff(64, "lzw")),
    "lzw-64MB": ("tif", tiff(1 << 30, "lzw")),
    "deflate": ("tif", tiff(64, "zlib")),
    "deflate-tiles": ("tif", tiff(None, "zlib")),
    "rgb-deflate-tiles": ("tif", in_color("zlib")),
    "rgb-jpeg": ("jpg", coded(as_rgb)),
    "jpeg": ("jpg", coded(lambda pixels: bytes(imagecodecs.jpeg8_encode(pixels, level=90)))),
    "png": ("png", coded(lambda pixels: bytes(imagecodecs.png_encode(pixels, level=1)))),
}


def run(source: Path | list[Path], out: Path, options: list[str]) -> dict[str, float]:
    sources = [str(path) for path in (source if isinstance(source, list) else [source])]
    figures = out.with_name("figures.json")
    command = [sys.executable, "-c", RUN, "-", *sources, "--out", str(out), "--overwrite", "--quiet", *options]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "SCAN_FIGURES": str(figures)})
    wall = time.perf_counter() - started
    return {**json.loads(figures.read_text()), "wall": wall}


def show(name: str, megapixels: float, size: int, row: dict[str, float]) -> None:
    status = "" if not row["code"] else f"  FAILED ({row['code']})"
    print(
        f"{name:16} {megapixels:5.0f} MP  file {size / 1e6:6.0f} MB  peak {row['peak'] / 1e6:6.0f} MB  "
        f"{row['wall']:6.1f} s  CPU {row['cpu']:6.1f} s{status}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--side", type=int, default=20_000)
    parser.add_argument("--only", default="")
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--model", default="mini")
    options = parser.parse_args()
    pictures, more = photos(options.source), ["--model", options.model, *(["--verify"] if options.verify else [])]
    names = [f"{name}-{bits}" for bits in (8, 16) for name in LAYOUTS if bits == 8 or "jpeg" not in name]
    wanted = [name for name in names if not options.only or name in options.only.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        for name in wanted:
            layout, _, bits = name.rpartition("-")
            suffix, write = LAYOUTS[layout]
            source, out = Path(scratch, f"scan.{suffix}"), Path(scratch, f"out.{suffix}")
            write(Mosaic(pictures, options.side, bits == "16"), source)
            show(name, options.side**2 / 1e6, source.stat().st_size, run(source, out, more))
            source.unlink()


if __name__ == "__main__":
    main()
