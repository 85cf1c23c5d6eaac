"""Compare the tags of EXIF and TIFF, source against result.

In:  the inventories of both, and how one became the other
Out: what is missing or different, by directory and tag
"""

from __future__ import annotations

import struct

from colorize_cli.metadata.audit import tags
from colorize_cli.metadata.audit.expected import Context, close
from colorize_cli.metadata.audit.file_blocks import AuditError, Inventory
from colorize_cli.metadata.audit.tags import EXIF, GPS, MAKER_NOTE, Directory, Entry
from colorize_cli.metadata.resolution import LEAST, MOST

Tags = dict[tuple[str, int], Entry]
_ORIENTATION, _SOFTWARE = 274, 305
_PER_INCH: dict[float | None, float] = {None: 1.0, 1: 1.0, 2: 1.0, 3: 2.54}  # by EXIF's unit
_RESOLUTION = frozenset({("IFD0", 282), ("IFD0", 283), ("IFD0", 296)})
_TURNED = {("IFD0", 282): ("IFD0", 283), ("IFD0", 283): ("IFD0", 282)}
_ONE_RESOLUTION = frozenset({"tiff", "webp", "avif", "heic", "jxl"})  # in EXIF, or where EXIF's would be
_SUBJECTS = frozenset({37396, 41492})
_COLOR_SPACE = 40961
# How pixels are coded, where they and other blocks stand, and padding.
_LAYOUT = frozenset(
    {*range(254, 270), 273, *range(277, 282), 284, *range(288, 294), 300, 301, *range(317, 326), 330,
     *range(326, 329), *range(332, 335), 336, *range(338, 344), 346, 347, 351, 400, 403, 405, *range(433, 438), 32934,
     33421, 33422, 34750, 37439, 50674, 65426, 65432, *range(512, 522), 529, 530, 531, 532, 559, 700, 32781,
     32995, 32996, 32997, 32998, 33723, 34377, 34675, 37724, 50341, 59932, 59933, EXIF, GPS, 40965}
)  # fmt: skip
_GEO = frozenset({33550, 33922, 34264, 34735, 34736, 34737})
_FOR_MACHINES = (b'{"shape"', b"<?xml version")  # descriptions that tifffile and OME's tools write


def tags_of(found: Inventory) -> Tags:
    """The tags of a picture's EXIF, and of its directory in a TIFF; a block that cannot be read has none."""
    whole: Tags = {}
    for directory in _directories(found)[:1]:
        whole |= directory.tags
    return whole | (found.tiff.tags if found.tiff else {})


def _directories(found: Inventory) -> list[Directory]:
    for block in found.exif[:1]:
        try:
            return tags.directories(block)
        except AuditError:
            return []
    return []


def orientation_of(found: Inventory) -> int | None:
    """The orientation that tags give; None where they give none, or nonsense."""
    entry = tags_of(found).get(("IFD0", _ORIENTATION))
    value = int(entry.value[0]) if entry and entry.value else 0
    return value if 1 <= value <= 8 else None


def faults(source: Inventory, result: Inventory, context: Context) -> list[str]:
    """What a result's tags lack; blocks that have none are compared as whole by the caller."""
    before, after, found = tags_of(source), tags_of(result), list[str]()
    if context.strip == "all":
        left = [key for key, entry in before.items() if key[0] != "IFD0" and _same_value(entry, after.get(key))]
        return [f"{tags.name_of(*left[0])} is still there"] if left else []
    if context.strip == "gps":
        left = [key for key in after if key[0] == "GPS" or key[0] == "IFD0" and key[1] in _GEO]
        found += [f"{tags.name_of(*key)} is still there" for key in left[:1]]
        before = {key: entry for key, entry in before.items() if key[0] != "GPS" and key[1] not in _GEO}
    if before and not after and not context.told("exif", "tag"):
        return [*found, "EXIF is missing"]
    if source.has_resolution or not _gives_resolution(
        before
    ):  # half of one, none above zero, or one that nothing was scanned with, is none
        before = {key: entry for key, entry in before.items() if key not in _RESOLUTION}
    elif _number(before, 296) not in _PER_INCH:  # a unit that there is not
        before = {key: entry for key, entry in before.items() if key != ("IFD0", 296)}
    declared = (_number(before, 40962, "ExifIFD") or 0.0, _number(before, 40963, "ExifIFD") or 0.0)
    for key, entry in before.items():
        if key in _TURNED and context.exchanged:
            entry = before[_TURNED[key]]
        if key[0] == "IFD0" and key[1] in _LAYOUT or key[1] == _ORIENTATION or context.told("exif"):
            continue
        there = after.get(key)
        if there is not None and _equal(key[1], entry, there, context, declared):
            continue
        if key[1] == MAKER_NOTE and context.told("maker note") or there is None and context.told("tag"):
            continue
        found.append(f"{tags.name_of(*key)} {'is missing' if there is None else 'differs'}")
    return found + _moved(source, result, before, after)


def _gives_resolution(found: Tags) -> bool:
    factor = _PER_INCH.get(_number(found, 296), 1.0)
    values = [_number(found, code) for code in (282, 283)]
    return all(value is not None and LEAST <= factor * value <= MOST for value in values)


def _number(found: Tags, code: int, directory: str = "IFD0") -> float | None:
    """The first number of a tag."""
    entry = found.get((directory, code))
    return entry.value[0] if entry and entry.value and not isinstance(entry.value, bytes) else None


def _moved(source: Inventory, result: Inventory, before: Tags, after: Tags) -> list[str]:
    """Maker notes count their offsets from the block's start: in another place they lead nowhere."""
    key = ("ExifIFD", MAKER_NOTE)
    note, there = before.get(key), after.get(key)
    if not note or not there or not source.exif or not result.exif or note.where == there.where:
        return []
    value = note.value if isinstance(note.value, bytes) else b""
    return [f"{tags.name_of(*key)} moved, and the offsets in it with it"] if _is_bound(value, note.where) else []


def _is_bound(note: bytes, where: int) -> bool:
    """Whether a maker note is a directory, behind the maker's name, of which a value is found by its place in the file.

    Args:
        note: its bytes.
        where: its offset in the file.
    """
    for start in range(0, 26, 2):
        for order in "<>":
            count = int.from_bytes(note[start : start + 2], "little" if order == "<" else "big")
            if not 1 <= count <= 256 or start + 2 + 12 * count > len(note):
                continue
            rows = list(struct.iter_unpack(f"{order}HHII", note[start + 2 : start + 2 + 12 * count]))
            if not all(1 <= kind <= 13 for _, kind, _, _ in rows):
                continue
            outside = [(place, size) for _, kind, n, place in rows if (size := tags.SIZES[kind] * n) > 4]
            return any(where <= place and place + size <= where + len(note) for place, size in outside)
    return False


def _same_value(entry: Entry, there: Entry | None) -> bool:
    return there is not None and bool(entry.value) and entry.value == there.value


def _equal(code: int, entry: Entry, there: Entry, context: Context, declared: tuple[float, float]) -> bool:
    """Whether a tag says what it should; `declared` are the picture's sides as the tags have them."""
    before, after = entry.value, there.value
    if before == after:
        return not (
            code in _SUBJECTS
            and not context.reframed
            and context.orientation > 1
            and _misplaced(before, after, context, declared)
        )
    if code in (40962, 40963, 256, 257, _COLOR_SPACE):
        return True  # sides of the pixels, checked by themselves; the space that a profile was applied to
    if code == 270 and isinstance(before, bytes) and before.startswith(_FOR_MACHINES):
        return isinstance(after, bytes) and after[:7] == before[:7]  # the shape of the pixels, which has changed
    if isinstance(before, bytes) or isinstance(after, bytes):
        return isinstance(before, bytes) and isinstance(after, bytes) and before.rstrip(b"\0 ") == after.rstrip(b"\0 ")
    if code in _SUBJECTS:
        return context.reframed or not _misplaced(before, after, context, declared)
    if code in (282, 283):
        return close(before, after, 0.01 * max(map(abs, before), default=0.0))
    return close(before, after, 1e-9 * max((abs(value) for value in before), default=0.0))


def _misplaced(before: tags.Value, after: tags.Value, context: Context, declared: tuple[float, float]) -> bool:
    """Whether a subject's place did not turn with the pixels; one outside every picture is to stay as it is."""
    if isinstance(before, bytes) or isinstance(after, bytes) or not 2 <= len(before) <= 4 or context.size is None:
        return before != after
    sizes = ((float(context.size[0]), float(context.size[1])), declared)
    size = next((sides for sides in sizes if before[0] <= sides[0] and before[1] <= sides[1]), None)
    return not close(before if size is None else context.centered(before, size), after, 1.0)


def thumbnails(found: Inventory) -> list[bytes]:
    """The smaller copies that EXIF holds."""
    return [directory.thumbnail for directory in _directories(found) if directory.thumbnail]
