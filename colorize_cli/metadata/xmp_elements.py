"""The elements of an XMP packet, and where their bytes are, as expat finds them.

In:  a packet in UTF-8
Out: its outermost `Element`

Document types and entities are refused; depth is limited.

Source: XML 1.0 and Namespaces in XML 1.0, by expat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
MAX_DEPTH = 64
Name = tuple[str, str]
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


class Reader:
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
        """The outermost element.

        Raises:
            XmpError: it is no well-formed XML, is too deep, or has a document type.
        """
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
