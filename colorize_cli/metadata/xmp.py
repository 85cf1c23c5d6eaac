"""Read XMP packets as XML, in linear time, and edit them where they stand.

In:  a packet as a file has it: UTF-8, UTF-16 or UTF-32, padded or not
Out: a `Packet`: its elements and properties, and where their bytes are; edited copies, all other bytes as they were

Document types, entities and whatever lies elsewhere are refused; size, depth and number of elements are limited.

Source: XMP Specification Part 1 (ISO 16684-1) for the packet and its RDF; XML 1.0 by expat.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from threading import local
from xml.parsers import expat

MAX_BYTES = 16 << 20
MAX_DEPTH = 64
_last = local()  # a photo's packet is asked for its orientation, its regions and so on, one after the other
MAX_ITEMS = 400_000  # tags, and attributes: some 60 MB of memory
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMP_NOTE = "http://ns.adobe.com/xmp/note/"
Name = tuple[str, str]
Edit = tuple[int, int, bytes]
# What prefixes mean in packets whose writer forgot to say so.
_USUAL = {
    "xml": "http://www.w3.org/XML/1998/namespace",
    "rdf": RDF,
    "x": "adobe:ns:meta/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}
_NONE: dict[str, str] = {}
# Only ever matched inside a start tag that expat has found well-formed, so that no blank is looked at twice.
_ATTRIBUTE = re.compile(rb"\s+([^\s=/>]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_NAME_END = re.compile(rb"[\s/>]")


class XmpError(ValueError):
    """It is no well-formed XML, or larger or deeper than is read here."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a start tag.

    Attributes:
        name: namespace and local name.
        text: its value.
        start, end: offsets of the whole, with the white space in front of it.
        value: offsets of what stands between the quotes.
    """

    name: Name
    text: str
    start: int
    end: int
    value: tuple[int, int]


@dataclass(eq=False, slots=True)
class Element:
    """One element; offsets are those of the packet's bytes.

    Attributes:
        name: namespace and local name.
        start, inside, close, end: where it starts, where its content starts and ends, and where it ends.
        attributes: without those that declare namespaces.
        declared: the namespaces that its own tag declares, by prefix.
        parent: None for the outermost.
    """

    name: Name
    start: int
    inside: int
    close: int
    end: int
    attributes: tuple[Attribute, ...]
    declared: dict[str, str]
    parent: Element | None
    children: list[Element] = field(default_factory=list)

    def find(self, *names: Name) -> Element | None:
        """The first child of one of these names."""
        return next((child for child in self.children if child.name in names), None)

    def namespaces(self) -> dict[str, str]:
        """The namespaces in force inside it, by prefix."""
        around = self.parent.namespaces() if self.parent else {}
        return {**around, **self.declared}

    def walk(self) -> Iterator[Element]:
        """It and all inside it, in document order."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting += reversed(element.children)


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
    root = _Reader(data, start, encoding).read(data[start:end])
    return Packet(data, root)


def fault(packet: bytes) -> str | None:
    """Why a packet cannot be read; None where it can."""
    try:
        parse(packet)
    except XmpError as error:
        return str(error)
    return None


class _Reader:
    """Builds the elements from expat's events."""

    def __init__(self, data: bytes, offset: int, encoding: str) -> None:
        self.data, self.offset = data, offset
        self.stack = list[Element]()
        self.root: Element | None = None
        self.machine = machine = expat.ParserCreate(encoding)
        machine.ordered_attributes = True
        machine.StartElementHandler = self._start
        machine.EndElementHandler = self._end
        machine.StartDoctypeDeclHandler = self._refuse
        machine.EntityDeclHandler = self._refuse

    def read(self, text: bytes) -> Element:
        try:
            self.machine.Parse(text, True)
        except expat.ExpatError as error:
            raise XmpError(str(error)) from None
        if self.root is None:
            raise XmpError("it has no element")
        return self.root

    def _refuse(self, *_: object) -> None:
        raise XmpError("it has a document type")

    def _start(self, tag: str, values: list[str]) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise XmpError(f"it is deeper than {MAX_DEPTH} elements")
        start = self.machine.CurrentByteIndex + self.offset
        parent = self.stack[-1] if self.stack else None
        declared = {
            name[6:]: value for name, value in zip(values[::2], values[1::2], strict=True) if _declares(name)
        } or _NONE
        found = _NAME_END.search(self.data, start)
        at, attributes = found.start() if found else start, list[Attribute]()
        for number in range(0, len(values), 2):
            match = _ATTRIBUTE.match(self.data, at)
            if match is None:
                raise XmpError("a start tag cannot be followed")
            at, name = match.end(), values[number]
            if not _declares(name):
                span = match.span(2) if match[2] is not None else match.span(3)
                full = self._named(name, declared)
                attributes.append(Attribute(full, values[number + 1], match.start(), at, span))
        inside = self.data.index(b">", at) + 1
        full = self._named(tag, declared, is_tag=True)
        element = Element(full, start, inside, inside, inside, tuple(attributes), declared, parent)
        if parent:
            parent.children.append(element)
        self.root = self.root or element
        self.stack.append(element)

    def _end(self, _: str) -> None:
        element = self.stack.pop()
        if self.data[element.inside - 2 : element.inside] != b"/>":
            element.close = self.machine.CurrentByteIndex + self.offset
            element.end = self.data.index(b">", element.close) + 1

    def _named(self, name: str, declared: dict[str, str], is_tag: bool = False) -> Name:
        prefix, colon, local = name.partition(":")
        if not colon:
            prefix, local = "", name
            if not is_tag:
                return "", local
        if prefix in declared:
            return declared[prefix], local
        for element in reversed(self.stack):
            if prefix in element.declared:
                return element.declared[prefix], local
        return _USUAL.get(prefix, prefix), local


def _declares(name: str) -> bool:
    return name == "xmlns" or name.startswith("xmlns:")


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
