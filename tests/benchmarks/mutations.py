"""Mutated files of every format through probe and decode: nothing but a clear refusal, or a picture.

    python tests/benchmarks/mutations.py [--each 60] [--seed 0] [--only jpg,png] [--seconds 30]

Every kind of file is made here, then changed in `--each` ways: bits and bytes, runs of zeros, parts taken out, put in
or exchanged, cut ends, extreme numbers. An outcome is `same` (the pixels are those of the whole file), `named` (read
with a note that says what was lost), `refused` (a `PhotoError`), `silent` (other pixels without a word), or a fault:
any other exception, a time beyond `--seconds`, or a crash, for each kind runs in a process of its own. Formats without
checksums cannot tell every wrong bit; the table says how many passed.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from colorize_cli.errors import PhotoError
from colorize_cli.formats import decode as decoding
from colorize_cli.formats.photo import DecodeLimits

Array = NDArray[Any]
LIMITS = DecodeLimits(max_pixels=20_000_000, max_memory=1 << 30)
MEMORY = 6 << 30  # of address space, for a process


def picture(channels: int = 3, depth: int = 8) -> Array:
    """A small scene: slopes, an edge, some grain."""
    y, x = np.mgrid[0:61, 0:83].astype(np.float64)
    planes = [0.5 + 0.4 * np.sin(x / 9 + i) * np.cos(y / 7 - i) + 0.1 * (x > 40) for i in range(channels)]
    grain = np.random.default_rng(0).normal(0, 0.02, (61, 83, channels))
    values = np.rint(np.clip(np.stack(planes, -1) + grain, 0, 1) * (2**depth - 1))
    values = values.astype(np.uint8 if depth == 8 else np.uint16)
    return values[..., 0] if channels == 1 else values


def pillow(format: str, array: Array | None = None, mode: str | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    image = Image.fromarray(picture() if array is None else array)
    (image.convert(mode) if mode else image).save(out, format, **options)
    return out.getvalue()


def tiff(array: Array, **options: Any) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, array, metadata=None, **options)
    return out.getvalue()


def psd(coding: int) -> bytes:
    planes = np.moveaxis(picture(), 2, 0)
    lines = [row.tobytes() for plane in planes for row in plane]
    packed = [bytes(imagecodecs.packbits_encode(line)) for line in lines] if coding else lines
    sizes = struct.pack(f">{len(packed)}H", *map(len, packed)) if coding else b""
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 61, 83, 8, 3) + bytes(12)
    return head + struct.pack(">H", coding) + sizes + b"".join(packed)


def bmp_fields() -> bytes:
    rgb = picture().astype(np.uint32)
    values = (rgb[..., 0] << 24 | rgb[..., 1] << 4 | rgb[..., 2] << 16).astype("<u4")[::-1]
    masks = struct.pack("<3I", 0xFF000000, 0xFF0, 0xFF0000)
    info = struct.pack("<IiiHHIIiiII", 40, 83, 61, 1, 32, 3, values.nbytes, 0, 0, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 66 + values.nbytes, 0, 0, 66) + info + masks + values.tobytes()


def bmp_runs() -> bytes:
    body = b""
    for row in (picture(1)[::-1] // 32).tolist():
        at = 0
        while at < len(row):
            same = next((i for i in range(at, len(row)) if row[i] != row[at]), len(row)) - at
            body += bytes((same, row[at]))
            at += same
        body += b"\0\0"
    body += b"\0\1"
    table = b"".join(bytes((i * 32, i * 32, i * 16, 0)) for i in range(8))
    info = struct.pack("<IiiHHIIiiII", 40, 83, 61, 1, 8, 1, len(body), 0, 0, 8, 0)
    return struct.pack("<2sIHHI", b"BM", 54 + 32 + len(body), 0, 0, 86) + info + table + body


def kinds() -> dict[str, Callable[[], bytes]]:
    grey, deep, bits = picture(1), picture(1, 16), picture(1) > 120
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "A maker"
    return {
        "grey.jpg": lambda: pillow("JPEG", grey),
        "color.jpg": lambda: pillow("JPEG", exif=exif),
        "progressive.jpg": lambda: pillow("JPEG", progressive=True),
        "restarts.jpg": lambda: pillow("JPEG", grey, restart_marker_rows=1),
        "cmyk.jpg": lambda: pillow("JPEG", mode="CMYK"),
        "rgb.png": lambda: pillow("PNG"),
        "deep.png": lambda: bytes(imagecodecs.png_encode(deep)),
        "palette.png": lambda: pillow("PNG", mode="P"),
        "plain.tif": lambda: tiff(picture(), photometric="rgb"),
        "lzw.tif": lambda: tiff(grey, compression="lzw", predictor=True, rowsperstrip=16),
        "deflate.tif": lambda: tiff(deep, compression="zlib", tile=(32, 32)),
        "packbits.tif": lambda: tiff(grey, compression="packbits", rowsperstrip=16),
        "jpeg.tif": lambda: tiff(picture(), photometric="rgb", compression="jpeg", rowsperstrip=16),
        "zstd.tif": lambda: tiff(grey, compression="zstd"),
        "group3.tif": lambda: pillow("TIFF", bits, compression="group3"),
        "group4.tif": lambda: pillow("TIFF", bits, compression="group4"),
        "float.tif": lambda: tiff(grey.astype(np.float32) / 255, compression="zlib", predictor=True),
        "ink.tif": lambda: tiff(picture(4, 16), photometric="separated", compression="lzw"),
        "pages.tif": lambda: tiff(np.stack([grey, grey[::-1]]), compression="zlib"),
        "palette.tif": lambda: pillow("TIFF", mode="P", compression="tiff_lzw"),
        "lossy.webp": lambda: pillow("WEBP", quality=80),
        "lossless.webp": lambda: pillow("WEBP", lossless=True),
        "rgb.bmp": lambda: pillow("BMP"),
        "fields.bmp": bmp_fields,
        "runs.bmp": bmp_runs,
        "lossless.jp2": lambda: bytes(imagecodecs.jpeg2k_encode(picture(), reversible=True, codecformat="jp2")),
        "naked.j2k": lambda: bytes(imagecodecs.jpeg2k_encode(picture(), level=40, codecformat="j2k")),
        "rgb.avif": lambda: pillow("AVIF"),
        "grey.gif": lambda: pillow("GIF", grey),
        "color.gif": lambda: pillow("GIF", mode="P"),
        "binary.ppm": lambda: pillow("PPM"),
        "text.pgm": lambda: b"P2\n83 61\n255\n" + "\n".join(" ".join(map(str, row)) for row in grey.tolist()).encode(),
        "lossless.jxl": lambda: bytes(imagecodecs.jpegxl_encode(picture(), lossless=True, usecontainer=True)),
        "lossy.jxl": lambda: bytes(imagecodecs.jpegxl_encode(picture(), distance=1.0)),
        "plain.psd": lambda: psd(0),
        "runs.psd": lambda: psd(1),
    }


def mutated(data: bytes, rng: random.Random) -> tuple[str, bytes]:
    """One change, and its name."""
    out, size = bytearray(data), len(data)
    # as often near the start, where the structure is, as anywhere
    at = rng.randrange(size) if rng.random() < 0.6 else rng.randrange(min(size, 300))
    length = min(rng.choice((1, 2, 4, 16, 64)), size - at)
    kind = rng.choice(("bit", "bit", "bytes", "zeros", "out", "in", "exchange", "cut", "number"))
    if kind == "bit":
        out[at] ^= 1 << rng.randrange(8)
    elif kind == "bytes":
        out[at : at + length] = rng.randbytes(length)
    elif kind == "zeros":
        out[at : at + length] = bytes(length)
    elif kind == "out":
        del out[at : at + length]
    elif kind == "in":
        out[at:at] = rng.randbytes(length)
    elif kind == "exchange":
        other = rng.randrange(size - length + 1)
        one, two = bytes(out[at : at + length]), bytes(out[other : other + length])
        out[at : at + length], out[other : other + length] = two, one
    elif kind == "cut":
        del out[at:]
    else:
        number = rng.choice((b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4), b"\0\0\0\1", b"\1\0\0\0"))
        out[at : at + 4] = number
    return kind, bytes(out)


class TooLong(Exception):
    """A file took longer than it may."""


def outcome(path: Path, expected: list[tuple[Array, Array | None]], seconds: int) -> tuple[str, str]:
    """What became of a file, and a few words."""

    def ring(*_: object) -> None:
        raise TooLong

    signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        decoding.probe(path)
        photo = decoding.decode(path, LIMITS)
        seen = [(page.pixels, page.alpha) for page in photo.pages]
        same = len(seen) == len(expected) and all(
            np.array_equal(one, two) and (a is None) == (b is None) and (a is None or np.array_equal(a, b))
            for (one, a), (two, b) in zip(seen, expected, strict=True)
        )
        if same:
            return "same", ""
        return ("named", photo.notes[0]) if photo.notes else ("silent", "")
    except PhotoError as error:
        return "refused", error.message
    except TooLong:
        return "FAULT", f"longer than {seconds} seconds"
    except BaseException as error:  # what must not happen is counted
        return "FAULT", f"{type(error).__name__}: {error}"[:120]
    finally:
        signal.alarm(0)


def one_kind(name: str, each: int, seed: int, seconds: int) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    data = kinds()[name]()
    rng = random.Random(zlib.crc32(name.encode()) ^ seed)
    counts, silent, faults = Counter[str](), Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        photo = decoding.decode(path, LIMITS)
        expected = [(page.pixels, page.alpha) for page in photo.pages]
        for number in range(each):
            kind, changed = mutated(data, rng)
            path.write_bytes(changed)
            found, words = outcome(path, expected, seconds)
            counts[found] += 1
            silent[kind] += found == "silent"
            if found == "FAULT":
                faults.append(f"{number} ({kind}): {words}")
    return {"counts": counts, "silent": +silent, "faults": faults, "bytes": len(data)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--only", default="")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one_kind(options.one, options.each, options.seed, options.seconds)))
        return
    wanted = [part for part in options.only.split(",") if part]
    total = Counter[str]()
    print(
        f"{'kind':16} {'bytes':>7} {'same':>5} {'named':>6} {'refused':>8} {'silent':>7} {'fault':>6}  silent by change"
    )
    for name in kinds():
        if wanted and not any(part in name for part in wanted):
            continue
        command = [sys.executable, __file__, "--one", name, "--each", str(options.each), "--seed", str(options.seed)]
        done = subprocess.run(
            [*command, "--seconds", str(options.seconds)], capture_output=True, text=True, env=os.environ, check=False
        )
        if done.returncode:
            total["FAULT"] += 1
            print(f"{name:16} crashed with status {done.returncode}: {done.stderr.strip()[-300:]}")
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        counts = Counter(found["counts"])
        total += counts
        row = [counts[key] for key in ("same", "named", "refused", "silent", "FAULT")]
        chatter = f"  STDERR: {done.stderr.strip()[:80]!r}" if done.stderr.strip() else ""
        changes = ", ".join(f"{kind} {count}" for kind, count in sorted(found["silent"].items()))
        print(
            f"{name:16} {found['bytes']:7} {row[0]:5} {row[1]:6} {row[2]:8} {row[3]:7} {row[4]:6}  {changes}{chatter}"
        )
        for fault in found["faults"]:
            print(f"    {fault}")
    print("total", dict(total))
    sys.exit(1 if total["FAULT"] else 0)


if __name__ == "__main__":
    main()
