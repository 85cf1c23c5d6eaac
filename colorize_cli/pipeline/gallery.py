"""`--gallery`: a page to look at a batch with, before | after, which needs no server and no network.

In:  small copies of photos and results as they are done; the outcome of each photo
Out: `gallery.html` beside the results, and thumbnails in the folder `gallery-thumbnails`
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from colorize_cli.errors import EncodeError, printable
from colorize_cli.files.atomic import not_written, replacing
from colorize_cli.files.facts import FileFacts
from colorize_cli.formats.photo import LumaPlanes
from colorize_cli.inference.sheets import thumbnail, write_picture
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.pages.shared import with_shared
from colorize_cli.pipeline.outcome import Outcome
from colorize_cli.pipeline.run_options import BatchOptions

PAGE, FOLDER = "gallery.html", "gallery-thumbnails"
SIDE, _QUALITY = 640, 82  # pixels of the longer side of a thumbnail; of JPEG
_DATA = "<!--DATA-->"


class Gallery:
    """The page of one batch; thumbnails of earlier runs are used again. Used by many threads at once.

    Args:
        out: the folder of the results.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self._rows: IO[str] | None = None
        self._count = 0

    @property
    def page(self) -> Path:
        """Where the page goes."""
        return self.out / PAGE

    def thumbnails(self, result: Path) -> tuple[Path, Path]:
        """Where the small copies of a photo and of its result go."""
        name = hashlib.sha256(os.fsencode(os.path.relpath(result, self.out))).hexdigest()[:20]
        return self.out / FOLDER / f"{name}-before.jpg", self.out / FOLDER / f"{name}-after.jpg"

    def has(self, result: Path) -> bool:
        """Whether a result's thumbnails exist, and are no older than the result."""
        try:
            made = result.stat().st_ctime_ns
            return all(file.stat().st_ctime_ns >= made for file in self.thumbnails(result))
        except OSError:
            return False

    def add_pictures(self, result: Path, before: NDArray[np.uint8], after: NDArray[np.uint8], note: Provenance) -> None:
        """Keep small copies of a photo and its result.

        Args:
            result: the file that was written.
            before: the photo, as `sheets.thumbnail` gives it.
            after: its result.
            note: the result's; with it thumbnails are never taken for photos.

        Raises:
            EncodeError: they cannot be written.
        """
        try:
            (self.out / FOLDER).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_written(self.out / FOLDER, error) from None
        now = time.time_ns()
        for path, picture in zip(self.thumbnails(result), (before, after), strict=True):
            write_picture(picture, path, FileFacts(mtime_ns=now, atime_ns=now), note, _QUALITY)

    def show(self, result: Path, before: NDArray[Any], after: NDArray[Any] | LumaPlanes, note: Provenance) -> None:
        """`add_pictures` of pixels of any size; where that fails, the page shows the photo without pictures."""
        with suppress(EncodeError):
            self.add_pictures(result, thumbnail(before, SIDE), thumbnail(after, SIDE), note)

    def add(self, place: int, outcome: Outcome) -> None:
        """Take a photo's outcome into the page."""
        if self._rows is None:
            self._rows = tempfile.SpooledTemporaryFile(4 << 20, "w+", encoding="utf-8")  # noqa: SIM115 - see write
        self._rows.write(f"{_script_json(self._row(place, outcome))}\n")
        self._count += 1

    def _row(self, place: int, outcome: Outcome) -> dict[str, Any]:
        row: dict[str, Any] = {
            "name": printable(outcome.source),
            "order": place,
            "status": outcome.status.value,
            "reason": outcome.reason or "",
            "notes": list(outcome.notes),
            "doubt": outcome.doubt,
            "seconds": round(outcome.seconds, 2),
        }
        if outcome.output is not None and outcome.output.exists():
            row["result"] = self._address(outcome.output)
            thumbnails = self.thumbnails(outcome.output)
            if all(file.is_file() for file in thumbnails):
                row["thumbs"] = [self._address(file) for file in thumbnails]
        return row

    def _address(self, path: Path) -> str:
        """From the page to a file: every byte of its name that means something in an address is escaped."""
        relative = os.path.relpath(path, self.out)
        return "./" + quote(os.fsencode(relative.replace(os.sep, "/")), safe="/")

    def write(self, settings: Mapping[str, str]) -> None:
        """Write the page of all that was added.

        Args:
            settings: what the batch was made with.

        Raises:
            EncodeError: it cannot be written.
        """
        template = (resources.files("colorize_cli.pipeline") / "gallery.html").read_text("utf-8")
        start, _, end = with_shared(template).partition(_DATA)
        shown = ", ".join(f"{name} {value}" for name, value in settings.items() if name not in ("sha256", "software"))
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            with replacing(self.page) as part, part.open("w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f'{start}{{"about": {_script_json(shown)}, "photos": [')
                for number, row in enumerate(self._sorted()):
                    file.write(("," if number else "") + "\n" + row)
                file.write(f"]}}{end}")
        except OSError as error:
            raise not_written(self.page, error) from None

    def _sorted(self) -> Iterator[str]:
        """The rows in the order of the photos, read one by one."""
        if self._rows is None:
            return
        self._rows.seek(0)
        places, at = list[tuple[int, int]](), 0
        while line := self._rows.readline():
            places.append((json.loads(line)["order"], at))
            at = self._rows.tell()
        for _, at in sorted(places):
            self._rows.seek(at)
            yield self._rows.readline().rstrip("\n")

    def close(self) -> None:
        """Drop what was added."""
        if self._rows is not None:
            self._rows.close()
            self._rows = None


def gallery_of(batch: BatchOptions) -> Gallery | None:
    """The gallery of a batch, if it is to have one."""
    if not batch.gallery or batch.dry_run:
        return None
    single = batch.single_output()
    return Gallery(batch.out if single is None else single.parent)


def _script_json(value: Any) -> str:
    """JSON that may stand within a page's script, whatever text it holds."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
