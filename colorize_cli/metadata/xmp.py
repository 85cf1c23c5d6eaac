"""Read XMP packets as XML, in linear time, and edit them where they stand.

In:  a packet as a file has it: UTF-8, UTF-16 or UTF-32, padded or not
Out: a `Packet`: its elements and properties, and where their bytes are; edited copies, all other bytes as they were

Document types, entities and whatever lies elsewhere are refused; size, depth and number of elements are limited.

Source: XMP Specification Part 1 (ISO 16684-1) for the packet and its RDF; XML 1.0 by expat.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from threading import local
from xml.parsers import expat

from colorize_cli.metadata.xmp_elements import RDF, Attribute, Element, Name, Reader, XmpError

__all__ = ["RDF", "XMP_NOTE", "Attribute", "Edit", "Element", "Name", "Packet", "XmpError", "fault", "parse", "utf8"]

MAX_BYTES = 16 << 20
_last = local()  # a photo's packet is asked for its orientation, its regions and so on, one after the other
MAX_ITEMS = 400_000  # tags, and attributes: some 60 MB of memory
XMP_NOTE = "http://ns.adobe.com/xmp/note/"
Edit = tuple[int, int, bytes]


@dataclass(frozen=True)
class Packet:
    """A packet taken apart.

    Attributes:
        data: its bytes, in UTF-8.
        root: the outermost element.
    """

    data: bytes
    root: Element

    @cached_property
    def rdf(self) -> Element | None:
        """The element that holds all descriptions; None where it has none."""
        level = [self.root]
        for _ in range(3):
            for element in level:
                if element.name == (RDF, "RDF"):
                    return element
            level = [child for element in level for child in element.children]
        return None

    @property
    def descriptions(self) -> list[Element]:
        """The elements whose attributes and children are the packet's properties."""
        return self.rdf.children if self.rdf else []

    def fields(self, owner: Element) -> Iterator[Attribute | Element]:
        """The fields of a description or a structure, in each of the ways that RDF has to write them."""
        for attribute in owner.attributes:
            if attribute.name[0] != RDF:
                yield attribute
        for child in owner.children:
            if child.name == (RDF, "Description"):
                yield from self.fields(child)
            else:
                yield child

    def properties(self, *names: Name) -> Iterator[Attribute | Element]:
        """The properties of these names, or all."""
        for description in self.descriptions:
            for item in self.fields(description):
                if not names or item.name in names:
                    yield item

    def items(self, owner: Element) -> list[Element]:
        """The items of an array."""
        array = owner.find((RDF, "Bag"), (RDF, "Seq"), (RDF, "Alt"))
        return [child for child in array.children if child.name == (RDF, "li")] if array else []

    def text(self, item: Attribute | Element) -> str:
        """The plain text of a simple value; empty for a structure or an array."""
        if isinstance(item, Attribute):
            return item.text
        if item.children:
            inner = item.find((RDF, "Description"))
            value = inner.find((RDF, "value")) if inner else item.find((RDF, "value"))
            return self.text(value) if value else ""
        return _plain(self.data[item.inside : item.close])

    def write(self, item: Attribute | Element, text: str) -> Edit:
        """The edit that gives a simple value another text, which needs no escaping."""
        if isinstance(item, Attribute):
            return (*item.value, text.encode())
        if item.children:
            inner = item.find((RDF, "Description")) or item
            value = inner.find((RDF, "value"))
            return self.write(value, text) if value else (item.inside, item.inside, b"")
        raw = self.data[item.inside : item.close]
        left, right = len(raw) - len(raw.lstrip()), len(raw.rstrip())
        return (item.inside + left, item.inside + max(right, left), text.encode())

    def remove(self, item: Attribute | Element) -> Edit:
        """The edit that takes a property out, with the white space in front of it."""
        start = item.start
        if isinstance(item, Element):
            before = self.data[max(item.parent.inside if item.parent else 0, start - 4096) : start]
            start -= len(before) - len(before.rstrip())
        return (start, item.end, b"")

    def edited(self, edits: Iterable[Edit]) -> bytes:
        """The packet with edits applied; of those that overlap, the first."""
        out, at = list[bytes](), 0
        for start, end, new in sorted(edits):
            if start >= at:
                out += (self.data[at:start], new)
                at = end
        return b"".join((*out, self.data[at:]))


def utf8(packet: bytes) -> bytes:
    """A packet in UTF-8; unchanged, byte for byte, where it is."""
    head = packet[:4]
    for encoding, starts in (
        ("utf-32-be", (b"\0\0\xfe\xff", b"\0\0\0<")),
        ("utf-32-le", (b"\xff\xfe\0\0", b"<\0\0\0")),
        ("utf-16-be", (b"\xfe\xff", b"\0<")),
        ("utf-16-le", (b"\xff\xfe", b"<\0")),
    ):
        if head.startswith(starts):
            plain = packet.decode(encoding, "replace").lstrip("\ufeff").encode()
            ends = plain.find(b"?>") if plain.startswith(b"<?xml ") else -1
            return plain[ends + 2 :].lstrip() if ends >= 0 else plain  # it names the old encoding
    return packet


def parse(packet: bytes) -> Packet:
    """Take a packet apart.

    Raises:
        XmpError: it is no well-formed XML, has a document type, or exceeds the limits.
    """
    if getattr(_last, "packet", None) != packet:
        _last.packet = None
        _last.found, _last.packet = _parsed(packet), packet
    found: Packet = _last.found
    return found


def readable(packet: bytes) -> Packet | None:
    """A packet taken apart; None where it cannot be read."""
    try:
        return parse(packet)
    except XmpError:
        return None


def _parsed(packet: bytes) -> Packet:
    if len(packet) > 4 * MAX_BYTES or len(data := utf8(packet)) > MAX_BYTES:
        raise XmpError(f"it has {len(packet):,} bytes")
    if data.count(b"<") > MAX_ITEMS or data.count(b"=") > MAX_ITEMS:
        raise XmpError("it has too many elements")
    start, end = data.find(b"<"), data.rfind(b">") + 1
    if start < 0 or end <= start:
        raise XmpError("it is no XML")
    try:
        data[start:end].decode("utf-8")
        encoding = "utf-8"
    except UnicodeDecodeError:  # every byte is one character there, so that offsets stay
        encoding = "iso-8859-1"
    root = Reader(data, start, encoding).read(data[start:end])
    return Packet(data, root)


def fault(packet: bytes) -> str | None:
    """Why a packet cannot be read; None where it can."""
    try:
        parse(packet)
    except XmpError as error:
        return str(error)
    return None


def _plain(raw: bytes) -> str:
    """Characters as they are meant, of a piece of XML without elements."""
    if b"&" not in raw and b"<" not in raw:
        return raw.decode("utf-8", "replace").strip()
    machine, parts = expat.ParserCreate("utf-8"), list[str]()
    machine.CharacterDataHandler = parts.append
    try:
        machine.Parse(b"<t>" + raw + b"</t>", True)
    except expat.ExpatError:
        return raw.decode("utf-8", "replace").strip()
    return "".join(parts).strip()
