"""Measure variants of photos in color, for `fit_tint.py` to fit the decision to.

    python tests/benchmarks/tint_samples.py OUT.json SOURCE... [--each N] [--most N] [--larger] [--prints]
                                            [--only KIND] [--seed N]

SOURCE is a folder of photos in color or a tar of them. Of each photo N variants are made (on_color_variants.py),
untouched ones most often. With --larger, photos are enlarged first, so that a scanner's noise is as fine as on large
ones. With --prints, SOURCE holds black-and-white prints, which are only made smaller and saved anew.
"""

from __future__ import annotations

import argparse
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from on_color import is_color, photos_of
from on_color_variants import KINDS, Made
from variant_tools import filed

from colorize_cli.color.tint import own_color

SHARES = {"color": 0.4, "grey": 0.08, "toned": 0.14, "faded": 0.13, "mixed": 0.13, "muted": 0.12, "aged": 0.0}


def photos(source: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Name and pixels, RGB, of each photo in color."""
    if source.is_dir():
        for path in photos_of(source):
            yield path.name, np.fromfile(path, np.uint8)
    else:
        with tarfile.open(source) as tar:
            for member in tar:
                if member.isfile() and (file := tar.extractfile(member)):
                    yield member.name, np.frombuffer(file.read(), np.uint8)


def printed(photo: NDArray[np.uint8], rng: np.random.Generator) -> Made:
    """A print, scanned smaller and saved anew."""
    scale = rng.uniform(400, 1200) / max(photo.shape)
    if scale < 1:
        photo = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    pixels, how = filed(photo, rng)
    return Made(pixels, "print" + how, np.zeros(pixels.shape[:2], bool))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("sources", type=Path, nargs="+", metavar="SOURCE")
    parser.add_argument("--each", type=int, default=1, metavar="N")
    parser.add_argument("--most", type=int, default=1 << 30, metavar="N")
    parser.add_argument("--larger", action="store_true")
    parser.add_argument("--prints", action="store_true")
    parser.add_argument("--only", metavar="KIND", choices=sorted(SHARES))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(options.seed)
    seen = 0
    with options.out.open("w") as rows:
        for source in options.sources:
            for name, data in photos(source):
                if seen >= options.most:
                    break
                pixels = cv2.imdecode(data, cv2.IMREAD_COLOR)
                if pixels is None or not is_color(pixels):
                    continue
                seen += 1
                photo = np.ascontiguousarray(pixels[..., ::-1])
                if options.larger:
                    scale = rng.uniform(1.5, 3.2)
                    photo = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
                for _ in range(options.each):
                    kind = (
                        "print"
                        if options.prints
                        else options.only or str(rng.choice(list(SHARES), p=list(SHARES.values())))
                    )
                    made = printed(photo, rng) if options.prints else KINDS[kind](photo, rng)
                    own = own_color(made.pixels)
                    if own.measures:
                        row = {"kind": kind, "how": made.how, "name": name, **own.measures}
                        rows.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
