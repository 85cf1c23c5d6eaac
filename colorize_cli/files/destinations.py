"""Where each result goes: a mirror of the inputs under one folder, in which no two results share a name.

In:  sources, an output folder
Out: a path for each source, the same in every run over the same inputs
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from colorize_cli.errors import UsageError
from colorize_cli.files.discover import Source

NAMING_RULE = (
    "Folders are mirrored under --out. Where two photos would get one name (also if the names differ only in case), "
    "the first in order of names keeps it and the others get ~2, ~3 and so on before the suffix. Where the format "
    "changes, the suffix does too; if that name is a neighbour's, the new suffix is added to the old one. Names that "
    "Windows reserves (CON, a?b) are written with % escapes on every system."
)
_RESERVED = re.compile(r"^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)$", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"\\|?*]|[. ]$')
_SIDES = (".compare", ".variants")  # stems of the pictures that go beside results
_MAX_BYTES = 255  # of one name, on every common file system


class Destinations:
    """The plan of names for one batch.

    Args:
        sources: all photos of the batch.
        out: the folder that mirrors them.
        suffix: text added to each stem, such as `_color`.
        single: the file that the only source becomes, instead of a mirror.

    Raises:
        UsageError: a result would land on its own source.
    """

    def __init__(self, sources: Sequence[Source], out: Path, suffix: str = "", single: Path | None = None) -> None:
        self.out, self.single = out, single
        self._stems: list[Path] = []
        self._neighbours: dict[str, int] = {}
        taken: set[str] = set()
        for source in sources:
            relative = Path(*(escape(part) for part in source.relative.parts))
            name = fit(relative.stem + suffix, relative.suffix)
            count = 1
            while (key := _key(relative.with_name(name))) in taken:
                count += 1
                name = fit(f"{relative.stem}{suffix}~{count}", relative.suffix)
            taken.add(key)
            planned = relative.with_name(name)
            self._stems.append(planned)
            stem = _key(planned.with_suffix(""))
            self._neighbours[stem] = self._neighbours.get(stem, 0) + 1
        self._sides = self._plan_sides(sources)
        if single is None:
            for source, planned in zip(sources, self._stems, strict=True):
                if same_file(out / planned, source.path):
                    raise UsageError(
                        f"the result of {source.path} would overwrite it", hint="Give another --out, or --suffix _color"
                    )
        elif sources and same_file(single, sources[0].path):
            raise UsageError(f"the result of {sources[0].path} would overwrite it", hint="Give another --out")

    def path(self, index: int, file_suffix: str | None = None) -> Path:
        """Where a source's result goes.

        Args:
            index: the source's place in the batch.
            file_suffix: the suffix that the result's format needs, with its dot; None keeps the source's.
        """
        if self.single is not None:
            return self.single
        planned = self._stems[index]
        if file_suffix is None or planned.suffix == file_suffix:
            return self.out / planned
        if self._neighbours[_key(planned.with_suffix(""))] > 1:
            return self.out / planned.with_name(fit(planned.name, file_suffix))
        return self.out / planned.with_name(fit(planned.stem, file_suffix))

    def beside(self, source: Source, out: Path, ending: str) -> Path:
        """Where a picture that goes with a source's result goes; no other has its name, nor any result.

        Args:
            source: one of the batch.
            out: its result.
            ending: `.compare.jpg` or `.variants.jpg`.
        """
        stem = out.stem if self.single is not None else self._sides[source.path]
        return out.with_name(fit(stem, ending))

    def _plan_sides(self, sources: Sequence[Source]) -> dict[Path, str]:
        """Stems for what goes beside results: a.jpg keeps `a`, its neighbour a.tif gets `a.tif`."""
        sides, taken = dict[Path, str](), set[str]()
        for source, planned in zip(sources, self._stems, strict=True):
            stem, count = planned.stem, 1
            while (key := _key(planned.with_name(stem))) in taken or any(
                _key(planned.with_name(fit(stem, side))) in self._neighbours for side in _SIDES
            ):
                stem = planned.name if count == 1 else f"{planned.name}~{count}"
                count += 1
            taken.add(key)
            sides[source.path] = stem
        return sides


def _key(path: Path) -> str:
    """Equal for paths that a case-insensitive or normalising file system takes for one."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def escape(name: str) -> str:
    """One part of a path in a form that every system can hold; reserved characters and names become %XX."""
    name = _FORBIDDEN.sub(lambda match: f"%{ord(match[0]):02X}", name) if name not in (".", "..") else name
    stem, dot, rest = name.partition(".")
    return f"%{ord(stem[0]):02X}{stem[1:]}{dot}{rest}" if _RESERVED.match(stem) else name


def fit(stem: str, suffix: str) -> str:
    """`stem + suffix`, shortened with a hash of the whole where the name is longer than file systems allow."""
    name = stem + suffix
    if len(name.encode("utf-8", "surrogateescape")) <= _MAX_BYTES:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    room = _MAX_BYTES - len(suffix.encode()) - 9
    return stem.encode("utf-8", "surrogateescape")[:room].decode("utf-8", "ignore") + f"~{digest}" + suffix


def same_file(first: Path, second: Path) -> bool:
    """Whether two paths are one file; a path that does not exist is no file."""
    try:
        return first.samefile(second)
    except OSError:
        return False
