"""A file opened by Pillow's plugin for its format, without a limit of Pillow's own.

In:  the bytes of a file; the format that it was found to have
Out: Pillow's image

`Image.open` warns of, or refuses, pictures above `Image.MAX_IMAGE_PIXELS`, which belongs to the whole process, and so
to the program that uses this package. Here `Format.check` has checked what a file declares before it is opened.
"""

from __future__ import annotations

import io
import struct

from PIL import Image, ImageFile, UnidentifiedImageError


def open_image(data: bytes, format: str) -> ImageFile.ImageFile:
    """Open a file; the caller closes it.

    Args:
        data: the whole file.
        format: Pillow's name of its format.

    Raises:
        UnidentifiedImageError: it is no such file.
        Exception: whatever else the plugin says of a damaged file.
    """
    Image.preinit()
    if format not in Image.OPEN:
        Image.init()
    plugin, accept = Image.OPEN[format]
    accepted = accept is None or accept(data[:16])
    if isinstance(accepted, str) or not accepted:  # a text says why not
        raise UnidentifiedImageError(accepted or "cannot identify image file")
    try:
        return plugin(io.BytesIO(data), "")
    except (SyntaxError, IndexError, TypeError, struct.error) as error:
        raise UnidentifiedImageError("cannot identify image file") from error
