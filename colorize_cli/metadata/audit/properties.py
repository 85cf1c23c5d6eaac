"""XMP as a flat list of properties, for the second reader.

In:  a packet
Out: paths and values, such as "dc:title[x-default]" -> "Grandma", and the namespace of each path's first part

Source: XMP Specification Part 1 (ISO 16684-1). Entities are refused; depth and number of elements are limited.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XML = "http://www.w3.org/XML/1998/namespace"
_DEPTH, _ELEMENTS = 100, 400_000
_USUAL = {
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/xmp/note/": "xmpNote",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore",
    "http://www.metadataworkinggroup.com/schemas/regions/": "mwg-rs",
    "http://ns.adobe.com/xap/1.0/sType/Area#": "stArea",
    "http://ns.adobe.com/xap/1.0/sType/Dimensions#": "stDim",
    "http://ns.microsoft.com/photo/1.2/": "MP",
    "http://ns.microsoft.com/photo/1.2/t/RegionInfo#": "MPRI",
    "http://ns.microsoft.com/photo/1.2/t/Region#": "MPReg",
    "http://ns.adobe.com/xap/1.0/g/img/": "xmpGImg",
    "urn:colorize-cli:provenance:1:": "colorize",
}


class NotXmp(ValueError):
    """It is no XML that holds RDF; the message says why."""


@dataclass
class _Node:
    name: str  # namespace, a blank, local name
    attributes: dict[str, str]
    children: list[_Node] = field(default_factory=list)
    text: list[str] = field(default_factory=list)


def properties(packet: bytes) -> dict[str, str]:
    """The properties of a packet, all of its descriptions together.

    Raises:
        NotXmp: it cannot be read as XML, or has no RDF.
    """
    root, prefixes = _tree(packet)
    found: dict[str, str] = {}
    rdf = _rdf_of(root)
    if rdf is None:
        raise NotXmp("no RDF in it")
    for description in rdf.children:
        _of_struct(description, "", prefixes, found)
    return found


def _tree(packet: bytes) -> tuple[_Node, dict[str, str]]:
    root, prefixes, count = _Node("", {}), dict[str, str](), 0
    stack = [root]

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1 + len(attributes)
        if len(stack) > _DEPTH or count > _ELEMENTS:
            raise NotXmp("too deep or too large")
        node = _Node(name, attributes)
        stack[-1].children.append(node)
        stack.append(node)

    def declare(prefix: str | None, uri: str | None) -> None:
        prefixes.setdefault(uri or "", _USUAL.get(uri or "", prefix or ""))

    def refuse(*_: Any) -> None:
        raise NotXmp("it has a document type")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: stack.pop()
    parser.CharacterDataHandler = lambda text: stack[-1].text.append(text)
    parser.StartNamespaceDeclHandler = declare
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(packet.strip(b"\0 \t\r\n"), True)
    except expat.ExpatError as error:
        raise NotXmp(f"no XML: {error}") from None
    return root, prefixes


def _rdf_of(node: _Node) -> _Node | None:
    for child in node.children:
        if child.name == f"{RDF} RDF":
            return child
        for inner in child.children:
            if inner.name == f"{RDF} RDF":
                return inner
    return None


def _label(name: str, prefixes: dict[str, str]) -> str:
    uri, _, local = name.rpartition(" ")
    prefix = _USUAL.get(uri) or prefixes.get(uri, "")
    return f"{prefix}:{local}" if prefix else local


def _of_struct(node: _Node, path: str, prefixes: dict[str, str], found: dict[str, str]) -> None:
    """The fields of a description or a struct."""
    for name, value in node.attributes.items():
        if not name.startswith((RDF, XML)):
            _put(found, path + _label(name, prefixes), value)
    for child in node.children:
        _of_property(child, path + _label(child.name, prefixes), prefixes, found)


def _of_property(node: _Node, path: str, prefixes: dict[str, str], found: dict[str, str]) -> None:
    """A property: text, a struct, an array, or a resource by its name."""
    inner = [child for child in node.children if child.name.startswith(RDF)]
    array = next((child for child in inner if child.name.split()[1] in ("Seq", "Bag", "Alt")), None)
    if array is not None:
        for number, item in enumerate(array.children, 1):
            language = item.attributes.get(f"{XML} lang")
            _of_property(item, f"{path}[{language or number}]", prefixes, found)
        return
    description = next((child for child in inner if child.name == f"{RDF} Description"), None)
    if description is not None:
        value = next((child for child in description.children if child.name == f"{RDF} value"), None)
        if value is not None:  # a value with qualifiers
            _put(found, path, "".join(value.text))
        _of_struct(description, path + "/", prefixes, found)
        return
    resource = node.attributes.get(f"{RDF} resource")
    if resource is not None:
        _put(found, path, resource)
    elif node.children or any(not name.startswith((RDF, XML)) for name in node.attributes):
        _of_struct(node, path + "/", prefixes, found)
    else:
        _put(found, path, "".join(node.text))


def _put(found: dict[str, str], path: str, value: str) -> None:
    """Keep a property; one that is there twice, as in two packets, keeps both values."""
    value, number, place = " ".join(value.split()), 2, path
    while place in found and found[place] != value:
        place, number = f"{path}#{number}", number + 1
    found[place] = value
