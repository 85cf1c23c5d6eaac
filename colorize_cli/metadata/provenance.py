"""The note that an output carries: which software, model and settings made its colors.

In:  a `Provenance`, and the XMP packet of the source, if it had one
Out: an XMP packet that holds both; the source's part stays as it was, character by character

Source: XMP Specification Part 1 (ISO 16684-1) for the packet and its RDF.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from html import escape

from colorize_cli.metadata import xmp
from colorize_cli.metadata.xmp import Attribute, Edit, Element, Packet, XmpError, utf8

NAMESPACE = "urn:colorize-cli:provenance:1:"
_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_IPTC_SOURCE_TYPE = ("http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "DigitalSourceType")
_PACKET_START, _PACKET_END = b"<?xpacket begin=", b"<?xpacket end="


SIZE_FIELD = b"<colorize:Size>"
NO_SIZE = b"0" * 12  # stands in for the result's size until it is known


@dataclass(frozen=True)
class SourceNote:
    """Which file a result was made of.

    Attributes:
        relative: its place among the inputs, as one line.
        size: its bytes.
        sha256: of its bytes.
    """

    relative: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Provenance:
    """What made the colors. It carries no time, so that the same command gives the same bytes.

    Two notes are equal where the same software, model and settings made the colors, of whatever source.

    Attributes:
        software: the program's name.
        version: the program's version.
        model: the model's name.
        sha256: of the model's weights.
        settings: (name, value) pairs in order of name.
        source: the file that the result was made of.
        restored: what was mended on the photo, where and how much, a line each.
        size: bytes of the result, as the result itself says; None where it does not.
    """

    software: str
    version: str
    model: str
    sha256: str
    settings: tuple[tuple[str, str], ...] = ()
    source: SourceNote | None = field(default=None, compare=False)
    restored: tuple[str, ...] = field(default=(), compare=False)
    size: int | None = field(default=None, compare=False)

    def with_settings(self, said: Mapping[str, str]) -> Provenance:
        """The same with more settings, or with others of the same names."""
        return replace(self, settings=tuple(sorted({**dict(self.settings), **said}.items())))

    def line(self) -> str:
        """The note on one line, for places that hold plain text."""
        return f"{self.software} {self.version}"


def _description(note: Provenance, about: bytes, source_type: bool) -> bytes:
    items = _list(f"{name}={value}" for name, value in note.settings)
    restored = f"\n   <colorize:Restored><rdf:Seq>{_list(note.restored)}</rdf:Seq></colorize:Restored>"
    restored = restored if note.restored else ""
    mark = f"\n   <iptc:DigitalSourceType>{_SOURCE_TYPE}</iptc:DigitalSourceType>" if source_type else ""
    extra = ' xmlns:iptc="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"' if source_type else ""
    values = [
        ("Software", note.software),
        ("Version", note.version),
        ("Model", note.model),
        ("ModelSha256", note.sha256),
    ]
    if note.source is not None:
        values += [
            ("Source", note.source.relative),
            ("SourceSize", str(note.source.size)),
            ("SourceSha256", note.source.sha256),
            ("Size", NO_SIZE.decode()),
        ]
    fields = "".join(
        f"\n   <colorize:{name}>{escape(_printable(value), quote=False)}</colorize:{name}>" for name, value in values
    )
    return (
        b'\n  <rdf:Description xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" rdf:about='
        + about
        + f' xmlns:colorize="{NAMESPACE}"{extra}>{fields}'.encode()
        + f"\n   <colorize:Settings><rdf:Seq>{items}</rdf:Seq></colorize:Settings>{restored}{mark}".encode()
        + b"\n  </rdf:Description>"
    )


def _list(lines: Iterable[str]) -> str:
    return "".join(f"<rdf:li>{escape(_printable(line), quote=False)}</rdf:li>" for line in lines)


def _printable(text: str) -> str:
    """XML 1.0 has no place for control characters and lone surrogates, which file names can hold."""
    clean = text.encode("utf-8", "backslashreplace").decode()
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", lambda m: f"\\x{ord(m[0]):02x}", clean)


def merge(packet: bytes | None, note: Provenance, colored: bool = True) -> bytes:
    """Put the note into a packet, in place of an earlier note of ours; all else stays as it was.

    A packet that cannot be read, or is no RDF, is kept, and ours follows it.

    Args:
        packet: the source's, or None.
        note: what is to be said.
        colored: a model made the colors; else the file is the source's with less around its pixels.
    """
    try:
        found = xmp.parse(packet) if packet else None
    except XmpError:
        found = None
    if found is None or found.rdf is None:
        return (without_note(packet) if packet else b"") + _wrap(_description(note, b'""', source_type=colored))
    rdf, (gone, edits) = found.rdf, _removal(found)
    about = next((a for d in found.descriptions for a in d.attributes if a.name[1] == "about"), None)
    named = found.data[about.value[0] - 1 : about.value[1] + 1] if about else b'""'
    left = [child for child in rdf.children if child not in gone]
    told = any(item.name == _IPTC_SOURCE_TYPE for child in left for item in found.fields(child))
    ours = _description(note, named, source_type=colored and not told)
    if rdf.close == rdf.inside and found.data[rdf.inside - 2 : rdf.inside] == b"/>":
        name = found.data[rdf.start + 1 : rdf.inside].split(None, 1)[0].removesuffix(b"/>")
        return found.edited([(rdf.inside - 2, rdf.inside, b">" + ours + b"\n </" + name + b">")])
    at = left[-1].end if left else rdf.inside
    return found.edited([*edits, (at, at, ours)])


def without_note(packet: bytes) -> bytes:
    """A packet in UTF-8 without our note."""
    plain = utf8(packet)
    if NAMESPACE.encode() not in plain:
        return plain
    try:
        found = xmp.parse(plain)
    except XmpError:  # one that cannot be read, and ours behind it
        return plain[: max(plain.rfind(_PACKET_START, 0, plain.rfind(NAMESPACE.encode())), 0)]
    return found.edited(_removal(found)[1])


def _removal(found: Packet) -> tuple[set[Element], list[Edit]]:
    """What takes our note out: our description; our properties where another program put them among its own."""
    gone, edits = set[Element](), list[Edit]()
    for description in found.descriptions:
        fields = list(found.fields(description))
        ours = [item for item in fields if item.name[0] == NAMESPACE]
        if ours and all(_is_ours(found, item) for item in fields):
            start = description.start
            gone.add(description)
            edits.append((start - 3 if found.data[start - 3 : start] == b"\n  " else start, description.end, b""))
        else:
            edits += [found.remove(item) for item in ours]
    return gone, edits


def _is_ours(found: Packet, item: Attribute | Element) -> bool:
    return item.name[0] == NAMESPACE or item.name == _IPTC_SOURCE_TYPE and found.text(item) == _SOURCE_TYPE


def _wrap(description: bytes) -> bytes:
    return (
        b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        b' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        + description
        + b'\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>'
    )


def without_padding(packet: bytes) -> bytes:
    """Drop the white space that a packet keeps for editing in place."""
    at = packet.rfind(_PACKET_END)
    return packet if at < 0 else packet[:at].rstrip() + b"\n" + packet[at:]


def parse(packet: bytes | None) -> Provenance | None:
    """Read our note from a packet, or from a piece of a file that holds it; None where there is none."""
    mark = NAMESPACE.encode()
    if not packet or (at := (packet := utf8(packet)).find(mark)) < 0:
        return None
    start, end = packet.rfind(b"<rdf:Description", 0, at), packet.find(b"</rdf:Description>", at)
    if start >= 0 and end >= 0 and (found := _read(packet[start : end + 18])):
        return found
    return _read(packet)  # another program has written it anew


def _read(text: bytes) -> Provenance | None:
    if (found := xmp.readable(text)) is None:
        return None
    owners = found.descriptions or [found.root]
    items = {item.name[1]: item for owner in owners for item in found.fields(owner) if item.name[0] == NAMESPACE}
    if not all(name in items for name in ("Software", "Version", "Model", "ModelSha256")):
        return None
    lists = {name: items.get(name) for name in ("Settings", "Restored")}
    texts = {name: found.text(item) for name, item in items.items() if name not in lists}
    lines = {
        name: [found.text(line) for line in found.items(item)] if isinstance(item, Element) else []
        for name, item in lists.items()
    }
    pairs = (line.partition("=") for line in lines["Settings"])
    return Provenance(
        texts["Software"],
        texts["Version"],
        texts["Model"],
        texts["ModelSha256"],
        tuple((name, value) for name, _, value in pairs),
        _source(texts),
        tuple(lines["Restored"]),
        _integer(texts.get("Size", "")) or None,
    )


def _source(texts: dict[str, str]) -> SourceNote | None:
    size = _integer(texts.get("SourceSize", ""))
    if size is None or "Source" not in texts or "SourceSha256" not in texts:
        return None
    return SourceNote(texts["Source"], size, texts["SourceSha256"])


def _integer(text: str) -> int | None:
    return int(text) if len(text) <= 18 and text.isdecimal() else None


def only_note(note: Provenance, colored: bool = True) -> bytes:
    """A packet with the note alone."""
    return merge(None, note, colored)
