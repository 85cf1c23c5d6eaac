"""Whether photos in color, grey, toned, faded and partly colored ones are told apart, and regions of color found.

    python tests/benchmarks/on_color.py DIR [--color N] [--grey N] [--toned N] [--faded N] [--mixed N]
                                            [--muted N] [--aged N] [--seed N] [--style STYLE] [--list]
                                            [--fit FILE]

DIR holds photos in color, of any size, in folders of any depth; variants are made of them, in the style of
on_color_variants.py or, with --style wider, of variants_wider.py. Right is: a photo in color is called colored, plain
or, in a row of its own, muted by code, which is harder; a grey, toned or faded one is monochrome, with no region kept
at all; of one with a stamp, ink, a mount, tinting or a target, at least
60 % of these is kept, and no more than 2 % of the rest.
Printed are the rates and CPU milliseconds for a decision; with --list, what went wrong. With --fit FILE the measures of
every variant are written there as JSON: the weights in color/tint.py are a logistic regression on such.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from on_color_variants import KINDS, Made
from variants_wider import KINDS as WIDER

from colorize_cli.color.tint import Kind, OwnColor, own_color

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}
WANTED = {"color": 0.99, "grey": 0.99, "toned": 0.98, "faded": 0.95, "mixed": 0.90}
COUNTS = {"color": 300, "grey": 300, "toned": 100, "faded": 60, "mixed": 60, "muted": 100, "aged": 60}
FOUND, FALSE = 0.6, 0.02


def photos_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def read(path: Path) -> NDArray[np.uint8] | None:
    """A photo in color; None where the file is none, or holds a grey one."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None or not is_color(pixels):
        return None
    return np.ascontiguousarray(pixels[..., ::-1])


def is_color(pixels: NDArray[np.uint8]) -> bool:
    return bool((np.ptp(pixels.astype(np.int16), axis=2) < 3).mean() <= 0.99)


def is_right(own: OwnColor, made: Made) -> bool:
    if made.mask is None:
        return own.kind is Kind.colored
    if not made.mask.any():
        return own.kind is Kind.monochrome
    if own.kind is not Kind.regions or own.mask is None:
        return False
    size = own.mask.shape[::-1]
    share = cv2.resize(made.mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    truth = share > min(0.4, 0.8 * float(share.max()))
    away = cv2.dilate((share > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    return bool(own.mask[truth].mean() >= FOUND and (own.mask & away).mean() <= FALSE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    for kind, count in COUNTS.items():
        parser.add_argument(f"--{kind}", type=int, default=count, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--style", choices=["first", "wider"], default="first")
    parser.add_argument("--list", action="store_true", help="Name what went wrong.")
    parser.add_argument("--fit", type=Path, metavar="FILE")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    files, rows = photos_of(options.folder), list[dict[str, object]]()
    print(f"{'kind':8} {'photos':>7} {'right':>8} {'wanted':>8} {'borderline':>11} {'CPU ms':>7}")
    for number, (kind, make) in enumerate((WIDER if options.style == "wider" else KINDS).items()):
        rng = np.random.default_rng((options.seed, number))
        right, border, spent, wrong = 0, 0, 0.0, defaultdict[str, list[str]](list)
        count, order = 0, iter(rng.permutation(np.tile(np.arange(len(files)), 9)))
        while count < getattr(options, kind):
            path = files[next(order)]
            photo = read(path)
            if photo is None:
                continue
            count += 1
            made = make(photo, rng)
            started = time.process_time()
            own = own_color(made.pixels)
            spent += time.process_time() - started
            border += own.borderline
            if is_right(own, made):
                right += 1
            else:
                said = f"{own.kind} {own.evidence:+.1f} {own.share:.1%}"
                wrong[made.how.split()[0]].append(f"{path.name}: {made.how}: {said}")
            if own.measures:
                rows.append({"kind": kind, "how": made.how, "path": path.name, **own.measures})
        total = max(count, 1)
        wanted = f"{WANTED[kind]:.0%}" if kind in WANTED else "-"
        print(
            f"{kind:8} {count:7} {right / total:8.1%} {wanted:>8} {border / total:11.1%} {1000 * spent / total:7.0f}",
            flush=True,
        )
        if options.list:
            for lines in wrong.values():
                for line in lines:
                    print(f"    {line}")
    if options.fit:
        options.fit.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
