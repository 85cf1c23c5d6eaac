"""Compare what a source file holds with what its result holds, block by block and tag by tag.

In:  two paths, and how one became the other
Out: what is missing, different, or still there though it should not be; each names its block and tag
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from colorize_cli.metadata.audit import compare_pixels, exif_faults, photoshop, xmp_faults
from colorize_cli.metadata.audit.containers import inventory
from colorize_cli.metadata.audit.expected import Context
from colorize_cli.metadata.audit.file_blocks import AuditError, Inventory
from colorize_cli.metadata.audit.stored import ChangedError

_PNG_ALONE = frozenset({"chunk bKGD", "chunk sBIT", "chunk sPLT"})  # no other format has a need of them
_PLACED = frozenset({"box xml", "box uuid b14bf8bd083d4b43a5ae8cd7d5a6ce03"})  # GML and GeoJP2
_PIXEL_CHUNKS = frozenset({"chunk gAMA", "chunk cHRM", "chunk sRGB", "chunk cICP", "chunk mDCv", "chunk cLLi"})
# Photoshop's own of the old pixels: resolution, thumbnails, nested copies of EXIF and XMP, digest of the IPTC.
_STALE = frozenset({1005, 1058, 1059, 1060, 1061, *photoshop.THUMBNAILS})


def audit(
    source: Path,
    result: Path,
    notes: Sequence[str] = (),
    strip: str = "none",
    copied: bool = False,
    reframed: bool = False,
) -> list[str]:
    """Read a source and its result with the second reader, and compare them.

    Args:
        source: the file as it was given.
        result: the file that was made of it.
        notes: what is told of the photo: a loss that a note names is no fault.
        strip: "none", "gps" or "all", as the result was to be.
        copied: the picture was not decoded: it stands as it did, and its thumbnail is its own.
        reframed: the result has other sides: what its pixels show, and what is marked in them, lies elsewhere.
    """
    try:
        before = inventory(source)
    except (AuditError, OSError) as error:
        # What the pixels' reader could follow, and this one not, is damaged beside the pixels.
        told = notes and not isinstance(error, ChangedError)
        return [] if told else [f"the source's blocks cannot be followed: {error}"]
    try:
        after = inventory(result)
    except (AuditError, OSError) as error:
        return [f"the result's blocks cannot be followed: {error}"]
    if before is None or after is None:
        return []
    salvaged = any("salvaged" in note for note in notes)
    faults = [] if salvaged else [f"source: {fault}" for fault in before.faults]
    faults += [f"result: {fault}" for fault in after.faults]
    faults += compare(before, after, Context(notes, strip, copied=copied, reframed=reframed))
    if not salvaged and not reframed:  # what is missing looks different to each decoder
        # What the container itself says is undone by every decoder.
        left = 1 if copied or (before.turned or 1) != 1 else orientation_of(before)
        faults += compare_pixels.turned(source, result, left, before, after)
    if not salvaged:
        faults += compare_pixels.damage(source, before)
    if before.format == after.format and len(before.further) == len(after.further):
        for number, pair in enumerate(zip(before.further, after.further, strict=True), 2):
            faults += [f"picture {number}: {fault}" for fault in compare(*pair, Context(notes, strip, copied=copied))]
    return faults


def orientation_of(found: Inventory) -> int:
    """The orientation by which a file is shown: the container's, else EXIF's, else XMP's.

    Where a container can turn the picture itself, EXIF tells what it did; XMP alone still has to be obeyed.
    """
    by_exif = exif_faults.orientation_of(found)
    if found.turned is not None and (found.turned != 1 or by_exif is not None):
        return found.turned
    return by_exif or xmp_faults.orientation_of(found) or 1


def compare(source: Inventory, result: Inventory, context: Context) -> list[str]:
    """What a result lacks of one picture."""
    context = replace(
        context,
        orientation=1 if context.copied else orientation_of(source),
        size=source.size,
        same=source.format == result.format,
    )
    return [
        *_shape(source, result, context),
        *exif_faults.faults(source, result, context),
        *xmp_faults.faults(source, result, context),
        *_iptc(source, result, context),
        *_profile(source, result, context),
        *_texts(source, result, context),
        *_raws(source, result, context),
        *([] if context.copied else _thumbnails(source, result, context)),
    ]


def _shape(source: Inventory, result: Inventory, context: Context) -> list[str]:
    found = list[str]()
    for block, value in (("EXIF", exif_faults.orientation_of(result)), ("XMP", xmp_faults.orientation_of(result))):
        if (value or 1) != 1 and not context.copied:
            found.append(f"{block} Orientation is {value}, though the pixels stand upright")
    if source.size and result.size and not context.reframed:
        wanted = source.size[::-1] if context.exchanged else source.size
        if result.size != wanted:
            found.append(f"{result.size[0]} x {result.size[1]} pixels instead of {wanted[0]} x {wanted[1]}")
    if source.bits > 8 and 0 < result.bits <= 8 and not context.told("bits"):
        found.append(f"{result.bits} bits a sample instead of {source.bits}")
    if result.pictures < source.pictures and not context.told("picture", "gain map", "depth map", "preview", "page"):
        found.append(f"{result.pictures} of {source.pictures} pictures are there")
    if result.frames < source.frames and not context.told("animat", "frame", "picture"):
        found.append(f"{result.frames} of {source.frames} frames are there")
    return found


def _iptc(source: Inventory, result: Inventory, context: Context) -> list[str]:
    before = Counter(item for block in source.iptc for item in set(photoshop.datasets(block)))
    after = {item for block in result.iptc for item in photoshop.datasets(block)}
    if context.strip == "all":
        return ["IPTC is still there"] if after else []
    found = list[str]()
    if context.strip == "gps":
        left = [item for item in after if item[:2] in photoshop.PLACES]
        found += [f"IPTC {photoshop.name_of(*item[:2])} is still there" for item in left[:1]]
        before = Counter({item: n for item, n in before.items() if item[:2] not in photoshop.PLACES})
    if context.told("iptc"):
        return found
    for item in before:
        if item not in after:
            found.append(f"IPTC {photoshop.name_of(*item[:2])} is missing")
    if context.strip == "none" and not context.told("photoshop", "resource"):
        kept, stale = set(result.resources), _STALE | (photoshop.OF_LAYERS if source.format == "psd" else frozenset())
        lost = [number for number, data in source.resources if number not in stale and (number, data) not in kept]
        found += [f"Photoshop resource {number} is missing" for number in lost]
    return found


def _profile(source: Inventory, result: Inventory, context: Context) -> list[str]:
    profile = source.icc
    if not profile or len(profile) < 128 or profile[36:40] != b"acsp" or context.told("profile"):
        return []
    if profile[16:20] != b"RGB ":
        return ["ICC: the profile is not one of the result's colors"] if result.icc == profile else []
    if result.icc_coded:
        return []  # `formats.compare_pages` compares it
    if result.icc is None:
        return ["ICC: the profile is missing"]
    return [] if result.icc == profile else ["ICC: the profile differs"]


def _texts(source: Inventory, result: Inventory, context: Context) -> list[str]:
    there = [_plain(text) for text in (*result.comments, *(text for _, text in result.texts))]
    description = exif_faults.tags_of(result).get(("IFD0", 270))
    if description and isinstance(description.value, bytes):
        there.append(_plain(description.value))  # TIFF's place for what others have as a comment
    whole = "\n".join(there)
    wanted = [("comment", _plain(comment)) for comment in source.comments]
    wanted += [(f"text {keyword!r}", _plain(text)) for keyword, text in source.texts]
    wanted = [(name, text) for name, text in wanted if text and not _is_packet(text)]
    if context.strip == "all":
        return [f"{name} is still there" for name, text in wanted if len(text) > 3 and text in there][:1]
    if context.told("comment", "text", "itxt", "ztxt"):
        return []
    return [f"{source.format.upper()} {name} is missing" for name, text in wanted if text not in whole]


def _plain(text: bytes) -> str:
    """A text whatever its coding was: what is neither ASCII nor valid UTF-8 was Latin-1."""
    try:
        found = text.decode()
    except UnicodeDecodeError:
        found = text.decode("latin-1")
    return found.replace("\0", "").replace("\r\n", "\n").strip()


def _is_packet(line: str) -> bool:
    """Whether a comment of a PPM is a line of XMP, which is compared by itself."""
    return line.startswith("<") or "colorize:" in line or "rdf:" in line


def _raws(source: Inventory, result: Inventory, context: Context) -> list[str]:
    if context.strip == "all":
        return []
    there, found = Counter((raw.name, raw.data) for raw in result.raws), list[str]()
    for raw in source.raws:
        if raw.name in _PIXEL_CHUNKS and (not context.same or source.icc or result.icc):
            continue  # what they say is in the result's profile, or in its numbers
        if raw.name in _PNG_ALONE and not context.same:
            continue
        if "gain map" in raw.name and context.told("gain map"):
            continue
        if context.strip == "gps" and raw.name in _PLACED:
            continue
        key = (raw.name, raw.data)
        if there[key]:
            there[key] -= 1
        elif not context.told(raw.name.split()[0], raw.name.lower()):
            found.append(f"{source.format.upper()} {raw.name} is missing")
    return found


def _thumbnails(source: Inventory, result: Inventory, context: Context) -> list[str]:
    found, before, after = list[str](), exif_faults.thumbnails(source), exif_faults.thumbnails(result)
    if before and not after and context.strip != "all" and not context.told("thumbnail", "exif"):
        found.append("EXIF IFD1 is missing: the thumbnail")
    if set(before) & set(after):
        found.append("EXIF IFD1 still holds the old thumbnail")
    old = {data for number, data in source.resources if number in photoshop.THUMBNAILS}
    if old & {data for number, data in result.resources if number in photoshop.THUMBNAILS}:
        found.append("Photoshop resource 1036 is still the old thumbnail")
    return found
