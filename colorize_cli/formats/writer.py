"""How a file is written: page by page, each in blocks of rows from top to bottom; or all of a page at once.

In:  colored blocks
Out: the file's bytes, as they come
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from colorize_cli.formats.photo import AnyPixels, LumaPlanes, Page, Photo
from colorize_cli.metadata.ifd import Data
from colorize_cli.metadata.provenance import Provenance

Encode = Callable[[Photo, Sequence[AnyPixels | LumaPlanes], int | None, Provenance], tuple[bytes, list[str]]]


class Writer:
    """Writes one file: `start`, for each page `begin`, its blocks, `end`; then `finish`.

    Attributes:
        rows: of a block of the page that was begun.
        notes: what is to be said of the file.
    """

    def __init__(self, photo: Photo) -> None:
        self.photo, self.rows, self.notes = photo, photo.pages[0].size[1], list[str]()

    def start(self, file: BinaryIO) -> None:
        """Write what stands before the first page."""

    def begin(self, number: int, unchanged: bool = False) -> None:
        """Go on to a page; `unchanged` where it keeps the pixels that it has."""
        self.page = self.photo.pages[number]
        self.rows = self.page.size[1]

    def copy(self, file: BinaryIO, source: Data, original: Page) -> bool:
        """Write the page that was begun as its source has it coded, instead of its blocks; whether that can be done.

        Args:
            file: the result.
            source: the source's bytes.
            original: the page before anything was stripped from its metadata, which say where its parts are.
        """
        return False

    def code(self, rows: Page, colored: Any) -> Any:
        """Code one block, RGB or (of a JPEG) luma and chroma; may run in any thread."""
        raise NotImplementedError

    def write(self, file: BinaryIO, coded: Any) -> None:
        """Write a coded block."""
        raise NotImplementedError

    def end(self, file: BinaryIO, source: Data | None) -> None:
        """Write what follows the last block of the page; `source` has what may be copied from it."""

    def finish(self, file: BinaryIO) -> None:
        """Write what follows the last page."""


class OneBlock(Writer):
    """Writes a file whose pages are coded as wholes."""

    def __init__(self, encode: Encode, photo: Photo, quality: int | None, note: Provenance) -> None:
        super().__init__(photo)
        self._encode, self._quality, self._note = encode, quality, note
        self._colored, self._coded = list[AnyPixels | LumaPlanes](), b""

    def code(self, rows: Page, colored: AnyPixels | LumaPlanes) -> None:
        """Keep the page; with the last one the file is coded."""
        self._colored.append(colored)
        if len(self._colored) == len(self.photo.pages):
            self._coded, self.notes = self._encode(self.photo, self._colored, self._quality, self._note)

    def write(self, file: BinaryIO, coded: None) -> None:
        """Nothing yet."""

    def finish(self, file: BinaryIO) -> None:
        """Write the whole file."""
        file.write(self._coded)
