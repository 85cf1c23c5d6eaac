"""The note that an output carries: which software, model and settings made its colours.

In:  a `Provenance`, and the XMP packet of the source, if it had one
Out: an XMP packet that holds both; the source's part stays as it was, character by character

Source: XMP Specification Part 1 (ISO 16684-1) for the packet and its RDF.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape, unescape

NAMESPACE = "urn:colorize-cli:provenance:1:"
_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_RDF_END = re.compile(rb"</\w+:RDF\s*>")
_EMPTY_RDF = re.compile(rb"<(\w+:RDF)\b([^>]*?)/>")
_ABOUT = re.compile(rb"<(?:\w+:)?Description\b[^>]*?\b(?:rdf:)?about\s*=\s*(\"[^\"<]*\"|'[^'<]*')", re.DOTALL)
_OURS = re.compile(
    rb"\s*<rdf:Description\b[^>]*xmlns:colorize=\"" + re.escape(NAMESPACE.encode()) + rb"\"[^>]*>.*?</rdf:Description>",
    re.DOTALL,
)
_PADDING = re.compile(rb"\s+(<\?xpacket end=)")
_ORIENTATION = re.compile(rb"(\btiff:Orientation\s*(?:=\s*[\"']|>)\s*)([1-8])(?=\s*[\"'<])")


@dataclass(frozen=True)
class Provenance:
    """What made the colours. It carries no time, so that the same command gives the same bytes.

    Attributes:
        software: the program's name.
        version: the program's version.
        model: the model's name.
        sha256: of the model's weights.
        settings: (name, value) pairs in order of name.
    """

    software: str
    version: str
    model: str
    sha256: str
    settings: tuple[tuple[str, str], ...] = ()

    def line(self) -> str:
        """The note on one line, for places that hold plain text."""
        return f"{self.software} {self.version}"


def _description(note: Provenance, about: bytes, source_type: bool) -> bytes:
    items = "".join(
        f"<rdf:li>{escape(_printable(f'{name}={value}'), quote=False)}</rdf:li>" for name, value in note.settings
    )
    mark = f"\n   <iptc:DigitalSourceType>{_SOURCE_TYPE}</iptc:DigitalSourceType>" if source_type else ""
    extra = ' xmlns:iptc="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"' if source_type else ""
    fields = "".join(
        f"\n   <colorize:{name}>{escape(_printable(value), quote=False)}</colorize:{name}>"
        for name, value in (
            ("Software", note.software),
            ("Version", note.version),
            ("Model", note.model),
            ("ModelSha256", note.sha256),
        )
    )
    return (
        b'\n  <rdf:Description xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" rdf:about='
        + about
        + f' xmlns:colorize="{NAMESPACE}"{extra}>{fields}'.encode()
        + f"\n   <colorize:Settings><rdf:Seq>{items}</rdf:Seq></colorize:Settings>{mark}".encode()
        + b"\n  </rdf:Description>\n "
    )


def _printable(text: str) -> str:
    """XML 1.0 has no place for control characters and lone surrogates, which file names can hold."""
    clean = text.encode("utf-8", "backslashreplace").decode()
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", lambda m: f"\\x{ord(m[0]):02x}", clean)


def merge(packet: bytes | None, note: Provenance) -> bytes:
    """Put the note into a packet, in place of an earlier note of ours; all else stays as it was.

    A packet that is no RDF is kept, and ours follows it.
    """
    packet = without_note(packet) if packet else b""
    packet = _EMPTY_RDF.sub(rb"<\1\2></\1>", packet)
    ends = list(_RDF_END.finditer(packet))
    if not ends:
        return packet + _wrap(_description(note, b'""', source_type=True))
    at = ends[-1].start()
    about = _ABOUT.search(packet)
    ours = _description(note, about[1] if about else b'""', source_type=b"DigitalSourceType" not in packet)
    return packet[:at].rstrip() + ours + packet[at:]


def without_note(packet: bytes) -> bytes:
    """A packet in UTF-8 without our note."""
    return _OURS.sub(b"", utf8(packet))


def _wrap(description: bytes) -> bytes:
    return (
        b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        b' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        + description
        + b'</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>'
    )


def utf8(packet: bytes) -> bytes:
    """XMP may be UTF-16 or UTF-32; patterns of bytes are written for UTF-8."""
    head = packet[:4]
    for encoding, starts in (
        ("utf-32-be", (b"\0\0\xfe\xff", b"\0\0\0<")),
        ("utf-32-le", (b"\xff\xfe\0\0", b"<\0\0\0")),
        ("utf-16-be", (b"\xfe\xff", b"\0<")),
        ("utf-16-le", (b"\xff\xfe", b"<\0")),
    ):
        if head.startswith(starts):
            return packet.decode(encoding, "replace").lstrip("\ufeff").encode()
    return packet


def without_padding(packet: bytes) -> bytes:
    """Drop the white space that a packet keeps for editing in place."""
    return _PADDING.sub(rb"\n\1", packet)


def upright(packet: bytes) -> bytes:
    """Say in a packet that the pixels are upright now, changing no length."""
    return _ORIENTATION.sub(rb"\g<1>1", packet)


def parse(packet: bytes | None) -> Provenance | None:
    """Read our note from a packet; None where there is none."""
    if not packet or NAMESPACE.encode() not in (packet := utf8(packet)):
        return None
    values = {
        name: unescape(found[1].decode("utf-8", "replace"))
        for name in ("Software", "Version", "Model", "ModelSha256")
        if (found := re.search(rf"<colorize:{name}>(.*?)</colorize:{name}>".encode(), packet, re.DOTALL))
    }
    if len(values) < 4:
        return None
    block = re.search(rb"<colorize:Settings>(.*?)</colorize:Settings>", packet, re.DOTALL)
    items = re.findall(rb"<rdf:li>(.*?)</rdf:li>", block[1], re.DOTALL) if block else []
    pairs = (unescape(item.decode("utf-8", "replace")).partition("=") for item in items)
    settings = tuple((name, value) for name, _, value in pairs)
    return Provenance(values["Software"], values["Version"], values["Model"], values["ModelSha256"], settings)


def only_note(note: Provenance) -> bytes:
    """A packet with the note alone."""
    return merge(None, note)
