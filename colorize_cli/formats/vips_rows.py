"""Read rows of a JPEG or PNG by libvips, the one library at hand that gives them before the whole is decoded.

In:  a path
Out: blocks of rows as stored, from top to bottom; libvips keeps a few rows, not the picture
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from colorize_cli.errors import in_words
from colorize_cli.formats.decoded import Damaged

_BLOCK_BYTES = 1 << 19  # of rows that are fetched at once; with 2 MB libvips takes twice the time


def rows_of_block(line: int, block_bytes: int = 0) -> int:
    """Rows of a block of about so many bytes, 0 for what is fast: a multiple of 16; `line` is the bytes of one."""
    return max(16, (block_bytes or _BLOCK_BYTES) // max(line, 1) // 16 * 16)


def said_by(error: Any) -> str:
    """What libvips has to say, on one line: the last that is more than the name of what failed."""
    lines = [line for line in str(error.detail or error).splitlines() if line.strip()]
    more = [line for line in lines if not line.endswith("load error")]
    return more[-1] if more else "it cannot be decoded"


def _source(file: BinaryIO) -> Any:
    """A file for libvips to read. It would map a JPEG's, and the process would die if somebody cut that meanwhile."""
    import pyvips

    source = pyvips.SourceCustom()
    source.on_read(lambda count: b"" if file.closed else file.read(count))
    source.on_seek(lambda offset, whence: -1 if file.closed else file.seek(offset, whence))
    return source


def read_rows(
    path: Path, loader: str, shape: tuple[int, ...], dtype: np.dtype[Any], factor: int = 1, block_bytes: int = 0
) -> Iterator[tuple[int, Any]]:
    """Rows of a picture as stored, from top to bottom, (n, W) or (n, W, samples).

    By a factor they are those of a smaller copy, as the decoder of a JPEG makes it, without what it has beyond `shape`.
    `block_bytes` are those of a block; 0 is for what is fast.
    """
    import pyvips  # its libraries take a while to load, and few files are large

    height, width = shape[:2]
    step = rows_of_block(width * (shape[2] if len(shape) > 2 else 1) * dtype.itemsize, block_bytes)
    source = image = region = None
    file = open(path, "rb", buffering=1 << 18)  # noqa: SIM115 - closed below, once libvips has let go of it
    try:
        pyvips.cache_set_max(0)  # nothing is read twice in the same way
        options: dict[str, Any] = {"shrink": factor} if factor > 1 else {}
        options |= {"access": "sequential", "fail_on": "error", "unlimited": True}
        if loader == "jpegload":
            source = _source(file)
            image = pyvips.Image.jpegload_source(source, **options)
        else:
            image = pyvips.Image.pngload(str(path), **options)
        bands = shape[2] if len(shape) > 2 else 1
        beyond = (image.height - height, image.width - width)
        if image.bands != bands or not all(0 <= rest < min(factor, 2) for rest in beyond):
            raise Damaged("damaged: the picture is not of the size that its header declares")
        region = pyvips.Region.new(image)
        for top in range(0, height, step):
            count = min(step, height - top)
            rows = np.frombuffer(region.fetch(0, top, width, count), dtype)
            yield top, rows.reshape(count, *shape[1:])
    except pyvips.Error as error:
        format = "JPEG" if loader == "jpegload" else "PNG"
        raise Damaged(f"damaged {format}: {in_words(ValueError(said_by(error)))[:120]}", salvageable=True) from None
    finally:
        region = image = None  # before the source: libvips asks that until it lets go
        source = None
        file.close()
