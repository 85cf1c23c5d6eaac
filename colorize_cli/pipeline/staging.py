"""Photos in object stores, in the pipeline of files: each lies in a temporary folder while it is worked on.

In:  URLs of photos, or of the folder for the results, or of both
Out: local paths that stand for them; objects that are fetched before, and results that are sent after, photo by photo
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from colorize_cli.errors import DecodeError, EncodeError, UsageError, one_line, printable
from colorize_cli.files.discover import Discovery
from colorize_cli.files.facts import same_time, sha256_of
from colorize_cli.files.source_list import Source
from colorize_cli.files.stores import ObjectFacts, Store, as_url, is_url
from colorize_cli.formats.reader import ResultFile, read_open_result, read_result
from colorize_cli.formats.video.film_files import NAMES
from colorize_cli.metadata.provenance import Provenance
from colorize_cli.pipeline.outcome import Outcome, Status
from colorize_cli.pipeline.stored_photos import stored_photos


class Staging:
    """The temporary folder of one run, and the stores that it stands for; a context that removes it.

    Args:
        photos: what was named, all URLs or none.
        out: the folder for the results, a path or a URL.
        options: of the stores.

    Raises:
        MissingPackageError, UsageError: a store cannot be opened; paths and URLs are mixed.
        NothingToDoError: the store for the results does not answer.
    """

    def __init__(self, photos: Sequence[str], out: str | Path, options: dict[str, Any]) -> None:
        urls = [as_url(photo) for photo in photos if is_url(photo)]
        if urls and len(urls) < len(photos):
            raise UsageError(
                "photos in a store and photos on this machine at once", hint="Do them one after the other."
            )
        if is_url(out) and Path(out).suffix.lower() in NAMES.suffixes:
            raise UsageError(f"--out {as_url(out)} names a file", hint="Give a folder of the store.")
        self.urls, self.options = urls, options
        top = _common(urls) if urls else ""
        self.source = Store(top, options) if urls else None
        self.sink = Store(as_url(out), options) if is_url(out) else None
        if self.sink is not None:
            self.sink.check_that_it_takes()
        self._folder = tempfile.TemporaryDirectory(prefix="colorize-", ignore_cleanup_errors=True)
        self._in, self._out = Path(self._folder.name, "in"), Path(self._folder.name, "out")
        self.out = self._out if self.sink else Path(out)
        self._facts = dict[int, ObjectFacts]()

    def __enter__(self) -> Staging:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def shown(self, path: str | Path | bytes) -> str:
        """A path of the run, or a text with such paths, as the user knows them."""
        text = printable(path)
        if self.sink is not None:
            text = text.replace(printable(self._out), self.sink.url)
        return text if self.source is None else text.replace(printable(self._in), self.source.url)

    def stand_in(self, source: Source) -> Source:
        """A photo of this batch as another process found it."""
        return source if self.source is None else replace(source, path=self._in / source.relative)

    def discover(self, recursive: bool) -> Discovery:
        """The photos below the URLs; errors are those of `stored_photos`."""
        assert self.source is not None
        return stored_photos(self.source, self.urls, self.sink, self._in, recursive)

    def bring(self, place: int, source: Source, takes: int = 1) -> None:
        """Fetch a photo; nothing where it lies on this machine.

        Args:
            place: its place in the batch.
            source: the photo.
            takes: as much space as it has bytes is needed so many times.

        Raises:
            DecodeError: it cannot be fetched, or there is no space for it.
        """
        if self.source is None or source.fault:
            return
        try:
            facts = self._facts.get(place) or self.source.facts(source.relative.as_posix())
            if facts is None:
                raise DecodeError("there is no such object any more", path=source.path)
            self._facts[place] = facts
            source.path.parent.mkdir(parents=True, exist_ok=True)
            if (free := shutil.disk_usage(source.path.parent).free) < takes * facts.size:
                text = f"there is no space for it: it takes {_megabytes(takes * facts.size)}, "
                text += f"and {tempfile.gettempdir()} has {_megabytes(free)}"
                raise DecodeError(text, path=source.path, hint="Set TMPDIR to a folder that has.")
            self.source.fetch(source.relative.as_posix(), source.path, facts.size)
            os.utime(source.path, ns=(facts.mtime_ns, facts.mtime_ns))
        except OSError as error:
            raise DecodeError(f"it cannot be fetched: {one_line(error)}", path=source.path) from None

    def bring_result(self, out: Path) -> None:
        """Fetch what is in a result's place, if anything is.

        Raises:
            EncodeError: the store does not tell.
        """
        if self.sink is None or out.exists():
            return
        name = out.relative_to(self._out).as_posix()
        try:
            facts = self.sink.facts(name)
            if facts is not None:
                out.parent.mkdir(parents=True, exist_ok=True)
                self.sink.fetch(name, out, facts.size)
                os.utime(out, ns=(facts.mtime_ns, facts.mtime_ns))
        except OSError as error:
            raise EncodeError(f"{self.shown(out)} cannot be looked at: {one_line(error)}", path=out) from None

    def done_before(self, place: int, source: Source, out: Path, wanted: Provenance) -> Outcome | None:
        """The outcome of a photo whose result is there, of the same settings, and whole; neither is read as a whole.

        A result was made of the photo as it is now where it names the photo and its size, and was written after it.

        Raises:
            DecodeError: the store does not answer.
        """
        if self.source is None and self.sink is None:
            return None
        try:
            now = self._now(place, source)
            written, found = self._result(out)
        except OSError as error:
            raise DecodeError(f"the store does not answer: {one_line(error)}", path=source.path) from None
        if now is None or found is None or found.note is None or found.note.source is None or not found.whole:
            return None
        made_of = found.note.source
        if (
            found.note != wanted
            or made_of.size != now.size
            or made_of.relative != printable(source.relative.as_posix())
        ):
            return None
        if self.sink is None:
            is_same = same_time(now.mtime_ns, found.mtime_ns)
        elif self.source is None:
            is_same = sha256_of(source.path) == made_of.sha256
        else:
            is_same = 0 < now.mtime_ns < written
        return Outcome(source.path, Status.skipped, out) if is_same else None

    def _now(self, place: int, source: Source) -> ObjectFacts | None:
        """What the photo is now."""
        if self.source is None:
            status = source.path.stat()
            return ObjectFacts(status.st_size, status.st_mtime_ns, "")
        facts = None if source.fault else self.source.facts(source.relative.as_posix())
        if facts is not None:
            self._facts[place] = facts
        return facts

    def _result(self, out: Path) -> tuple[int, ResultFile | None]:
        """When a result was written, and what it says of itself."""
        if self.sink is None:
            found = read_result(out)
            return (0 if found is None else found.mtime_ns), found
        name = out.relative_to(self._out).as_posix()
        facts = self.sink.facts(name)
        if facts is None:
            return 0, None
        with self.sink.opened(name) as file:
            return facts.mtime_ns, read_open_result(file, facts.size, facts.mtime_ns)

    def send(self, place: int, source: Source, outcome: Outcome, files: Sequence[Path]) -> Outcome:
        """Send what was made of a photo, and remove its files here.

        Args:
            place: the photo's place in the batch.
            source: the photo.
            outcome: what became of it.
            files: its result, and what goes beside it, of which some may not be there.

        Returns:
            The outcome; failed where the photo changed meanwhile, or its files cannot be sent.

        Raises:
            DecodeError, EncodeError: in these cases.
        """
        try:
            if outcome.status in (Status.done, Status.copied):
                self._check_same(place, source)
                for file in reversed(files):  # the result last: what it says of itself is then true
                    if self.sink is not None and file.is_file():
                        self.sink.put(file, file.relative_to(self._out).as_posix())
        except OSError as error:
            raise EncodeError(f"its result cannot be sent: {one_line(error)}", path=source.path) from None
        finally:
            self.drop(place, source, files)
        return outcome

    def drop(self, place: int, source: Source, files: Iterable[Path] = ()) -> None:
        """Remove the files of a photo here, those that stand for objects."""
        self._facts.pop(place, None)
        with contextlib.suppress(OSError):
            if self.source is not None:
                source.path.unlink(missing_ok=True)
        for file in files if self.sink is not None else ():
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)

    def _check_same(self, place: int, source: Source) -> None:
        if self.source is None or (before := self._facts.get(place)) is None:
            return
        if self.source.facts(source.relative.as_posix()) != before:
            raise DecodeError("the object changed while it was worked on; try again", path=source.path)

    def send_report(self, path: Path) -> str:
        """Send the report, where it lies among the results; returns where it lies then.

        Raises:
            EncodeError: it cannot be sent.
        """
        if self.sink is None or not path.is_relative_to(self._out):
            return printable(path)
        try:
            self.sink.put(path, path.relative_to(self._out).as_posix())
        except OSError as error:
            raise EncodeError(f"cannot write the report {self.shown(path)}: {one_line(error)}", path=path) from None
        return self.shown(path)


def _common(urls: Sequence[str]) -> str:
    """The deepest folder that has all of the URLs; the only one itself.

    Raises:
        UsageError: they are of different stores.
    """
    if len(urls) == 1:
        return urls[0].rstrip("/")
    if len({url.partition("://")[0] for url in urls}) > 1:
        raise UsageError("photos of several stores at once", hint="Do them one after the other.")
    parts = [url.rstrip("/").split("/")[:-1] for url in urls]
    shared = os.path.commonprefix(parts)
    if len(shared) < 3:
        raise UsageError("photos of several buckets at once", hint="Do them one after the other.")
    return "/".join(shared)


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.0f} MB"
